package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"ramal/acd"
	"ramal/api"
	"ramal/call"
	"ramal/directory"
	"ramal/store"
)

// deadline bounds what a test waits for on a loaded machine.
const deadline = 20 * time.Second

func (b *browser) cookies() string {
	u, err := url.Parse(b.server.URL)
	if err != nil {
		b.t.Fatal(err)
	}
	var all []string
	for _, c := range b.http.Jar.Cookies(u) {
		all = append(all, c.Name+"="+c.Value)
	}
	return strings.Join(all, "; ")
}

func (b *browser) dial(header http.Header) (*websocket.Conn, *http.Response, error) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), deadline)
	defer cancel()
	if header == nil {
		header = http.Header{}
	}
	header.Set("Cookie", b.cookies())
	return websocket.Dial(ctx, b.server.URL+"/api/live/stream", &websocket.DialOptions{HTTPHeader: header})
}

func (b *browser) watch() *websocket.Conn {
	b.t.Helper()
	conn, _, err := b.dial(nil)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { conn.CloseNow() })
	return conn
}

// next reads the next frame that is not a tick.
func next(t *testing.T, conn *websocket.Conn) api.LiveFrame {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	for {
		_, data, err := conn.Read(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var f api.LiveFrame
		if err := json.Unmarshal(data, &f); err != nil {
			t.Fatal(err)
		}
		if f.Type != api.FrameTick {
			return f
		}
	}
}

func wantFrame(t *testing.T, conn *websocket.Conn, kind api.LiveFrameType, seq int64) api.LiveFrame {
	t.Helper()
	f := next(t, conn)
	if f.Type != kind || f.Seq != seq {
		t.Fatalf("frame %s %d, want %s %d", f.Type, f.Seq, kind, seq)
	}
	return f
}

func wantClose(t *testing.T, conn *websocket.Conn, code websocket.StatusCode) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	for {
		_, _, err := conn.Read(ctx)
		if err == nil {
			continue
		}
		if got := websocket.CloseStatus(err); got != code {
			t.Errorf("closed with %v (%v), want %v", got, err, code)
		}
		return
	}
}

func await(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(deadline):
		t.Fatalf("waited in vain for %s", what)
	}
}

func TestTheStreamBeginsWithASnapshotAndGoesOnWithoutAGap(t *testing.T) {
	s := serve(t)
	s.centre.view = api.LiveView{Seq: 7, Agents: []acd.AgentView{{Agent: "a", Name: "Ana", State: acd.Available}}}
	conn := s.as(t, "supervisor").watch()
	snap := wantFrame(t, conn, api.FrameSnapshot, 7)
	if len(*snap.Agents) != 1 || (*snap.Agents)[0].Name != "Ana" {
		t.Errorf("snapshot: %+v", snap)
	}
	s.centre.send(api.Update{Seq: 7}) // the snapshot holds it already
	waiting := call.Summary{Interaction: "c", Phase: call.PhaseWaiting}
	s.centre.send(api.Update{Seq: 8, Calls: []api.LiveCall{{Summary: waiting,
		From: call.Party{Number: "5548999990001"}}}})
	u := wantFrame(t, conn, api.FrameUpdate, 8)
	if len(*u.Calls) != 1 || (*u.Calls)[0].Caller != "5548999990001" {
		t.Errorf("update: %+v", u)
	}
	ended := call.Summary{Interaction: "c", Phase: call.PhaseEnded}
	s.centre.send(api.Update{Seq: 9, Calls: []api.LiveCall{{Summary: ended}}})
	if u := wantFrame(t, conn, api.FrameUpdate, 9); len(*u.Calls) != 0 || len(*u.Gone) != 1 || (*u.Gone)[0] != "c" {
		t.Errorf("a call that has ended: %+v", u)
	}
	// An update was lost on the way here: the client gets the whole again.
	s.centre.send(api.Update{Seq: 12})
	wantFrame(t, conn, api.FrameSnapshot, 12)
	s.centre.send(api.Update{Seq: 13})
	wantFrame(t, conn, api.FrameUpdate, 13)
	// Or on the way to the client, who notices by the number and asks.
	if err := conn.Write(t.Context(), websocket.MessageText, []byte(`{"type":"resync"}`)); err != nil {
		t.Fatal(err)
	}
	wantFrame(t, conn, api.FrameSnapshot, 13)
}

func TestAgentsSeeMaskedCallersInTheStream(t *testing.T) {
	s := serve(t)
	s.centre.view = api.LiveView{Seq: 1, Calls: []api.LiveCall{{Summary: call.Summary{Interaction: "c",
		Phase: call.PhaseWaiting}, From: call.Party{Number: "5548999990001", Name: "Rogério"}}}}
	snap := wantFrame(t, s.as(t, "ana").watch(), api.FrameSnapshot, 1)
	if c := (*snap.Calls)[0]; c.Caller != "•••••••••0001" || c.CallerName != nil {
		t.Errorf("an agent sees %q, %v", c.Caller, c.CallerName)
	}
}

