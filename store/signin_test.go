package store_test

import (
	"crypto/sha256"
	"testing"
	"time"

	"ramal/call"
	"ramal/directory"
	"ramal/store"
)

const anaEmail = directory.Email("ana@demo.ramal.local")

func begin(t *testing.T, db *store.DB, email directory.Email, address string, at time.Time) directory.SignInStart {
	t.Helper()
	start, err := db.BeginSignIn(t.Context(), email, address, at)
	if err != nil {
		t.Fatal(err)
	}
	return start
}

func fail(t *testing.T, db *store.DB, email directory.Email, address string, at time.Time) time.Time {
	t.Helper()
	start := begin(t, db, email, address, at)
	if !start.Locked.IsZero() {
		t.Fatalf("locked until %s before the failure", start.Locked)
	}
	until, err := db.FailSignIn(t.Context(), start, email, address, at)
	if err != nil {
		t.Fatal(err)
	}
	return until
}

func TestFiveFailuresLockAnAccountForFifteenMinutesKnownOrNot(t *testing.T) {
	db, _, _ := withDemo(t)
	for _, email := range []directory.Email{anaEmail, "nobody@example.com"} {
		var until time.Time
		for i := range directory.MaxFailures {
			if !until.IsZero() {
				t.Errorf("%s locked after %d failures", email, i)
			}
			until = fail(t, db, email, "192.0.2.1", noon.Add(time.Duration(i)*time.Second))
		}
		last := noon.Add(4 * time.Second)
		if want := last.Add(15 * time.Minute); !until.Equal(want) {
			t.Errorf("%s locked until %v, want %v", email, until, want)
		}
		if start := begin(t, db, email, "192.0.2.9", last.Add(14*time.Minute)); !start.Locked.Equal(until) || start.Found {
			t.Errorf("%s within the lock: locked until %v, found %v", email, start.Locked, start.Found)
		}
		if start := begin(t, db, email, "192.0.2.9", until.Add(time.Second)); !start.Locked.IsZero() {
			t.Errorf("%s after the lock: locked until %v", email, start.Locked)
		}
	}
}

func TestGuessesAtTheSameTimeDoNotPassTheLimit(t *testing.T) {
	db, _, _ := withDemo(t)
	results := make(chan directory.SignInStart)
	for range 20 {
		go func() {
			start, err := db.BeginSignIn(t.Context(), anaEmail, "192.0.2.1", noon)
			if err != nil {
				t.Error(err)
			}
			results <- start
		}()
	}
	passed := 0
	for range 20 {
		if start := <-results; start.Locked.IsZero() {
			passed++
		}
	}
	if passed != directory.MaxFailures {
		t.Errorf("%d guesses passed at once, want %d", passed, directory.MaxFailures)
	}
}

func TestASuccessEndsTheCountOfFailures(t *testing.T) {
	db, _, _ := withDemo(t)
	for i := range 3 * directory.MaxFailures {
		at := noon.Add(time.Duration(i) * time.Second)
		if i%4 != 3 {
			fail(t, db, anaEmail, "192.0.2.1", at)
			continue
		}
		start := begin(t, db, anaEmail, "192.0.2.1", at)
		if !start.Found || start.Creds.Hash != someHash {
			t.Fatalf("attempt %d: %+v", i, start)
		}
		openSession(t, db, start.Creds.User, newID(t), at)
	}
}

func TestAnAddressThatFailsForManyAccountsIsLocked(t *testing.T) {
	db, _, _ := withDemo(t)
	for i := range directory.MaxAddressFailures {
		fail(t, db, directory.Email(string(rune('a'+i%26))+string(rune('a'+i/26))+"@example.com"), "192.0.2.7", noon)
	}
	if start := begin(t, db, anaEmail, "192.0.2.7", noon); !start.Locked.Equal(noon.Add(15 * time.Minute)) {
		t.Errorf("address locked until %v", start.Locked)
	}
	if start := begin(t, db, anaEmail, "192.0.2.8", noon); !start.Locked.IsZero() {
		t.Error("another address is locked as well")
	}
}

