package store_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"ramal/internal/pgcluster"
	"ramal/store"
)

func column(t *testing.T, conn *pgx.Conn, sql string, args ...any) []string {
	t.Helper()
	r, err := conn.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	out, err := pgx.CollectRows(r, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestMigrationsRunFromAnEmptyDatabaseAndAgain(t *testing.T) {
	owner, app := pgcluster.ForTest(t)
	for range 2 {
		if err := store.Migrate(t.Context(), owner, pgcluster.AppRole); err != nil {
			t.Fatal(err)
		}
	}
	if pending, err := store.Pending(t.Context(), owner); err != nil || pending {
		t.Fatalf("pending after migration: %v, %v", pending, err)
	}
	db, err := store.Open(t.Context(), app)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Orgs(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestSeveralProcessesMayMigrateAtOnce(t *testing.T) {
	owner, _ := pgcluster.ForTest(t)
	done := make(chan error)
	for range 3 {
		go func() { done <- store.Migrate(t.Context(), owner, pgcluster.AppRole) }()
	}
	for range 3 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestTheOwnerIsRefusedAsApplicationRole(t *testing.T) {
	owner, _ := pgcluster.ForTest(t)
	if err := store.Migrate(t.Context(), owner, pgcluster.AppRole); err != nil {
		t.Fatal(err)
	}
	if db, err := store.Open(t.Context(), owner); err == nil {
		db.Close()
		t.Fatal("the owner of the tables was accepted")
	}
}

func TestEveryTableOfAnOrganisationForcesRowSecurity(t *testing.T) {
	_, owner := open(t)
	const withOrg = `SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND (c.relname = 'org' OR EXISTS (
			SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'org_id'))`
	all := column(t, owner, withOrg)
	if len(all) < 19 {
		t.Fatalf("only %d tables of organisations found: %v", len(all), all)
	}
	forced := column(t, owner, withOrg+` AND c.relrowsecurity AND c.relforcerowsecurity AND EXISTS (
		SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND pg_get_expr(p.polqual, p.polrelid) LIKE '%ramal_org()%')`)
	slices.Sort(all)
	slices.Sort(forced)
	if !slices.Equal(all, forced) {
		t.Errorf("tables of organisations: %v\nwith forced row security: %v", all, forced)
	}
}

func TestEveryIndexOfAnOrganisationsTableBeginsWithIt(t *testing.T) {
	_, owner := open(t)
	// What must be one on the whole platform: the address of sign-in, SIP users, telephone numbers.
	allowed := []string{"app_user_email", "extension_sip", "phone_number_number"}
	got := column(t, owner, `SELECT i.relname::text FROM pg_index x
		JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[0]
		WHERE EXISTS (SELECT FROM pg_attribute o WHERE o.attrelid = x.indrelid AND o.attname = 'org_id')
		  AND a.attname <> 'org_id' ORDER BY 1`)
	if !slices.Equal(got, allowed) {
		t.Errorf("indexes that do not begin with org_id: %v, want %v", got, allowed)
	}
}

// asApp opens a transaction of the application role with the given settings.
func asApp(t *testing.T, url string, settings ...string) pgx.Tx {
	t.Helper()
	tx, err := connect(t, url).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range settings {
		if _, err := tx.Exec(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	return tx
}

func seeded(t *testing.T) (mine, other string, appURL string) {
	t.Helper()
	owner, app := pgcluster.ForTest(t)
	if err := store.Migrate(t.Context(), owner, pgcluster.AppRole); err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), app)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	r, err := db.SeedDemo(t.Context(), demo())
	if err != nil {
		t.Fatal(err)
	}
	otherOrg, _ := addOrg(t, db, "other")
	b := oneCall(t, r)
	if err := db.Append(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ReserveProtocols(t.Context(), r.Org, "20261122", 1); err != nil {
		t.Fatal(err)
	}
	return string(r.Org), string(otherOrg), app
}

var filled = []string{"app_user", "user_password", "audit_log", "break_reason", "queue", "user_queue", "extension",
	"ivr_flow", "ivr_flow_version", "phone_number", "interaction", "interaction_party", "interaction_event",
	"agent_event", "recording", "protocol_counter"}

func TestRowsAreSeenInTheirOwnOrganisationAndNowhereElse(t *testing.T) {
	mine, other, url := seeded(t)
	count := func(tx pgx.Tx, table string) (n int) {
		t.Helper()
		if err := tx.QueryRow(t.Context(), `SELECT count(*) FROM `+table+` WHERE $1 IN (org_id::text, '')`, mine).
			Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	inMine := asApp(t, url, `SET LOCAL ramal.org = '`+mine+`'`)
	inOther := asApp(t, url, `SET LOCAL ramal.org = '`+other+`'`)
	inNone := asApp(t, url)
	for _, table := range filled {
		if n := count(inMine, table); n == 0 {
			t.Errorf("%s: nothing is seen in its own organisation", table)
		}
		if n := count(inOther, table); n != 0 {
			t.Errorf("%s: %d rows are seen from another organisation", table, n)
		}
		if n := count(inNone, table); n != 0 {
			t.Errorf("%s: %d rows are seen without a scope", table, n)
		}
	}
	var orgs int
	if err := inNone.QueryRow(t.Context(), `SELECT count(*) FROM org`).Scan(&orgs); err != nil || orgs != 0 {
		t.Errorf("organisations seen without a scope: %d, %v", orgs, err)
	}
}

func TestARowCannotBeWrittenIntoAnotherOrganisation(t *testing.T) {
	mine, other, url := seeded(t)
	for name, settings := range map[string][]string{
		"from another organisation": {`SET LOCAL ramal.org = '` + other + `'`},
		"without a scope":           nil,
		"as sign-in":                {`SET LOCAL ramal.platform = 'sign-in'`},
	} {
		t.Run(name, func(t *testing.T) {
			tx := asApp(t, url, settings...)
			_, err := tx.Exec(t.Context(), `INSERT INTO queue (org_id, id, name) VALUES ($1, gen_random_uuid(), 'x')`, mine)
			wantState(t, err, "42501") // new row violates row-level security policy
		})
	}
	t.Run("a change finds no row", func(t *testing.T) {
		tx := asApp(t, url, `SET LOCAL ramal.org = '`+other+`'`)
		tag, err := tx.Exec(t.Context(), `UPDATE queue SET name = 'x' WHERE org_id = $1`, mine)
		if err != nil || tag.RowsAffected() != 0 {
			t.Fatalf("%d rows changed, %v", tag.RowsAffected(), err)
		}
	})
}

func TestSignInSeesUsersAndPasswordsAndNothingElse(t *testing.T) {
	_, _, url := seeded(t)
	tx := asApp(t, url, `SET LOCAL ramal.platform = 'sign-in'`)
	for _, table := range filled {
		var n int
		if err := tx.QueryRow(t.Context(), `SELECT count(*) FROM `+table).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if mayRead := table == "app_user" || table == "user_password"; (n > 0) != mayRead {
			t.Errorf("%s: sign-in sees %d rows", table, n)
		}
	}
	if tag, err := tx.Exec(t.Context(), `UPDATE app_user SET status = 'inactive'`); err != nil || tag.RowsAffected() != 0 {
		t.Errorf("sign-in changed %d users, %v", tag.RowsAffected(), err)
	}
}

func TestTheApplicationCannotChangeOrDeleteWhatIsAppendOnly(t *testing.T) {
	mine, _, url := seeded(t)
	for _, table := range []string{"interaction_event", "agent_event", "audit_log", "login_attempt", "platform_audit"} {
		for _, sql := range []string{`DELETE FROM ` + table, `UPDATE ` + table + ` SET at = now()`, `TRUNCATE ` + table} {
			tx := asApp(t, url, `SET LOCAL ramal.org = '`+mine+`'`)
			_, err := tx.Exec(t.Context(), sql)
			wantState(t, err, "42501") // permission denied
		}
	}
}

func TestThePublishedVersionOfAFlowCannotChange(t *testing.T) {
	mine, _, url := seeded(t)
	for _, sql := range []string{`UPDATE ivr_flow_version SET document = '{}'`, `DELETE FROM ivr_flow_version`} {
		tx := asApp(t, url, `SET LOCAL ramal.org = '`+mine+`'`)
		_, err := tx.Exec(t.Context(), sql)
		wantState(t, err, "23001")
	}
}

func wantState(t *testing.T, err error, state string) {
	t.Helper()
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Code != state {
		t.Errorf("error is %v, want SQLSTATE %s", err, state)
	}
}
