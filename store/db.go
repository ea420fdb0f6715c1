package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"ramal/call"
	"ramal/directory"
)

// Scope is on whose behalf a transaction works: see [directory.Scope].
type Scope = directory.Scope

// DB is the database as the application role sees it. It is safe for concurrent use.
type DB struct{ pool *pgxpool.Pool }

// Open connects as the application role. A role that row-level security does not bind is refused.
func Open(ctx context.Context, appURL string) (*DB, error) {
	cfg, err := pgxpool.ParseConfig(appURL)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err) // pgx leaves the password out of this error
	}
	p := cfg.ConnConfig.RuntimeParams
	p["application_name"] = "ramal"
	p["timezone"] = "UTC"
	p["statement_timeout"] = "15000"
	p["idle_in_transaction_session_timeout"] = "15000"
	if cfg.ConnConfig.ConnectTimeout == 0 {
		cfg.ConnConfig.ConnectTimeout = 5 * time.Second
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	db := &DB{pool: pool}
	if err := db.checkRole(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	return db, nil
}

// Close closes all connections; those in use are waited for.
func (db *DB) Close() { db.pool.Close() }

// Ping says whether the database answers.
func (db *DB) Ping(ctx context.Context) error { return mapped("ping database", db.pool.Ping(ctx)) }

func (db *DB) checkRole(ctx context.Context) error {
	var name string
	var free, owns bool
	err := db.pool.QueryRow(ctx, `
		SELECT r.rolname, r.rolsuper OR r.rolbypassrls,
		       EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		               WHERE n.nspname = 'public' AND c.relkind = 'r' AND c.relowner = r.oid)
		FROM pg_roles r WHERE r.rolname = current_user`).Scan(&name, &free, &owns)
	if err != nil {
		return mapped("check role of the application", err)
	}
	if free || owns {
		return fmt.Errorf("open database: role %q is a superuser, has BYPASSRLS or owns tables, so row-level "+
			"security would not hold; use the application's role", name)
	}
	return nil
}

// inOrg runs fn in a transaction of the scope's organisation.
func (db *DB) inOrg(ctx context.Context, s Scope, fn func(pgx.Tx) error) error {
	if !s.Valid() || !call.ValidUUID(string(s.Org())) {
		return call.Errorf(call.Internal, "transaction without a scope")
	}
	// SET takes no parameters; the value was just seen to be a UUID.
	begin := "BEGIN; SET LOCAL ramal.org = '" + string(s.Org()) + "'"
	return mapped("", pgx.BeginTxFunc(ctx, db.pool, pgx.TxOptions{BeginQuery: begin}, fn))
}

// Purpose is why something is read or written although no organisation is known.
type Purpose string

// The purposes. Row-level security binds the first two to a few tables, for reading only; what an operator does is
// written to platform_audit in the same transaction.
const (
	forCore     Purpose = "core"     // the running centre lists the organisations
	forSignIn   Purpose = "sign-in"  // an e-mail address becomes a user of some organisation
	forOperator Purpose = "operator" // organisations are made and changed
)

// onPlatform runs fn outside any organisation.
func (db *DB) onPlatform(ctx context.Context, why Purpose, fn func(pgx.Tx) error) error {
	begin := "BEGIN; SET LOCAL ramal.platform = '" + string(why) + "'"
	return mapped("", pgx.BeginTxFunc(ctx, db.pool, pgx.TxOptions{BeginQuery: begin}, fn))
}

// asOperator is onPlatform for a person or set-up program who changes organisations: it is audited.
func (db *DB) asOperator(ctx context.Context, actor, action, object string, fn func(pgx.Tx) error) error {
	return db.onPlatform(ctx, forOperator, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO platform_audit (actor, action, object) VALUES ($1, $2, $3)`,
			actor, action, object); err != nil {
			return fmt.Errorf("audit %s of %s: %w", action, object, err)
		}
		return fn(tx)
	})
}

// system is the scope of what the program does by itself in an organisation.
func system(org call.OrgID) (Scope, error) { return directory.NewScope(org, directory.System) }

// mapped gives a database error the class that other packages act upon, and says what was being done. It leaves
// errors that have a class alone.
func mapped(doing string, err error) error {
	if err == nil {
		return nil
	}
	var known *call.Error
	if !errors.As(err, &known) {
		if class := classify(err); class != nil {
			err = fmt.Errorf("%w: %w", class, err)
		}
	}
	if doing == "" {
		return err
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// classify knows PostgreSQL's error codes (documentation, appendix A).
func classify(err error) error {
	var pg *pgconn.PgError
	var connect *pgconn.ConnectError
	var network net.Error
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return call.Errorf(call.NotFound, "no such record")
	case errors.As(err, &pg):
		return classifyCode(pg)
	case errors.As(err, &connect), errors.As(err, &network), errors.Is(err, context.DeadlineExceeded),
		pgconn.SafeToRetry(err):
		return call.Errorf(call.Unavailable, "the database does not answer")
	}
	return nil
}

func classifyCode(pg *pgconn.PgError) error {
	switch {
	case pg.Code == "23505":
		return call.Errorf(call.Conflict, "this exists already")
	case pg.Code == "23503":
		return call.Errorf(call.Conflict, "a record that this refers to is missing, or is still in use")
	case pg.Code == "23001":
		return call.Errorf(call.Conflict, "this can no longer be changed")
	case pg.Code[:2] == "22" || pg.Code == "23514" || pg.Code == "23502":
		return call.Errorf(call.Invalid, "a value is out of its bounds")
	case pg.Code[:2] == "08" || pg.Code[:2] == "53" || pg.Code[:2] == "57" || pg.Code == "40001" || pg.Code == "40P01":
		return call.Errorf(call.Unavailable, "the database does not answer")
	}
	return nil
}
