package esl

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"ramal/call"
	"ramal/esl/wire"
)

func TestEventsReachTheSinkInTheSwitchesOrderWhileCommandsAreAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		defer r.stop()
		r.up()
		const count = 3000
		for i := range count {
			r.fake.says("DTMF", legA, "DTMF-Digit", fmt.Sprint(i%10), "DTMF-Duration", fmt.Sprint(8*(i+1)))
			if i%10 == 0 {
				r.link.Do(call.StopSound{Leg: legA})
			}
		}
		synctest.Wait()
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.events) != count {
			t.Fatalf("%d of %d events arrived", len(r.events), count)
		}
		for i, event := range r.events {
			if digit := event.(call.DigitPressed); digit.Duration != min(time.Duration(i+1)*time.Millisecond,
				time.Minute) {
				t.Fatalf("event %d is %v", i, digit)
			}
		}
	})
}

func TestAnUnansweredCommandCostsTheLinkAndItsLateReplyReachesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		defer r.stop()
		r.up()
		r.fake.set(func() {
			r.fake.answer = func(line string) string {
				if strings.HasPrefix(line, "uuid_exists "+string(legA)) {
					pass(6 * time.Second) // of the bubble's clock: later than the deadline
					return "true"
				}
				return ""
			}
		})
		if exists, err := r.link.Exists(t.Context(), legA); err == nil {
			t.Errorf("a reply after the deadline counted: %v", exists)
		}
		if got := r.told(); len(got) != 1 || !strings.HasPrefix(got[0], "LinkDown") {
			t.Errorf("after a missed deadline: %q", got)
		}
		pass(time.Second)
		r.up()
		if exists, err := r.link.Exists(t.Context(), legB); err != nil || exists {
			t.Errorf("leg B: %v, %v; want false", exists, err)
		}
	})
}

func TestACallersImpatienceDoesNotShiftReplies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		defer r.stop()
		r.up()
		r.fake.set(func() {
			r.fake.answer = func(line string) string {
				switch {
				case strings.HasPrefix(line, "uuid_exists "+string(legA)):
					pass(2 * time.Second)
					return "true"
				case strings.HasPrefix(line, "uuid_exists "+string(legB)):
					return "false"
				}
				return ""
			}
		})
		hasty, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := r.link.Exists(hasty, legA); call.CodeOf(err) != call.Unavailable {
			t.Errorf("a caller that gave up got %v", err)
		}
		if exists, err := r.link.Exists(t.Context(), legB); err != nil || exists {
			t.Errorf("the next one got the other's reply: %v, %v", exists, err)
		}
	})
}

func TestAHalfDeadLinkIsDroppedAlthoughItsCommandsAreAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		defer r.stop()
		r.up()
		for range 3 {
			pass(20 * time.Second)
			r.fake.says("HEARTBEAT", "", "Session-Count", "1")
		}
		if got := r.told(); len(got) != 3 {
			t.Fatalf("a live link: %q", got)
		}
		pass(44 * time.Second)
		if got := r.told(); len(got) != 0 {
			t.Fatalf("dropped after one missed HEARTBEAT: %q", got)
		}
		pass(3 * time.Second)
		got := r.told()
		if len(got) != 2 || !strings.Contains(got[0], "LinkDown") || !strings.Contains(got[0], "HEARTBEAT") {
			t.Fatalf("after two missed HEARTBEATs: %q", got)
		}
	})
}

func TestASwitchThatStopsAnsweringIsNoticedWithinTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		defer r.stop()
		r.up()
		r.fake.set(func() { r.fake.mute = true })
		pass(10*time.Second + time.Millisecond)
		if got := r.told(); len(got) != 1 || !strings.Contains(got[0], "LinkDown") {
			t.Errorf("a mute switch: %q", got)
		}
	})
}

func TestAfterALossTheLinkDialsAgainWithGrowingJitteredPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		defer r.stop()
		r.up()
		r.fake.set(func() { r.fake.refuse = errNobody; r.fake.dialled = nil })
		lost := time.Now()
		r.fake.drop()
		pass(time.Minute)
		r.fake.set(func() { r.fake.refuse = nil })
		pass(6 * time.Second)
		got := r.told()
		if len(got) != 2 || !strings.HasPrefix(got[0], "LinkDown") || !strings.HasPrefix(got[1], "LinkUp") {
			t.Fatalf("%q", got)
		}
		previous, dialled := lost, r.fake.dials()
		for i, at := range dialled[:len(dialled)-1] { // the last two belong to one success
			pause, most := at.Sub(previous), min(100*time.Millisecond<<min(i, 6), 5*time.Second)
			if pause < most/2 || pause > most {
				t.Errorf("pause %d was %v, want %v to %v", i+1, pause, most/2, most)
			}
			previous = at
		}
		if n := len(dialled); n < 15 || n > 40 {
			t.Errorf("%d dials in a minute", n)
		}
	})
}

