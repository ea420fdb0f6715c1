package softswitch

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"ramal/carrier"
	"ramal/esl/wire"
	"ramal/media"
)

const (
	testPassword = "ClueCon"
	patience     = 15 * time.Second // how long a test waits for what has to come
)

// rig is a running switch with one client of its Event Socket.
type rig struct {
	t     *testing.T
	sw    *Switch
	media string
	esl   *testClient
}

// parkingDialplan is the dialplan of the recordings: 9664 plays music, everything else parks.
func parkingDialplan(context, destination string) ([]App, bool) {
	switch {
	case context == "public" && destination == "9664":
		return []App{{"answer", ""}, {"playback", "local_stream://moh"}}, true
	case context == "public" || context == "agents":
		return []App{{"park", ""}}, true
	}
	return nil, false
}

func startSwitch(t *testing.T, change func(*Config)) *rig {
	t.Helper()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "system"), 0o750); err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		ESLAddr: "127.0.0.1:0", ESLPassword: testPassword, InternalAddr: "127.0.0.1:0", ExternalAddr: "127.0.0.1:0",
		MediaDir: dir, SIPDomain: "ramal", Dialplan: parkingDialplan, RTPPortMin: 20000, RTPPortMax: 60000,
		Logger: slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelInfo})),
	}
	if change != nil {
		change(&cfg)
	}
	sw, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- sw.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(patience):
			t.Error("Run did not end")
		}
	})
	r := &rig{t: t, sw: sw, media: cfg.MediaDir}
	r.esl = r.client()
	r.esl.ask("event plain CHANNEL_CREATE CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA CHANNEL_ANSWER CHANNEL_PARK " +
		"CHANNEL_UNPARK " +
		"CHANNEL_BRIDGE CHANNEL_UNBRIDGE CHANNEL_HANGUP CHANNEL_HANGUP_COMPLETE CHANNEL_DESTROY CHANNEL_EXECUTE " +
		"CHANNEL_EXECUTE_COMPLETE CHANNEL_HOLD CHANNEL_UNHOLD CHANNEL_CALLSTATE CALL_UPDATE DTMF " +
		"PLAYBACK_START PLAYBACK_STOP " +
		"RECORD_START RECORD_STOP BACKGROUND_JOB MEDIA_BUG_START MEDIA_BUG_STOP HEARTBEAT CUSTOM sofia::register " +
		"sofia::unregister sofia::expire sofia::register_failure")
	return r
}

// testWriter shows the switch's log where a test fails.
type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	defer func() { _ = recover() }() // a late line of a test that is over
	w.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

// heardEvent is one event as a client got it.
type heardEvent struct {
	name    string
	headers map[string]string
	body    string
}

func (e heardEvent) get(name string) string { return e.headers[name] }

// testClient is a client of the Event Socket that is independent of package esl.
type testClient struct {
	t       *testing.T
	conn    net.Conn
	replies chan wire.Frame

	mu     sync.Mutex
	events []heardEvent
	news   chan struct{}
}

func (r *rig) client() *testClient {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.sw.ESLAddr())
	if err != nil {
		r.t.Fatal(err)
	}
	c := &testClient{t: r.t, conn: conn, replies: make(chan wire.Frame, 64), news: make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.read()
	}()
	r.t.Cleanup(func() {
		conn.Close()
		<-done
	})
	if got := c.frame(); got.ContentType != wire.TypeAuthRequest {
		r.t.Fatalf("greeting %q", got.ContentType)
	}
	if got := c.ask("auth " + testPassword); got != "+OK accepted" {
		r.t.Fatalf("auth: %q", got)
	}
	return c
}

func (c *testClient) read() {
	defer close(c.replies)
	in := wire.NewFrameReader(c.conn, wire.Limits{})
	for {
		f, err := in.Next()
		if err != nil {
			return
		}
		if f.ContentType != wire.TypeEventPlain {
			f.Headers, f.Body = append([]byte{}, f.Headers...), append([]byte{}, f.Body...)
			c.replies <- f
			continue
		}
		e := heardEvent{headers: map[string]string{}}
		scan := wire.ScanHeaders(f.Body)
		for scan.Next() {
			if name := string(scan.Name()); e.headers[name] == "" {
				e.headers[name] = wire.DecodeValue(scan.Value())
			}
		}
		e.body, e.name = string(scan.Body()), e.headers["Event-Name"]
		c.mu.Lock()
		c.events = append(c.events, e)
		close(c.news)
		c.news = make(chan struct{})
		c.mu.Unlock()
	}
}

func (c *testClient) frame() wire.Frame {
	c.t.Helper()
	select {
	case f, ok := <-c.replies:
		if !ok {
			c.t.Fatal("the switch closed the connection")
		}
		return f
	case <-time.After(patience):
		c.t.Fatal("no reply")
	}
	return wire.Frame{}
}

// ask sends a command and gives the Reply-Text or the api response.
func (c *testClient) ask(format string, args ...any) string {
	c.t.Helper()
	c.write(fmt.Sprintf(format, args...) + "\n\n")
	f := c.frame()
	if f.ContentType == wire.TypeAPIResponse {
		return string(f.Body)
	}
	return f.ReplyText
}

func (c *testClient) write(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, text); err != nil {
		c.t.Fatal(err)
	}
}

