package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"ramal/carrier"
	"ramal/media"
	"ramal/store"
)

// Levels and frequencies of the scenarios: neither tone is in the hold music's scale.
const (
	callerTone = 620.0
	agentTone  = 1130.0
	toneLevel  = -12.0
	likeness   = 0.8 // correlation from which a sound counts as recognised
	clarity    = 20  // dB of a tone over the rest from which it counts as heard
)

// patience bounds what should take at most a second or two, on a machine that others load.
const patience = 20 * time.Second

// stage is a site as a scenario acts on it: phones, the API, the switch's Event Socket, plain SQL.
type stage struct {
	*testing.T
	site   *Site
	ctx    context.Context
	office *web // signed in as administrator
}

// enter makes a stage of a site. The scenario may take as long as limit.
func enter(t *testing.T, site *Site, limit time.Duration) *stage {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	s := &stage{T: t, site: site, ctx: ctx}
	s.office = s.signIn("admin")
	s.tellIfFailed()
	return s
}

// must ends the scenario for an error.
func (s *stage) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// until asks ok again and again; what is not so after the limit ends the scenario.
func (s *stage) until(what string, limit time.Duration, ok func() bool) {
	s.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			s.Fatalf("not within %v: %s", limit, what)
		case <-s.ctx.Done():
			s.Fatalf("%s: %v", what, s.ctx.Err())
		}
	}
}

// web is a signed-in user of the API.
type web struct {
	s    *stage
	http *http.Client
}

// signIn signs a user of the demonstration in, by the first part of the address.
func (s *stage) signIn(who string) *web {
	s.Helper()
	email := who + "@demo.ramal.local"
	password, err := s.site.WebPassword(email)
	s.must(err)
	jar, err := cookiejar.New(nil)
	s.must(err)
	w := &web{s, &http.Client{Jar: jar, Timeout: 30 * time.Second}}
	s.must(w.do(http.MethodPost, "/api/session", map[string]string{"email": email, "password": password}, nil))
	return w
}

// raw asks for a path and gives status and body.
func (w *web) raw(method, path string, body any) (int, []byte, error) {
	var data []byte
	if body != nil {
		var err error
		if data, err = json.Marshal(body); err != nil {
			return 0, nil, err
		}
	}
	req, err := http.NewRequestWithContext(w.s.ctx, method, w.s.site.HTTP+path, bytes.NewReader(data))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := w.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	data, err = io.ReadAll(res.Body)
	return res.StatusCode, data, err
}

func (w *web) do(method, path string, body, into any) error {
	status, data, err := w.raw(method, path, body)
	if err != nil {
		return err
	}
	if status >= 300 {
		return fmt.Errorf("%s %s: %d %s", method, path, status, data)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(data, into)
}

// state asks for the agent's own state: available or offline.
func (w *web) state(want string) {
	w.s.Helper()
	w.s.must(w.do(http.MethodPost, "/api/agents/me/state", map[string]string{"state": want}, nil))
}

// agentState is an agent in the live view.
type agentState struct{ ID, Extension, State, Phone, Interaction string }

func (s *stage) agents() map[string]agentState {
	s.Helper()
	var view struct{ Agents []agentState }
	s.must(s.office.do(http.MethodGet, "/api/live", nil, &view))
	all := map[string]agentState{}
	for _, a := range view.Agents {
		all[a.Extension] = a
	}
	return all
}

// figure reads one of the core's figures at /metrics.
func (s *stage) figure(name string) string {
	s.Helper()
	_, text, err := s.office.raw(http.MethodGet, "/metrics", nil)
	s.must(err)
	for _, line := range strings.Split(string(text), "\n") {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return value
		}
	}
	s.Fatalf("/metrics has no %s", name)
	return ""
}

// mailOf is the first part of the address of a demonstration agent.
func mailOf(extension string) string {
	for _, a := range store.DemoAccounts() {
		if a.SIP == extension {
			name, _, _ := strings.Cut(string(a.Email), "@")
			return name
		}
	}
	return ""
}

// phone makes a telephone of the carrier package that is closed with the scenario.
func (s *stage) phone(cfg carrier.Config) *carrier.Phone {
	s.Helper()
	p, err := carrier.NewPhone(cfg)
	s.must(err)
	s.Cleanup(func() {
		if err := p.Close(); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			s.Errorf("close the phone of %s: %v", cfg.User, err)
		}
	})
	return p
}

