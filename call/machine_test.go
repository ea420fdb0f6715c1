package call

import (
	"testing"
	"time"
)

const stopAll = "stop renew; stop answer; stop offer; stop join; stop apart; stop drop; stop music"

func TestTheUsualWayFromTheOfferedLegToTheTalk(t *testing.T) {
	r := newRig(t)
	r.want(LegOffered{Stamp: r.st(caller), From: Party{Number: "554899"}, To: "5548"},
		"note call.received; arm C 2m0s; set C caller hold=true; answer C; timer renew 30s; timer answer 10s")
	r.want(LegAnswered{r.st(caller)}, "note call.answered; stop answer; flow call.LegAnswered")
	r.want(Wish{r.at, Enqueue{Queue: "Q", Music: Sound{File: music}}},
		"note queue.entered; loop C system/hold1.wav; queues Waiting")
	r.want(PlaybackStarted{r.st(caller), "/media/" + music}, "")
	r.want(r.offer(1), "note agent.offered; dial A1 1001 20s; timer offer 25s")
	r.want(LegProgress{Stamp: r.st("A1")}, "note agent.ringing")
	r.want(LegProgress{Stamp: r.st("A1")}, "")
	r.want(LegAnswered{r.st("A1")}, "note agent.answered")
	r.want(LegAnswered{r.st("A1")}, "")
	r.step(DialDone{Stamp: r.st("A1"), OK: true})
	r.want(LegParked{Stamp: r.st("A1"), Answered: true}, "")
	r.want(LegBridged{r.st(caller), "A1"}, "note queue.left  answered; note talk.started; stop join; stop renew; "+
		"queues Accepted; record C 2026/11/22/I.wav")
	r.want(LegBridged{r.st("A1"), caller}, "")
	r.want(RecordingStarted{r.st(caller), "p"}, "note recording.began")
	r.want(RecordingStarted{r.st(caller), "p"}, "")
	if s := r.c.Sum; s.Phase != PhaseTalking || s.Agent != "ag1" || s.Missed != 0 || s.Recording != "2026/11/22/I.wav" {
		t.Errorf("summary %+v", s)
	}
}

// What the caller's hang-up means depends on when it comes.
func TestTheCallerHangsUpInEachState(t *testing.T) {
	for _, c := range []struct {
		s       state
		want    string
		outcome Outcome
	}{
		{arriving, stopAll + "; note call.ended NORMAL_CLEARING caller flow; timer kill 5s", OutcomeFlow},
		{inFlow, stopAll + "; note call.ended NORMAL_CLEARING caller flow; timer kill 5s", OutcomeFlow},
		{waiting, "note queue.left  abandoned; queues Left; " + stopAll +
			"; note call.ended NORMAL_CLEARING caller abandoned; timer kill 5s", OutcomeAbandoned},
		{ringing, "note queue.left  abandoned; queues Left; hang up A1 ORIGINATOR_CANCEL; timer drop 5s; " + stopAll +
			"; note call.ended NORMAL_CLEARING caller abandoned; timer kill 5s", OutcomeAbandoned},
		{joining, "note queue.left  abandoned; queues Left; hang up A1 ORIGINATOR_CANCEL; timer drop 5s; " + stopAll +
			"; note call.ended NORMAL_CLEARING caller abandoned; timer kill 5s", OutcomeAbandoned},
		{talking, "note talk.ended  caller; stop apart; queues Released; hang up A1 NORMAL_CLEARING; timer drop " +
			"5s; " + stopAll +
			"; note call.ended NORMAL_CLEARING caller answered; timer kill 5s", OutcomeAnswered},
		{ending, stopAll + "; note call.ended NORMAL_CLEARING agent answered; timer kill 5s", OutcomeAnswered},
	} {
		t.Run(stateNames[c.s], func(t *testing.T) {
			r := reach(t, c.s)
			e := LegHungUp{r.st(caller), NormalClearing}
			r.want(e, c.want)
			r.want(e, "")
			if r.c.Sum.Outcome != c.outcome || !r.c.Sum.Ended.Equal(e.At) {
				t.Errorf("outcome %s at %s; want %s at %s", r.c.Sum.Outcome, r.c.Sum.Ended, c.outcome, e.At)
			}
		})
	}
}

