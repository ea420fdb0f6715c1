package acd

import (
	"slices"
	"strings"
	"testing"
	"time"

	"ramal/call"
)

func TestTheLongestIdleAgentIsOfferedFirst(t *testing.T) {
	r := newRig(t, "bob", "ann") // bob has been idle for longer
	r.want(call.Waiting{Interaction: "1", Queue: "Q"}, "bob is ringing; timer offer:bob 35s; offer 1 to bob")
	r.want(call.Waiting{Interaction: "2", Queue: "Q"}, "ann is ringing; timer offer:ann 35s; offer 2 to ann")
	r.step(r.accepted("2"))
	r.step(r.accepted("1"))
	r.step(r.released("1"))
	r.step(r.released("2"))
	r.step(r.fires("wrap:ann"))
	r.step(r.fires("wrap:bob"))
	r.want(call.Waiting{Interaction: "3", Queue: "Q"}, "bob is ringing; timer offer:bob 35s; offer 3 to "+
		"bob") // whose talk ended first
}

func TestInteractionsAreServedByPriorityThenByTime(t *testing.T) {
	r := newRig(t)
	for _, w := range []struct {
		id call.ID
		q  call.QueueID
		p  int
	}{{"low", "Q", -1}, {"first", "Q", 0}, {"second", "R", 0}, {"high", "Q", 5}, {"other", "R", 9}} {
		r.waits(w.id, w.q, w.p)
	}
	if got := r.e.Waiting(); !slices.Equal(got, []call.ID{"other", "high", "first", "second", "low"}) {
		t.Errorf("serving order %v", got)
	}
	var served []call.ID
	r.state("ann", Available)
	for range 5 {
		v := r.view("ann")
		served = append(served, v.Interaction)
		r.step(r.accepted(v.Interaction))
		r.step(r.released(v.Interaction))
		if r.view("ann").State == WrapUp {
			r.step(r.fires("wrap:ann"))
		}
	}
	if !slices.Equal(served, []call.ID{"other", "high", "first", "second", "low"}) {
		t.Errorf("served %v", served)
	}
}

func TestAnAgentGetsOnlyInteractionsOfTheirQueues(t *testing.T) {
	r := newRig(t, "cid")
	r.want(call.Waiting{Interaction: "1", Queue: "Q"}, "")
	r.want(call.Waiting{Interaction: "2", Queue: "R"}, "cid is ringing; timer offer:cid 35s; offer 2 to cid")
}

func TestAMissedOfferKeepsThePlaceAndGoesToTheNextAgent(t *testing.T) {
	r := newRig(t, "ann", "bob")
	r.waits("1", "Q", 0)
	r.waits("2", "Q", 0)
	r.want(r.missed("2", call.UserBusy), "stop offer:bob; bob is available USER_BUSY; timer cool:bob 5s")
	r.want(r.missed("1", call.NoAnswer), "stop offer:ann; ann is available NO_ANSWER; timer cool:ann 5s")
	r.want(r.fires("cool:bob"), "bob is ringing; timer offer:bob 35s; offer 1 to "+
		"bob") // the first in the queue, not the one of before
	r.want(r.fires("cool:ann"), "ann is ringing; timer offer:ann 35s; offer 2 to ann")
}

func TestWhichMissesCountAgainstTheAgent(t *testing.T) {
	for cause, counts := range map[call.Cause]bool{call.NoAnswer: true, call.UserBusy: true, call.CallRejected: true,
		call.NoUserResponse: true, call.OriginatorCancel: false, call.SwitchLost: false,
		call.RecoveryOnTimerExpire:  false,
		call.NormalTemporaryFailure: false, call.SwitchCongestion: false, call.UserNotRegistered: false,
		call.SubscriberAbsent: false} {
		r := newRig(t, "ann")
		r.waits("1", "Q", 0)
		r.step(r.missed("1", cause))
		r.step(r.fires("cool:ann"))
		r.step(r.missed("1", cause))
		v := r.view("ann")
		if counts && (v.State != OnBreak || v.Break != MissedBreak) || !counts && v.State != Available {
			t.Errorf("after two times %s: %+v", cause, v)
		}
	}
}

