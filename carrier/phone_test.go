package carrier

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ramal/media"
)

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func newTestPhone(t *testing.T, cfg Config) *Phone {
	t.Helper()
	p, err := NewPhone(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := p.Close()
		if cfg.Transport == "tcp" && errors.Is(err, context.DeadlineExceeded) {
			// sipgo v1.7.2 may drop a TCP connection under an answer ("TCP ref went negative"): once in some hundred runs
			// on a busy machine the good-bye of the clean-up stays unanswered.
			t.Logf("close phone %s: %v", cfg.User, err)
			return
		}
		if err != nil {
			t.Errorf("close phone %s: %v", cfg.User, err)
		}
	})
	return p
}

// talk connects a caller to a callee and gives both sides' calls.
func talk(t *testing.T, caller, callee *Phone, o CallOptions) (*Call, *Call) {
	t.Helper()
	ctx := testContext(t)
	a, err := caller.CallAddr(ctx, "1001", callee.Addr(), o)
	if err != nil {
		t.Fatal(err)
	}
	b, err := callee.NextCall(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*Call{a, b} {
		if err := c.WaitAnswer(ctx); err != nil {
			t.Fatal(err)
		}
	}
	return a, b
}

func wantTone(t *testing.T, who string, c *Call, from time.Time, freq float64) {
	t.Helper()
	s, err := c.WaitSound(testContext(t), from, time.Second)
	if err != nil {
		t.Fatalf("%s: %v", who, err)
	}
	if db := media.ToneOverRest(s.Samples, media.SampleRate, freq); db < 20 {
		t.Errorf("%s hears %v Hz only %.1f dB over the rest", who, freq, db)
	}
}

func TestTwoPhonesTalkAndHearEachOther(t *testing.T) {
	for _, c := range []struct {
		transport string
		codec     media.Codec
	}{{"udp", media.PCMA}, {"udp", media.PCMU}, {"tcp", media.PCMA}} {
		t.Run(c.transport+" "+c.codec.String(), func(t *testing.T) {
			callee := newTestPhone(t, Config{User: "1001", Transport: c.transport,
				Behaviour: AnswerWith(100*time.Millisecond, func() media.Source { return media.Sine(880, -12) })})
			caller := newTestPhone(t, Config{User: "5511999990000", DisplayName: "Maria", Transport: c.transport,
				Codecs: []media.Codec{c.codec}})
			a, b := talk(t, caller, callee, CallOptions{Audio: media.Sine(440, -12)})
			if a.Codec() != c.codec || b.Codec() != c.codec {
				t.Errorf("codecs %v and %v, want %v", a.Codec(), b.Codec(), c.codec)
			}
			if b.RemoteUser != "5511999990000" || b.RemoteName != "Maria" || b.LocalUser != "1001" || a.RemoteUser != "1001" {
				t.Errorf("the callee sees %q %q calling %q", b.RemoteUser, b.RemoteName, b.LocalUser)
			}
			since := time.Now().Add(200 * time.Millisecond)
			wantTone(t, "the caller", a, since, 880)
			wantTone(t, "the callee", b, since, 440)
			ctx := testContext(t)
			if err := a.HangupCause(ctx, Cause{Protocol: "Q.850", Code: 16, Text: "NORMAL_CLEARING"}); err != nil {
				t.Fatal(err)
			}
			end, err := b.WaitEnd(ctx)
			if err != nil || end.Local || end.Method != "BYE" || end.Cause != (Cause{"Q.850", 16, "NORMAL_CLEARING"}) {
				t.Errorf("the callee sees the end %+v %v", end, err)
			}
			if end, err := a.WaitEnd(ctx); err != nil || !end.Local || end.Method != "BYE" || end.Err != nil {
				t.Errorf("the caller sees the end %+v %v", end, err)
			}
			for who, call := range map[string]*Call{"caller": a, "callee": b} {
				x := call.Times()
				if x.Invite.IsZero() || x.Ringing.Before(x.Invite) || x.Answered.Before(x.Ringing) || x.Acked.Before(x.Answered) ||
					x.Ended.Before(x.Acked) {
					t.Errorf("%s: times are out of order: %+v", who, x)
				}
			}
			if n := len(caller.Calls()) + len(callee.Calls()); n != 0 {
				t.Errorf("%d calls are left", n)
			}
		})
	}
}

func TestDigitsArriveOnceInBothDirectionsWhileSoundGoesOn(t *testing.T) {
	callee := newTestPhone(t, Config{User: "1001", Behaviour: AnswerWith(0, func() media.Source {
		return media.Sine(600,
			-12)
	})})
	caller := newTestPhone(t, Config{User: "2000"})
	a, b := talk(t, caller, callee, CallOptions{})
	ctx := testContext(t)
	sent, err := a.SendDigits(ctx, "15*#0D", 100*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.SendDigits(ctx, "77", 200*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	got, err := b.WaitDigits(ctx, 6)
	if err != nil {
		t.Fatal(err)
	}
	var chars string
	for i, d := range got {
		chars += string(d.Char)
		if d.Duration() != 100*time.Millisecond || !d.Ended {
			t.Errorf("digit %c lasts %v, ended %v", d.Char, d.Duration(), d.Ended)
		}
		if sent[i].Timestamp != d.Timestamp || d.Start.Before(sent[i].Start) || sent[i].End.Before(sent[i].Start) {
			t.Errorf("digit %c: sent %+v, received %+v", d.Char, sent[i], d)
		}
	}
	if chars != "15*#0D" {
		t.Errorf("the callee received %q", chars)
	}
	if back, err := a.WaitDigits(ctx, 2); err != nil || back[0].Char != '7' || back[1].Char != '7' || len(back) != 2 {
		t.Errorf("the caller received %+v %v", back, err)
	}
	wantTone(t, "the caller", a, time.Now(), 600)
	if _, err := a.SendDigits(ctx, "1x", 100*time.Millisecond); err == nil {
		t.Error("x was sent as a digit")
	}
}

func TestRefusalsReachTheCallerWithStatusAndCause(t *testing.T) {
	callee := newTestPhone(t, Config{User: "1001"})
	caller := newTestPhone(t, Config{User: "2000"})
	ctx := testContext(t)
	q17 := Cause{"Q.850", 17, "USER_BUSY"}
	for name, c := range map[string]struct {
		behaviour Behaviour
		want      RefusedError
	}{
		"busy": {Busy(), RefusedError{Status: 486, Phrase: "Busy Here"}}, "decline": {Decline(), RefusedError{Status: 603,
			Phrase: "Decline"}},
		"not found":   {NotFound(), RefusedError{Status: 404, Phrase: "Not Found"}},
		"unavailable": {Unavailable(), RefusedError{Status: 480, Phrase: "Temporarily Unavailable"}},
		"after ringing": {Behaviour{Status: 503, Phrase: "Tired", Delay: 50 * time.Millisecond, Cause: q17},
			RefusedError{Status: 503, Phrase: "Tired", Cause: q17}},
	} {
		callee.SetBehaviour(c.behaviour)
		a, err := caller.CallAddr(ctx, "1001", callee.Addr(), CallOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var got *RefusedError
		if err := a.WaitAnswer(ctx); !errors.As(err, &got) {
			t.Errorf("%s: %v", name, err)
		} else if diff := cmp.Diff(c.want, *got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		b, err := callee.NextCall(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if end, err := b.WaitEnd(ctx); err != nil || !end.Local || end.Status != c.want.Status {
			t.Errorf("%s: the callee sees %+v %v", name, end, err)
		}
	}
}

func TestACallIsCancelledWhileItRings(t *testing.T) {
	callee := newTestPhone(t, Config{User: "1001", Behaviour: RingOnly()})
	caller := newTestPhone(t, Config{User: "2000"})
	ctx := testContext(t)
	a, err := caller.CallAddr(ctx, "1001", callee.Addr(), CallOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.WaitRinging(ctx); err != nil {
		t.Fatal(err)
	}
	b, err := callee.NextCall(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cause := Cause{"SIP", 200, "Call completed elsewhere"}
	if err := a.HangupCause(ctx, cause); err != nil {
		t.Fatal(err)
	}
	if end, err := a.WaitEnd(ctx); err != nil || !end.Local || end.Method != "CANCEL" || end.Status != 487 {
		t.Errorf("the caller sees %+v %v", end, err)
	}
	if end, err := b.WaitEnd(ctx); err != nil || end.Local || end.Method != "CANCEL" || end.Cause != cause {
		t.Errorf("the callee sees %+v %v", end, err)
	}
}

func TestACallIsCancelledBeforeAnyAnswerCame(t *testing.T) {
	callee := newTestPhone(t, Config{User: "1001", Behaviour: Behaviour{Silent: true, Status: RingForever}})
	caller := newTestPhone(t, Config{User: "2000"})
	ctx := testContext(t)
	a, err := caller.CallAddr(ctx, "1001", callee.Addr(), CallOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Hangup(ctx); err != nil { // waits for the 100, then sends CANCEL
		t.Fatal(err)
	}
	b, err := callee.NextCall(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if end, err := b.WaitEnd(ctx); err != nil || end.Method != "CANCEL" {
		t.Errorf("the callee sees %+v %v", end, err)
	}
}

func TestACalleeAnswersOrDeclinesByHand(t *testing.T) {
	callee := newTestPhone(t, Config{User: "1001", Behaviour: RingOnly()})
	caller := newTestPhone(t, Config{User: "2000"})
	ctx := testContext(t)
	for _, answer := range []bool{true, false} {
		a, err := caller.CallAddr(ctx, "1001", callee.Addr(), CallOptions{})
		if err != nil {
			t.Fatal(err)
		}
		b, err := callee.NextCall(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if answer {
			if err := b.Answer(ctx); err != nil {
				t.Fatal(err)
			}
			if err := a.WaitAnswer(ctx); err != nil {
				t.Error(err)
			}
		}
		if err := b.Hangup(ctx); err != nil {
			t.Fatal(err)
		}
		end, err := a.WaitEnd(ctx)
		if err != nil || end.Local || answer != (end.Method == "BYE") || !answer && end.Status != 603 {
			t.Errorf("the caller sees %+v %v", end, err)
		}
	}
}

func TestHoldStopsTheOtherSidesSoundUntilItIsResumed(t *testing.T) {
	callee := newTestPhone(t, Config{User: "1001", Behaviour: AnswerWith(0, func() media.Source {
		return media.Sine(700,
			-12)
	})})
	caller := newTestPhone(t, Config{User: "2000"})
	a, b := talk(t, caller, callee, CallOptions{Audio: media.Sine(440, -12)})
	ctx := testContext(t)
	wantTone(t, "the caller", a, time.Now(), 700)
	if err := a.Hold(ctx); err != nil {
		t.Fatal(err)
	}
	if !b.RemoteHolds() {
		t.Error("the callee does not know that it is held")
	}
	held := time.Now().Add(100 * time.Millisecond)
	wantTone(t, "the held callee", b, held, 440) // a second of hold music passes
	if n := len(a.Packets(held, time.Time{})); n != 0 {
		t.Errorf("%d packets came while the callee was held", n)
	}
	if err := a.Resume(ctx); err != nil {
		t.Fatal(err)
	}
	if b.RemoteHolds() {
		t.Error("the callee is still held")
	}
	if err := b.WaitReinvites(ctx, 2); err != nil {
		t.Error(err)
	}
	wantTone(t, "the caller", a, time.Now(), 700)
	if err := b.Hangup(ctx); err != nil {
		t.Error(err)
	}
}

func TestWhatCallersWriteArrivesAsText(t *testing.T) {
	callee := newTestPhone(t, Config{User: "1001"})
	caller := newTestPhone(t, Config{User: "2000"})
	ctx := testContext(t)
	for _, text := range []string{`a}sofia/external/9@127.0.0.1`, `x" <sip:evil@host>;tag=1`, `back\slash\"`,
		"José ç 100%", "a\r\nEvil: 1", "${uuid_kill}"} {
		a, err := caller.CallAddr(ctx, text, callee.Addr(), CallOptions{CallerID: text, Name: text})
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		b, err := callee.NextCall(ctx)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		name := text
		if text == "a\r\nEvil: 1" {
			name = "aEvil: 1" // control characters have no place in a display name
		}
		if b.RemoteUser != text || b.LocalUser != text || b.RemoteName != name || len(b.Header("Evil")) != 0 {
			t.Errorf("%q arrived as user %q, name %q, called %q", text, b.RemoteUser, b.RemoteName, b.LocalUser)
		}
		if err := a.Hangup(ctx); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestAnAbandonedPhoneSaysNothing(t *testing.T) {
	callee := newTestPhone(t, Config{User: "1001"})
	caller := newTestPhone(t, Config{User: "2000"})
	_, b := talk(t, caller, callee, CallOptions{})
	if err := caller.Abandon(); err != nil {
		t.Fatal(err)
	}
	if !b.Talking() || callee.Requests("BYE") != 0 {
		t.Error("the callee noticed")
	}
	if err := callee.Abandon(); err != nil {
		t.Fatal(err)
	}
	if _, err := callee.NextCall(testContext(t)); err == nil {
		t.Error("a closed phone was called")
	}
}

func TestAnAnswerAndAHangUpAtTheSameMomentEndTheCallOnBothSides(t *testing.T) {
	callee := newTestPhone(t, Config{User: "1001"})
	caller := newTestPhone(t, Config{User: "2000"})
	ctx := testContext(t)
	for round := range 60 {
		a, err := caller.CallAddr(ctx, "1001", callee.Addr(), CallOptions{})
		if err != nil {
			t.Fatal(err)
		}
		b, err := callee.NextCall(ctx)
		if err != nil {
			t.Fatal(err)
		}
		first, second := a, b
		if round%2 == 1 {
			first, second = b, a
		}
		if err := first.Hangup(ctx); err != nil {
			t.Fatal(err)
		}
		if end, err := second.WaitEnd(ctx); err != nil || end.Local {
			t.Fatalf("round %d: %+v %v", round, end, err)
		}
	}
	if n := len(caller.Calls()) + len(callee.Calls()); n != 0 {
		t.Errorf("%d calls are left", n)
	}
}
