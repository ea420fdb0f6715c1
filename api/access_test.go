package api_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ramal/acd"
	"ramal/api"
	"ramal/call"
	"ramal/directory"
)

// everyRoute lists each route with a request that is in order, and who is let through.
func everyRoute(interaction string) []struct{ method, path, body, who string } {
	const state = `{"state":"available"}`
	const bruno = "/api/agents/0192a000-0000-7000-8000-000000000001/state"
	return []struct{ method, path, body, who string }{
		{"GET", "/api/me", "", "agent supervisor administrator auditor"},
		{"GET", "/api/break-reasons", "", "agent supervisor administrator"},
		{"POST", "/api/agents/me/state", state, "agent supervisor"},
		{"POST", bruno, state, "supervisor administrator"},
		{"GET", "/api/live", "", "agent supervisor administrator auditor"},
		{"GET", "/api/live/stream", "", "agent supervisor administrator auditor"},
		{"GET", "/api/interactions", "", "agent supervisor administrator auditor"},
		{"GET", "/api/interactions/" + interaction, "", "agent supervisor administrator auditor"},
		{"GET", "/api/recordings/" + interaction, "", "supervisor administrator"},
		{"GET", "/metrics", "", ""}, // behind a proxy; from the machine itself: see below
		{"POST", "/api/session", `{"email":"x@example.com","password":"x"}`, "public"},
		{"GET", "/", "", "public"},
		{"GET", "/static/index.html", "", "public"},
		{"GET", "/healthz", "", "public"},
		{"GET", "/readyz", "", "public"},
		{"DELETE", "/api/session", "", "agent supervisor administrator auditor"}, // last: it signs out
	}
}

func TestEachRouteLetsThroughExactlyItsRoles(t *testing.T) {
	s := serve(t)
	id := s.storeCall(t, s.demo.Org, "")
	scope, err := directory.NewScope(s.demo.Org, directory.System)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := passwordHash()
	if err != nil {
		t.Fatal(err)
	}
	auditor := newUser("auditor@demo.ramal.local", directory.RoleAuditor, hash)
	if _, err := s.db.AddUser(t.Context(), scope, auditor); err != nil {
		t.Fatal(err)
	}
	visitors := map[string]*browser{"nobody": s.browser(t), "agent": s.as(t, "ana"), "supervisor": s.as(t, "supervisor"),
		"administrator": s.as(t, "admin"), "auditor": s.as(t, "auditor")}
	for _, r := range everyRoute(string(id)) {
		for role, b := range visitors {
			a := b.do(r.method, r.path, r.body, "X-Forwarded-For", "203.0.113.5")
			refused := a.status == 401 || a.status == 403
			if r.path == "/api/session" && r.method == "POST" {
				refused = a.status != 401 && a.status != 429 // nobody has this address; asked often, it is locked
			}
			allowed := r.who == "public" || slices.Contains(strings.Fields(r.who), role)
			if refused == allowed {
				t.Errorf("%s %s as %s: %d, want it allowed: %v", r.method, r.path, role, a.status, allowed)
			}
			if role == "nobody" && !allowed && a.status != 401 {
				t.Errorf("%s %s without a session: %d, want 401", r.method, r.path, a.status)
			}
			if a.status == 403 && (a.prob.Code != "forbidden" || !strings.Contains(a.prob.Title, "permissão")) {
				t.Errorf("%s %s as %s: the answer does not say what is missing: %s", r.method, r.path, role, a.body)
			}
		}
	}
}

