package load

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"ramal/call"
	"ramal/carrier"
	"ramal/directory"
	"ramal/internal/conformance"
	"ramal/ivr"
	"ramal/store"
)

// centre is a site whose demonstration number leads straight into one queue, with agents of the benchmark.
type centre struct {
	*conformance.Site
	ctx     context.Context
	org     call.OrgID
	office  *http.Client // signed in as administrator
	control *socket
	agents  []agent
}

type agent struct {
	id        directory.UserID
	extension string
	phone     *carrier.Phone
}

const sipPassword = "measured-agents-phone"

// prepare stops the core, sets the flow and the agents, starts it again and signs in.
func prepare(b *testing.B, site *conformance.Site, agents int) *centre {
	b.Helper()
	c := &centre{Site: site, ctx: b.Context()}
	site.StopCore(b)
	c.settings(b, agents)
	site.StartCore(b)
	jar, err := cookiejar.New(nil)
	must(b, err)
	c.office = &http.Client{Jar: jar, Timeout: 30 * time.Second}
	word, err := site.WebPassword("admin@demo.ramal.local")
	must(b, err)
	c.post(b, "/api/session", map[string]string{"email": "admin@demo.ramal.local", "password": word})
	password, err := site.ESLPassword()
	must(b, err)
	c.control = dialESL(b, site.ESL, password)
	return c
}

func (c *centre) settings(b *testing.B, agents int) {
	b.Helper()
	db, err := store.Open(c.ctx, c.AppURL)
	must(b, err)
	defer db.Close()
	c.org, err = db.OrgBySlug(c.ctx, store.DemoSlug)
	must(b, err)
	scope, err := directory.NewScope(c.org, directory.System)
	must(b, err)
	queues, err := db.Queues(c.ctx, c.org)
	must(b, err)
	queue := queues[0]
	if queue.WrapUp != 0 {
		b.Fatalf("queue %s has a wrap-up of %v", queue.Name, queue.WrapUp)
	}
	flow, err := db.AddFlow(c.ctx, scope, "Load")
	must(b, err)
	_, err = db.PublishFlow(c.ctx, scope, flow, ivr.Flow{Schema: ivr.SchemaVersion, Name: "Load", Start: "queue",
		Nodes: map[string]ivr.Node{"queue": {Type: ivr.ToQueue, Label: "Queue", Queue: queue.ID}}})
	must(b, err)
	must(b, db.SetNumber(c.ctx, scope, ivr.Number{Number: store.DemoNumber, Label: "Load", Flow: flow}))
	for i := range agents {
		extension := strconv.Itoa(2001 + i)
		id, err := db.AddUser(c.ctx, scope, store.NewUser{Email: directory.Email("load" + extension + "@demo.ramal.local"),
			Name: "Load " + extension, Role: directory.RoleAgent, SIP: extension,
			HA1: directory.NewHA1(extension, conformance.SiteDomain, sipPassword), Queues: []call.QueueID{queue.ID}})
		must(b, err)
		c.agents = append(c.agents, agent{id: id, extension: extension})
	}
}

// register gives every agent a telephone that answers at once.
func (c *centre) register(b *testing.B) {
	b.Helper()
	for i := range c.agents {
		a := &c.agents[i]
		phone, err := carrier.NewPhone(carrier.Config{User: a.extension, Password: sipPassword,
			Domain: conformance.SiteDomain, Proxy: c.Internal.String(), Behaviour: carrier.Answer(0)})
		must(b, err)
		b.Cleanup(func() {
			if err := phone.Close(); err != nil {
				b.Errorf("close the phone of %s: %v", a.extension, err)
			}
		})
		_, err = phone.Register(c.ctx, 10*time.Minute)
		must(b, err)
		a.phone = phone
	}
}

func (c *centre) state(b *testing.B, a agent, state string) {
	b.Helper()
	c.post(b, "/api/agents/"+string(a.id)+"/state", map[string]string{"state": state})
}

func (c *centre) post(b *testing.B, path string, body any) {
	b.Helper()
	data, err := json.Marshal(body)
	must(b, err)
	res, err := c.office.Post(c.HTTP+path, "application/json", bytes.NewReader(data))
	must(b, err)
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	must(b, err)
	if res.StatusCode >= 300 {
		b.Fatalf("POST %s: %d %s", path, res.StatusCode, answer)
	}
}

// metric is one of the core's figures.
func (c *centre) metric(b *testing.B, name string) float64 {
	b.Helper()
	res, err := c.office.Get(c.HTTP + "/metrics")
	must(b, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(b, err)
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+" "); ok {
			v, err := strconv.ParseFloat(value, 64)
			must(b, err)
			return v
		}
	}
	b.Fatalf("/metrics has no %s", name)
	return 0
}

// query reads one row of the organisation's data.
func (c *centre) query(b *testing.B, sql string, args []any, into ...any) {
	b.Helper()
	conn, err := pgx.Connect(c.ctx, c.AppURL)
	must(b, err)
	defer conn.Close(context.WithoutCancel(c.ctx))
	must(b, pgx.BeginFunc(c.ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(c.ctx, "SET LOCAL ramal.org = '"+string(c.org)+"'"); err != nil {
			return err
		}
		return tx.QueryRow(c.ctx, sql, args...).Scan(into...)
	}))
}

// resources is what a load must give back.
type resources struct{ goroutines, coreFiles, switchFiles int }

func (c *centre) resources(b *testing.B) resources {
	b.Helper()
	r := resources{goroutines: int(c.metric(b, "go_goroutines")), coreFiles: int(c.metric(b, "process_open_fds"))}
	if pid := c.switchPID(b); pid != 0 {
		var err error
		r.switchFiles, err = descriptors(pid)
		must(b, err)
	}
	return r
}

// switchPID is the softswitch's process; of a FreeSWITCH, which has caches of its own, nothing is counted.
func (c *centre) switchPID(b *testing.B) int {
	b.Helper()
	if c.FreeSWITCH != nil {
		return 0
	}
	var state struct {
		PID int `json:"pid"`
	}
	text, err := os.ReadFile(filepath.Join(c.Dir, "run", "softswitch.json"))
	must(b, err)
	must(b, json.Unmarshal(text, &state))
	return state.PID
}

// settled waits until no call is left anywhere and what the load took is back.
func (c *centre) settled(b *testing.B, before resources, patience time.Duration) {
	b.Helper()
	until(b, "calls, legs, goroutines and descriptors are back", patience, func() (bool, string) {
		legs, calls, waiting := c.control.channels(b), c.metric(b, "ramal_calls"), c.metric(b, "ramal_journal_waiting")
		now := c.resources(b)
		good := legs == 0 && calls == 0 && waiting == 0 && now.goroutines <= before.goroutines+spare &&
			now.coreFiles <= before.coreFiles+spare && now.switchFiles <= before.switchFiles+2
		return good, fmt.Sprintf("%d legs, %v calls, %v facts unwritten, %+v → %+v", legs, calls, waiting, before, now)
	})
}

// spare is what a core may have more of than before a load of hundreds of calls: connections to its database, of
// which its pool opens more when it needs them.
const spare = 12
