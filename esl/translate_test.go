package esl

import (
	"strings"
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

func TestASnapshotTellsWhereALegStands(t *testing.T) {
	dump := func(state, answer, destination, bond string) string {
		return `{"Unique-ID":"` + string(legA) + `","Channel-State":"` + state + `","Answer-State":"` + answer +
			`","Caller-Destination-Number":"` + destination + `","variable_signal_bond":"` + bond +
			`","Call-Direction":"inbound","Channel-Name":"sofia/external/1@2",` +
			`"variable_ramal_number":"5548","variable_x":"y"}`
	}
	vars := call.Vars{"ramal_number": "5548"}
	base := call.LegSnapshot{Leg: legA, Direction: call.Inbound, To: "5548", Profile: "external", Vars: vars}
	with := func(change func(*call.LegSnapshot)) call.LegSnapshot {
		leg := base
		change(&leg)
		return leg
	}
	for name, c := range map[string]struct {
		dump string
		want call.LegSnapshot
	}{
		"offered": {dump("CS_EXECUTE", "ringing", "5548", ""), with(func(l *call.LegSnapshot) { l.Parked = true })},
		"on hold": {dump("CS_EXECUTE", "answered", "ramal_hold", ""), with(func(l *call.LegSnapshot) {
			l.Parked,
				l.Answered = true, true
		})},
		"fallback": {dump("CS_EXECUTE", "answered", "ramal_fallback", ""),
			with(func(l *call.LegSnapshot) { l.Answered = true })},
		"talking": {dump("CS_EXCHANGE_MEDIA", "answered", "5548", string(legB)),
			with(func(l *call.LegSnapshot) { l.Answered, l.Bridged = true, legB })},
		"parked after a bridge": {dump("CS_PARK", "answered", "5548", string(legB)),
			with(func(l *call.LegSnapshot) { l.Answered, l.Parked = true, true })},
		"ringing phone": {dump("CS_CONSUME_MEDIA", "ringing", "5548", ""), base},
	} {
		got, ok := snapshot(c.dump)
		if diff := cmp.Diff(c.want, got); !ok || diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
	for _, gone := range []string{dump("CS_REPORTING", "hangup", "", ""), dump("CS_EXECUTE", "hangup", "", ""),
		"-ERR No such channel!\n",
		"{", "{}", `{"Unique-ID":1}`} {
		if leg, ok := snapshot(gone); ok {
			t.Errorf("%.40q is a leg: %+v", gone, leg)
		}
	}
}

func TestRefusalsDoNotTellPersonalValues(t *testing.T) {
	for _, cmd := range []call.Command{
		dialTo(call.Endpoint{External: call.External{Number: "+55 48 99999-0001", Trunk: "192.0.2.1:5060"}}, "", "",
			nil),
		dialTo(toAgent, "", "", call.Vars{"ramal_x": "Maria 0001\n"}),
		call.SetVars{Leg: legA, Vars: call.Vars{"ramal_x": "0001\x00"}},
	} {
		if _, err := testVocabulary().build(cmd); err == nil || strings.Contains(err.Error(), "0001") {
			t.Errorf("%T: %v", cmd, err)
		}
	}
}

func TestAnEventThatMakesNoSenseIsIgnored(t *testing.T) {
	for name, event := range map[string][]byte{
		"unknown":        fakeEvent("CHANNEL_STATE", legA, ""),
		"no leg":         fakeEvent("CHANNEL_ANSWER", "", ""),
		"leg is no UUID": fakeEvent("CHANNEL_ANSWER", "abc", ""),
		"bridge of one":  fakeEvent("CHANNEL_BRIDGE", legA, "", "Bridge-A-Unique-ID", string(legA)),
		"bridge of others": fakeEvent("CHANNEL_BRIDGE", legA, "", "Bridge-A-Unique-ID", string(legB),
			"Bridge-B-Unique-ID", core),
		"no digit": fakeEvent("DTMF", legA, "", "DTMF-Digit", "x\n"),
		"foreign job": fakeEvent("BACKGROUND_JOB", "", "+OK", "Job-UUID", string(legA), "Job-Command",
			"status"),
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
	if offered, ok := event.(call.LegOffered); !ok || offered.To.Valid() || offered.To != "1'; drop" ||
		offered.From.Name != "${x}" {
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
