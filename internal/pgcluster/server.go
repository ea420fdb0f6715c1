package pgcluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// maxLog is the size in bytes beyond which the server's log is set aside at the next start.
const maxLog = 10 << 20

// bringUp finds the running server, or makes the data directory and starts one.
func (c *Cluster) bringUp(ctx context.Context, o Options) error {
	data := c.place.data()
	pm, running, stale, err := readPostmaster(data)
	if err != nil {
		return err
	}
	if running {
		c.PID, c.Port, c.Reused = pm.pid, pm.port, true
		return nil
	}
	if stale {
		// PostgreSQL itself refuses to start when the pid in the file lives on as somebody else's process.
		if err := os.Remove(filepath.Join(data, "postmaster.pid")); err != nil {
			return fmt.Errorf("remove stale postmaster.pid: %w", err)
		}
	}
	major, err := dataVersion(data)
	if err != nil {
		return err
	}
	bin, err := findBinaries(o.checkout(), major)
	if err != nil {
		return err
	}
	if major == 0 {
		if err := c.initdb(bin, o); err != nil {
			return err
		}
	}
	return c.launch(ctx, bin, o)
}

// dataVersion is the major version that made the cluster, 0 when there is none.
func dataVersion(data string) (int, error) {
	text, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read version of cluster: %w", err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("read version of cluster: %w", err)
	}
	return major, nil
}

// initdb makes the data directory aside and renames it, so that a crash leaves no half cluster.
func (c *Cluster) initdb(bin binaries, o Options) error {
	p, fresh := c.place, c.place.data()+".new"
	if err := os.RemoveAll(fresh); err != nil {
		return fmt.Errorf("make cluster: %w", err)
	}
	if err := os.Mkdir(fresh, 0o700); err != nil {
		return fmt.Errorf("make cluster: %w", err)
	}
	pwfile := filepath.Join(p.dir, "initdb.pw")
	defer os.Remove(pwfile)
	if err := os.WriteFile(pwfile, []byte(c.secrets.Super+"\n"), 0o600); err != nil {
		return fmt.Errorf("make cluster: %w", err)
	}
	for _, path := range []string{fresh, pwfile} {
		if err := p.id.own(path); err != nil {
			return fmt.Errorf("make cluster: %w", err)
		}
	}
	args := []string{"-D", fresh, "-U", SuperRole, "--pwfile=" + pwfile, "--auth=scram-sha-256",
		"--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"}
	if o.Volatile {
		args = append(args, "--no-sync")
	}
	if out, err := p.id.command(filepath.Join(bin.dir, "initdb"), args...).CombinedOutput(); err != nil {
		return fmt.Errorf("make cluster in %s: %w\n%s", p.dir, err, out)
	}
	if err := os.Rename(fresh, p.data()); err != nil {
		return fmt.Errorf("make cluster: %w", err)
	}
	return nil
}

// launch starts the server on a free port. Somebody else may take the port in between: then another is tried.
func (c *Cluster) launch(ctx context.Context, bin binaries, o Options) error {
	var err error
	for range 3 {
		if c.Port, err = freePort(); err != nil {
			return err
		}
		if err = c.launchOn(ctx, bin, o); err == nil || !strings.Contains(err.Error(), "could not bind") {
			return err
		}
	}
	return err
}

func (c *Cluster) launchOn(ctx context.Context, bin binaries, o Options) error {
	log, err := openLog(c.place.logFile())
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := c.place.id.command(filepath.Join(bin.dir, "postgres"), c.arguments(o)...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	c.PID, c.exited = cmd.Process.Pid, make(chan struct{})
	go func(done chan struct{}) {
		cmd.Wait() // how it ended stands in its log
		close(done)
	}(c.exited)
	return c.awaitReady(ctx)
}

func (c *Cluster) arguments(o Options) []string {
	set := []string{"listen_addresses=127.0.0.1", "unix_socket_directories=" + c.socketDir(),
		"log_timezone=UTC", "timezone=UTC", "password_encryption=scram-sha-256", "cluster_name=ramal"}
	if o.Volatile {
		set = append(set, "fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=300",
			"shared_buffers=64MB", "max_wal_size=256MB", "autovacuum=off", "wal_level=minimal", "max_wal_senders=0")
	}
	args := []string{"-D", c.place.data(), "-p", strconv.Itoa(c.Port)}
	for _, s := range set {
		args = append(args, "-c", s)
	}
	return args
}

// socketDir is the data directory (0700), or none when its path is too long for a Unix address (108 bytes).
func (c *Cluster) socketDir() string {
	if dir := c.place.data(); len(dir) < 80 && !strings.ContainsAny(dir, `,"' `) {
		return dir
	}
	return ""
}

// awaitReady returns when the server answers a query of the superuser.
func (c *Cluster) awaitReady(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, c.URL(SuperRole, "postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		if strings.Contains(err.Error(), "28P01") {
			return fmt.Errorf("sign in to the database in %s: the password in secrets.json is not its own", c.Dir)
		}
		select {
		case <-c.exited:
			return fmt.Errorf("start PostgreSQL in %s: it ended at once; its log says:\n%s", c.Dir, tail(c.place.logFile()))
		case <-ctx.Done():
			return fmt.Errorf("wait for PostgreSQL in %s: %w (last answer: %v); its log says:\n%s",
				c.Dir, ctx.Err(), err, tail(c.place.logFile()))
		case <-tick.C:
		}
	}
}

func openLog(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > maxLog {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, fmt.Errorf("set aside log of PostgreSQL: %w", err)
		}
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open log of PostgreSQL: %w", err)
	}
	return f, nil
}

// tail is the last lines of a log, for an error's text.
func tail(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-8):], "\n")
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
