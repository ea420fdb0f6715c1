package pgcluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// openDir is a directory that the database's user can pass through: t.TempDir is 0700 below.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ramal-pgcluster-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testDeadline)
	t.Cleanup(cancel)
	return ctx
}

func mustStart(t *testing.T, o Options) *Cluster {
	t.Helper()
	c, err := Start(soon(t), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(soon(t)); err != nil {
			t.Error(err)
		}
	})
	return c
}

func query[T any](t *testing.T, url, sql string, args ...any) T {
	t.Helper()
	ctx := soon(t)
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	var v T
	if err := conn.QueryRow(ctx, sql, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

func execSQL(t *testing.T, url, sql string) error {
	t.Helper()
	ctx := soon(t)
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, sql)
	return err
}

func TestAClusterKeepsItsDataOverAStopAndRunsUnprivileged(t *testing.T) {
	o := Options{Dir: filepath.Join(openDir(t), "var", "pg"), Volatile: true}
	c := mustStart(t, o)
	if c.Reused {
		t.Error("a new cluster says that it was running before")
	}
	if uid, _, err := ownerOf(fmt.Sprintf("/proc/%d", c.PID)); err != nil || uid == 0 {
		t.Errorf("the server runs as uid %d, %v; never as root", uid, err)
	}
	if info, err := os.Stat(filepath.Join(c.Dir, "secrets.json")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("secrets.json: %v, %v; want mode 0600", info, err)
	}
	if err := execSQL(t, c.OwnerURL(), "CREATE TABLE kept (n int); INSERT INTO kept VALUES (42)"); err != nil {
		t.Fatal(err)
	}
	if err := c.Stop(soon(t)); err != nil {
		t.Fatal(err)
	}
	if runsIn(c.PID, c.place.data()) {
		t.Fatalf("process %d is still there after Stop", c.PID)
	}
	again := mustStart(t, o)
	if n := query[int](t, again.OwnerURL(), "SELECT n FROM kept"); n != 42 {
		t.Errorf("kept %d, want 42", n)
	}
	for setting, want := range map[string]string{"server_encoding": "UTF8", "lc_collate": "C.UTF-8",
		"listen_addresses": "127.0.0.1"} {
		if got := query[string](t, again.OwnerURL(), "SELECT current_setting($1)", setting); got != want {
			t.Errorf("%s = %q, want %q", setting, got, want)
		}
	}
}

func TestAStartFindsTheServerThatIsAlreadyRunning(t *testing.T) {
	o := Options{Dir: filepath.Join(openDir(t), "var", "pg"), Volatile: true}
	first := mustStart(t, o)
	second, err := Start(soon(t), o)
	if err != nil {
		t.Fatal(err)
	}
	if !second.Reused || second.PID != first.PID || second.AppURL() != first.AppURL() {
		t.Errorf("second start: reused %v, process %d; want process %d again", second.Reused, second.PID, first.PID)
	}
	attached, err := Attach(o)
	if err != nil || attached.OwnerURL() != first.OwnerURL() {
		t.Errorf("Attach: %v, %v", attached, err)
	}
}

func TestAStaleProcessFileDoesNotHinderTheStart(t *testing.T) {
	o := Options{Dir: filepath.Join(openDir(t), "var", "pg"), Volatile: true}
	c := mustStart(t, o)
	if err := syscall.Kill(c.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-c.exited
	pidfile := filepath.Join(c.place.data(), "postmaster.pid")
	text, err := os.ReadFile(pidfile)
	if err != nil {
		t.Fatalf("SIGKILL leaves the file behind: %v", err)
	}
	// The machine has come up again and the number now belongs to somebody else: to us.
	_, rest, _ := strings.Cut(string(text), "\n")
	if err := os.WriteFile(pidfile, fmt.Appendf(nil, "%d\n%s", os.Getpid(), rest), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Attach(o); !errors.Is(err, ErrNotRunning) {
		t.Errorf("Attach: %v, want ErrNotRunning", err)
	}
	if again := mustStart(t, o); again.Reused || again.PID == c.PID {
		t.Errorf("started %+v, want a new process", again)
	}
}

func TestStopLeavesAStrangersProcessAlone(t *testing.T) {
	c := &Cluster{PID: os.Getpid(), place: place{dir: openDir(t)}}
	if err := c.Stop(soon(t)); err != nil {
		t.Fatal(err) // the test binary is still here to say so: it was not signalled
	}
}

func TestTheApplicationRoleCannotPassRowLevelSecurity(t *testing.T) {
	owner, app := ForTest(t)
	err := execSQL(t, owner, `CREATE TABLE secret (org int); INSERT INTO secret VALUES (1), (2);
		ALTER TABLE secret ENABLE ROW LEVEL SECURITY;
		CREATE POLICY one ON secret USING (org = 1);
		GRANT SELECT ON secret TO ramal_app`)
	if err != nil {
		t.Fatal(err)
	}
	if n := query[int](t, app, "SELECT count(*) FROM secret"); n != 1 {
		t.Errorf("the application sees %d rows, want 1", n)
	}
	if err := execSQL(t, app, "CREATE TABLE mine (n int)"); err == nil {
		t.Error("the application role may create tables")
	}
	for _, role := range []string{OwnerRole, AppRole} {
		const sql = "SELECT rolsuper OR rolbypassrls OR rolcreaterole FROM pg_roles WHERE rolname = $1"
		if query[bool](t, owner, sql, role) {
			t.Errorf("%s is superuser, makes roles or bypasses row-level security", role)
		}
	}
}

func TestACheckoutInAPrivateHomeHasItsClusterElsewhere(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: as a user the cluster runs as that user, who can reach the checkout")
	}
	base := openDir(t)
	home := filepath.Join(base, "home")
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(home, "my checkout", "var", "pg")
	o := Options{Dir: dir, SystemDir: filepath.Join(base, "lib"), Volatile: true}
	c := mustStart(t, o)
	if want := filepath.Join(base, "lib", "my_checkout-"); !strings.HasPrefix(c.Dir, want) {
		t.Errorf("the cluster is in %s, want it below %s…", c.Dir, want)
	}
	// The home is opened later: the data must not seem to be gone.
	if err := os.Chmod(home, 0o755); err != nil {
		t.Fatal(err)
	}
	if again, err := Attach(o); err != nil || again.Dir != c.Dir {
		t.Errorf("Attach after chmod: %v, %v; want the cluster in %s", again, err, c.Dir)
	}
}

func TestEachTestHasAnEmptyDatabaseOfItsOwn(t *testing.T) {
	for range 3 {
		t.Run("one", func(t *testing.T) {
			t.Parallel()
			owner, _ := ForTest(t)
			if err := execSQL(t, owner, "CREATE TABLE mine (n int)"); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAPreparedDatabaseIsPreparedOnceAndCopied(t *testing.T) {
	runs := 0
	prepare := func(ctx context.Context, url string) error {
		runs++
		return execSQL(t, url, "CREATE TABLE migrated (n int); GRANT SELECT ON migrated TO ramal_app")
	}
	key := t.Name() + time.Now().String()
	for range 2 {
		_, app := ForTestWith(t, key, prepare)
		if n := query[int](t, app, "SELECT count(*) FROM migrated"); n != 0 {
			t.Errorf("%d rows", n)
		}
	}
	if runs != 1 {
		t.Errorf("prepared %d times, want once", runs)
	}
}

func TestAServerThatCannotStartSaysWhy(t *testing.T) {
	o := Options{Dir: filepath.Join(openDir(t), "var", "pg"), Volatile: true}
	c := mustStart(t, o)
	if err := c.Stop(soon(t)); err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(c.place.data(), "postgresql.auto.conf")
	if err := os.WriteFile(conf, []byte("no_such_setting = on\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Start(soon(t), o)
	if err == nil || !strings.Contains(err.Error(), "no_such_setting") {
		t.Errorf("Start: %v; want the server's own words", err)
	}
}

func TestLostPasswordsAreAnErrorThatSaysWhatToDo(t *testing.T) {
	o := Options{Dir: filepath.Join(openDir(t), "var", "pg"), Volatile: true}
	c := mustStart(t, o)
	if err := os.Remove(filepath.Join(c.Dir, "secrets.json")); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(soon(t), o); err == nil || !strings.Contains(err.Error(), "restore the file") {
		t.Errorf("Start: %v", err)
	}
}

func TestTheVersionIsReadFromTheServersOwnWords(t *testing.T) {
	for text, want := range map[string]int{
		"postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)\n": 15,
		"postgres (PostgreSQL) 18beta1\n":                        18,
		"postgres (PostgreSQL) 17":                               17,
	} {
		if got, err := parseMajor(text); err != nil || got != want {
			t.Errorf("parseMajor(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
	if _, err := parseMajor("bash 5"); err == nil {
		t.Error("bash has a version of PostgreSQL")
	}
}

func TestWithoutPostgresTheErrorSaysWhatToInstall(t *testing.T) {
	t.Setenv(BinEnv, t.TempDir())
	_, err := FindBin(t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "apt-get install postgresql") {
		t.Errorf("FindBin: %v", err)
	}
}
