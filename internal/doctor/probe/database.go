package probe

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"ramal/internal/doctor"
)

// Database asks a PostgreSQL at a URL, with a connection for each question: the doctor asks three.
type Database struct{ URL string }

// Major is the server's major version.
func (d Database) Major(ctx context.Context) (int, error) {
	var number int // 150020 is 15.20
	err := d.row(ctx, "SELECT current_setting('server_version_num')::int", &number)
	return number / 10000, err
}

// Role is the role of the URL.
func (d Database) Role(ctx context.Context) (doctor.Role, error) {
	var r doctor.Role
	err := d.row(ctx, "SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user",
		&r.Name, &r.Superuser, &r.BypassRLS)
	return r, err
}

// Now is the database's clock.
func (d Database) Now(ctx context.Context) (time.Time, error) {
	var now time.Time
	err := d.row(ctx, "SELECT clock_timestamp()", &now)
	return now, err
}

func (d Database) row(ctx context.Context, sql string, into ...any) error {
	conn, err := pgx.Connect(ctx, d.URL)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return conn.QueryRow(ctx, sql).Scan(into...)
}
