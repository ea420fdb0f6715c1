package pgcluster

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// identity is the user that PostgreSQL's programs run as. The zero value is the user of this process.
type identity struct {
	name     string
	uid, gid uint32
	drop     bool // uid and gid count
}

// pickIdentity decides as whom the cluster in data runs. PostgreSQL refuses root, so root becomes the owner of the
// existing cluster, or `postgres`, or `nobody`.
func pickIdentity(data string) (identity, error) {
	if os.Geteuid() != 0 {
		return identity{}, nil
	}
	if uid, gid, err := ownerOf(data); err == nil && uid != 0 {
		return identity{name: strconv.Itoa(int(uid)), uid: uid, gid: gid, drop: true}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uerr := strconv.ParseUint(u.Uid, 10, 32)
		gid, gerr := strconv.ParseUint(u.Gid, 10, 32)
		if uerr == nil && gerr == nil && uid != 0 {
			return identity{name: name, uid: uint32(uid), gid: uint32(gid), drop: true}, nil
		}
	}
	return identity{}, errors.New("find a user to run PostgreSQL as: there is neither `postgres` nor `nobody`, " +
		"and PostgreSQL refuses to run as root")
}

// command prepares a program under this identity, with a clean environment and a directory that it may enter.
func (id identity) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // Ctrl-C at our terminal is not for the database
	if id.drop {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: id.uid, Gid: id.gid}
	}
	return cmd
}

// canEnter says whether this identity can reach dir: a home of mode 0700 in between forbids it.
func (id identity) canEnter(dir string) bool {
	return id.command("/bin/sh", "-c", `cd -- "$1"`, "sh", dir).Run() == nil
}

// own gives path to the identity.
func (id identity) own(path string) error {
	if !id.drop {
		return nil
	}
	if err := os.Chown(path, int(id.uid), int(id.gid)); err != nil {
		return fmt.Errorf("give %s to %s: %w", path, id.name, err)
	}
	return nil
}

func ownerOf(path string) (uid, gid uint32, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, 0, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, fmt.Errorf("owner of %s: not known on this system", path)
	}
	return st.Uid, st.Gid, nil
}