func TestWhatIsNotARouteIsNotFound(t *testing.T) {
	s := serve(t)
	b := s.as(t, "admin")
	for _, path := range []string{"/api/none", "/api/", "/etc/passwd", "/static/../api.go", "/static/none",
		"/debug/pprof/"} {
		if a := b.get(path); a.status != 404 || a.prob.Code != "not_found" {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	if a := b.do("PUT", "/api/me", "{}"); a.status != 404 {
		t.Errorf("PUT /api/me: %d", a.status)
	}
}

func TestMetricsAreForThisMachine(t *testing.T) {
	s := serve(t)
	a := s.browser(t).get("/metrics")
	if a.status != 200 || !strings.Contains(a.body, "ramal_live_streams 0") {
		t.Errorf("metrics from this machine: %d %.200s", a.status, a.body)
	}
	for _, h := range []string{"X-Forwarded-For", "Forwarded", "X-Real-IP"} {
		if a := s.browser(t).do("GET", "/metrics", "", h, "203.0.113.5"); a.status != 401 {
			t.Errorf("metrics through a proxy (%s): %d", h, a.status)
		}
	}
}

func TestARequestFromAnotherPageIsRefused(t *testing.T) {
	s := serve(t)
	b := s.as(t, "ana")
	for _, headers := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}} {
		a := b.do("POST", "/api/agents/me/state", `{"state":"available"}`, headers...)
		if a.status != 403 || a.prob.Code != "forbidden" || len(s.centre.asked) != 0 {
			t.Errorf("%v: %d %s", headers, a.status, a.body)
		}
	}
}

func TestEveryAnswerTellsTheBrowserToTrustNothingButUs(t *testing.T) {
	s := serve(t)
	for _, path := range []string{"/", "/static/index.html", "/api/me", "/none", "/healthz"} {
		h := s.browser(t).get(path).header
		csp := h.Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "default-src 'none';") || strings.Contains(csp, "unsafe") || strings.Contains(csp, "*") {
			t.Errorf("%s: Content-Security-Policy %q", path, csp)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" ||
			!strings.Contains(csp, "frame-ancestors 'none'") {
			t.Errorf("%s: headers %v", path, h)
		}
	}
}

func TestARequestThatIsNotAsDescribedChangesNothing(t *testing.T) {
	s := serve(t)
	b := s.as(t, "ana")
	for name, r := range map[string]struct {
		method, path, body string
		status             int
	}{
		"unknown state":      {"POST", "/api/agents/me/state", `{"state":"busy"}`, 400},
		"unknown field":      {"POST", "/api/agents/me/state", `{"state":"available","x":1}`, 400},
		"no body":            {"POST", "/api/agents/me/state", ``, 400},
		"no JSON":            {"POST", "/api/agents/me/state", `{`, 400},
		"break without":      {"POST", "/api/agents/me/state", `{"state":"on_break"}`, 400},
		"break not in list":  {"POST", "/api/agents/me/state", `{"state":"on_break","reason":"Férias"}`, 400},
		"too large":          {"POST", "/api/agents/me/state", `{"state":"` + strings.Repeat("x", 2<<20) + `"}`, 413},
		"limit out of range": {"GET", "/api/interactions?limit=1000", "", 400},
		"no uuid":            {"GET", "/api/interactions/1%27%20OR%201=1", "", 400},
		"password too long": {"POST", "/api/session",
			`{"email":"a","password":"` + strings.Repeat("s3cr3t", 100) + `"}`, 400},
	} {
		t.Run(name, func(t *testing.T) {
			a := b.do(r.method, r.path, r.body)
			if a.status != r.status || a.prob.Title == "" || a.prob.Status != r.status {
				t.Errorf("%d %s, want %d", a.status, a.body, r.status)
			}
			if strings.Contains(a.body, "s3cr3t") {
				t.Error("the answer repeats the password")
			}
		})
	}
	if len(s.centre.asked) != 0 {
		t.Errorf("the centre was asked: %+v", s.centre.asked)
	}
}

