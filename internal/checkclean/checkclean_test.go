package checkclean

import (
	"context"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// secondStart bounds the second `make run`: everything is built and installed by then.
const secondStart = 20 * time.Second

func TestA1_ACleanCloneRunsTwiceWithACallInBetweenAsRoot(t *testing.T) {
	onlyInAccept(t)
	if os.Geteuid() != 0 {
		t.Skip("needs root: run `sudo make check-clean` for this half")
	}
	twice(t, nil)
}

func TestA1_ACleanCloneRunsTwiceWithACallInBetweenAsAnUnprivilegedUser(t *testing.T) {
	onlyInAccept(t)
	if os.Geteuid() != 0 {
		twice(t, nil)
		return
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	twice(t, &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)})
}

func onlyInAccept(t *testing.T) {
	t.Helper()
	if os.Getenv("RAMAL_TIER") != "accept" {
		t.Skip("builds everything anew in a clone: runs in `make accept` and `make check-clean`")
	}
}

// twice is the stranger's first hour.
func twice(t *testing.T, cred *syscall.Credential) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	c := fresh(t, ctx, cred)

	banner := must(c.run(ctx, "make", "run", "BACKGROUND=1"))(t)
	if !strings.Contains(banner, "http://") || !strings.Contains(banner, "sip:") {
		t.Errorf("start-up prints no page or no number to dial:\n%s", banner)
	}
	runsAs(t, c, cred)
	first := must(c.try(ctx))(t)
	if err := c.recorded(ctx, first.Interaction); err != nil {
		t.Fatalf("after the call: %v", err)
	}
	must(c.run(ctx, "make", "stop"))(t)
	nothingLeft(t, c)

	began := time.Now()
	must(c.run(ctx, "make", "run", "BACKGROUND=1"))(t)
	took := time.Since(began)
	t.Logf("the second make run took %.1f s", took.Seconds())
	if took > secondStart {
		t.Errorf("the second make run took %v, at most %v", took, secondStart)
	}
	if err := c.recorded(ctx, first.Interaction); err != nil {
		t.Errorf("the second run does not have the first one's call: %v", err)
	}
	second := must(c.try(ctx))(t)
	if second.Interaction == first.Interaction {
		t.Errorf("both calls are interaction %s", first.Interaction)
	}
	must(c.run(ctx, "make", "stop"))(t)
	nothingLeft(t, c)
	if out := must(c.run(ctx, "git", "status", "--porcelain"))(t); out != "" {
		t.Errorf("running leaves files that git would commit:\n%s", out)
	}
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// fresh is a clone that is ended and removed with the test.
func fresh(t *testing.T, ctx context.Context, cred *syscall.Credential) *clone {
	t.Helper()
	source, err := exec.CommandContext(ctx, "git", "rev-parse", "--show-toplevel").Output()
	if err != nil {
		t.Fatal(err)
	}
	base, err := os.MkdirTemp("", "ramal-check-clean-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := removeAll(base); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(base, 0o755); err != nil { // the database's user passes through
		t.Fatal(err)
	}
	c, err := newClone(ctx, strings.TrimSpace(string(source)), base, cred)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { endAll(t, c) }) // before the directory goes
	return c
}

// runsAs holds that nothing of the centre runs with more rights than it should, and PostgreSQL never as root.
func runsAs(t *testing.T, c *clone, cred *syscall.Credential) {
	t.Helper()
	running := must(c.processes())(t)
	if len(running) < 3 { // core, switch, PostgreSQL
		t.Errorf("only these run: %+v", running)
	}
	for _, p := range running {
		info, err := os.Stat("/proc/" + strconv.Itoa(p.pid))
		if err != nil {
			continue // ended meanwhile
		}
		uid := info.Sys().(*syscall.Stat_t).Uid
		if cred != nil && uid != cred.Uid {
			t.Errorf("runs as user %d, want %d: %s", uid, cred.Uid, p.what)
		}
		if uid == 0 && strings.Contains(p.what, "postgres") {
			t.Errorf("PostgreSQL runs as root: %s", p.what)
		}
	}
}

// nothingLeft holds that make stop has ended everything. The last process may take a moment to be gone.
func nothingLeft(t *testing.T, c *clone) {
	t.Helper()
	deadline, tick := time.After(5*time.Second), time.NewTicker(50*time.Millisecond)
	defer tick.Stop()
	for {
		left := must(c.processes())(t)
		if len(left) == 0 {
			return
		}
		select {
		case <-deadline:
			t.Errorf("still running after make stop: %+v", left)
			return
		case <-tick.C:
		}
	}
}

// endAll ends what a failed run has left, by process number.
func endAll(t *testing.T, c *clone) {
	left, err := c.processes()
	if err != nil {
		t.Error(err)
	}
	for _, p := range left {
		if err := syscall.Kill(p.pid, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
			t.Errorf("end %s: %v", p.what, err)
		}
	}
}

// removeAll also removes the module cache of Go, whose directories are read-only.
func removeAll(base string) error {
	if err := exec.Command("chmod", "-R", "u+w", base).Run(); err != nil {
		return err
	}
	return os.RemoveAll(base)
}
