package checkclean

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// clone is a fresh clone of the repository and the person who works in it.
type clone struct {
	dir  string
	env  []string
	cred *syscall.Credential // nil: the user of this process
}

// newClone clones source below base. With cred the clone and an empty home belong to that user.
func newClone(ctx context.Context, source, base string, cred *syscall.Credential) (*clone, error) {
	c := &clone{dir: filepath.Join(base, "ramal"), env: environment(), cred: cred}
	// Hard links to the source's objects would change their owner along with the clone's.
	if out, err := exec.CommandContext(ctx, "git", "clone", "--quiet", "--no-hardlinks", source,
		c.dir).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("clone %s: %w\n%s", source, err, out)
	}
	if cred == nil {
		return c, nil
	}
	home, proxy := filepath.Join(base, "home"), filepath.Join(base, "modules")
	if err := os.Mkdir(home, 0o755); err != nil {
		return nil, err
	}
	cache, err := exec.CommandContext(ctx, "go", "env", "GOMODCACHE").Output()
	if err != nil {
		return nil, fmt.Errorf("find module cache: %w", err)
	}
	downloads := filepath.Join(strings.TrimSpace(string(cache)), "cache", "download")
	if err := os.CopyFS(proxy, os.DirFS(downloads)); err != nil {
		return nil, fmt.Errorf("copy modules: %w", err)
	}
	upstream, err := exec.CommandContext(ctx, "go", "env", "GOPROXY").Output()
	if err != nil {
		return nil, fmt.Errorf("find module proxy: %w", err)
	}
	c.env = append(c.env, "HOME="+home, "GOPROXY=file://"+proxy+","+strings.TrimSpace(string(upstream)))
	for _, dir := range []string{c.dir, home} {
		if err := give(dir, cred); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// environment is what a person's shell has, without what a surrounding make or test put there.
func environment() []string {
	env := []string{"LANG=C.UTF-8"}
	for _, name := range []string{"PATH", "HOME", "GOPROXY", "GONOSUMDB", "GONOSUMCHECK", "GOFLAGS", "GOSUMDB",
		"http_proxy",
		"https_proxy", "no_proxy", "SSL_CERT_FILE"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

func give(dir string, cred *syscall.Credential) error {
	return filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, int(cred.Uid), int(cred.Gid))
	})
}

// run runs a command in the clone and returns its standard output. Its error carries the end of both outputs.
func (c *clone) run(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = c.dir, c.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.cred, Setpgid: true}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	// What it leaves running in the background must not hold us up should it have kept our pipes.
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("%s %s: %w\n%s\n%s", name, strings.Join(args, " "), err,
			last(stdout.String()), last(stderr.String()))
	}
	return stdout.String(), nil
}

func last(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-30):], "\n")
}

// process is one that has to do with the clone.
type process struct {
	pid  int
	what string
}

// processes lists what runs in the clone's directory, or a program of it.
func (c *clone) processes() ([]process, error) {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	var found []process
	for _, dir := range dirs {
		cwd, _ := os.Readlink(filepath.Join(dir, "cwd")) // a process may end while we look, or be none of our business
		exe, _ := os.Readlink(filepath.Join(dir, "exe"))
		if !strings.HasPrefix(cwd+"/", c.dir+"/") && !strings.HasPrefix(exe, c.dir+"/") {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil {
			line, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
			found = append(found, process{pid, strings.TrimSpace(strings.ReplaceAll(string(line), "\x00", " "))})
		}
	}
	return found, nil
}
