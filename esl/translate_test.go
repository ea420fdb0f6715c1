package esl

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ramal/call"
	"ramal/esl/wire"
)

func read(event []byte) call.Event {
	frame, err := wire.NewFrameReader(&onceReader{event}, wire.Limits{}).Next()
	if err != nil {
		return nil
	}
	var h headers
	return h.translate(frame.Body)
}

type onceReader struct{ left []byte }

func (r *onceReader) Read(p []byte) (int, error) {
	n := copy(p, r.left)
	r.left = r.left[n:]
	return n, nil
}

func TestEveryEventThatIsSubscribedHasARowAndEveryRowIsSubscribed(t *testing.T) {
	asked := map[string]bool{}
	for _, name := range subscribed {
		asked[name] = true
		if name != "CUSTOM" && translation[name] == nil {
			t.Errorf("%s is subscribed and not translated", name)
		}
	}
	for name := range translation {
		if !asked[name] {
			t.Errorf("%s is translated and not subscribed", name)
		}
	}
}

func TestVariablesOfOursArriveDecodedOnce(t *testing.T) {
	hostile := "São José, {1}; 50% of %41 \"x\""
	f := &fields{}
	onTheSwitch := f.value(hostile)
	if f.err != nil {
		t.Fatal(f.err)
	}
	event := read(fakeEvent("CHANNEL_PARK", legA, "", "Call-Direction", "outbound", "Answer-State", "answered",
		"variable_ramal_x", onTheSwitch, "variable_other", "1"))
	parked, ok := event.(call.LegParked)
	if !ok {
		t.Fatalf("%#v", event)
	}
	if diff := cmp.Diff(call.Vars{"ramal_x": hostile}, parked.Vars); diff != "" {
		t.Errorf("(-set +read)\n%s", diff)
	}
	dump := `{"Unique-ID":"` + string(legA) + `","Channel-State":"CS_PARK","variable_ramal_x":"` + onTheSwitch + `"}`
	leg, ok := snapshot(dump)
	if diff := cmp.Diff(call.Vars{"ramal_x": hostile}, leg.Vars); !ok || diff != "" {
		t.Errorf("from a dump (-set +read)\n%s", diff)
	}
}

func TestAnEventThatMakesNoSenseIsIgnored(t *testing.T) {
	for name, event := range map[string][]byte{
		"unknown":               fakeEvent("CHANNEL_STATE", legA, ""),
		"no leg":                fakeEvent("CHANNEL_ANSWER", "", ""),
		"leg is no UUID":        fakeEvent("CHANNEL_ANSWER", "abc", ""),
		"bridge of one":         fakeEvent("CHANNEL_BRIDGE", legA, "", "Bridge-A-Unique-ID", string(legA)),
		"bridge of others":      fakeEvent("CHANNEL_BRIDGE", legA, "", "Bridge-A-Unique-ID", string(legB), "Bridge-B-Unique-ID", core),
		"no digit":              fakeEvent("DTMF", legA, "", "DTMF-Digit", "x\n"),
		"foreign job":           fakeEvent("BACKGROUND_JOB", "", "+OK", "Job-UUID", string(legA), "Job-Command", "status"),
		"job without a leg":     fakeEvent("BACKGROUND_JOB", "", "+OK", "Job-UUID", "x", "Job-Command", "originate"),
		"own progress":          fakeEvent("CHANNEL_PROGRESS_MEDIA", legA, "", "Call-Direction", "inbound"),
		"custom of another":     fakeEvent("CUSTOM", legA, "", "Event-Subclass", "sofia::gateway_state"),
		"custom named an event": fakeEvent("CUSTOM", "", "", "Event-Subclass", ""),
	} {
		if got := read(event); got != nil {
			t.Errorf("%s: %#v", name, got)
		}
	}
}

func TestAnOddCauseOrNumberNeitherBreaksNorPassesAsValid(t *testing.T) {
	event := read(fakeEvent("CHANNEL_HANGUP", legA, "", "Hangup-Cause", "a\nb"))
	if hung, ok := event.(call.LegHungUp); !ok || hung.Cause != call.NormalClearing {
		t.Errorf("%#v", event)
	}
	event = read(fakeEvent("CHANNEL_PARK", legA, "", "Call-Direction", "inbound", "Answer-State", "ringing",
		"Caller-Destination-Number", "1'; drop", "Caller-Caller-ID-Name", "${x}"))
	if offered, ok := event.(call.LegOffered); !ok || offered.To.Valid() || offered.To != "1'; drop" || offered.From.Name != "${x}" {
		t.Errorf("%#v", event)
	}
	event = read(fakeEvent("DTMF", legA, "", "DTMF-Digit", "#", "DTMF-Duration", "99999999999999999999"))
	if digit, ok := event.(call.DigitPressed); !ok || digit.Duration < 0 || digit.Duration > time.Minute {
		t.Errorf("%#v", event)
	}
}

func FuzzAnyEventIsTranslatedOrIgnored(f *testing.F) {
	f.Add([]byte("Event-Name: DTMF\nUnique-ID: 11111111-1111-4111-8111-111111111111\nDTMF-Digit: %23\n\n"))
	f.Add([]byte("Event-Name: BACKGROUND_JOB\nJob-Command: originate\nJob-Command-Arg: {origination_uuid=\n\n-ERR"))
	for _, event := range [][]byte{fakeEvent("CHANNEL_PARK", legA, ""), fakeEvent("HEARTBEAT", "", "")} {
		f.Add(event)
	}
	var h headers
	f.Fuzz(func(t *testing.T, event []byte) {
		got := h.translate(event)
		if got == nil {
			return
		}
		if leg := got.Subject(); leg != "" && !call.ValidUUID(string(leg)) {
			t.Errorf("%T about %q", got, leg)
		}
		if leg, ok := snapshot(string(event)); ok && !call.ValidUUID(string(leg.Leg)) {
			t.Errorf("snapshot of %q", leg.Leg)
		}
	})
}