func TestAnAnsweredOfferForgivesTheMissBefore(t *testing.T) {
	r := newRig(t, "ann")
	r.waits("1", "R", 0)
	r.step(r.missed("1", call.NoAnswer))
	r.step(r.fires("cool:ann"))
	r.step(r.accepted("1"))
	r.step(r.released("1"))
	r.waits("2", "R", 0)
	r.step(r.missed("2", call.NoAnswer))
	if v := r.view("ann"); v.State != Available || v.Missed != 1 {
		t.Errorf("%+v", v)
	}
}

func TestAnAgentWhosePhoneIsGoneIsTriedAgainWhenItIsBack(t *testing.T) {
	r := newRig(t, "ann")
	r.waits("1", "Q", 0)
	r.want(r.missed("1", call.UserNotRegistered), "stop offer:ann; ann is available USER_NOT_REGISTERED; timer "+
		"cool:ann 30s")
	if p := r.view("ann").Phone; p != PhoneDown {
		t.Errorf("phone %s", p)
	}
	r.want(PhoneSeen{Extension: "1", Up: true, At: r.at},
		"stop cool:ann; ann is ringing; timer offer:ann 35s; offer 1 to ann")

	r = newRig(t, "ann") // it never registers: tried again all the same
	r.waits("1", "Q", 0)
	r.step(r.missed("1", call.UserNotRegistered))
	r.want(r.fires("cool:ann"), "ann is ringing; timer offer:ann 35s; offer 1 to ann")

	r = newRig(t, "ann")
	r.step(PhoneSeen{Extension: "1", Up: false, At: r.at})
	r.want(call.Waiting{Interaction: "1", Queue: "Q"}, "")
	r.want(PhonesUnknown{At: r.at}, "ann is ringing; timer offer:ann 35s; offer 1 to ann")
	r.want(PhoneSeen{Extension: "9", Up: true, At: r.at}, "")
	if r.e.Ignored() != 1 {
		t.Errorf("a phone of nobody: ignored %d", r.e.Ignored())
	}
}

func TestWrapUpEndsByItsTimeOrByTheAgent(t *testing.T) {
	r := newRig(t, "ann")
	r.waits("1", "Q", 0)
	r.step(r.accepted("1"))
	r.waits("2", "R", 0)
	r.want(r.released("1"), "ann is wrap_up; timer wrap:ann 10s")
	if v := r.view("ann"); v.Interaction != "1" || v.Deadline.IsZero() {
		t.Errorf("in wrap-up: %+v", v)
	}
	r.want(Want{Agent: "ann", State: Available}, "stop wrap:ann; ann is available; ann is ringing; timer "+
		"offer:ann 35s; offer 2 to ann")
	r.step(r.accepted("2"))
	r.want(r.released("2"), "ann is available") // a queue without wrap-up
	r.want(r.released("2"), "")
	r.want(r.fires("wrap:ann"), "")
}

func TestABreakWantedDuringWorkBeginsAfterIt(t *testing.T) {
	for _, at := range []State{Ringing, Busy, WrapUp} {
		r := newRig(t, "ann")
		r.waits("1", "Q", 0)
		if at != Ringing {
			r.step(r.accepted("1"))
		}
		if at == WrapUp {
			r.step(r.released("1"))
		}
		if w := r.state("ann", OnBreak); w != "" || r.view("ann").BreakNext != "lunch" {
			t.Errorf("%s: %q, %+v", at, w, r.view("ann"))
		}
		switch at {
		case Ringing:
			r.want(r.missed("1", call.NoAnswer), "stop offer:ann; ann is on_break lunch")
		case Busy:
			r.step(r.released("1"))
			r.want(r.fires("wrap:ann"), "ann is on_break lunch")
		case WrapUp:
			r.want(r.fires("wrap:ann"), "ann is on_break lunch")
		}
		if v := r.view("ann"); v.State != OnBreak || v.Break != "lunch" || v.BreakNext != "" || v.Interaction != "" {
			t.Errorf("%s: %+v", at, v)
		}
	}
	r := newRig(t, "ann") // and can be taken back
	r.waits("1", "R", 0)
	r.step(r.accepted("1"))
	r.state("ann", OnBreak)
	r.state("ann", Available)
	r.want(r.released("1"), "ann is available")
}

