package esl

import (
	"context"
	"encoding/binary"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ramal/call"
	"ramal/internal/freeswitchtest"
	"ramal/softswitch"
)

// talk is a link to a switch that calls itself: what is dialled arrives on its external profile.
type talk struct {
	t      *testing.T
	link   *Link
	events chan call.Event
	past   []call.Event
	trunk  string
}

// onSwitches runs a conversation on the embedded switch always, and on a FreeSWITCH where there is one.
func onSwitches(t *testing.T, conversation func(*testing.T, *talk)) {
	t.Run("softswitch", func(t *testing.T) { conversation(t, onSoftswitch(t)) })
	t.Run("FreeSWITCH", func(t *testing.T) {
		s := freeswitchtest.Start(t, freeswitchtest.Options{}).Settings
		conversation(t, converse(t, s.ESLAddress.String(), s.ESLPassword, s.ExternalSIP.String(),
			Vocabulary{Domain: s.SIPDomain, Media: s.MediaDir, Recordings: s.RecordingsDir}))
	})
}

func onSoftswitch(t *testing.T) *talk {
	t.Helper()
	media, recordings := filepath.Join(t.TempDir(), "media"), filepath.Join(t.TempDir(), "recordings")
	for _, dir := range []string{filepath.Join(media, "system"), recordings} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"fallback.wav", "hold1.wav"} {
		if err := os.WriteFile(filepath.Join(media, "system", name), silentWAV(5*time.Second), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const password = "a-password-of-more-than-24-characters"
	embedded, err := softswitch.New(softswitch.Config{ESLAddr: "127.0.0.1:0", ESLPassword: password,
		InternalAddr: "127.0.0.1:0", ExternalAddr: "127.0.0.1:0", RTPPortMin: 40000, RTPPortMax: 60000,
		SIPDomain: "ramal", MediaDir: media})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- embedded.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the softswitch ended with %v", err)
		}
	})
	return converse(t, embedded.ESLAddr(), password, embedded.ExternalAddr(),
		Vocabulary{Domain: "ramal", Media: media, Recordings: recordings})
}

// silentWAV is 8 kHz, 16 bit, mono.
func silentWAV(length time.Duration) []byte {
	size := uint32(length.Milliseconds() * 16)
	wav := []byte("RIFF")
	wav = binary.LittleEndian.AppendUint32(wav, 36+size)
	wav = append(wav, "WAVEfmt "...)
	wav = binary.LittleEndian.AppendUint32(wav, 16)
	for _, field := range []uint16{1, 1} { // PCM, one channel
		wav = binary.LittleEndian.AppendUint16(wav, field)
	}
	wav = binary.LittleEndian.AppendUint32(wav, 8000)
	wav = binary.LittleEndian.AppendUint32(wav, 16000)
	wav = binary.LittleEndian.AppendUint16(wav, 2)
	wav = binary.LittleEndian.AppendUint16(wav, 16)
	wav = append(wav, "data"...)
	wav = binary.LittleEndian.AppendUint32(wav, size)
	return append(wav, make([]byte, size)...)
}

func converse(t *testing.T, address, password, trunk string, words Vocabulary) *talk {
	t.Helper()
	c := &talk{t: t, events: make(chan call.Event, 10_000), trunk: trunk}
	link, err := New(Config{Address: address, Password: password, Logger: slog.New(slog.DiscardHandler),
		Vocabulary: words}, func(e call.Event) { c.events <- e })
	if err != nil {
		t.Fatal(err)
	}
	c.link = link
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- link.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the link ended with %v", err)
		}
	})
	await[call.LinkUp](c, "", nil)
	return c
}

// await returns the next event of a type about a leg ("" for any) for which is holds; others before it are kept
// back for later calls, in order.
func await[E call.Event](c *talk, leg call.LegID, is func(E) bool) E {
	c.t.Helper()
	matches := func(event call.Event) (E, bool) {
		e, ok := event.(E)
		return e, ok && (leg == "" || e.Subject() == leg) && (is == nil || is(e))
	}
	for i, event := range c.past {
		if e, ok := matches(event); ok {
			c.past = append(c.past[:i:i], c.past[i+1:]...)
			return e
		}
	}
	limit := time.After(15 * time.Second)
	for {
		select {
		case event := <-c.events:
			if e, ok := matches(event); ok {
				return e
			}
			c.past = append(c.past, event)
		case <-limit:
			var e E
			var past []string
			for _, event := range c.past {
				past = append(past, tell(event))
			}
			c.t.Fatalf("no %T of %s within 15 s, but\n%s", e, leg, strings.Join(past, "\n"))
		}
	}
}

