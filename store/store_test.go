package store_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"ramal/call"
	"ramal/directory"
	"ramal/internal/pgcluster"
	"ramal/ivr"
	"ramal/store"
)

// open gives the test a migrated database of its own, as the application sees it and as its owner does.
func open(t *testing.T) (*store.DB, *pgx.Conn) {
	t.Helper()
	owner, app := pgcluster.ForTestWith(t, migrationsKey(t), func(ctx context.Context, ownerURL string) error {
		return store.Migrate(ctx, ownerURL, pgcluster.AppRole)
	})
	db, err := store.Open(t.Context(), app)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db, connect(t, owner)
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return conn
}

// migrationsKey changes with the migrations and the rights that Migrate sets.
func migrationsKey(t *testing.T) string {
	t.Helper()
	h := sha256.New()
	dir := os.DirFS(".")
	err := fs.WalkDir(dir, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path != "migrate.go" && !strings.HasSuffix(path, ".sql") {
			return err
		}
		text, err := fs.ReadFile(dir, path)
		h.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("store %x", h.Sum(nil))
}

func addOrg(t *testing.T, db *store.DB, slug string) (call.OrgID, store.Scope) {
	t.Helper()
	org, err := db.AddOrg(t.Context(), "test", directory.Org{Slug: slug, Name: slug, Zone: "America/Sao_Paulo"})
	if err != nil {
		t.Fatal(err)
	}
	s, err := directory.NewScope(org, directory.System)
	if err != nil {
		t.Fatal(err)
	}
	return org, s
}

func newID(t testing.TB) string {
	t.Helper()
	id, err := uuid.NewV7()
	if err != nil {
		t.Fatal(err)
	}
	return id.String()
}

const someHash = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$aGFzaA"

func demo() store.Demo {
	d := store.Demo{Hashes: map[directory.Email]string{}, HA1: map[string]directory.HA1{}}
	for _, a := range store.DemoAccounts() {
		d.Hashes[a.Email] = someHash
		d.HA1[a.SIP] = directory.NewHA1(a.SIP, "ramal", "secret")
	}
	d.Render = func(_ context.Context, p ivr.Prompt) (ivr.Prompt, error) {
		p.File = fmt.Sprintf("prompts/%x.wav", sha256.Sum256([]byte(p.Text)))
		return p, nil
	}
	return d
}

func wantCode(t *testing.T, err error, want call.Code) {
	t.Helper()
	if got := call.CodeOf(err); got != want {
		t.Fatalf("error code is %q, want %q (error: %v)", got, want, err)
	}
}