func (c *testClient) exec(leg, app, arg string) {
	c.t.Helper()
	text := "sendmsg " + leg + "\ncall-command: execute\nexecute-app-name: " + app
	if arg != "" {
		text += "\nexecute-app-arg: " + arg
	}
	if got := c.ask("%s", text); got != "+OK" {
		c.t.Fatalf("sendmsg %s: %q", app, got)
	}
}

// wait returns the first event, from index from on, that matches; and the index behind it.
func (c *testClient) waitFrom(from int, what string, match func(heardEvent) bool) (heardEvent, int) {
	c.t.Helper()
	deadline := time.After(patience)
	for {
		c.mu.Lock()
		events, news := c.events, c.news
		c.mu.Unlock()
		for i := from; i < len(events); i++ {
			if match(events[i]) {
				return events[i], i + 1
			}
		}
		select {
		case <-news:
		case <-deadline:
			c.t.Fatalf("no event: %s; had %s", what, c.summary())
		}
	}
}

func (c *testClient) wait(leg, name string) heardEvent {
	c.t.Helper()
	e, _ := c.waitFrom(0, name+" of "+leg, func(e heardEvent) bool {
		return e.name == name && (leg == "" || e.get("Unique-ID") == leg)
	})
	return e
}

func (c *testClient) waitHeader(leg, name, header, value string) heardEvent {
	c.t.Helper()
	e, _ := c.waitFrom(0, name+" with "+header+"="+value, func(e heardEvent) bool {
		return e.name == name && (leg == "" || e.get("Unique-ID") == leg) && e.get(header) == value
	})
	return e
}

func (c *testClient) summary() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b strings.Builder
	for _, e := range c.events {
		fmt.Fprintf(&b, "\n  %.8s %s %s %s", e.get("Unique-ID"), e.name, e.get("Application"), e.get("Hangup-Cause"))
	}
	return b.String()
}

// of lists a leg's events as words, in order.
func (c *testClient) of(leg string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var names []string
	for _, e := range c.events {
		if e.get("Unique-ID") != leg {
			continue
		}
		word := strings.TrimPrefix(e.name, "CHANNEL_")
		switch e.name {
		case "CHANNEL_CALLSTATE":
			word += " " + e.get("Channel-Call-State")
		case "CHANNEL_EXECUTE", "CHANNEL_EXECUTE_COMPLETE":
			word += " " + e.get("Application")
		case "CHANNEL_HANGUP":
			word += " " + e.get("Hangup-Cause")
		}
		names = append(names, word)
	}
	return names
}

// job runs a bgapi command and waits for its result.
func (c *testClient) job(format string, args ...any) string {
	c.t.Helper()
	id := c.start(format, args...)
	return c.result(id)
}

func (c *testClient) start(format string, args ...any) string {
	c.t.Helper()
	id := uuid.NewString()
	if got := c.ask("bgapi "+format+"\nJob-UUID: "+id, args...); got != "+OK Job-UUID: "+id {
		c.t.Fatalf("bgapi: %q", got)
	}
	return id
}

func (c *testClient) result(id string) string {
	c.t.Helper()
	e, _ := c.waitFrom(0, "BACKGROUND_JOB "+id, func(e heardEvent) bool {
		return e.name == "BACKGROUND_JOB" && e.get("Job-UUID") == id
	})
	return e.body
}

func (r *rig) phone(cfg carrier.Config) *carrier.Phone {
	r.t.Helper()
	p, err := carrier.NewPhone(cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { p.Close() })
	return p
}

func (r *rig) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	r.t.Cleanup(cancel)
	return ctx
}

// callIn lets a phone call the external profile and gives the call and its parked leg.
func (r *rig) callIn(o carrier.CallOptions) (*carrier.Call, string) {
	r.t.Helper()
	p := r.phone(carrier.Config{User: "5548999990001", DisplayName: "Maria Silva"})
	r.esl.mu.Lock()
	from := len(r.esl.events)
	r.esl.mu.Unlock()
	call, err := p.CallAddr(r.ctx(), "554830000000", r.sw.ExternalAddr(), o)
	if err != nil {
		r.t.Fatal(err)
	}
	e, _ := r.esl.waitFrom(from, "CHANNEL_PARK", func(e heardEvent) bool { return e.name == "CHANNEL_PARK" })
	return call, e.get("Unique-ID")
}

func (r *rig) answered(call *carrier.Call, leg string) {
	r.t.Helper()
	r.esl.exec(leg, "answer", "")
	if err := call.WaitAnswer(r.ctx()); err != nil {
		r.t.Fatal(err)
	}
	r.esl.wait(leg, "CHANNEL_ANSWER")
}

// mustHear demands that a call hears a tone of freq from now on for half a second, 20 dB over the rest.
func (r *rig) mustHear(call *carrier.Call, freq float64) {
	r.t.Helper()
	from := time.Now()
	deadline := from.Add(patience)
	for {
		sound, err := call.WaitSound(r.ctx(), from, 500*time.Millisecond)
		if err != nil {
			r.t.Fatalf("hear %v Hz: %v", freq, err)
		}
		got := media.ToneOverRest(sound.Samples, media.SampleRate, freq)
		if got >= 20 {
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("heard %v Hz only %.1f dB over the rest", freq, got)
		}
		from = time.Now()
	}
}

func goertzelSource(freq float64) media.Source { return media.Sine(freq, -10) }