func TestNoGreetingOfASwitchHoldsTheLinkUpForLong(t *testing.T) {
	for name, greeting := range map[string]string{
		"rude rejection": string(wire.AppendFrame(nil, wire.TypeRudeRejection, "Access Denied, go away.\n")),
		"something else": "HTTP/1.1 400 Bad Request\r\n\r\n",
		"never finished": "Content-Type: auth/request\n",
		"endless header": strings.Repeat("a", 1<<17),
		"bad length":     "Content-Length: -1\n\n",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, func(r *rig, _ *Config) { r.fake.greeting = greeting })
				pass(time.Minute)
				dialled := r.fake.dials()
				if n := len(dialled); n < 7 {
					t.Errorf("dialled %d times in a minute", n)
				}
				if got := r.told(); len(got) != 0 {
					t.Errorf("told %q", got)
				}
				r.fake.set(func() { r.fake.greeting = "" })
				pass(10 * time.Second)
				r.up()
				r.stop()
			})
		})
	}
}

func TestAWrongPasswordIsTriedAgainAndNeverComesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(_ *rig, c *Config) { c.Password = "wrong" })
		pass(time.Minute)
		if got := r.told(); len(got) != 0 || r.link.Info().Up {
			t.Errorf("told %q, info %+v", got, r.link.Info())
		}
		r.stop()
	})
}

func TestASinkThatIsTooSlowCostsTheLinkAndIsToldEverythingAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		r := newRig(t, func(r *rig, c *Config) {
			c.Events = 50
			r.sink = func(event call.Event) {
				if _, ok := event.(call.DigitPressed); ok {
					<-release
				}
			}
		})
		r.up()
		for range 60 {
			r.fake.says("DTMF", legA, "DTMF-Digit", "1")
		}
		synctest.Wait()
		if n := r.link.Stats().Overflows; n != 1 {
			t.Errorf("%d overflows", n)
		}
		close(release)
		pass(time.Second)
		got := r.told()
		if n := len(got); n < 52 || !strings.HasPrefix(got[n-2], "LinkDown") || !strings.HasPrefix(got[n-1], "LinkUp") {
			t.Errorf("%d events, ending with %q", n, got[max(0, n-3):])
		}
		r.stop()
	})
}

func TestTheLinkEndsEvenWhenTheSinkNeverComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		r := newRig(t, func(r *rig, c *Config) {
			r.sink = func(event call.Event) {
				if _, ok := event.(call.DigitPressed); ok {
					<-stuck
				}
			}
		})
		r.up()
		r.fake.says("DTMF", legA, "DTMF-Digit", "1")
		synctest.Wait()
		r.end()
		select {
		case err := <-r.ended:
			if err == nil || !strings.Contains(err.Error(), "sink") {
				t.Errorf("ended with %v, want one that names the sink", err)
			}
		case <-time.After(10 * time.Second):
			t.Error("Run hangs")
		}
		close(stuck)
		r.fake.drop()
	})
}

func TestEventsBetweenSubscriptionAndListingComeAfterLinkUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(r *rig, _ *Config) {
			r.fake.answer = func(line string) string {
				if strings.HasPrefix(line, "show channels") {
					r.fake.says("CHANNEL_ANSWER", legA)
				}
				return ""
			}
		})
		defer r.stop()
		want := []string{`LinkUp CoreUUID="` + core + `"`, "LegAnswered 11111111"}
		if diff := cmp.Diff(want, r.told()); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

func TestNewlinesAreWrittenWhileNoEventArrives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(_ *rig, c *Config) { c.PokeEvery = 2 * time.Millisecond })
		defer r.stop()
		r.up()
		counted := &countingConn{}
		e := &events{conn: counted, poke: 2 * time.Millisecond}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := e.wakeUp(ctx); err == nil {
			t.Error("ended without a reason")
		}
		if counted.text != strings.Repeat("\n", len(counted.text)) || len(counted.text) < 450 ||
			len(counted.text) > 500 {
			t.Errorf("%d bytes in a second, want about 500 newlines", len(counted.text))
		}
	})
}