// has reports whether an event like that came and was not awaited.
func has[E call.Event](c *talk) bool {
	for _, event := range c.past {
		if _, ok := event.(E); ok {
			return true
		}
	}
	return false
}

// pair dials out and answers what comes in: near is the dialled leg, far the one that arrived.
func (c *talk) pair(vars call.Vars) (near, far call.LegID) {
	c.t.Helper()
	near = call.LegID(newUUID())
	c.link.Do(call.Dial{Leg: near, Timeout: 10 * time.Second, CallerID: call.Party{Number: "+5548999990001"},
		Vars: vars,
		To:   call.Endpoint{External: call.External{Number: "554830000000", Trunk: c.trunk}}})
	offered := await[call.LegOffered](c, "", nil)
	if offered.To != "554830000000" || offered.From.Number != "+5548999990001" || offered.Profile != "external" ||
		offered.Vars["ramal_number"] != "554830000000" {
		c.t.Errorf("offered %+v", offered)
	}
	far = offered.Leg
	c.link.Do(call.DisarmFallback{Leg: far})
	c.link.Do(call.Answer{Leg: far})
	await[call.LegAnswered](c, far, nil)
	if done := await[call.DialDone](c, near, nil); !done.OK {
		c.t.Fatalf("dial: %+v", done)
	}
	if parked := await[call.LegParked](c, near, nil); parked.Direction != call.Outbound || !parked.Answered {
		c.t.Errorf("parked %+v", parked)
	} else if vars != nil {
		if diff := cmp.Diff(vars, parked.Vars); diff != "" {
			c.t.Errorf("variables (-set +read)\n%s", diff)
		}
	}
	return near, far
}

func TestASwitchUnderstandsEveryCommand(t *testing.T) { onSwitches(t, everyCommand) }

