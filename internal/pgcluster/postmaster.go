package pgcluster

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// postmaster is what data/postmaster.pid says about a server (PostgreSQL: src/include/utils/pidfile.h).
type postmaster struct {
	pid  int
	port int
}

// readPostmaster returns the server that runs in data, if any. A left-over file of a dead server, or one whose pid now
// belongs to somebody else, is reported as stale.
func readPostmaster(data string) (pm postmaster, running, stale bool, err error) {
	f, err := os.Open(filepath.Join(data, "postmaster.pid"))
	if errors.Is(err, fs.ErrNotExist) {
		return pm, false, false, nil
	}
	if err != nil {
		return pm, false, false, fmt.Errorf("read postmaster.pid: %w", err)
	}
	defer f.Close()
	var lines []string
	for sc := bufio.NewScanner(f); sc.Scan() && len(lines) < 8; {
		lines = append(lines, sc.Text())
	}
	if len(lines) == 0 {
		return pm, false, true, nil
	}
	pm.pid, err = strconv.Atoi(lines[0])
	if err != nil || pm.pid <= 1 || !runsIn(pm.pid, data) {
		return pm, false, true, nil
	}
	if len(lines) >= 4 {
		pm.port, err = strconv.Atoi(lines[3])
	}
	if err != nil || pm.port == 0 {
		return pm, false, false, fmt.Errorf("read postmaster.pid of %s: process %d has written no port yet", data, pm.pid)
	}
	return pm, true, false, nil
}

// runsIn says whether pid is a process whose directory is data: a server changes into it and stays there.
func runsIn(pid int, data string) bool {
	want, err := os.Stat(data)
	if err != nil {
		return false
	}
	got, err := os.Stat(fmt.Sprintf("/proc/%d/cwd", pid))
	return err == nil && os.SameFile(want, got)
}

// end asks the server to stop, in the way of "fast": sessions are cut, everything is written. It returns when
// the process is gone or ctx ends.
func end(ctx context.Context, pm postmaster, data string) error {
	if !runsIn(pm.pid, data) {
		return nil // gone already; the number may be somebody else's by now
	}
	if err := syscall.Kill(pm.pid, syscall.SIGINT); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("stop PostgreSQL, process %d: %w", pm.pid, err)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for runsIn(pm.pid, data) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("stop PostgreSQL, process %d: %w", pm.pid, ctx.Err())
		case <-tick.C:
		}
	}
	return nil
}
