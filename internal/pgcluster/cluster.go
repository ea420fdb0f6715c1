package pgcluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// Database is the name of the database that Start makes.
const Database = "ramal"

// Options say which cluster is meant.
type Options struct {
	Dir       string // the cluster's directory, usually <checkout>/var/pg; made when missing
	Checkout  string // where web/node_modules is looked for; empty: two levels above Dir
	SystemDir string // instead of [SystemDir], for tests
	Volatile  bool   // no fsync: a crash of the machine may destroy the data. For tests only
}

func (o Options) systemDir() string {
	if o.SystemDir != "" {
		return o.SystemDir
	}
	return SystemDir
}

func (o Options) checkout() string {
	if o.Checkout != "" {
		return o.Checkout
	}
	return filepath.Join(o.Dir, "..", "..")
}

// Cluster is a running PostgreSQL server.
type Cluster struct {
	Dir    string // where it really is: Options.Dir, or a place below [SystemDir]
	PID    int    // the server's process
	Port   int    // on 127.0.0.1
	Reused bool   // it was running before Start

	place   place
	secrets secrets
	exited  chan struct{} // closed when a server that we started has ended; nil when Reused
}

// Start makes the cluster when there is none, starts it when it is not running, and makes sure of its roles and
// of the database [Database]. It is safe against other processes doing the same at the same time.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	p, err := locate(o)
	if err != nil {
		return nil, err
	}
	unlock, err := lock(ctx, filepath.Join(p.dir, "lock"))
	if err != nil {
		return nil, err
	}
	defer unlock()
	c := &Cluster{Dir: p.dir, place: p}
	if c.secrets, err = loadSecrets(p); err != nil {
		return nil, err
	}
	if err := c.bringUp(ctx, o); err != nil {
		return nil, err
	}
	if err := c.awaitReady(ctx); err != nil {
		return nil, err
	}
	if err := c.prepare(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

// Attach finds the running cluster of dir without starting anything.
func Attach(o Options) (*Cluster, error) {
	p, err := locate(o)
	if err != nil {
		return nil, err
	}
	pm, running, _, err := readPostmaster(p.data())
	if err != nil {
		return nil, err
	}
	if !running {
		return nil, fmt.Errorf("attach to the database in %s: %w", p.dir, ErrNotRunning)
	}
	s, err := loadSecrets(p)
	if err != nil {
		return nil, err
	}
	return &Cluster{Dir: p.dir, PID: pm.pid, Port: pm.port, Reused: true, place: p, secrets: s}, nil
}

// ErrNotRunning is what Attach reports when no server runs in the directory.
var ErrNotRunning = errors.New("PostgreSQL is not running")

// Stop ends the server (SIGINT, "fast") and returns when its process is gone.
func (c *Cluster) Stop(ctx context.Context) error {
	if err := end(ctx, postmaster{pid: c.PID, port: c.Port}, c.place.data()); err != nil {
		return err
	}
	if c.exited != nil {
		<-c.exited
	}
	return nil
}

// OwnerURL is for migrations: the role that owns the database.
func (c *Cluster) OwnerURL() string { return c.URL(OwnerRole, Database) }

// AppURL is for the program: the role without BYPASSRLS.
func (c *Cluster) AppURL() string { return c.URL(AppRole, Database) }

// URL is the address of a database for one of the three roles. It holds the password.
func (c *Cluster) URL(role, database string) string {
	pass := map[string]string{SuperRole: c.secrets.Super, OwnerRole: c.secrets.Owner, AppRole: c.secrets.App}[role]
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(role, pass), Path: "/" + database,
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(c.Port)), RawQuery: "sslmode=disable",
	}
	return u.String()
}

// lock takes the file's lock, waiting for its holder until ctx ends.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock cluster: %w", err)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			f.Close()
			return nil, fmt.Errorf("lock cluster %s: %w", path, err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("lock cluster %s: held by another process: %w", path, ctx.Err())
		case <-tick.C:
		}
	}
}