func everyCommand(t *testing.T, c *talk) {
	hostile := "São José, {1}; 50% of ${core_uuid} 'x'"
	agent, phone := c.pair(call.Vars{"ramal_role": "agent", "ramal_x": hostile})
	other, caller := c.pair(nil)

	// A prompt, one behind it, and both ended at once.
	c.link.Do(call.SetVars{Leg: caller, Vars: call.Vars{"ramal_call": "1", "ramal_x": hostile}, HoldAfterBridge: true})
	c.link.Do(call.Play{Leg: caller, Sound: call.Sound{File: "system/fallback.wav"}})
	c.link.Do(call.Play{Leg: caller, Sound: call.Sound{Tone: call.Beep}})
	started := await[call.PlaybackStarted](c, caller, nil)
	if filepath.Base(started.Source) != "fallback.wav" {
		t.Errorf("began with %q", started.Source)
	}
	c.link.Do(call.StopSound{Leg: caller})
	if end := await[call.PlaybackEnded](c, caller, nil); end.Status != call.PlaybackBroken {
		t.Errorf("ended %+v", end)
	}
	c.link.Do(call.Play{Leg: caller, Sound: call.Sound{File: "system/missing.wav"}})
	await(c, caller, func(e call.PlaybackEnded) bool { return e.Status == call.PlaybackMissing })
	if has[call.PlaybackStarted](c) {
		t.Error("the second prompt was played although both were ended")
	}

	// Hold music, the fallback armed, renewed and disarmed, the bridge, the recording.
	c.link.Do(call.PlayLoop{Leg: caller, Sound: call.Sound{File: "system/hold1.wav"}})
	await[call.PlaybackStarted](c, caller, nil)
	c.link.Do(call.ArmFallback{Leg: caller, After: 2 * time.Minute})
	c.link.Do(call.ArmFallback{Leg: caller, After: 2 * time.Minute})
	c.link.Do(call.DisarmFallback{Leg: caller})
	c.link.Do(call.Bridge{A: caller, B: agent})
	if joined := await[call.LegBridged](c, caller, nil); joined.Other != agent {
		t.Errorf("bridged %+v", joined)
	}
	c.link.Do(call.StartRecording{Leg: caller, Path: "a.wav"})
	if began := await[call.RecordingStarted](c, caller, nil); filepath.Base(began.Path) != "a.wav" {
		t.Errorf("recording %+v", began)
	}
	c.link.Do(call.Play{Leg: phone, Sound: call.Sound{Tone: call.Beep}}) // something to record
	await[call.PlaybackEnded](c, phone, nil)
	c.link.Do(call.StopRecording{Leg: caller, Path: "a.wav"})
	stopped := await[call.RecordingStopped](c, caller, nil)
	if _, err := os.Stat(stopped.Path); err != nil {
		t.Errorf("the recording: %v", err)
	}
	c.resynced(caller, agent, hostile)

	// The agent hangs up: music again, from there to the other leg, parked, gone.
	c.link.Do(call.HangUp{Leg: agent, Cause: call.NormalClearing})
	await[call.LegHungUp](c, agent, nil)
	await[call.LegUnbridged](c, caller, nil)
	await[call.PlaybackStarted](c, caller, nil)
	c.link.Do(call.Park{Leg: caller})
	await[call.LegParked](c, caller, nil)
	c.link.Do(call.ReloadDirectory{})
	for _, leg := range []call.LegID{caller, other, phone} {
		c.link.Do(call.HangUp{Leg: leg, Cause: call.NormalClearing})
	}
	for _, leg := range []call.LegID{caller, other, phone, agent} {
		await[call.LegGone](c, leg, nil)
		if exists, err := c.link.Exists(t.Context(), leg); err != nil || exists {
			t.Errorf("leg %s exists: %v, %v", leg, exists, err)
		}
	}
	for _, event := range c.past {
		failed, ok := event.(call.CommandFailed)
		if !ok {
			continue
		}
		// The far end of a leg that hung up is gone by itself.
		if _, hangUp := failed.Command.(call.HangUp); !hangUp {
			t.Errorf("refused: %+v", failed)
		}
	}
}

// resynced looks for the pair in what the switch says it has.
func (c *talk) resynced(caller, agent call.LegID, value string) {
	c.t.Helper()
	legs, err := c.link.Resync(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	found := map[call.LegID]call.LegSnapshot{}
	for _, leg := range legs {
		found[leg.Leg] = leg
	}
	for leg, partner := range map[call.LegID]call.LegID{caller: agent, agent: caller} {
		got := found[leg]
		if got.Bridged != partner || !got.Answered || got.Parked || time.Since(got.Created) > time.Minute {
			c.t.Errorf("snapshot %+v", got)
		}
		if diff := cmp.Diff(value, got.Vars["ramal_x"]); diff != "" {
			c.t.Errorf("variable of %s (-set +read)\n%s", leg, diff)
		}
	}
}

func TestOnASwitchAHangUpRightBehindItsDialEndsIt(t *testing.T) { onSwitches(t, hangUpBehindDial) }

func hangUpBehindDial(t *testing.T, c *talk) {
	for range 20 {
		leg := call.LegID(newUUID())
		c.link.Do(call.Dial{Leg: leg, Timeout: 10 * time.Second,
			To: call.Endpoint{External: call.External{Number: "5548", Trunk: c.trunk}}})
		c.link.Do(call.HangUp{Leg: leg, Cause: call.OriginatorCancel})
		if done := await[call.DialDone](c, leg, nil); done.OK {
			t.Errorf("the leg was answered: %+v", done)
		}
	}
	leg := call.LegID(newUUID())
	c.link.Do(call.Dial{Leg: leg, Timeout: 10 * time.Second, To: call.Endpoint{Extension: "1001"}})
	if done := await[call.DialDone](c, leg, nil); done.Cause != call.UserNotRegistered {
		t.Errorf("an agent without a phone: %+v", done)
	}
	c.link.Do(call.StopSound{Leg: leg})
	if failed := await[call.CommandFailed](c, leg, nil); !strings.Contains(failed.Reason, "No such channel") {
		t.Errorf("a leg that is gone: %+v", failed)
	}
}
