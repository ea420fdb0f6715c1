package esl

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"ramal/call"
	"ramal/esl/wire"
	"ramal/internal/recordings"
)

// countingConn keeps what is written.
type countingConn struct {
	net.Conn
	text string
}

func (c *countingConn) Write(p []byte) (int, error)      { c.text += string(p); return len(p), nil }
func (c *countingConn) SetWriteDeadline(time.Time) error { return nil }

var dialA = call.Dial{Leg: legA, To: call.Endpoint{Extension: "1001"}, Timeout: 15 * time.Second}

func TestWhatTheSwitchRefusesComesBackAsCommandFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		defer r.stop()
		r.up()
		r.fake.set(func() {
			r.fake.answer = func(line string) string {
				if strings.HasPrefix(line, "uuid_kill") {
					return "-ERR No such channel!\n"
				}
				return ""
			}
		})
		for _, c := range []struct {
			cmd  call.Command
			want []string
		}{
			{call.HangUp{Leg: legA, Cause: call.NormalClearing}, []string{
				`CommandFailed 11111111 Command={` + string(legA) + ` NORMAL_CLEARING} ` +
					`Reason="-ERR No such channel!"`}},
			{call.StopSound{Leg: legA}, nil},
			{call.HangUp{Leg: legA, Cause: "A\nB"}, []string{`CommandFailed 11111111 Command={` + string(legA) +
				" A\nB} Reason=\"build call.HangUp: esl: refused to build: cause \\\"A\\\\nB\\\"\""}},
		} {
			r.link.Do(c.cmd)
			if diff := cmp.Diff(c.want, r.told()); diff != "" {
				t.Errorf("%T (-want +got)\n%s", c.cmd, diff)
			}
		}
		if got := r.fake.commands(); len(got) != 2 {
			t.Errorf("the switch heard %q", got)
		}
	})
}

func TestWhileTheLinkIsDownCommandsFailAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(r *rig, _ *Config) { r.fake.refuse = errNobody })
		defer r.stop()
		r.link.Do(call.Answer{Leg: legA})
		r.link.Do(dialA)
		got := r.told()
		if len(got) != 2 || !strings.Contains(got[0], "link to the switch is down") || !strings.Contains(got[1],
			"down") {
			t.Errorf("%q", got)
		}
		if _, err := r.link.Resync(t.Context()); call.CodeOf(err) != call.Unavailable {
			t.Errorf("Resync: %v", err)
		}
	})
}

func TestABridgeWaitsUntilTheDialledLegIsParkedOrItsJobIsDone(t *testing.T) {
	for name, happens := range map[string]func(*fakeSwitch){
		"parked first":   func(f *fakeSwitch) { f.says("CHANNEL_PARK", legA, "Call-Direction", "outbound") },
		"job done first": func(f *fakeSwitch) { f.jobDone(legA, "+OK "+string(legA)+"\n") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, nil)
				defer r.stop()
				r.up()
				r.link.Do(dialA)
				r.fake.says("CHANNEL_CREATE", legA, "Call-Direction", "outbound")
				r.fake.says("CHANNEL_ANSWER", legA)
				r.link.Do(call.Bridge{A: legB, B: legA})
				if got := r.fake.commands(); len(got) != 1 {
					t.Fatalf("sent between answer and park: %q", got)
				}
				happens(r.fake)
				if got := r.fake.commands(); len(got) != 2 ||
					got[1] != "api uuid_bridge "+string(legB)+" "+string(legA) {
					t.Errorf("after it: %q", got)
				}
			})
		})
	}
}

func TestABridgeToALegThatNeverComesFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		defer r.stop()
		r.up()
		r.link.Do(dialA)
		r.link.Do(call.Bridge{A: legB, B: legA})
		r.fake.jobDone(legA, "-ERR USER_BUSY\n")
		got := r.told()
		if len(got) != 2 || got[0] != "DialDone 11111111 Cause=USER_BUSY" ||
			!strings.HasPrefix(got[1], "CommandFailed 22222222") {
			t.Errorf("%q", got)
		}
	})
}

func TestAHangUpWaitsUntilTheSwitchHasMadeTheLeg(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		defer r.stop()
		r.up()
		r.link.Do(dialA)
		r.link.Do(call.HangUp{Leg: legA, Cause: call.LoseRace})
		if got := r.fake.commands(); len(got) != 1 {
			t.Fatalf("uuid_kill before there is a leg would find none and the phone would ring: %q", got)
		}
		r.fake.says("CHANNEL_CREATE", legA, "Call-Direction", "outbound")
		if got := r.fake.commands(); len(got) != 2 || got[1] != "api uuid_kill "+string(legA)+" LOSE_RACE" {
			t.Errorf("%q", got)
		}
	})
}

func TestLegsArePlacedBelowTheSwitchsLimitAndAWaitingOneCanBeCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(r *rig, _ *Config) { r.fake.perSecond = 10 })
		defer r.stop()
		r.up()
		for range 3 { // callers count as well
			r.fake.says("CHANNEL_CREATE", legB, "Call-Direction", "inbound")
		}
		r.told()
		leg := func(i int) call.LegID { return call.LegID(fmt.Sprintf("11111111-1111-4111-8111-%012d", i)) }
		for i := range 12 {
			dial := dialA
			dial.Leg = leg(i)
			r.link.Do(dial)
		}
		if got := r.fake.commands(); len(got) != 5 {
			t.Errorf("%d legs at once beside 3 callers, with a limit of 10", len(got))
		}
		r.told()
		r.link.Do(call.HangUp{Leg: leg(11), Cause: call.NormalClearing})
		if got := r.told(); len(got) != 1 || got[0] != "DialDone 11111111 Cause=ORIGINATOR_CANCEL" {
			t.Errorf("cancelled: %q", got)
		}
		pass(1200 * time.Millisecond)
		if got := r.fake.commands(); len(got) != 11 {
			t.Errorf("%d legs after a second, want the rest, without the cancelled one", len(got))
		}
	})
}

