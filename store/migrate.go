package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx", which goose needs
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// grants is what the application may do with each table. A table that is not here cannot be touched by it. What has
// neither UPDATE nor DELETE is append-only.
var grants = []struct{ table, privileges string }{
	{"org", "SELECT, INSERT, UPDATE"},
	{"role", "SELECT, INSERT, UPDATE, DELETE"},
	{"role_permission", "SELECT, INSERT, UPDATE, DELETE"},
	{"app_user", "SELECT, INSERT, UPDATE"},
	{"user_password", "SELECT, INSERT, UPDATE, DELETE"},
	{"session", "SELECT, INSERT, UPDATE, DELETE"},
	{"login_attempt", "SELECT, INSERT"},
	{"audit_log", "SELECT, INSERT"},
	{"platform_audit", "INSERT"},
	{"break_reason", "SELECT, INSERT, UPDATE, DELETE"},
	{"queue", "SELECT, INSERT, UPDATE"},
	{"user_queue", "SELECT, INSERT, UPDATE, DELETE"},
	{"extension", "SELECT, INSERT, UPDATE, DELETE"},
	{"ivr_flow", "SELECT, INSERT, UPDATE"},
	{"ivr_flow_version", "SELECT, INSERT, UPDATE, DELETE"},
	{"phone_number", "SELECT, INSERT, UPDATE, DELETE"},
	{"interaction_event", "SELECT, INSERT"},
	{"agent_event", "SELECT, INSERT"},
	{"interaction", "SELECT, INSERT, UPDATE, DELETE"},
	{"interaction_party", "SELECT, INSERT, UPDATE, DELETE"},
	{"recording", "SELECT, INSERT, UPDATE, DELETE"},
	{"protocol_counter", "SELECT, INSERT, UPDATE"},
}

// Migrate brings the schema up to date as its owner, and sets exactly the rights that appRole has. Several processes
// may call it at the same time: one works, the others wait.
func Migrate(ctx context.Context, ownerURL, appRole string) error {
	db, err := sql.Open("pgx", ownerURL)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	defer db.Close()
	provider, err := newProvider(db)
	if err != nil {
		return err
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return grant(ctx, db, appRole)
}

// Pending says whether the schema lacks migrations that this program has.
func Pending(ctx context.Context, ownerURL string) (bool, error) {
	db, err := sql.Open("pgx", ownerURL)
	if err != nil {
		return false, fmt.Errorf("look for migrations: %w", err)
	}
	defer db.Close()
	provider, err := newProvider(db)
	if err != nil {
		return false, err
	}
	pending, err := provider.HasPending(ctx)
	if err != nil {
		return false, fmt.Errorf("look for migrations: %w", err)
	}
	return pending, nil
}

func newProvider(db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
	if err != nil {
		return nil, fmt.Errorf("migrate: make lock: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithSessionLocker(locker),
		goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	return p, nil
}

// grant takes everything from the role and gives it what the table above says, in one transaction.
func grant(ctx context.Context, db *sql.DB, appRole string) (err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("grant rights: %w", err)
	}
	defer func() {
		if rb := tx.Rollback(); rb != nil && !errors.Is(rb, sql.ErrTxDone) {
			err = errors.Join(err, rb)
		}
	}()
	role := pgx.Identifier{appRole}.Sanitize()
	statements := []string{
		`SELECT pg_advisory_xact_lock(hashtextextended('ramal.grant', 0))`,
		`REVOKE ALL ON ALL TABLES IN SCHEMA public FROM ` + role + `, PUBLIC`,
		`GRANT USAGE ON SCHEMA public TO ` + role,
	}
	for _, g := range grants {
		statements = append(statements, `GRANT `+g.privileges+` ON `+g.table+` TO `+role)
	}
	for _, s := range statements {
		if _, err := tx.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("grant rights (%s): %w", firstWords(s), err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("grant rights: %w", err)
	}
	return nil
}

func firstWords(s string) string {
	words := strings.Fields(s)
	return strings.Join(words[:min(len(words), 8)], " ")
}