func TestAnAgentSetsTheOwnStateAndASupervisorAnothers(t *testing.T) {
	s := serve(t)
	ana, sofia := s.demo.Users["ana@demo.ramal.local"], s.demo.Users["supervisor@demo.ramal.local"]
	if a := s.as(t, "ana").do("POST", "/api/agents/me/state", `{"state":"on_break","reason":"Lanche"}`); a.status != 204 {
		t.Fatalf("own state: %d %s", a.status, a.body)
	}
	if a := s.as(t, "supervisor").do("POST", "/api/agents/"+string(ana)+"/state", `{"state":"offline"}`); a.status != 204 {
		t.Fatalf("state of another: %d %s", a.status, a.body)
	}
	want := []asked{{s.demo.Org, call.AgentID(ana), acd.OnBreak, "Lanche", ana},
		{s.demo.Org, call.AgentID(ana), acd.Offline, "", sofia}}
	if d := cmp.Diff(want, s.centre.asked); d != "" {
		t.Errorf("asked of the centre (-want +got):\n%s", d)
	}
}

func TestTheCentresRefusalsAreTold(t *testing.T) {
	s := serve(t)
	b := s.as(t, "ana")
	for _, c := range []struct {
		err    error
		status int
		say    string
	}{
		{call.Errorf(call.Conflict, "agent is busy"), 409, "O estado atual não permite isto"},
		{call.Errorf(call.NotFound, "agent"), 409, "Sua conta não tem ramal"},
		{call.Errorf(call.Unavailable, "overloaded"), 503, "O sistema não responde agora"},
		{os.ErrDeadlineExceeded, 500, "Algo falhou do nosso lado"},
	} {
		s.centre.err = c.err
		a := b.do("POST", "/api/agents/me/state", `{"state":"available"}`)
		if a.status != c.status || !strings.HasPrefix(a.prob.Title, c.say) {
			t.Errorf("%v: %d %s", c.err, a.status, a.body)
		}
		if c.status != 500 {
			continue
		}
		// The person is told a code that finds the cause in the log, and not the cause.
		if a.prob.Reference == nil || !strings.Contains(a.prob.Title, *a.prob.Reference) ||
			!strings.Contains(s.log.String(), *a.prob.Reference) || strings.Contains(a.body, c.err.Error()) {
			t.Errorf("our own fault: %s\nlog: %s", a.body, s.log)
		}
	}
}

func TestCallersAreMaskedWithoutThePermission(t *testing.T) {
	s := serve(t)
	id := s.storeCall(t, s.demo.Org, "")
	waiting := call.Summary{Interaction: id, Phase: call.PhaseWaiting, Queue: s.demo.Queues["Vendas"]}
	s.centre.view = api.LiveView{Seq: 1, Calls: []api.LiveCall{{Summary: waiting,
		From: call.Party{Number: "5548999990001", Name: "Rogério"}}}}
	for _, c := range []struct{ who, want string }{{"ana", "•••••••••0001"}, {"supervisor", "5548999990001"}} {
		b := s.as(t, c.who)
		detail := decode[api.InteractionDetail](t, b.get("/api/interactions/"+string(id)))
		list := decode[[]api.Interaction](t, b.get("/api/interactions"))
		live := decode[api.LiveSnapshot](t, b.get("/api/live"))
		if len(list) != 1 || len(live.Calls) != 1 {
			t.Fatalf("%s sees %d interactions and %d calls", c.who, len(list), len(live.Calls))
		}
		for where, got := range map[string]string{"detail": detail.Interaction.Caller, "list": list[0].Caller,
			"live": live.Calls[0].Caller} {
			if got != c.want {
				t.Errorf("%s sees %q in the %s, want %q", c.who, got, where, c.want)
			}
		}
		if name := detail.Interaction.CallerName; (name != nil) != (c.who == "supervisor") {
			t.Errorf("%s sees the caller's name: %v", c.who, name != nil)
		}
		if live.Calls[0].QueueName == nil || *live.Calls[0].QueueName != "Vendas" {
			t.Errorf("queue of the live call: %v", live.Calls[0].QueueName)
		}
		if len(detail.Timeline) != 6 || detail.Timeline[4].AgentName == nil || *detail.Timeline[4].AgentName != "Ana" {
			t.Errorf("timeline: %+v", detail.Timeline)
		}
	}
}

