package pgcluster

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// TestEnv names the directory of a cluster that is already running, for tests: `make test` starts one for all
// packages and ends it. Without it each test binary that asks has a cluster of its own.
const TestEnv = "RAMAL_TEST_PG"

// testDeadline bounds what a test waits for the cluster or for a database, on a loaded machine.
const testDeadline = 2 * time.Minute

// TB is what ForTest needs of a testing.TB; the program does not link package testing.
type TB interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
	Cleanup(f func())
}

// ForTest gives the test an empty database of its own: the URL of the owner role (migrations) and that of the
// application role. It is dropped when the test ends. Safe in parallel tests.
func ForTest(t TB) (ownerURL, appURL string) {
	t.Helper()
	return databaseFrom(t, "template_ramal")
}

// ForTestWith is ForTest with a database that prepare (usually the migrations) has filled. It runs once for each
// key and cluster; every test then gets a copy, which is much cheaper. The key must change when what prepare does
// changes: give it the migrations' text or a hash of it.
func ForTestWith(t TB, key string, prepare func(ctx context.Context, ownerURL string) error) (ownerURL,
	appURL string) {
	t.Helper()
	sum := sha256.Sum256([]byte(key))
	template := "template_" + hex.EncodeToString(sum[:8])
	ctx, cancel := context.WithTimeout(context.Background(), testDeadline)
	defer cancel()
	c := testCluster(t)
	if err := c.ensureTemplate(ctx, template, prepare); err != nil {
		t.Fatal(err)
	}
	return databaseFrom(t, template)
}

func databaseFrom(t TB, template string) (ownerURL, appURL string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testDeadline)
	defer cancel()
	c := testCluster(t)
	if template == "template_ramal" {
		if err := c.ensureTemplate(ctx, template, nil); err != nil {
			t.Fatal(err)
		}
	}
	name := "test_" + password()
	if err := c.admin(ctx, fmt.Sprintf("CREATE DATABASE %s OWNER %s TEMPLATE %s", name, OwnerRole, template)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), testDeadline)
		defer cancel()
		if err := c.admin(ctx, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	return c.URL(OwnerRole, name), c.URL(AppRole, name)
}

// ensureTemplate makes a template database once, whoever comes first; the others wait. It appears under its name only
// when prepare has succeeded.
func (c *Cluster) ensureTemplate(ctx context.Context, name string,
	prepare func(ctx context.Context, ownerURL string) error) error {
	conn, err := pgx.Connect(ctx, c.URL(SuperRole, "postgres"))
	if err != nil {
		return fmt.Errorf("make template: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	// The lock ends with the connection.
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock(hashtext($1))", name); err != nil {
		return fmt.Errorf("make template: %w", err)
	}
	var there bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).
		Scan(&there); err != nil || there {
		return err
	}
	draft := "draft_" + password()
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+draft+" OWNER "+OwnerRole); err != nil {
		return fmt.Errorf("make template: %w", err)
	}
	if err := c.grant(ctx, draft); err != nil {
		return err
	}
	if prepare != nil {
		if err := prepare(ctx, c.URL(OwnerRole, draft)); err != nil {
			return fmt.Errorf("prepare template: %w", err)
		}
	}
	return c.rename(ctx, conn, draft, name)
}

// rename waits for the last session in draft to be gone: a server process outlives its closed connection by a moment.
func (c *Cluster) rename(ctx context.Context, conn *pgx.Conn, draft, name string) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		var sessions int
		if err := conn.QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE datname = $1", draft).
			Scan(&sessions); err != nil {
			return fmt.Errorf("make template: %w", err)
		}
		if sessions == 0 {
			break
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("make template: prepare left %d sessions open: %w", sessions, ctx.Err())
		case <-tick.C:
		}
	}
	if _, err := conn.Exec(ctx, "ALTER DATABASE "+draft+" RENAME TO "+name); err != nil {
		return fmt.Errorf("make template: %w", err)
	}
	return nil
}

func (c *Cluster) admin(ctx context.Context, sql string) error {
	conn, err := pgx.Connect(ctx, c.URL(SuperRole, "postgres"))
	if err != nil {
		return fmt.Errorf("%s: %w", sql, err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("%s: %w", sql, err)
	}
	return nil
}

// testCluster is the one of the environment, or this test binary's own.
func testCluster(t TB) *Cluster {
	t.Helper()
	c, err := ownCluster()
	if err != nil {
		t.Fatalf("PostgreSQL for tests: %v", err)
	}
	return c
}

var ownCluster = sync.OnceValues(func() (*Cluster, error) {
	if dir := os.Getenv(TestEnv); dir != "" {
		return Attach(Options{Dir: dir})
	}
	ctx, cancel := context.WithTimeout(context.Background(), testDeadline)
	defer cancel()
	return StartVolatile(ctx)
})

// StartVolatile makes a cluster in a temporary directory that ends, and is removed, when this process ends, however it
// ends: a watchdog process holds the other end of a pipe. For tests, which have no other hook at the end of a binary.
func StartVolatile(ctx context.Context) (*Cluster, error) {
	dir, err := os.MkdirTemp("", "ramal-pg-")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // the database's user passes through
		return nil, err
	}
	c, err := Start(ctx, Options{Dir: dir, Volatile: true})
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	if err := c.guard(dir); err != nil {
		c.Stop(ctx)
		os.RemoveAll(dir)
		return nil, err
	}
	return c, nil
}

// watchdog ends server $1, which runs in $3/data, when its standard input ends, waits for it (30 s), and removes the
// directories $2 and $3. It never signals a process that runs elsewhere: pids are used again.
const watchdog = `ours() { [ "$(readlink "/proc/$1/cwd")" = "$2/data" ]; }
while read -r _; do :; done
if ours "$1" "$3"; then kill -INT "$1"; fi
n=0
while ours "$1" "$3" && [ $n -lt 300 ]; do sleep 0.1; n=$((n + 1)); done
rm -rf -- "$2" "$3"`

// held keeps the writing ends of the watchdogs' pipes open until this process ends: without a reference the garbage
// collector would close them.
var held struct {
	sync.Mutex
	pipes []io.Closer
}

func (c *Cluster) guard(dir string) error {
	cmd := exec.Command("/bin/sh", "-c", watchdog, "sh", strconv.Itoa(c.PID), dir, c.Dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // Ctrl-C ends the tests, and their end ends us
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("start watchdog of the database: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start watchdog of the database: %w", err)
	}
	held.Lock()
	defer held.Unlock()
	held.pipes = append(held.pipes, pipe)
	return nil
}
