package doctor

import (
	"context"
	"time"
)

// MinPostgres is the oldest major version of PostgreSQL that Ramal works with.
const MinPostgres = 15

// Role is what matters of a database role.
type Role struct {
	Name      string
	Superuser bool
	BypassRLS bool
}

// Database is what the checks ask of PostgreSQL, as the application role.
type Database interface {
	Major(ctx context.Context) (int,
		error) // major version; the first question, so it also says whether it is reachable
	Role(ctx context.Context) (Role, error)     // the role that the program runs as
	Now(ctx context.Context) (time.Time, error) // the database's clock (clock_timestamp)
}

var subjectDatabase = Text{"banco de dados", "database"}

// CheckDatabase looks at reachability, version, role and migrations. pending says whether the schema lacks migrations
// of this program; nil leaves that out.
func CheckDatabase(db Database, pending func(ctx context.Context) (bool, error)) Check {
	return func(ctx context.Context) []Result {
		major, err := db.Major(ctx)
		if err != nil {
			return []Result{fail(subjectDatabase,
				both("não responde: %v", "does not answer: %v", err),
				Text{"confira se o PostgreSQL está no ar e se DATABASE_URL está certo; sem ele, `ramal serve` inicia o seu",
					"see that PostgreSQL is up and that DATABASE_URL is right; without it `ramal serve` starts its own"})}
		}
		results := []Result{version(major), role(ctx, db)}
		if pending != nil {
			results = append(results, migrations(ctx, pending))
		}
		return results
	}
}

func version(major int) Result {
	if major < MinPostgres {
		return fail(subjectDatabase,
			both("PostgreSQL %d é antigo demais", "PostgreSQL %d is too old", major),
			both("atualize para a versão %d ou mais nova", "upgrade to version %d or newer", MinPostgres))
	}
	return good(subjectDatabase, both("PostgreSQL %d responde", "PostgreSQL %d answers", major))
}

func role(ctx context.Context, db Database) Result {
	r, err := db.Role(ctx)
	switch {
	case err != nil:
		return fail(subjectDatabase, both("não diz com que papel o Ramal entra: %v",
			"does not say as which role Ramal signs in: %v",
			err), Text{"confira as permissões do papel", "check the role's permissions"})
	case r.Superuser || r.BypassRLS:
		return fail(subjectDatabase,
			both("o papel %s passa por cima da separação entre organizações (superusuário ou BYPASSRLS)",
				"role %s passes the wall between organisations (superuser or BYPASSRLS)", r.Name),
			both("use outro papel: ALTER ROLE %s NOSUPERUSER NOBYPASSRLS",
				"use another role: ALTER ROLE %s NOSUPERUSER NOBYPASSRLS",
				r.Name))
	}
	return good(subjectDatabase, both("o papel %s respeita a separação entre organizações",
		"role %s keeps to the wall between organisations", r.Name))
}

func migrations(ctx context.Context, pending func(ctx context.Context) (bool, error)) Result {
	missing, err := pending(ctx)
	switch {
	case err != nil:
		return fail(subjectDatabase, both("não foi possível ver as migrações: %v", "could not look at the migrations: %v",
			err),
			Text{"rode `ramal migrate` e veja o erro", "run `ramal migrate` and see its error"})
	case missing:
		return fail(subjectDatabase, Text{"o esquema está atrás deste programa", "the schema is behind this program"},
			Text{"rode `ramal migrate` (faça antes um backup)", "run `ramal migrate` (make a backup first)"})
	}
	return good(subjectDatabase, Text{"o esquema está em dia", "the schema is up to date"})
}

// Limits of a clock's difference from the database's. Deadlines of leases are compared across machines.
const (
	clockWarn = 500 * time.Millisecond
	clockFail = 5 * time.Second
)

var subjectClock = Text{"relógio", "clock"}

// Clock reads this machine's two clocks at once: the wall clock, which may be set, and the monotonic one, which only
// goes on.
type Clock interface {
	Read() (wall time.Time, monotonic time.Duration)
}

// CheckClock compares this machine's wall clock with the database's, and with its own monotonic clock meanwhile.
func CheckClock(db Database, clock Clock) Check {
	return func(ctx context.Context) []Result {
		wall, began := clock.Read()
		theirs, err := db.Now(ctx)
		after, ended := clock.Read()
		if err != nil {
			return []Result{warn(subjectClock,
				both("sem comparação com o banco de dados: %v", "not compared with the database's: %v", err),
				Text{"resolva primeiro o banco de dados", "mend the database first"})}
		}
		elapsed := ended - began
		if step := after.Round(0).Sub(wall.Round(0)) - elapsed; step.Abs() > clockWarn {
			return []Result{fail(subjectClock, both("saltou %v durante o exame", "jumped by %v during the check", step),
				Text{"dois programas ajustam a hora, ou a máquina virtual parou: deixe só um (chrony ou systemd-timesyncd)",
					"two programs set the time, or the virtual machine paused: keep only one (chrony or systemd-timesyncd)"})}
		}
		return []Result{skew(theirs.Sub(wall.Round(0).Add(elapsed/2)), elapsed/2)}
	}
}

// skew judges a difference that is known to within an uncertainty.
func skew(diff, uncertainty time.Duration) Result {
	certain := max(diff.Abs()-uncertainty, 0)
	what := both("difere %v do relógio do banco de dados (±%v)", "differs by %v from the database's (±%v)",
		diff.Round(time.Millisecond), uncertainty.Round(time.Millisecond))
	do := Text{"ligue a sincronização (timedatectl set-ntp true) nas duas máquinas",
		"turn on synchronisation (timedatectl set-ntp true) on both machines"}
	switch {
	case certain > clockFail:
		return fail(subjectClock, what, do)
	case certain > clockWarn:
		return warn(subjectClock, what, do)
	}
	return good(subjectClock, what)
}