func TestAnAgentSeesTheOwnInteractionsOnly(t *testing.T) {
	s := serve(t)
	id := s.storeCall(t, s.demo.Org, "")
	b := s.as(t, "bruno")
	if list := decode[[]api.Interaction](t, b.get("/api/interactions")); len(list) != 0 {
		t.Errorf("Bruno sees %d interactions of Ana's", len(list))
	}
	if a := b.get("/api/interactions/" + string(id)); a.status != 404 {
		t.Errorf("Ana's interaction for Bruno: %d", a.status)
	}
}

func TestAnotherOrganisationsRecordsDoNotExist(t *testing.T) {
	s := serve(t)
	other, err := s.db.AddOrg(t.Context(), "test", directory.Org{Slug: "other", Name: "Other", Zone: "UTC"})
	if err != nil {
		t.Fatal(err)
	}
	id := s.storeCall(t, other, "a.wav")
	b := s.as(t, "admin")
	for _, path := range []string{"/api/interactions/", "/api/recordings/"} {
		if a := b.get(path + string(id)); a.status != 404 {
			t.Errorf("%s of another organisation: %d %s", path, a.status, a.body)
		}
	}
	if list := decode[[]api.Interaction](t, b.get("/api/interactions")); len(list) != 0 {
		t.Errorf("%d interactions of another organisation", len(list))
	}
}

func TestHearingARecordingIsAudited(t *testing.T) {
	s := serve(t)
	if err := os.MkdirAll(filepath.Join(s.media, "2026"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.media, "2026", "a.wav"), []byte("RIFFsound"), 0o644); err != nil {
		t.Fatal(err)
	}
	id, lost := s.storeCall(t, s.demo.Org, "2026/a.wav"), s.storeCall(t, s.demo.Org, "2026/none.wav")
	none, outside := s.storeCall(t, s.demo.Org, ""), s.storeCall(t, s.demo.Org, "../../etc/passwd")
	scope, err := directory.NewScope(s.demo.Org, directory.System)
	if err != nil {
		t.Fatal(err)
	}
	entries := func() int64 {
		n, err := s.db.VerifyAudit(t.Context(), scope)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	b := s.as(t, "supervisor")
	before := entries()
	a := b.get("/api/recordings/" + string(id))
	if a.status != http.StatusOK || a.body != "RIFFsound" || a.header.Get("Content-Type") != "audio/wav" {
		t.Fatalf("recording: %d %q %v", a.status, a.body, a.header)
	}
	if n := entries() - before; n != 1 {
		t.Errorf("hearing wrote %d audit entries", n)
	}
	if a := b.do("GET", "/api/recordings/"+string(id), "", "Range", "bytes=4-"); a.status != 206 || a.body != "sound" {
		t.Errorf("range: %d %q", a.status, a.body)
	}
	for name, id := range map[string]call.ID{"lost": lost, "none": none, "outside": outside} {
		if a := b.get("/api/recordings/" + string(id)); a.status != 404 || a.prob.Title == "" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if a := s.as(t, "ana").get("/api/recordings/" + string(id)); a.status != 403 {
		t.Errorf("an agent without the permission: %d", a.status)
	}
}

func TestReadinessNamesWhatFailsAndNotWhy(t *testing.T) {
	fail := call.Errorf(call.Unavailable, "dial tcp 10.0.0.7: refused")
	s := serve(t, func(c *api.Config) {
		c.Ready = []api.Probe{{Name: "database", Check: c.Accounts.(interface {
			Ping(ctxT) error
		}).Ping}, {Name: "switch", Check: func(ctxT) error { return fail }}}
	})
	a := s.browser(t).get("/readyz")
	var got struct {
		Status string
		Checks map[string]string
	}
	if err := json.Unmarshal([]byte(a.body), &got); err != nil {
		t.Fatal(err)
	}
	if a.status != 503 || got.Checks["database"] != "ok" || got.Checks["switch"] != "failed" ||
		strings.Contains(a.body, "10.0") {
		t.Errorf("readiness: %d %s", a.status, a.body)
	}
	if a := s.browser(t).get("/healthz"); a.status != 200 {
		t.Errorf("health: %d", a.status)
	}
}