func TestTheSwitchLosesTheCallerInEachState(t *testing.T) {
	for s, outcome := range map[state]Outcome{arriving: OutcomeFailed, inFlow: OutcomeFailed, waiting: OutcomeFailed,
		ringing: OutcomeFailed, joining: OutcomeFailed, talking: OutcomeAnswered} {
		r := reach(t, s)
		r.step(LegGone{r.st(caller)})
		if r.c.Sum.Outcome != outcome || r.c.Sum.EndedBy != BySystem || r.c.Sum.Cause != SwitchLost {
			t.Errorf("%s: %s by %s (%s), want %s", stateNames[s], r.c.Sum.Outcome, r.c.Sum.EndedBy, r.c.Sum.Cause,
				outcome)
		}
	}
}

// An offer that comes to nothing leaves the caller waiting, with music and at the place in the queue.
func TestAnOfferComesToNothingAndTheCallerWaitsOn(t *testing.T) {
	for _, c := range []struct {
		name string
		s    state
		in   func(r *rig) Input
		want string
	}{
		{"busy", ringing, func(r *rig) Input { return DialDone{Stamp: r.st("A1"), Cause: UserBusy} },
			"note agent.missed USER_BUSY; stop offer; queues Missed o1 USER_BUSY"},
		{"not registered", ringing, func(r *rig) Input { return DialDone{Stamp: r.st("A1"), Cause: UserNotRegistered} },
			"note agent.missed USER_NOT_REGISTERED; stop offer; queues Missed o1 USER_NOT_REGISTERED"},
		{"the leg's hang-up comes first", ringing, func(r *rig) Input { return LegHungUp{r.st("A1"), CallRejected} },
			"note agent.missed CALL_REJECTED; stop offer; queues Missed o1 CALL_REJECTED"},
		{"the switch does not report", ringing, func(r *rig) Input { return r.fired(timerOffer) },
			"note agent.missed NO_ANSWER; stop offer; hang up A1 ORIGINATOR_CANCEL; timer drop 5s; queues " +
				"Missed o1 NO_ANSWER"},
		{"withdrawn", ringing, func(r *rig) Input { return Withdraw{"o1", RecoveryOnTimerExpire, r.at} },
			"note agent.missed RECOVERY_ON_TIMER_EXPIRE; stop offer; hang up A1 RECOVERY_ON_TIMER_EXPIRE; timer " +
				"drop 5s; " +
				"queues Missed o1 RECOVERY_ON_TIMER_EXPIRE"},
		{"the dial is refused", ringing, func(r *rig) Input {
			return CommandFailed{r.st("A1"), Dial{Leg: "A1"},
				"-ERR"}
		},
			"note agent.missed NORMAL_TEMPORARY_FAILURE; stop offer; queues Missed o1 NORMAL_TEMPORARY_FAILURE"},
		{"the bridge is refused", joining, func(r *rig) Input {
			return CommandFailed{r.st(caller), Bridge{caller, "A1"},
				"-ERR"}
		},
			"stop join; arm C 2m0s; note agent.missed NORMAL_TEMPORARY_FAILURE; stop offer; " +
				"hang up A1 NORMAL_TEMPORARY_FAILURE; timer drop 5s; queues Missed o1 NORMAL_TEMPORARY_FAILURE"},
		{"the bridge is not reported", joining, func(r *rig) Input { return r.fired(timerJoin) },
			"stop join; arm C 2m0s; note agent.missed NORMAL_TEMPORARY_FAILURE; stop offer; " +
				"hang up A1 NORMAL_TEMPORARY_FAILURE; timer drop 5s; queues Missed o1 NORMAL_TEMPORARY_FAILURE"},
		{"the agent hangs up while being joined", joining, func(r *rig) Input {
			return LegHungUp{r.st("A1"),
				NormalClearing}
		},
			"stop join; arm C 2m0s; note agent.missed NORMAL_TEMPORARY_FAILURE; stop offer; " +
				"queues Missed o1 NORMAL_TEMPORARY_FAILURE"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := reach(t, c.s)
			queued := r.c.Sum.Queued
			r.want(c.in(r), c.want)
			if s := r.c.Sum; r.c.state != waiting || s.Phase != PhaseWaiting || s.Missed != 1 ||
				!s.Queued.Equal(queued) ||
				!s.Since.Equal(queued) {
				t.Errorf("state %s, summary %+v", stateNames[r.c.state], s)
			}
			r.want(r.offer(2), "note agent.offered; dial A2 1002 20s; timer offer 25s")
			r.step(LegAnswered{r.st("A2")})
			r.step(DialDone{Stamp: r.st("A2"), OK: true})
			r.step(LegBridged{r.st(caller), "A2"})
			if r.c.state != talking || r.c.Sum.Agent != "ag2" {
				t.Errorf("the next agent does not talk: %s with %s", stateNames[r.c.state], r.c.Sum.Agent)
			}
		})
	}
}

