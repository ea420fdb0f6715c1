package call_test

import (
	"reflect"
	"testing"
	"time"

	"ramal/call"
)

const (
	callerLeg = call.LegID("11111111-1111-4111-8111-111111111111")
	agentLeg  = call.LegID("22222222-2222-4222-8222-222222222222")
)

// ringingCall is a call whose caller waits and whose agent's phone is dialled; the music was asked for and not heard
// yet.
func ringingCall(t *testing.T) (step func(call.Input) []string) {
	t.Helper()
	c := call.New(call.Begin{ID: "33333333-3333-4333-8333-333333333333"})
	step = func(in call.Input) (names []string) {
		for _, cmd := range c.Step(in) {
			if n, ok := cmd.(call.Note); ok {
				names = append(names, string(n.Fact.Kind)+" "+string(n.Fact.Cause))
				continue
			}
			names = append(names, reflect.TypeOf(cmd).Name())
		}
		return names
	}
	step(call.LegOffered{Stamp: on(callerLeg)})
	step(call.LegAnswered{Stamp: on(callerLeg)})
	step(call.Wish{At: time.Unix(1, 0), Command: call.Enqueue{Queue: "q", Music: call.Sound{File: "system/hold1.wav"}}})
	step(call.Offer{Offer: "o", Agent: "a", Extension: "1001", RingTimeout: 20 * time.Second, Leg: agentLeg,
		At: time.Unix(1, 0)})
	return step
}

func on(leg call.LegID) call.Stamp { return call.Stamp{Leg: leg, At: time.Unix(1, 0)} }

func has(names []string, want string) bool {
	for _, n := range names {
		if n == want {
			return true
		}
	}
	return false
}

func TestLegsAreJoinedOnlyWhenTheMusicHasBegun(t *testing.T) {
	music := call.PlaybackStarted{Stamp: on(callerLeg), Source: "/media/system/hold1.wav"}
	parked := call.LegParked{Stamp: on(agentLeg), Direction: call.Outbound, Answered: true}
	t.Run("the agent answers first", func(t *testing.T) {
		step := ringingCall(t)
		if got := step(parked); has(got, "Bridge") {
			t.Errorf("joined before the music began: %v", got)
		}
		if got := step(call.PlaybackStarted{Stamp: on(callerLeg), Source: "/media/prompts/x.wav"}); has(got, "Bridge") {
			t.Errorf("joined for another sound: %v", got)
		}
		if got := step(music); !has(got, "Bridge") {
			t.Errorf("the music has begun: %v", got)
		}
	})
	t.Run("the music begins first", func(t *testing.T) {
		step := ringingCall(t)
		step(music)
		if got := step(parked); !has(got, "Bridge") {
			t.Errorf("the agent has answered: %v", got)
		}
	})
	t.Run("the music is missing", func(t *testing.T) {
		step := ringingCall(t)
		step(parked)
		if got := step(call.PlaybackEnded{Stamp: on(callerLeg), Source: "/media/system/hold1.wav",
			Status: call.PlaybackMissing}); !has(got, "Bridge") {
			t.Errorf("there is no music to wait for: %v", got)
		}
	})
	t.Run("nothing is heard of the music", func(t *testing.T) {
		step := ringingCall(t)
		step(parked)
		if got := step(call.TimerFired{Timer: "join"}); !has(got, "Bridge") {
			t.Errorf("waited long enough: %v", got)
		}
		if got := step(call.TimerFired{Timer: "join"}); !has(got, "agent.missed NORMAL_TEMPORARY_FAILURE") {
			t.Errorf("the join failed: %v", got)
		}
	})
}

// Recording 19: the leg to a phone that is not registered is destroyed without having been hung up, then the job says
// why.
func TestALegThatNeverBeganIsMissedForTheReasonOfItsDialling(t *testing.T) {
	step := ringingCall(t)
	if got := step(call.LegGone{Stamp: on(agentLeg)}); has(got, "agent.missed X_SWITCH_LOST") {
		t.Errorf("the leg is gone: %v", got)
	}
	if got := step(call.DialDone{Stamp: on(agentLeg), Cause: call.UserNotRegistered}); !has(got,
		"agent.missed USER_NOT_REGISTERED") {
		t.Errorf("the dialling has failed: %v", got)
	}
}