func TestImpossibleRequestsAreRefusedAndNothingChanges(t *testing.T) {
	r := newRig(t, "ann", "bob")
	r.waits("1", "Q", 0)
	r.waits("2", "Q", 0)
	r.step(r.accepted("2"))
	for _, c := range []struct {
		w    Want
		code call.Code
		says string
	}{
		{Want{Agent: "ann", State: Offline}, call.Conflict, "ringing"},
		{Want{Agent: "bob", State: Offline}, call.Conflict, "busy"},
		{Want{Agent: "cid", State: Ringing}, call.Invalid, "ringing"},
		{Want{Agent: "cid", State: "asleep"}, call.Invalid, "asleep"},
		{Want{Agent: "cid", State: OnBreak}, call.Invalid, "reason"},
		{Want{Agent: "eve", State: Available}, call.NotFound, "eve"},
	} {
		before := r.e.Views()
		w, err := r.try(c.w)
		if call.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.says) || w != "" || !slices.Equal(before,
			r.e.Views()) {
			t.Errorf("%+v: %q, %v; want %s that says %q and no change", c.w, w, err, c.code, c.says)
		}
	}
}

func TestTheCallerHangsUpWhileAnAgentRings(t *testing.T) {
	r := newRig(t, "ann")
	r.waits("1", "Q", 0)
	r.waits("2", "Q", 0)
	r.want(call.Left{Interaction: "1", At: r.at}, "stop offer:ann; ann is available; ann is ringing; timer "+
		"offer:ann 35s; offer 2 to ann")
	r.want(call.Left{Interaction: "1", At: r.at}, "")
	r.want(r.missed("1", call.OriginatorCancel), "")
	if v := r.view("ann"); v.State != Ringing || v.Interaction != "2" || v.Missed != 0 {
		t.Errorf("%+v", v)
	}
}

func TestAnOfferThatNobodyAnswersForIsTakenBackWhenItsLeaseRunsOut(t *testing.T) {
	r := newRig(t, "ann", "bob")
	r.waits("1", "Q", 0)
	old := r.accepted("1")
	r.want(r.fires("offer:ann"), "withdraw 1; stop offer:ann; ann is available RECOVERY_ON_TIMER_EXPIRE; timer "+
		"cool:ann 5s; "+
		"bob is ringing; timer offer:bob 35s; offer 1 to bob")
	r.want(call.Missed{Interaction: "1", Offer: old.Offer, At: r.at}, "") // the stale token

	// The call had accepted it in the same moment: it is believed.
	r.want(old, "stop offer:bob; bob is available; stop wrap:ann; ann is busy")
	if len(r.e.Waiting()) != 0 || r.view("ann").Interaction != "1" || r.view("ann").State != Busy ||
		r.view("bob").State != Available {
		t.Errorf("waiting %v, ann %+v, bob %+v", r.e.Waiting(), r.view("ann"), r.view("bob"))
	}
	r.want(call.Missed{Interaction: "1", Offer: r.offers["1"].Offer, Cause: call.OriginatorCancel, At: r.at},
		"") // bob's, given back
	r.want(call.Released{Interaction: "1", Offer: old.Offer, At: r.at}, "ann is wrap_up; timer wrap:ann 10s")
}

