package esl

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ramal/call"
	"ramal/esl/wire"
)

const (
	legA = call.LegID("11111111-1111-4111-8111-111111111111")
	legB = call.LegID("22222222-2222-4222-8222-222222222222")
	core = "cc1f557c-09a9-477a-89a4-c17b1cd4f2d3"
)

const fakeStatus = "UP 0 years\nFreeSWITCH (Version 1.11.3-dev  64bit) is ready\n" +
	"0 session(s) per Sec out of max %d, peak 8, last 5min 8 \n5000 session(s) max\n"

// fakeSwitch is a switch at the other end of pipes. Its behaviour is changed by the fields; lock mu for it.
type fakeSwitch struct {
	mu        sync.Mutex
	password  string
	perSecond int
	refuse    error                            // dialling fails
	greeting  string                           // instead of auth/request
	mute      bool                             // commands are read and not answered
	answer    func(line string) (reply string) // output of an api command; "" for the usual one
	heard     []string                         // lines of the commands, pings and listings left out
	dialled   []time.Time                      // when the link dialled
	conns     []*fakeConn
	listener  *fakeConn // the connection that subscribed last
}

type fakeConn struct {
	net.Conn
	write sync.Mutex
}

func (c *fakeConn) send(data []byte) error {
	c.write.Lock()
	defer c.write.Unlock()
	_, err := c.Conn.Write(data)
	return err
}

func (f *fakeSwitch) dial(context.Context, string, string) (net.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dialled = append(f.dialled, time.Now())
	if f.refuse != nil {
		return nil, f.refuse
	}
	client, server := net.Pipe()
	conn := &fakeConn{Conn: server}
	f.conns = append(f.conns, conn)
	go f.serve(conn)
	return client, nil
}

func (f *fakeSwitch) serve(conn *fakeConn) {
	defer conn.Close()
	f.mu.Lock()
	greeting := f.greeting
	f.mu.Unlock()
	if greeting == "" {
		greeting = string(wire.AppendAuthRequest(nil))
	}
	if conn.send([]byte(greeting)) != nil {
		return
	}
	commands := wire.NewCommandReader(conn, wire.Limits{})
	for {
		command, err := commands.Next()
		if err != nil {
			return
		}
		reply := f.reply(conn, command)
		if reply != nil && conn.send(reply) != nil {
			return
		}
	}
}

func (f *fakeSwitch) reply(conn *fakeConn, command wire.Command) []byte {
	verb, rest, _ := strings.Cut(command.Line, " ")
	f.mu.Lock()
	usual := verb == "auth" || verb == "event" || rest == "status" || strings.HasPrefix(rest, "show") ||
		strings.HasPrefix(rest, "global_getvar")
	if !usual {
		line := command.Line
		if verb == "sendmsg" {
			line += " " + command.Get("execute-app-name") + " " + command.Get("execute-app-arg")
		}
		f.heard = append(f.heard, strings.TrimSpace(line))
	}
	mute, answer := f.mute, f.answer
	f.mu.Unlock()
	if mute && verb != "auth" {
		return nil
	}
	switch verb {
	case "auth":
		if rest != f.password {
			return wire.AppendReply(nil, "-ERR invalid")
		}
		return wire.AppendReply(nil, "+OK accepted")
	case "event":
		f.mu.Lock()
		f.listener = conn
		f.mu.Unlock()
		return wire.AppendReply(nil, "+OK event listener enabled plain")
	case "bgapi":
		job := command.Get("Job-UUID")
		return wire.AppendReply(nil, "+OK Job-UUID: "+job, wire.Header{Name: "Job-UUID", Value: job})
	case "sendmsg":
		return wire.AppendReply(nil, "+OK")
	}
	if answer != nil {
		if text := answer(rest); text != "" {
			return wire.AppendAPIResponse(nil, text)
		}
	}
	switch {
	case rest == "status":
		return wire.AppendAPIResponse(nil, fmt.Sprintf(fakeStatus, f.perSecond))
	case strings.HasPrefix(rest, "global_getvar"):
		return wire.AppendAPIResponse(nil, core)
	case strings.HasPrefix(rest, "show channels"):
		return wire.AppendAPIResponse(nil, `{"row_count": 0}`+"\n")
	case strings.HasPrefix(rest, "uuid_exists"):
		return wire.AppendAPIResponse(nil, "false")
	}
	return wire.AppendAPIResponse(nil, "+OK\n")
}

