package call

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// surprises are all inputs that a machine may meet at any time: on the caller's leg, on the present agent's, on a leg
// of an earlier offer, on one that nobody knows, timers, the flow's wishes and the queue engine's.
func surprises(r *rig) []Input {
	var all []Input
	for _, leg := range []LegID{caller, "A1", "A2", "X", ""} {
		s := r.st(leg)
		other := LegID("A1")
		if leg == "A1" {
			other = caller
		}
		all = append(all, LegOffered{Stamp: s}, LegCreated{Stamp: s}, LegProgress{Stamp: s}, LegAnswered{s},
			LegHeld{s, true},
			LegParked{Stamp: s, Answered: true}, LegParked{Stamp: s}, LegBridged{s, other}, LegBridged{s, "X"},
			LegUnbridged{s,
				other},
			LegHungUp{s, NormalClearing}, LegHungUp{s, SwitchLost}, LegHungUp{s, "hostile\nCAUSE"}, LegGone{s},
			PlaybackStarted{s, "/media/" + music}, PlaybackEnded{s, "/media/" + music, PlaybackMissing},
			PlaybackEnded{s, "/media/" + music, PlaybackBroken}, PlaybackEnded{s, "/media/prompts/x.wav", PlaybackDone},
			DigitPressed{Stamp: s, Digit: "1"}, RecordingStarted{s, "p"}, RecordingStopped{s, "p"},
			DialDone{Stamp: s, OK: true}, DialDone{Stamp: s, Cause: NoAnswer})
		for _, cmd := range []Command{Answer{leg}, Play{Leg: leg}, PlayLoop{Leg: leg}, Bridge{leg, other},
			Dial{Leg: leg},
			HangUp{Leg: leg},
			ArmFallback{Leg: leg}, SetVars{Leg: leg}, StartRecording{Leg: leg}} {
			all = append(all, CommandFailed{s, cmd, "-ERR"})
		}
	}
	for _, name := range []string{timerRenew, timerAnswer, timerOffer, timerJoin, timerApart, timerKill, timerDrop,
		timerMusic,
		"flow.input", "flow.", "", "nonsense"} {
		all = append(all, r.fired(name))
	}
	for _, cmd := range []Command{Enqueue{Queue: "Q", Music: Sound{File: music}}, EndFlow{Cause: NormalClearing},
		Play{Leg: caller},
		Note{Fact{Kind: FlowNode, Node: "n"}}, Bridge{caller, "A1"}} {
		all = append(all, Wish{r.at, cmd})
	}
	return append(all, r.offer(1), r.offer(2), Withdraw{"o1", RecoveryOnTimerExpire, r.at},
		Withdraw{"o2", RecoveryOnTimerExpire, r.at},
		Heartbeat{Stamp: r.st("")}, nil)
}

// In every state, any two surprises one after the other leave a call that still comes to its end as soon as its legs
// do, told once to the log and once to the queue engine.
func TestAnyTwoSurprisesInAnyStateLeaveACallThatEnds(t *testing.T) {
	total := len(surprises(newRig(t)))
	runs, stride := 0, 11 // every pair takes 15 s
	if os.Getenv("RAMAL_TIER") == "accept" {
		stride = 1
	}
	for s := arriving; s <= finished; s++ {
		for i := range total {
			for j := i % stride; j < total; j += stride {
				r := reach(t, s)
				list := surprises(r)
				r.step(list[i])
				r.step(list[j])
				finish(r)
				if bad := judge(r); bad != "" {
					t.Fatalf("%s, then %#v, then %#v: %s\n%s", stateNames[s], list[i], list[j], bad,
						strings.Join(r.log, "\n"))
				}
				runs++
			}
		}
	}
	t.Logf("%d runs", runs)
}

// finish lets every leg end, the agents' legs first, as a switch tells it.
func finish(r *rig) {
	for _, leg := range []LegID{"A1", "A2", caller} {
		r.step(LegHungUp{r.st(leg), NormalClearing})
		r.step(LegGone{r.st(leg)})
		r.step(DialDone{Stamp: r.st(leg), Cause: NormalClearing})
	}
}

// judge says what is wrong with everything that a machine wanted in its life, "" when nothing is.
func judge(r *rig) string {
	n := map[string]int{}
	for _, w := range r.log {
		for _, prefix := range []string{"finished", "note call.received", "note call.ended", "note queue.entered",
			"note queue.left",
			"note talk.started", "note talk.ended", "queues Waiting", "queues Left", "queues Accepted",
			"queues Released", "dial",
			"note agent.offered", "note agent.missed", "note recording.began", "record "} {
			if strings.HasPrefix(w, prefix) {
				n[prefix]++
			}
		}
	}
	sum := r.c.Sum
	switch {
	case r.c.state != finished || n["finished"] != 1:
		return fmt.Sprintf("in state %s, finished %d times", stateNames[r.c.state], n["finished"])
	case n["note call.received"] != 1 || n["note call.ended"] != 1:
		return "not received and ended once"
	case n["note queue.entered"] != n["note queue.left"] || n["note queue.entered"] != n["queues Waiting"]:
		return "queue entries and leavings differ"
	case n["queues Waiting"] != n["queues Left"]+n["queues Accepted"]:
		return "the queue engine would keep it, or was told twice"
	case n["queues Accepted"] != n["queues Released"] || n["note talk.started"] != n["queues Accepted"] ||
		n["note talk.started"] != n["note talk.ended"]:
		return "talks do not begin and end alike"
	case n["note agent.offered"] != n["dial"] || n["dial"] < n["note agent.missed"]+n["note talk.started"]:
		return "offers and dials differ"
	case sum.Facts != len(slices.DeleteFunc(slices.Clone(r.log), func(w string) bool {
		return !strings.HasPrefix(w,
			"note ")
	})):
		return "facts and their numbers differ"
	case len(r.c.Legs()) != 0 || len(r.c.Strays()) != 0:
		return "legs are left"
	}
	return ""
}
