package api_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"ramal/acd"
	"ramal/api"
	"ramal/call"
	"ramal/directory"
	"ramal/internal/pgcluster"
	"ramal/ivr"
	"ramal/store"
)

const password = "Senha-de-teste-1"

var passwordHash = sync.OnceValues(func() (string, error) { return api.HashPassword(password) })

// server is the interface over a real database, with a centre that the test plays.
type server struct {
	*httptest.Server
	db     *store.DB
	demo   store.DemoResult
	centre *centre
	clock  *clock
	log    *logBuffer
	media  string
	stop   context.CancelFunc
}

type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func serve(t *testing.T, change ...func(*api.Config)) *server {
	t.Helper()
	hash, err := passwordHash()
	if err != nil {
		t.Fatal(err)
	}
	_, appURL := pgcluster.ForTestWith(t, migrations(t), func(ctx context.Context, ownerURL string) error {
		return store.Migrate(ctx, ownerURL, pgcluster.AppRole)
	})
	db, err := store.Open(t.Context(), appURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	d := store.Demo{Hashes: map[directory.Email]string{}, HA1: map[string]directory.HA1{}}
	for _, a := range store.DemoAccounts() {
		d.Hashes[a.Email], d.HA1[a.SIP] = hash, directory.NewHA1(a.SIP, "ramal", "x")
	}
	d.Render = func(_ context.Context, p ivr.Prompt) (ivr.Prompt, error) {
		p.File = "prompts/x.wav"
		return p, nil
	}
	demo, err := db.SeedDemo(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{db: db, demo: demo, centre: newCentre(), log: &logBuffer{}, media: t.TempDir(),
		clock: &clock{t: time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC)}}
	root, err := os.OpenRoot(s.media)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	base, stop := context.WithCancel(t.Context())
	s.stop = stop
	t.Cleanup(stop)
	cfg := api.Config{Accounts: db, Records: db, Settings: db, Centre: s.centre, Recordings: root.FS(),
		Metrics: prometheus.NewRegistry(), Log: slog.New(slog.NewTextHandler(s.log, nil)), Base: base, Now: s.clock.now,
		Zone: time.FixedZone("BRT", -3*3600)}
	for _, f := range change {
		f(&cfg)
	}
	h, err := api.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.Server = httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func migrations(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob("../store/migrations/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("migrations: %v, %v", files, err)
	}
	h := sha256.New()
	for _, f := range append(files, "../store/migrate.go") {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		h.Write(text)
	}
	return fmt.Sprintf("api %x", h.Sum(nil))
}

// browser is one person's browser.
type browser struct {
	t      *testing.T
	server *server
	http   *http.Client
	lang   string
}

func (s *server) browser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, server: s, http: &http.Client{Jar: jar, Timeout: 20 * time.Second}, lang: "pt-BR"}
}

// as is the browser of a signed-in account of the demonstration.
func (s *server) as(t *testing.T, name string) *browser {
	t.Helper()
	b := s.browser(t)
	if a := b.signIn(name+"@demo.ramal.local", password); a.status != http.StatusOK {
		t.Fatalf("sign-in of %s: %d %s", name, a.status, a.body)
	}
	return b
}

type answer struct {
	status int
	header http.Header
	body   string
	prob   api.Problem // when the answer is a problem
}

func (b *browser) do(method, path, body string, headers ...string) answer {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.server.URL+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Accept-Language", b.lang)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := b.http.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	a := answer{status: res.StatusCode, header: res.Header, body: string(text)}
	if res.Header.Get("Content-Type") == "application/problem+json" {
		if err := json.Unmarshal(text, &a.prob); err != nil {
			b.t.Fatal(err)
		}
	}
	return a
}

func (b *browser) get(path string) answer { b.t.Helper(); return b.do("GET", path, "") }

func (b *browser) signIn(email, password string) answer {
	b.t.Helper()
	body, err := json.Marshal(api.SignIn{Email: email, Password: password})
	if err != nil {
		b.t.Fatal(err)
	}
	return b.do("POST", "/api/session", string(body))
}

func decode[T any](t *testing.T, a answer) T {
	t.Helper()
	var v T
	if a.status != http.StatusOK {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// centre is a running centre that the test plays.
type centre struct {
	mu    sync.Mutex
	view  api.LiveView
	subs  map[chan api.Update]chan struct{} // a subscriber, and what is closed when it cancels
	ready chan struct{}                     // gets a value for each subscription
	gone  chan struct{}                     // gets a value for each cancellation
	asked []asked
	err   error
}

type asked struct {
	Org    call.OrgID
	Agent  call.AgentID
	Want   acd.State
	Reason string
	By     directory.UserID
}

func newCentre() *centre {
	return &centre{subs: map[chan api.Update]chan struct{}{}, ready: make(chan struct{}, 100),
		gone: make(chan struct{}, 100)}
}

func (c *centre) Live(call.OrgID) (api.LiveView, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.view, nil
}

func (c *centre) Subscribe(call.OrgID) (<-chan api.Update, func(), error) {
	ch := make(chan api.Update, 256)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.subs[ch] = nil
	c.ready <- struct{}{}
	return ch, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.subs, ch)
		c.gone <- struct{}{}
	}, nil
}

func (c *centre) SetAgentState(_ context.Context, org call.OrgID, agent call.AgentID, want acd.State, reason string,
	by directory.UserID) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, asked{org, agent, want, reason, by})
	return c.err
}

// send hands an update to every subscriber and says whether each took it.
func (c *centre) send(u api.Update) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.view.Seq = u.Seq
	for ch := range c.subs {
		select {
		case ch <- u:
		default:
			return false
		}
	}
	return true
}

// protocols counts the protocol numbers that the tests gave out.
var protocols atomic.Int64

// storeCall writes an answered call of Ana's into an organisation.
func (s *server) storeCall(t *testing.T, org call.OrgID, recording string) call.ID {
	t.Helper()
	u, err := uuid.NewV7()
	if err != nil {
		t.Fatal(err)
	}
	id, now := call.ID(u.String()), s.clock.now()
	ana := call.AgentID(s.demo.Users["ana@demo.ramal.local"])
	b := store.Batch{Parties: []store.Party{{Org: org, Interaction: id,
		Protocol: directory.FormatProtocol("20261122", int(protocols.Add(1))), Node: "local",
		From: call.Party{Number: "5548999990001", Name: "Rogério"}, To: "554830000000", StartedAt: now}}}
	var sum call.Summary
	for i, f := range []call.Fact{
		{Kind: call.Received}, {Kind: call.AnsweredBySystem},
		{Kind: call.FlowOption, Node: "menu", Digit: "1", Label: "Vendas"},
		{Kind: call.QueueEntered, Queue: s.demo.Queues["Vendas"]}, {Kind: call.TalkStarted, Agent: ana},
		{Kind: call.RecordingBegan, Path: recording},
		{Kind: call.Ended, By: call.ByCaller, Cause: call.NormalClearing, Outcome: call.OutcomeAnswered},
	} {
		if f.Kind == call.RecordingBegan && recording == "" {
			continue
		}
		f.Interaction, f.Seq, f.Version, f.At = id, i+1, call.FactVersion, now.Add(time.Duration(i)*time.Second)
		sum.Apply(f)
		b.Facts = append(b.Facts, store.InteractionFact{Org: org, Fact: f})
	}
	b.Summaries = []store.Summary{{Org: org, Summary: sum}}
	if err := s.db.Append(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	return id
}

type ctxT = context.Context

func newUser(email directory.Email, role directory.Role, hash string) store.NewUser {
	return store.NewUser{Email: email, Name: string(role), Role: role, Hash: hash}
}