// says sends an event on the connection that listens.
func (f *fakeSwitch) says(name string, leg call.LegID, headers ...string) {
	f.mu.Lock()
	listener := f.listener
	f.mu.Unlock()
	// A failure means that the link is closing it: the test sees that at the sink.
	_ = listener.send(fakeEvent(name, leg, "", headers...))
}

func (f *fakeSwitch) jobDone(leg call.LegID, output string) {
	f.mu.Lock()
	listener := f.listener
	f.mu.Unlock()
	_ = listener.send(fakeEvent("BACKGROUND_JOB", "", output, "Job-UUID", string(leg), "Job-Command", "originate"))
}

var fakeSequence = 1000 // events are made by one test at a time

func fakeEvent(name string, leg call.LegID, body string, headers ...string) []byte {
	fakeSequence++
	all := []wire.Header{{Name: "Event-Name", Value: name}, {Name: "Core-UUID", Value: core},
		{Name: "Event-Date-Timestamp", Value: fmt.Sprint(time.Now().UnixMicro())},
		{Name: "Event-Sequence", Value: fmt.Sprint(fakeSequence)}}
	if leg != "" {
		all = append(all, wire.Header{Name: "Unique-ID", Value: string(leg)})
	}
	for pair := range slices.Chunk(headers, 2) {
		all = append(all, wire.Header{Name: pair[0], Value: pair[1]})
	}
	return wire.AppendEventPlain(nil, all, []byte(body))
}

func (f *fakeSwitch) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// commands returns what was heard so far.
func (f *fakeSwitch) commands() []string {
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.heard)
}

// drop closes every connection, as a switch that dies.
func (f *fakeSwitch) drop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.conns {
		c.Close()
	}
	f.conns = nil
}

// rig is a link to a fake switch inside a synctest bubble.
type rig struct {
	t     *testing.T
	fake  *fakeSwitch
	link  *Link
	end   context.CancelFunc
	ended chan error

	mu     sync.Mutex
	events []call.Event
	sink   func(call.Event) // called after the event was kept
}

func testVocabulary() Vocabulary {
	return Vocabulary{Domain: "ramal", Media: "/var/media", Recordings: "/var/recordings"}
}

// newRig starts a link; change adjusts it before that.
func newRig(t *testing.T, change func(*rig, *Config)) *rig {
	t.Helper()
	r := &rig{t: t, fake: &fakeSwitch{password: "secret", perSecond: 1000}, ended: make(chan error, 1)}
	config := Config{Address: "switch:8021", Password: "secret", Vocabulary: testVocabulary(), PokeEvery: -1,
		Dial: r.fake.dial, Logger: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(r, &config)
	}
	link, err := New(config, r.take)
	if err != nil {
		t.Fatal(err)
	}
	r.link = link
	ctx, cancel := context.WithCancel(t.Context())
	r.end = cancel
	go func() { r.ended <- link.Run(ctx) }()
	return r
}

func (r *rig) take(event call.Event) {
	r.mu.Lock()
	r.events = append(r.events, event)
	sink := r.sink
	r.mu.Unlock()
	if sink != nil {
		sink(event)
	}
}

// told returns the events so far as text, without the time, and forgets them.
func (r *rig) told() []string {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	var lines []string
	for _, event := range r.events {
		lines = append(lines, tell(event))
	}
	r.events = nil
	return lines
}

// up waits for the link to come up and forgets that.
func (r *rig) up() {
	r.t.Helper()
	if got := r.told(); len(got) != 1 || !strings.HasPrefix(got[0], "LinkUp") {
		r.t.Fatalf("the link did not come up: %q", got)
	}
}

// stop ends the link and fails the test when it does not end soon.
func (r *rig) stop() {
	r.t.Helper()
	r.end()
	select {
	case err := <-r.ended:
		if err != nil {
			r.t.Errorf("the link ended with %v", err)
		}
	case <-time.After(3 * time.Second):
		r.t.Error("the link does not end")
	}
	r.fake.drop()
}

// pass lets time pass on the bubble's clock.
func pass(d time.Duration) { <-time.After(d) }

// dials returns when the link dialled.
func (f *fakeSwitch) dials() []time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.dialled)
}

var errNobody = errors.New("connection refused")