func TestMusicThatEndedInAFailedJoinBeginsAgain(t *testing.T) {
	r := reach(t, joining)
	r.want(PlaybackEnded{r.st(caller), "/media/" + music, PlaybackBroken}, "")
	r.step(r.fired(timerJoin))
	if last := r.log[len(r.log)-1]; last != "loop C "+music {
		t.Errorf("last command %q", last)
	}
}

func TestAnOfferThatComesTooLateGoesBack(t *testing.T) {
	for _, s := range []state{arriving, inFlow, ringing, joining, talking, ending, finished} {
		r := reach(t, s)
		r.want(r.offer(7), "queues Missed o7 ORIGINATOR_CANCEL")
		if r.c.state != s {
			t.Errorf("%s became %s", stateNames[s], stateNames[r.c.state])
		}
	}
}

func TestTheEndOfAnEarlierOffersLegDoesNotTouchThePresentOne(t *testing.T) {
	r := reach(t, ringing)
	r.step(r.fired(timerOffer))
	r.step(r.offer(2))
	for _, e := range []Event{LegHungUp{r.st("A1"), NoAnswer}, DialDone{Stamp: r.st("A1"), Cause: NoAnswer},
		LegGone{r.st("A1")}} {
		r.want(e, "")
	}
	r.want(Withdraw{"o1", RecoveryOnTimerExpire, r.at}, "")
	if r.c.state != ringing || r.c.current() == nil || r.c.current().id != "A2" {
		t.Errorf("state %s, legs %v", stateNames[r.c.state], r.c.Legs())
	}
}

// The phone was answered in the same moment in which it was given up.
func TestAnAgentsLegThatWasGivenUpIsHungUpAgainWheneverItShowsAndAsLongAsItStands(t *testing.T) {
	r := reach(t, ringing)
	r.step(r.fired(timerOffer))
	for _, e := range []Event{LegAnswered{r.st("A1")}, LegParked{Stamp: r.st("A1"), Answered: true},
		DialDone{Stamp: r.st("A1"), OK: true}} {
		r.want(e, "hang up A1 ORIGINATOR_CANCEL")
	}
	for range 10 {
		r.want(r.fired(timerDrop), "hang up A1 ORIGINATOR_CANCEL; timer drop 5s")
	}
	r.step(LegHungUp{r.st("A1"), OriginatorCancel})
	r.want(r.fired(timerDrop), "")
}

func TestTheDeadMansSwitchIsRenewedWhileWaitingAndNeverForATalk(t *testing.T) {
	for s := arriving; s <= ringing; s++ {
		reach(t, s).wantRenewal("arm C 2m0s; timer renew 30s")
	}
	reach(t, joining).wantRenewal("timer renew 30s") // armed now it would tear the talk apart two minutes later
	for s := talking; s <= finished; s++ {
		reach(t, s).wantRenewal("")
	}
}

func (r *rig) wantRenewal(w string) {
	r.t.Helper()
	r.want(r.fired(timerRenew), w)
}

// A join that was given up but happened: the switch sends the caller to its hold extension, whose own dead man's
// switch of 5 s must not win.
func TestACallerThrownBackByTheSwitchKeepsWaiting(t *testing.T) {
	r := reach(t, joining)
	r.step(r.fired(timerJoin))
	r.want(LegBridged{r.st(caller), "A1"}, "")
	r.want(LegUnbridged{r.st(caller), "A1"}, "timer renew 1s")
	r.want(r.fired(timerRenew), "arm C 2m0s; timer renew 30s")
}

