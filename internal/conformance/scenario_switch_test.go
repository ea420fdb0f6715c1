package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"ramal/esl/wire"
)

// socket is the test's own connection to the switch's Event Socket, beside the core's.
type socket struct {
	conn    net.Conn
	replies chan string
	ended   chan struct{}

	mu     sync.Mutex
	events []Item
}

// listen connects to the switch and subscribes to the events that are named (none: commands only).
func (s *stage) listen(events ...string) *socket {
	s.Helper()
	password, err := s.site.ESLPassword()
	s.must(err)
	var dialer net.Dialer
	conn, err := dialer.DialContext(s.ctx, "tcp", s.site.ESL)
	s.must(err)
	k := &socket{conn: conn, replies: make(chan string, 16), ended: make(chan struct{})}
	go k.read()
	s.Cleanup(func() {
		if err := conn.Close(); err != nil {
			s.Errorf("close the Event Socket: %v", err)
		}
		<-k.ended
	})
	answer, err := k.send(s.ctx, "auth "+password)
	s.must(err)
	if !strings.HasPrefix(answer, "+OK") {
		s.Fatalf("the Event Socket says %q to its password", answer)
	}
	if len(events) > 0 {
		_, err := k.send(s.ctx, "event plain "+strings.Join(events, " "))
		s.must(err)
	}
	return k
}

func (k *socket) read() {
	defer close(k.ended)
	frames := wire.NewFrameReader(k.conn, wire.Limits{})
	for {
		f, err := frames.Next()
		if err != nil {
			return // closed by the scenario's end, or by the switch: the next command says so
		}
		switch item := fromFrame(f, 0); item.Kind {
		case Reply:
			k.replies <- item.Text
		case Event:
			k.mu.Lock()
			k.events = append(k.events, item)
			k.mu.Unlock()
		}
	}
}

func (k *socket) send(ctx context.Context, command string) (string, error) {
	if _, err := io.WriteString(k.conn, command+"\n\n"); err != nil {
		return "", err
	}
	select {
	case answer := <-k.replies:
		return answer, nil
	case <-k.ended:
		return "", fmt.Errorf("%q: the switch has closed the connection", command)
	case <-ctx.Done():
		return "", fmt.Errorf("%q: %w", command, ctx.Err())
	}
}

// heard gives the events so far.
func (k *socket) heard() []Item {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]Item(nil), k.events...)
}

// told are the headers that the story of a failed scenario shows.
var told = []string{"Unique-ID", "Other-Leg-Unique-ID", "Hangup-Cause", "Application", "Playback-Status",
	"DTMF-Digit", "Job-UUID",
	"Caller-Caller-ID-Number", "Caller-Destination-Number", "from-user"}

// tellIfFailed listens to the switch and tells, if the scenario fails, what happened there.
func (s *stage) tellIfFailed() {
	s.Helper()
	k := s.listen("CHANNEL_CREATE", "CHANNEL_PROGRESS", "CHANNEL_ANSWER", "CHANNEL_PARK", "CHANNEL_BRIDGE",
		"CHANNEL_UNBRIDGE",
		"CHANNEL_HANGUP", "CHANNEL_DESTROY", "CHANNEL_EXECUTE", "DTMF", "PLAYBACK_START", "PLAYBACK_STOP", "RECORD_START",
		"RECORD_STOP", "BACKGROUND_JOB", "CUSTOM", "sofia::register", "sofia::unregister")
	s.Cleanup(func() {
		if !s.Failed() {
			return
		}
		var out strings.Builder
		events := k.heard()
		for _, e := range events[max(0, len(events)-1500):] {
			date := e.Get("Event-Date-Local")
			fmt.Fprintf(&out, "%s %-18s", date[max(0, len(date)-8):], e.Name())
			for _, name := range told {
				if value := e.Get(name); value != "" {
					fmt.Fprintf(&out, " %s=%s", name, value)
				}
			}
			fmt.Fprintf(&out, " %s\n", strings.TrimSpace(e.Body))
		}
		s.Logf("what happened on the switch:\n%s", out.String())
	})
}

// channels is how many channels the switch lists.
func (s *stage) channels(k *socket) int {
	s.Helper()
	answer, err := k.send(s.ctx, "api show channels as json")
	s.must(err)
	var list struct {
		Count int `json:"row_count"`
	}
	s.must(json.Unmarshal([]byte(answer), &list))
	return list.Count
}

// leftovers waits until nothing is left of the calls from these numbers: no leg on the switch, no owner in the core, no
// agent who is busy. It gives up after the patience, and says what is left.
func (s *stage) leftovers(k *socket, numbers ...string) {
	s.Helper()
	for _, number := range numbers {
		s.logged(number, "call.ended", 1)
		for _, f := range s.facts(number) {
			leg := f.get("leg")
			if leg == "" {
				continue
			}
			s.until("leg "+leg+" of "+number+" is gone from the switch", patience, func() bool {
				answer, err := k.send(s.ctx, "api uuid_exists "+leg)
				s.must(err)
				return answer == "false"
			})
		}
	}
	s.until("the switch lists no channel", patience, func() bool { return s.channels(k) == 0 })
	s.until("no call has an owner", patience, func() bool { return s.figure("ramal_calls") == "0" })
	s.until("no agent is ringing or busy", patience, func() bool {
		for _, a := range s.agents() {
			if a.Interaction != "" || a.State == "ringing" || a.State == "busy" {
				return false
			}
		}
		return true
	})
}

// restart stops the core in order and starts it again, which makes it read its settings anew.
func (s *stage) restart() {
	s.Helper()
	s.site.StopCore(s.T)
	s.site.StartCore(s.T)
}

// within reports a time that is not between two others, each with its slack.
func (s *stage) within(what string, at, from, to time.Time) {
	s.Helper()
	if at.Before(from.Add(-stampSlack)) || at.After(to.Add(stampSlack)) {
		s.Errorf("%s at %s, wanted between %s and %s", what, clock(at), clock(from), clock(to))
	}
}

// stampSlack is what the switch's stamp of a thing may differ from the moments a phone saw around it: the switch
// reports from other threads than it signals from, FreeSWITCH with a clock that ticks every millisecond or, loaded, a
// few.
const stampSlack = 100 * time.Millisecond

func clock(t time.Time) string { return t.UTC().Format("15:04:05.000") }