func TestADialWhoseJobEndedWhileTheLinkWasDownIsSettledAfterwards(t *testing.T) {
	for name, c := range map[string]struct{ exists, want string }{
		"gone":    {"false", "DialDone 11111111 Cause=X_SWITCH_LOST"},
		"ringing": {"true", "LegProgress 11111111"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, nil)
				defer r.stop()
				r.up()
				r.link.Do(dialA)
				r.fake.commands()
				r.fake.set(func() {
					r.fake.answer = func(line string) string {
						if strings.HasPrefix(line, "uuid_exists") {
							return c.exists
						}
						return ""
					}
				})
				r.fake.drop()
				pass(time.Second)
				got := r.told()
				if len(got) != 3 || !strings.HasPrefix(got[0], "LinkDown") || !strings.HasPrefix(got[1], "LinkUp") ||
					got[2] != c.want {
					t.Errorf("%q", got)
				}
			})
		})
	}
}

func TestReloadingTheDirectoryIsAJobWhoseFailureIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		defer r.stop()
		r.up()
		var job string
		for _, output := range []string{"+OK [Success]\n", "-ERR [root tag missing]\n"} {
			r.link.Do(call.ReloadDirectory{})
			r.fake.commands()
			r.link.mu.Lock()
			for job = range r.link.jobs {
			}
			r.link.mu.Unlock()
			_ = r.fake.listener.send(fakeEvent("BACKGROUND_JOB", "", output, "Job-UUID", job, "Job-Command",
				"reloadxml"))
		}
		got := r.told()
		if len(got) != 1 || !strings.Contains(got[0], "root tag missing") {
			t.Errorf("%q", got)
		}
	})
}

func TestResyncListsTheLegsThatReallyAreThere(t *testing.T) {
	blocks, err := recordings.Load(recordingPath(t, "11"))
	if err != nil {
		t.Fatal(err)
	}
	var dump, channels string
	frames := wire.NewFrameReader(strings.NewReader(string(recordings.FromSwitch(blocks))), wire.Limits{})
	for {
		frame, err := frames.Next()
		if err != nil {
			break
		}
		if body := string(frame.Body); strings.HasPrefix(body, `{"Event-Name":"CHANNEL_DATA"`) {
			dump = body
		} else if channels == "" && strings.HasPrefix(body, `{"row_count":2`) {
			channels = body
		}
	}
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(r *rig, _ *Config) {
			r.fake.answer = func(line string) string {
				switch {
				case strings.HasPrefix(line, "show channels"):
					return channels
				case strings.HasPrefix(line, "uuid_dump 429c3dc2-af0d-4b8b-947b-b2a368175122 json"):
					return dump
				case strings.HasPrefix(line, "uuid_dump"): // the list lags: this one is gone
					return "-ERR No such channel!\n"
				}
				return ""
			}
		})
		defer r.stop()
		got := r.told()
		if len(got) != 1 {
			t.Fatalf("%q", got)
		}
		legs, err := r.link.Resync(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want := []call.LegSnapshot{{
			Leg: "429c3dc2-af0d-4b8b-947b-b2a368175122", Direction: call.Inbound,
			From: call.Party{Number: "5548999990001", Name: "Maria Silva"}, To: "554830000000", Profile: "external",
			Answered: true, Bridged: "8d5966cd-061d-4e8c-9ebe-bef80e4d875a",
			Created: time.UnixMicro(1795336025008807).UTC(), Vars: call.Vars{"ramal_call": "c-1",
				"ramal_role": "caller"},
		}}
		if diff := cmp.Diff(want, legs); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

func TestA9_ALinkOverTCPTellsWhatTheGoldenFileSays(t *testing.T) {
	path := recordingPath(t, "04")
	var want []string
	for _, event := range eventsOf(t, path) {
		want = append(want, tell(event))
	}
	blocks, err := recordings.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	fake := &fakeSwitch{password: "secret", perSecond: 1000}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go fake.serve(&fakeConn{Conn: conn})
		}
	}()
	got := make(chan string, 100)
	link, err := New(Config{Address: listener.Addr().String(), Password: "secret", Vocabulary: testVocabulary(),
		Logger: slog.New(slog.DiscardHandler)}, func(event call.Event) { got <- tell(event) })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	ended := make(chan error, 1)
	go func() { ended <- link.Run(ctx) }()
	next := func() string {
		select {
		case line := <-got:
			return line
		case <-ctx.Done():
			t.Fatal("no event within 20 s")
			return ""
		}
	}
	if line := next(); !strings.HasPrefix(line, "LinkUp") {
		t.Fatal(line)
	}
	for _, block := range blocks {
		if block.FromSwitch && strings.Contains(string(block.Data[:min(60, len(block.Data))]), "text/event-plain") {
			if err := fake.listener.send(block.Data); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range want {
		if line := next(); line != want[i] {
			t.Fatalf("event %d: %q, want %q", i, line, want[i])
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