func openSession(t *testing.T, db *store.DB, u directory.User, id string, at time.Time) [32]byte {
	t.Helper()
	hash := sha256.Sum256([]byte(id))
	err := db.OpenSession(t.Context(), u, hash, directory.Session{ID: id, Org: u.Org, User: u.ID, Created: at,
		Expires: at.Add(directory.IdleTimeout), UserAgent: "test", Address: "192.0.2.1"})
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

func TestASessionLivesWhileItIsUsedAndEndsWhenItsUserDoes(t *testing.T) {
	db, r, s := withDemo(t)
	u := begin(t, db, anaEmail, "192.0.2.1", noon).Creds.User
	hash := openSession(t, db, u, newID(t), noon)
	find := func(at time.Time) (directory.Identity, directory.Session, error) {
		return db.FindSession(t.Context(), r.Org, hash, at)
	}
	late := noon.Add(directory.IdleTimeout - time.Minute)
	id, ses, err := find(late)
	if err != nil {
		t.Fatal(err)
	}
	if id.User.Name != "Ana" || !id.May(directory.TakeCalls) || id.May(directory.HearRecordings) {
		t.Errorf("identity: %+v", id)
	}
	if want := late.Add(directory.IdleTimeout); !ses.Expires.Equal(want) {
		t.Errorf("expires %v, want %v", ses.Expires, want)
	}
	if _, _, err := find(late.Add(directory.IdleTimeout - time.Second)); err != nil {
		t.Errorf("a session in use ran out: %v", err)
	}
	_, _, err = find(late.Add(3 * directory.IdleTimeout))
	wantCode(t, err, call.NotFound)

	// Looking at a session from a page that stands open is no use of it.
	peeked := openSession(t, db, u, newID(t), noon)
	if _, _, err := db.PeekSession(t.Context(), r.Org, peeked, late); err != nil {
		t.Error(err)
	}
	_, _, err = db.PeekSession(t.Context(), r.Org, peeked, noon.Add(directory.IdleTimeout+time.Second))
	wantCode(t, err, call.NotFound)

	other, _ := addOrg(t, db, "other")
	_, _, err = db.FindSession(t.Context(), other, hash, noon)
	wantCode(t, err, call.NotFound)

	if err := db.SetUserStatus(t.Context(), s, u.ID, directory.Inactive); err != nil {
		t.Fatal(err)
	}
	_, _, err = find(noon.Add(time.Second))
	wantCode(t, err, call.NotFound)
	if start := begin(t, db, anaEmail, "192.0.2.1", noon.Add(time.Minute)); start.Found {
		t.Error("an inactive user is found at sign-in")
	}
}

func TestASessionIsEndedByItsOwnUserOnly(t *testing.T) {
	db, r, _ := withDemo(t)
	u := begin(t, db, anaEmail, "192.0.2.1", noon).Creds.User
	id := newID(t)
	hash := openSession(t, db, u, id, noon)
	for _, c := range []struct {
		user directory.UserID
		want call.Code
	}{{r.Users["bruno@demo.ramal.local"], ""}, {u.ID, call.NotFound}} {
		s, err := directory.NewScope(r.Org, string(c.user))
		if err != nil {
			t.Fatal(err)
		}
		if err := db.EndSession(t.Context(), s, id, noon); err != nil {
			t.Fatal(err)
		}
		_, _, err = db.FindSession(t.Context(), r.Org, hash, noon)
		wantCode(t, err, c.want)
	}
}

func TestTheAuditLogIsAChainThatShowsAnyChange(t *testing.T) {
	db, owner := open(t)
	_, s := addOrg(t, db, "one")
	done := make(chan error)
	for range 10 {
		go func() {
			done <- db.Audit(t.Context(), s, directory.AuditEntry{Action: "recording.heard", ObjectType: "interaction",
				ObjectID: "x", Detail: map[string]string{"b": "2", "a": "1"}})
		}()
	}
	for range 10 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if n, err := db.VerifyAudit(t.Context(), s); err != nil || n != 10 {
		t.Fatalf("chain of %d entries: %v", n, err)
	}
	// Not even the table's owner can change an entry unnoticed.
	tx, err := owner.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{`SET LOCAL ramal.org = '` + string(s.Org()) + `'`,
		`UPDATE audit_log SET actor = 'somebody' WHERE seq = 4`} {
		if _, err := tx.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = db.VerifyAudit(t.Context(), s)
	wantCode(t, err, call.Conflict)
}

func TestOrganisationsAreMadeUnderAudit(t *testing.T) {
	db, owner := open(t)
	org, _ := addOrg(t, db, "one")
	got := column(t, owner, `SELECT actor || ' ' || action || ' ' || object FROM platform_audit`)
	if len(got) != 1 || got[0] != "test org.added "+string(org) {
		t.Errorf("platform's audit log: %q", got)
	}
	_, err := db.AddOrg(t.Context(), "test", directory.Org{Slug: "one", Name: "One", Zone: "UTC"})
	wantCode(t, err, call.Conflict)
}

func TestNothingIsDoneWithoutAScope(t *testing.T) {
	db, _ := open(t)
	_, err := db.RecentInteractions(t.Context(), store.Scope{}, directory.InteractionFilter{})
	wantCode(t, err, call.Internal)
	_, err = db.Queues(t.Context(), "'; DROP TABLE org; --")
	wantCode(t, err, call.Invalid)
}