func TestTheStreamTicksSoThatSilenceIsNoticed(t *testing.T) {
	s := serve(t, func(c *api.Config) { c.Stream.Tick = time.Millisecond })
	s.centre.view.Seq = 3
	conn := s.as(t, "ana").watch()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	for range 3 {
		_, data, err := conn.Read(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if f := string(data); !strings.Contains(f, `"seq":3`) {
			t.Errorf("frame without the last number: %s", f)
		}
	}
}

func TestTheStreamIsForOurOwnPagesAndSignedInPeople(t *testing.T) {
	s := serve(t)
	for name, c := range map[string]struct {
		b      *browser
		header http.Header
		status int
	}{
		"another page": {s.as(t, "ana"), http.Header{"Origin": {"https://evil.example"}}, 403},
		"no session":   {s.browser(t), nil, 401},
	} {
		conn, res, err := c.b.dial(c.header)
		if err == nil {
			conn.CloseNow()
			t.Fatalf("%s: the stream was opened", name)
		}
		if res == nil || res.StatusCode != c.status {
			t.Errorf("%s: %v, want status %d", name, err, c.status)
		}
	}
	conn, _, err := s.as(t, "bruno").dial(http.Header{"Origin": {s.URL}})
	if err != nil {
		t.Fatalf("our own page: %v", err)
	}
	conn.CloseNow()
}

func TestAStreamEndsWithItsSession(t *testing.T) {
	s := serve(t, func(c *api.Config) { c.Stream.Recheck = 5 * time.Millisecond })
	scope, err := directory.NewScope(s.demo.Org, directory.System)
	if err != nil {
		t.Fatal(err)
	}
	conn := s.as(t, "ana").watch()
	wantFrame(t, conn, api.FrameSnapshot, 0)
	ana := s.demo.Users["ana@demo.ramal.local"]
	if err := s.db.SetUserStatus(t.Context(), scope, ana, directory.Inactive); err != nil {
		t.Fatal(err)
	}
	wantClose(t, conn, 4401)
	await(t, "the end of the subscription", s.centre.gone)
}

// watched tells how often a session was looked for, and how often only looked at.
type watched struct {
	*store.DB
	finds atomic.Int64
	peeks chan struct{}
}

func (w *watched) FindSession(ctx context.Context, org call.OrgID, hash [32]byte, at time.Time,
) (directory.Identity, directory.Session, error) {
	w.finds.Add(1)
	return w.DB.FindSession(ctx, org, hash, at)
}

func (w *watched) PeekSession(ctx context.Context, org call.OrgID, hash [32]byte, at time.Time,
) (directory.Identity, directory.Session, error) {
	select {
	case w.peeks <- struct{}{}:
	default:
	}
	return w.DB.PeekSession(ctx, org, hash, at)
}

func TestAPageThatMerelyStandsOpenDoesNotKeepItsSessionAlive(t *testing.T) {
	w := &watched{peeks: make(chan struct{})}
	s := serve(t, func(c *api.Config) {
		c.Stream.Recheck = 5 * time.Millisecond
		w.DB = c.Accounts.(*store.DB)
		c.Accounts = w
	})
	conn := s.as(t, "ana").watch()
	wantFrame(t, conn, api.FrameSnapshot, 0)
	finds := w.finds.Load()
	s.clock.add(directory.IdleTimeout - time.Minute)
	for range 3 {
		await(t, "the session to be looked at", w.peeks)
	}
	s.clock.add(2 * time.Minute)
	wantClose(t, conn, 4401)
	if n := w.finds.Load() - finds; n != 0 {
		t.Errorf("the open page used its session %d times", n)
	}
}

func TestStreamsAreClosedInOrderWhenTheProgramStops(t *testing.T) {
	s := serve(t)
	conn := s.as(t, "ana").watch()
	wantFrame(t, conn, api.FrameSnapshot, 0)
	s.stop()
	wantClose(t, conn, websocket.StatusGoingAway)
}

func TestAClientWhoseUpdatesWereDroppedIsToldToComeAgain(t *testing.T) {
	s := serve(t)
	conn := s.as(t, "ana").watch()
	wantFrame(t, conn, api.FrameSnapshot, 0)
	s.centre.mu.Lock()
	for ch := range s.centre.subs { // as the centre does with a reader that does not keep up
		close(ch)
	}
	s.centre.mu.Unlock()
	wantClose(t, conn, websocket.StatusTryAgainLater)
}

func TestAClientThatDoesNotReadIsCutOff(t *testing.T) {
	registry := prometheus.NewRegistry()
	s := serve(t, func(c *api.Config) {
		c.Stream.Write = 50 * time.Millisecond
		c.Metrics = registry
	})
	b := s.as(t, "ana")
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// A WebSocket handshake (RFC 6455 section 4.1) of somebody who then never reads.
	fmt.Fprintf(conn, "GET /api/live/stream HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nCookie: %s\r\n\r\n",
		s.Listener.Addr(), b.cookies())
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("handshake: %v, %v", res, err)
	}
	await(t, "the subscription", s.centre.ready)
	big := strings.Repeat("x", 1<<20)
	for seq := uint64(1); seq <= 40; seq++ { // far more than the sockets' buffers hold
		s.centre.send(api.Update{Seq: seq, Agents: []acd.AgentView{{Name: big}}})
	}
	await(t, "the slow client to be cut off", s.centre.gone)
	if err := conn.SetReadDeadline(time.Now().Add(deadline)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, conn); errors.Is(err, context.DeadlineExceeded) {
		t.Error("the connection is still open")
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "ramal_live_streams_cut_total" && f.GetMetric()[0].GetCounter().GetValue() != 1 {
			t.Errorf("cut streams counted: %v", f.GetMetric()[0].GetCounter().GetValue())
		}
	}
}
