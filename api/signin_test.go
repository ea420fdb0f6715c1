package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"ramal/api"
	"ramal/directory"
)

func TestSigningInOpensASessionInAGuardedCookie(t *testing.T) {
	s := serve(t)
	b := s.browser(t)
	a := b.signIn(" Ana@Demo.Ramal.Local ", password)
	me := decode[api.Me](t, a)
	if me.User.Name != "Ana" || me.Organisation.Name != "Ramal Demonstração" || len(me.Numbers) != 1 ||
		me.Numbers[0] != "554830000000" || len(me.Permissions) == 0 {
		t.Errorf("me: %+v", me)
	}
	cookie := a.header.Get("Set-Cookie")
	for _, want := range []string{"ramal_session=", "; HttpOnly", "; SameSite=Lax", "; Path=/"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("cookie lacks %q", want)
		}
	}
	if again := decode[api.Me](t, b.get("/api/me")); again.User != me.User {
		t.Errorf("the session belongs to %+v", again.User)
	}
	if a := b.do("DELETE", "/api/session", ""); a.status != http.StatusNoContent {
		t.Fatalf("sign-out: %d %s", a.status, a.body)
	}
	// Also with the old cookie the session is over.
	if a := s.browser(t).do("GET", "/api/me", "", "Cookie", strings.Split(cookie, ";")[0]); a.status != 401 {
		t.Errorf("after sign-out: %d", a.status)
	}
	scope, err := directory.NewScope(s.demo.Org, directory.System)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.db.VerifyAudit(t.Context(), scope); err != nil {
		t.Error(err)
	}
}

func TestTheCookieIsSecureWhenBrowsersComeByHTTPS(t *testing.T) {
	s := serve(t, func(c *api.Config) { c.TLS = true })
	a := s.browser(t).signIn("ana@demo.ramal.local", password)
	c := a.header.Get("Set-Cookie")
	if !strings.HasPrefix(c, "__Host-ramal_session=") || !strings.Contains(c, "; Secure") {
		t.Errorf("cookie is not bound to https: %d", len(c))
	}
	if a.header.Get("Strict-Transport-Security") == "" {
		t.Error("no Strict-Transport-Security")
	}
}

func TestUnknownAddressAndWrongPasswordGetTheSameAnswer(t *testing.T) {
	s := serve(t)
	b := s.browser(t)
	wrong := b.signIn("ana@demo.ramal.local", "Senha-errada-1")
	for _, email := range []string{"nobody@demo.ramal.local", "no address at all"} {
		if a := b.signIn(email, password); a.status != wrong.status || a.body != wrong.body {
			t.Errorf("%q: %d %s, but wrong password: %d %s", email, a.status, a.body, wrong.status, wrong.body)
		}
	}
	if wrong.status != 401 || wrong.prob.Title != "E-mail ou senha não conferem. Confira e tente de novo." {
		t.Errorf("answer: %d %s", wrong.status, wrong.body)
	}
	b.lang = "en-GB,en;q=0.9"
	if a := b.signIn("ana@demo.ramal.local", "x"); !strings.HasPrefix(a.prob.Title, "E-mail and password do not match") {
		t.Errorf("in English: %q", a.prob.Title)
	}
}

func TestFiveWrongPasswordsLockTheAccountUntilATimeThatIsTold(t *testing.T) {
	s := serve(t)
	b := s.browser(t)
	for i := 1; i < directory.MaxFailures; i++ {
		if a := b.signIn("ana@demo.ramal.local", "wrong"); a.status != 401 {
			t.Fatalf("failure %d: %d %s", i, a.status, a.body)
		}
	}
	for _, try := range []string{"wrong", password} {
		a := b.signIn("ana@demo.ramal.local", try)
		if a.status != 429 || a.prob.Code != "locked" || !strings.Contains(a.prob.Title, "bloqueada até 12:15") ||
			a.prob.Until == nil || !a.prob.Until.Equal(s.clock.now().Add(15*time.Minute)) {
			t.Errorf("answer to a locked account: %d %s", a.status, a.body)
		}
	}
	s.clock.add(15*time.Minute + time.Second)
	if a := b.signIn("ana@demo.ramal.local", password); a.status != 200 {
		t.Errorf("after the lock: %d %s", a.status, a.body)
	}
}

func TestASessionEndsAfterEightIdleHours(t *testing.T) {
	s := serve(t)
	b := s.as(t, "ana")
	s.clock.add(7 * time.Hour)
	if a := b.get("/api/me"); a.status != 200 {
		t.Fatalf("after seven hours: %d", a.status)
	}
	s.clock.add(7*time.Hour + 59*time.Minute)
	if a := b.get("/api/me"); a.status != 200 {
		t.Fatalf("eight hours after the last request but one: %d", a.status)
	}
	s.clock.add(8*time.Hour + time.Minute)
	a := b.get("/api/me")
	if a.status != 401 || a.prob.Code != "unauthenticated" {
		t.Errorf("after eight idle hours: %d %s", a.status, a.body)
	}
}

func TestAUserWhoIsInactivatedIsOutAtOnce(t *testing.T) {
	s := serve(t)
	b := s.as(t, "ana")
	scope, err := directory.NewScope(s.demo.Org, directory.System)
	if err != nil {
		t.Fatal(err)
	}
	ana := s.demo.Users["ana@demo.ramal.local"]
	if err := s.db.SetUserStatus(t.Context(), scope, ana, directory.Inactive); err != nil {
		t.Fatal(err)
	}
	if a := b.get("/api/me"); a.status != 401 {
		t.Errorf("session of an inactive user: %d", a.status)
	}
	if a := b.signIn("ana@demo.ramal.local", password); a.status != 401 {
		t.Errorf("sign-in of an inactive user: %d", a.status)
	}
}
