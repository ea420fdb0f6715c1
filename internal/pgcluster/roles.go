package pgcluster

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// prepare makes roles and database, idempotently: a crash in the middle is mended by the next start.
func (c *Cluster) prepare(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, c.URL(SuperRole, "postgres"))
	if err != nil {
		return fmt.Errorf("prepare database: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for role, pass := range map[string]string{OwnerRole: c.secrets.Owner, AppRole: c.secrets.App} {
		if err := ensureRole(ctx, conn, role, pass); err != nil {
			return err
		}
	}
	var there bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", Database).
		Scan(&there); err != nil {
		return fmt.Errorf("look for database: %w", err)
	}
	if !there {
		if _, err := conn.Exec(ctx, "CREATE DATABASE "+Database+" OWNER "+OwnerRole); err != nil {
			return fmt.Errorf("create database: %w", err)
		}
	}
	return c.grant(ctx, Database)
}

func ensureRole(ctx context.Context, conn *pgx.Conn, role, pass string) error {
	var there bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", role).
		Scan(&there); err != nil {
		return fmt.Errorf("look for role %s: %w", role, err)
	}
	if there {
		return nil
	}
	// Role and password are a constant and hex digits: nothing to quote.
	sql := fmt.Sprintf("CREATE ROLE %s LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD '%s'", role, pass)
	if _, err := conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("create role %s: %w", role, err)
	}
	return nil
}

// grant gives the owner its schema and lets the application in. What the application may do with a table is said by
// the migration that makes the table: an append-only table must not become writable by a default of the cluster.
func (c *Cluster) grant(ctx context.Context, database string) error {
	conn, err := pgx.Connect(ctx, c.URL(SuperRole, database))
	if err != nil {
		return fmt.Errorf("grant in %s: %w", database, err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var granted bool
	const owned = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'public' AND nspowner = $1::regrole)"
	if err := conn.QueryRow(ctx, owned, OwnerRole).Scan(&granted); err != nil {
		return fmt.Errorf("grant in %s: %w", database, err)
	}
	if granted {
		return nil
	}
	name := pgx.Identifier{database}.Sanitize()
	_, err = conn.Exec(ctx, `
		BEGIN;
		REVOKE ALL ON DATABASE `+name+` FROM PUBLIC;
		GRANT CONNECT, TEMPORARY ON DATABASE `+name+` TO ramal_owner, ramal_app;
		REVOKE ALL ON SCHEMA public FROM PUBLIC;
		ALTER SCHEMA public OWNER TO ramal_owner;
		GRANT USAGE ON SCHEMA public TO ramal_app;
		COMMIT;`)
	if err != nil {
		return fmt.Errorf("grant in %s: %w", database, err)
	}
	return nil
}