func TestMissingMusicBecomesAToneAndRefusedMusicIsAskedForAgain(t *testing.T) {
	r := reach(t, waiting)
	r.want(PlaybackEnded{r.st(caller), "/media/" + music, PlaybackMissing}, "loop C wait")
	r.want(CommandFailed{r.st(caller), PlayLoop{Leg: caller, Sound: Sound{Tone: WaitTone}}, "the link is down"},
		"timer music 2s")
	r.want(r.fired(timerMusic), "loop C wait")
	r = reach(t, waiting)
	r.want(CommandFailed{r.st(caller), PlayLoop{Leg: caller, Sound: Sound{File: music}}, "the link is down"},
		"timer music 2s")
	r.want(r.fired(timerMusic), "loop C "+music)
	r = reach(t, talking)
	r.want(r.fired(timerMusic), "")
	r.want(PlaybackEnded{r.st(caller), "/media/" + music, PlaybackMissing}, "")
}

func TestTheAgentHangsUpOrThePairFallsApartUnexplained(t *testing.T) {
	r := reach(t, talking)
	r.want(LegHungUp{r.st("A1"), NormalClearing},
		"note talk.ended  agent; stop apart; queues Released; hang up C NORMAL_CLEARING; timer kill 5s")
	r.want(LegUnbridged{r.st(caller), "A1"}, "")
	r = reach(t, talking)
	r.want(LegUnbridged{r.st(caller), "A1"}, "timer apart 3s")
	r.want(r.fired(timerApart), "note talk.ended  system; stop apart; queues Released; hang up A1 "+
		"NORMAL_CLEARING; timer drop 5s; "+
		"hang up C NORMAL_TEMPORARY_FAILURE; timer kill 5s")
}

func TestTheSwitchRefusesToAnswer(t *testing.T) {
	r := reach(t, arriving)
	r.want(CommandFailed{r.st(caller), Answer{caller}, "-ERR"}, "hang up C NORMAL_TEMPORARY_FAILURE; timer kill 5s")
	for _, s := range []state{inFlow, waiting, ringing, joining, talking} {
		r := reach(t, s)
		r.want(CommandFailed{r.st(caller), Answer{caller}, "-ERR"},
			"") // it was answered: this is a late or repeated reply
	}
	r = reach(t, arriving)
	r.want(r.fired(timerAnswer), "hang up C NORMAL_TEMPORARY_FAILURE; timer kill 5s")
}

func TestAKillIsRepeatedThreeTimesThenTheLegsAreGivenUp(t *testing.T) {
	r := reach(t, talking)
	r.step(LegHungUp{r.st(caller), NormalClearing})
	r.step(LegGone{r.st(caller)})
	for range maxKills {
		r.want(r.fired(timerKill), "hang up A1 NORMAL_CLEARING; timer kill 5s")
	}
	r.want(r.fired(timerKill), "stop kill; finished")
	r.want(r.fired(timerKill), "")

	r = reach(t, ending) // nothing at all is heard of the caller's leg
	for range maxKills {
		r.want(r.fired(timerKill), "hang up C NORMAL_CLEARING; hang up A1 NORMAL_CLEARING; timer kill 5s")
	}
	r.want(r.fired(timerKill), stopAll+"; note call.ended X_SWITCH_LOST agent answered; timer kill 5s; stop "+
		"kill; finished")
}

func TestAFlowsWishesAreLateOutsideTheFlow(t *testing.T) {
	for _, s := range []state{arriving, waiting, ringing, joining, talking, ending} {
		r := reach(t, s)
		for _, cmd := range []Command{Enqueue{Queue: "Q"}, EndFlow{Cause: NormalClearing}, Play{Leg: caller},
			StartTimer{"flow.input", time.Second}} {
			r.want(Wish{r.at, cmd}, "")
		}
		r.want(Wish{r.at, Note{Fact{Kind: FlowOption}}}, "note ivr.option")
		r.want(r.fired("flow.input"), "")
	}
}

func TestAnEventOfAForeignLegIsIgnoredAndCounted(t *testing.T) {
	r := reach(t, talking)
	before := r.c.Ignored()
	r.want(LegHungUp{r.st("X"), NormalClearing}, "")
	r.want(LegBridged{r.st("X"), "A1"}, "")
	if got := r.c.Ignored() - before; got != 2 {
		t.Errorf("%d counted, want 2", got)
	}
}