// agentPhone is the registered telephone of a demonstration agent.
func (s *stage) agentPhone(extension string, b carrier.Behaviour) *carrier.Phone {
	s.Helper()
	password, err := s.site.SIPPassword(extension)
	s.must(err)
	p := s.phone(carrier.Config{User: extension, Password: password, Domain: SiteDomain, Proxy: s.site.Internal.String(),
		Behaviour: b})
	_, err = p.Register(s.ctx, 10*time.Minute)
	s.must(err)
	return p
}

// answers is the behaviour of an agent's phone that answers after a while and then sends the agents' tone.
func answers(after time.Duration) carrier.Behaviour {
	return carrier.AnswerWith(after, func() media.Source { return media.Sine(agentTone, toneLevel) })
}

// dial calls the demonstration's number from a telephone of its own, with the callers' tone.
func (s *stage) dial(number string) *carrier.Call {
	s.Helper()
	p := s.phone(carrier.Config{User: number})
	c, err := p.CallAddr(s.ctx, string(store.DemoNumber), s.site.External.String(),
		carrier.CallOptions{Audio: media.Sine(callerTone, toneLevel)})
	s.must(err)
	return c
}

// press waits for the answer and presses a key.
func (s *stage) press(c *carrier.Call, digit string) {
	s.Helper()
	s.must(c.WaitAnswer(s.ctx))
	_, err := c.SendDigits(s.ctx, digit, 100*time.Millisecond)
	s.must(err)
}

// rung is the next call that comes to an agent's phone.
func (s *stage) rung(p *carrier.Phone) *carrier.Call {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.ctx, patience)
	defer cancel()
	c, err := p.NextCall(ctx)
	s.must(err)
	return c
}

// sql runs plain SQL as the application of the demonstration's organisation and gives the rows' values as text.
func (s *stage) sql(query string, args ...any) [][]string {
	s.Helper()
	conn, err := pgx.Connect(s.ctx, s.site.AppURL)
	s.must(err)
	defer conn.Close(context.WithoutCancel(s.ctx))
	var out [][]string
	s.must(pgx.BeginFunc(s.ctx, conn, func(tx pgx.Tx) error {
		var org string
		if _, err := tx.Exec(s.ctx, "SET LOCAL ramal.platform = 'core'"); err != nil {
			return err
		}
		if err := tx.QueryRow(s.ctx, "SELECT id::text FROM org WHERE slug = 'demo'").Scan(&org); err != nil {
			return err
		}
		if _, err := tx.Exec(s.ctx, "SET LOCAL ramal.org = '"+org+"'"); err != nil {
			return err
		}
		rows, err := tx.Query(s.ctx, query, args...)
		if err != nil {
			return err
		}
		out, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) ([]string, error) {
			line := make([]string, len(r.FieldDescriptions()))
			to := make([]any, len(line))
			for i := range line {
				to[i] = &line[i]
			}
			return line, r.Scan(to...)
		})
		return err
	}))
	return out
}

// fact is one row of the log of an interaction.
type fact struct {
	at   time.Time
	kind string
	data map[string]any
}

func (f fact) String() string { return clock(f.at) + " " + f.kind }

func (f fact) get(name string) string { text, _ := f.data[name].(string); return text }

// interaction is the identity of the newest interaction of a caller's number, "" when there is none yet.
func (s *stage) interaction(number string) string {
	s.Helper()
	rows := s.sql(`SELECT interaction_id::text FROM interaction_party WHERE number = $1 ORDER BY 1 DESC LIMIT 1`, number)
	if len(rows) == 0 {
		return ""
	}
	return rows[0][0]
}

// facts reads the log of the newest interaction of a caller's number.
func (s *stage) facts(number string) []fact {
	s.Helper()
	var all []fact
	for _, row := range s.sql(`SELECT (extract(epoch FROM at) * 1000000)::bigint::text, kind, data::text
		FROM interaction_event
		WHERE interaction_id = nullif($1, '')::uuid ORDER BY seq`, s.interaction(number)) {
		f := fact{kind: row[1]}
		var micros int64
		_, err := fmt.Sscan(row[0], &micros)
		s.must(err)
		f.at = time.UnixMicro(micros)
		s.must(json.Unmarshal([]byte(row[2]), &f.data))
		all = append(all, f)
	}
	return all
}

// logged waits until the log of a caller's interaction has n facts of a kind and gives them.
func (s *stage) logged(number, kind string, n int) []fact {
	s.Helper()
	var found []fact
	s.until(fmt.Sprintf("%d × %s in the log of %s", n, kind, number), patience, func() bool {
		found = nil
		for _, f := range s.facts(number) {
			if f.kind == kind {
				found = append(found, f)
			}
		}
		return len(found) >= n
	})
	return found
}
