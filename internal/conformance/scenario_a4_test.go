package conformance

import (
	"testing"
	"time"

	"ramal/call"
	"ramal/carrier"
)

func TestA4_AnAgentWhoDoesNotTakeTheCallIsFollowedByTheNextAndTheCallerKeepsThePlace(t *testing.T) {
	t.Parallel()
	OnSoftswitch(t, missedOffers)
}

func TestA4_AnAgentWhoDoesNotTakeTheCallIsFollowedByTheNextAndTheCallerKeepsThePlace_OnFreeSWITCH(t *testing.T) {
	OnFreeSWITCH(t, missedOffers)
}

// ringTime is the queues' ring time-out in this scenario.
const ringTime = 3 * time.Second

func missedOffers(t *testing.T, site *Site) {
	s := enter(t, site, 3*time.Minute)
	s.sql(`UPDATE queue SET ring_timeout_s = 3 RETURNING 1::text`)
	s.restart() // settings are read at the start
	s.office = s.signIn("admin")
	// Bruno is not registered yet; his first offer fails for that, and no event tells the core before.
	ana, bruno, carla := s.signIn("ana"), s.signIn("bruno"), s.signIn("carla")
	anaPhone, carlaPhone := s.agentPhone("1001", carrier.RingOnly()), s.agentPhone("1003", answers(0))

	for _, m := range []struct {
		name, caller string
		first        *web
		behaviour    carrier.Behaviour
		cause        call.Cause
	}{
		{"not registered", "5548999990401", bruno, carrier.Behaviour{}, call.UserNotRegistered},
		{"busy", "5548999990402", ana, carrier.Busy(), call.UserBusy},
		{"declines", "5548999990403", ana, carrier.Decline(), call.CallRejected},
		{"does not answer", "5548999990404", ana, carrier.RingOnly(), call.NoAnswer},
	} {
		anaPhone.SetBehaviour(m.behaviour)
		m.first.state("available") // idle longest, so asked first
		carla.state("available")
		caller := s.dial(m.caller)
		s.press(caller, "1")
		s.must(s.rung(carlaPhone).WaitAnswer(s.ctx))
		s.logged(m.caller, "talk.started", 1)
		s.offers(m.name, m.caller, m.cause)
		if m.cause != call.UserNotRegistered {
			s.endedUnanswered(m.name, s.rung(anaPhone), m.cause)
		}
		s.wantTone(m.name+": the caller", caller, agentTone)
		s.must(caller.Hangup(s.ctx))
		s.logged(m.caller, "call.ended", 1)
		s.until(m.name+": both agents are free", patience, func() bool {
			a := s.agents()
			return a["1001"].Interaction == "" && a["1003"].Interaction == ""
		})
		m.first.state("offline")
		carla.state("offline")
	}
	s.keepsPlace(ana, anaPhone, carla, carlaPhone)
	s.leftovers(s.listen(), "5548999990401", "5548999990402", "5548999990403",
		"5548999990404", "5548999990405", "5548999990406")
}

// offers holds a call's log against what should be in it: one missed offer with its cause, then one that was taken.
func (s *stage) offers(name, number string, cause call.Cause) {
	s.Helper()
	missed := s.logged(number, "agent.missed", 1)
	offered := s.logged(number, "agent.offered", 2)
	if len(missed) != 1 || missed[0].get("cause") != string(cause) {
		s.Errorf("%s: missed offers %v, wanted one with %s", name, missed, cause)
	}
	if len(offered) != 2 || offered[0].get("agent") == offered[1].get("agent") {
		s.Errorf("%s: offers %v, wanted one to each of two agents", name, offered)
	}
	if missed[0].get("agent") != offered[0].get("agent") || missed[0].get("offer") != offered[0].get("offer") {
		s.Errorf("%s: the offer that was missed %v is not the first one %v", name, missed[0], offered[0])
	}
	if n := len(s.logged(number, "queue.entered", 1)); n != 1 {
		s.Errorf("%s: the caller entered the queue %d times", name, n)
	}
}

// endedUnanswered looks at the missed call from the agent's telephone.
func (s *stage) endedUnanswered(name string, c *carrier.Call, cause call.Cause) {
	s.Helper()
	end, err := c.WaitEnd(s.ctx)
	s.must(err)
	if cause != call.NoAnswer {
		if !end.Local {
			s.Errorf("%s: the phone's call ended with %+v", name, end)
		}
		return
	}
	// The switch counts whole seconds, and its timer may fire up to one early.
	rang := end.At.Sub(c.Times().Ringing)
	if end.Method != "CANCEL" || rang < ringTime-1100*time.Millisecond || rang > ringTime+time.Second {
		s.Errorf("%s: rang for %v, then %+v; wanted CANCEL after %v", name, rang, end, ringTime)
	}
}

// keepsPlace: two callers wait, the agent who is offered the first is busy; the next agent gets the first, then the
// second.
func (s *stage) keepsPlace(ana *web, anaPhone *carrier.Phone, carla *web, carlaPhone *carrier.Phone) {
	s.Helper()
	anaPhone.SetBehaviour(carrier.Busy())
	const first, second = "5548999990405", "5548999990406"
	callers := map[string]*carrier.Call{}
	for _, number := range []string{first, second} {
		callers[number] = s.dial(number)
		s.press(callers[number], "1")
		s.logged(number, "queue.entered", 1)
	}
	ana.state("available")
	s.logged(first, "agent.missed", 1)
	// Ana may be asked again in five seconds, when she would get the first caller once more.
	ana.state("offline")
	carla.state("available")
	for _, number := range []string{first, second} {
		atAgent := s.rung(carlaPhone)
		if atAgent.RemoteUser != number {
			s.Errorf("the agent's phone shows %s, it was the turn of %s", atAgent.RemoteUser, number)
		}
		s.logged(number, "talk.started", 1)
		s.must(callers[number].Hangup(s.ctx))
	}
	for _, number := range []string{first, second} {
		s.logged(number, "call.ended", 1)
		if n := len(s.logged(number, "queue.entered", 1)); n != 1 {
			s.Errorf("%s entered the queue %d times", number, n)
		}
	}
	carla.state("offline")
}
