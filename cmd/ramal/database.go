package main

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"ramal/internal/pgcluster"
	"ramal/store"
)

// database is the private cluster, nil-safe: there is none when a database was named.
type database struct{ cluster *pgcluster.Cluster }

func (d *database) stop(ctx context.Context) error {
	if d == nil || d.cluster == nil {
		return nil
	}
	return d.cluster.Stop(ctx)
}

// startDatabase finds or makes the database, brings its schema up to date and opens it.
func (s *centre) startDatabase(ctx context.Context) error {
	owner, app, err := s.databaseURLs(ctx)
	if err != nil {
		return err
	}
	role, err := roleOf(app)
	if err != nil {
		return err
	}
	// A server that is just coming up is waited for, not complained about.
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	if err := store.Migrate(ctx, owner, role); err != nil {
		return fmt.Errorf("database schema: %w", err)
	}
	if s.db, err = store.Open(ctx, app); err != nil {
		return fmt.Errorf("database: %w", err)
	}
	return nil
}

func (s *centre) databaseURLs(ctx context.Context) (owner, app string, err error) {
	if app = s.cmd.DatabaseURL; app != "" {
		if owner = s.cmd.OwnerURL; owner == "" {
			owner = app
		}
		return owner, app, nil
	}
	cluster, err := pgcluster.Start(ctx, pgcluster.Options{Dir: s.places.postgres()})
	if err != nil {
		return "", "", fmt.Errorf("private database: %w", err)
	}
	s.cluster = &database{cluster}
	s.logger.Info("private database runs", "dir", cluster.Dir, "port", cluster.Port, "reused", cluster.Reused)
	return cluster.OwnerURL(), cluster.AppURL(), nil
}

// roleOf is the role that a database address names.
func roleOf(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", fmt.Errorf("database address: not a URL (postgres://role:password@host/database)")
	}
	if u.User.Username() == "" {
		return "", fmt.Errorf("database address: it names no role (postgres://role:password@host/database)")
	}
	return u.User.Username(), nil
}

// migrateCmd brings a schema up to date without serving.
type migrateCmd struct {
	OwnerURL string `name:"database-owner-url" help:"PostgreSQL, as the schema's owner." required:""`
	AppRole  string `help:"The application's role." default:"ramal_app"`
}

// Run migrates.
func (c *migrateCmd) Run() error {
	if err := store.Migrate(context.Background(), c.OwnerURL, c.AppRole); err != nil {
		return err
	}
	fmt.Println("The schema is up to date.")
	return nil
}