func TestAnAgentWhoIsRemovedFinishesTheirWork(t *testing.T) {
	without := settings()
	without.Agents = without.Agents[1:]
	for _, at := range []State{Offline, Available, OnBreak, WrapUp} {
		r := newRig(t, "ann")
		switch at {
		case WrapUp:
			r.waits("1", "Q", 0)
			r.step(r.accepted("1"))
			r.step(r.released("1"))
		case Offline, OnBreak:
			r.state("ann", at)
		}
		r.step(without)
		if _, ok := r.e.View("ann"); ok {
			t.Errorf("%s: still there", at)
		}
	}
	r := newRig(t, "ann")
	r.waits("1", "Q", 0)
	r.step(without)
	r.want(r.accepted("1"), "stop offer:ann; ann is busy")
	r.want(r.released("1"), "ann is offline removed")
	if _, ok := r.e.View("ann"); ok {
		t.Error("still there after the work")
	}
	r.want(call.Waiting{Interaction: "2", Queue: "Q"}, "")

	r = newRig(t, "ann") // rung, removed, does not answer
	r.waits("1", "Q", 0)
	r.step(without)
	r.want(r.missed("1", call.NoAnswer), "stop offer:ann; ann is offline removed")
	r = newRig(t, "ann") // removed and brought back during the talk
	r.waits("1", "R", 0)
	r.step(r.accepted("1"))
	r.step(without)
	r.step(settings())
	r.want(r.released("1"), "ann is available")
}

func TestAgentsComeBackAsTheyWereAfterARestart(t *testing.T) {
	then := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	c := settings()
	c.Restore = []Restored{{"ann", OnBreak, "lunch", then}, {"bob", Busy, "", then}, {"cid", Available, "", then},
		{"gone", Available, "", then}}
	r := &rig{t: t, e: New(), at: then.Add(time.Hour), offers: map[call.ID]call.Offer{}}
	r.want(c, "bob is available restarted")
	if v := r.view("ann"); v.State != OnBreak || v.Break != "lunch" || !v.Since.Equal(then) {
		t.Errorf("ann %+v", v)
	}
	r.want(call.Waiting{Interaction: "1", Queue: "R"}, "cid is ringing; timer offer:cid 35s; offer 1 to "+
		"cid") // idle since then
	r.want(c, "") // a reload restores nobody again
}

func TestAnInteractionForAQueueWhoseSettingsAreOnTheirWayIsNotLost(t *testing.T) {
	r := newRig(t, "ann")
	r.want(call.Waiting{Interaction: "1", Queue: "new"}, "")
	c := settings()
	c.Queues = append(c.Queues, Queue{ID: "new", RingTimeout: 7 * time.Second})
	c.Agents[0].Queues = append(c.Agents[0].Queues, "new")
	r.want(c, "ann is ringing; timer offer:ann 22s; offer 1 to ann")
}

// The switch's clock may be ahead of ours: the cool-down was reckoned by it, the timer runs by ours.
func TestACoolDownEndsWithItsTimerWhateverTheSwitchsClockSays(t *testing.T) {
	r := newRig(t, "ann")
	r.waits("1", "Q", 0)
	m := r.missed("1", call.NoAnswer)
	m.At = m.At.Add(time.Hour)
	r.step(m)
	r.want(r.fires("cool:ann"), "ann is ringing; timer offer:ann 35s; offer 1 to ann")
}

func TestNonsenseIsIgnoredAndCounted(t *testing.T) {
	r := newRig(t, "ann")
	for i, in := range []Input{nil, 7, r.fires("offer:nobody"), r.fires("offer:ann"), r.fires(""), r.accepted("9"),
		r.missed("9", ""),
		call.Released{Offer: "x"}, call.Left{Interaction: "9"}} {
		if r.want(in, ""); r.e.Ignored() != i+1 {
			t.Errorf("%#v: %d ignored, want %d", in, r.e.Ignored(), i+1)
		}
	}
	r.waits("1", "Q", 0)
	r.want(call.Waiting{Interaction: "1", Queue: "Q"}, "")
}
