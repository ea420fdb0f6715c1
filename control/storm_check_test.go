package control_test

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"ramal/acd"
	"ramal/call"
)

// checkNow looks at what must hold at any time; everything that can happen at this instant has happened.
func (s *storm) checkNow() {
	if s.centre == nil {
		return
	}
	v, err := s.centre.Live(s.world.Org)
	if err != nil {
		s.violated("live view: %v", err)
		return
	}
	// Ringing is given up after 20 s and 5 s more for the switch to report, whose report may be late.
	if names := s.world.Lonely(30 * time.Second); len(names) > 0 && s.calmFor() > 30*time.Second {
		s.violated("%v answered and hear nobody", names)
	}
	calls := map[call.ID]call.Phase{}
	for _, c := range v.Calls {
		calls[c.Interaction] = c.Phase
	}
	held := map[call.ID]call.AgentID{}
	for _, a := range v.Agents {
		phase, alive := calls[a.Interaction]
		if !a.Deadline.IsZero() && time.Since(a.Deadline) > time.Second {
			s.violated("%s: the lease of %s ran out at %s", a.Name, a.State, a.Deadline)
		}
		if a.State == acd.Busy && (!alive || phase != call.PhaseTalking) {
			s.violated("%s is busy with %s, which is %q", a.Name, a.Interaction, phase)
		}
		if a.State == acd.Ringing && !alive {
			s.violated("%s is rung for %s, which has no owner", a.Name, a.Interaction)
		}
		if a.State == acd.Busy || a.State == acd.Ringing {
			if other, taken := held[a.Interaction]; taken {
				s.violated("%s and %s both hold %s", a.Agent, other, a.Interaction)
			}
			held[a.Interaction] = a.Agent
		}
	}
}

// checkEnd looks at what is left when everybody has hung up, then at what was recorded.
func (s *storm) checkEnd() {
	if n := s.world.Legs(); n != 0 {
		s.violated("%d legs stand on the switch: %v", n, s.world.People())
	}
	if s.world.Torn != 0 {
		s.violated("%d talks were torn apart by the dead man's switch", s.world.Torn)
	}
	h := s.centre.Health()
	if h.Calls != 0 || h.JournalLost != 0 || h.JournalWaiting != 0 || h.JournalError != "" || !h.LinkUp {
		s.violated("health %+v", h)
	}
	s.checkNow()
	v, err := s.centre.Live(s.world.Org)
	if err != nil {
		s.violated("live view: %v", err)
	}
	for _, c := range v.Calls {
		s.violated("%s is still shown as %s", c.Interaction, c.Phase)
	}
	for _, a := range v.Agents {
		if a.State != acd.Available && a.State != acd.OnBreak && a.State != acd.Offline || a.Interaction != "" ||
			a.BreakNext != "" {
			s.violated("agent left as %+v", a)
		}
	}
	close(s.stop)
	s.world.Disconnect()
	if err := s.centre.Stop(context.Background()); err != nil {
		s.violated("stop: %v", err)
	}
	s.reapers.Wait()
	if n := s.centre.OwnedLegs(); n != 0 {
		s.violated("%d legs still have an owner", n)
	}
	if w := s.centre.EngineWaits(s.world.Org); len(w) != 0 {
		s.violated("the queue engine still holds %v", w)
	}
	s.checkRecord()
}

// checkRecord reads the log.
func (s *storm) checkRecord() {
	facts := map[call.ID][]call.Fact{}
	for _, f := range s.world.Stored.Facts {
		facts[f.Fact.Interaction] = append(facts[f.Fact.Interaction], f.Fact)
	}
	stored := map[call.ID]call.Summary{}
	for _, sum := range s.world.Stored.Summaries {
		stored[sum.Summary.Interaction] = sum.Summary
	}
	talks := map[call.AgentID][]call.Summary{}
	for _, p := range s.world.Stored.Parties {
		sum := s.checkInteraction(p.Interaction, facts[p.Interaction])
		if d := cmp.Diff(sum, stored[p.Interaction]); d != "" {
			s.violated("%s: the stored summary is not what its facts say (-folded +stored):\n%s", p.Interaction, d)
		}
		if !sum.Talking.IsZero() && sum.Cause != call.SwitchLost { // when those ended nobody knows
			talks[sum.Agent] = append(talks[sum.Agent], sum)
		}
		delete(facts, p.Interaction)
	}
	for id := range facts {
		s.violated("%s has facts and no party", id)
	}
	for agent, list := range talks {
		slices.SortFunc(list, func(a, b call.Summary) int { return a.Talking.Compare(b.Talking) })
		for i := range list[1:] {
			// Events of the two calls may be a little late, each on its own.
			if before, after := list[i], list[i+1]; after.Talking.Before(before.TalkEnded.Add(-5 * time.Second)) {
				s.violated("agent %s talked in %s and %s at once", agent, before.Interaction, after.Interaction)
			}
		}
	}
}

func (s *storm) checkInteraction(id call.ID, facts []call.Fact) call.Summary {
	var sum call.Summary
	n := map[call.FactKind]int{}
	left := map[call.Outcome]int{}
	for i, f := range facts {
		if f.Seq != i+1 {
			s.violated("%s: fact %d (%s) has sequence number %d", id, i+1, f.Kind, f.Seq)
		}
		n[f.Kind]++
		if f.Kind == call.QueueLeft {
			left[f.Outcome]++
		}
		sum.Apply(f)
	}
	s.tally.Calls++
	s.tally.Talks += n[call.TalkStarted]
	s.tally.Missed += n[call.AgentMissed]
	s.tally.Abandoned += left[call.OutcomeAbandoned]
	s.tally.Failed += left[call.OutcomeFailed]
	bad := func(what string) {
		var kinds []string
		for _, f := range facts {
			kinds = append(kinds, f.At.Format("04:05.000 ")+string(f.Kind))
		}
		s.violated("%s: %s\n    %s", id, what, strings.Join(kinds, "\n    "))
	}
	sorted := left[call.OutcomeAnswered] + left[call.OutcomeAbandoned] + left[call.OutcomeFailed]
	switch {
	case n[call.Received] != 1 || n[call.Ended] != 1:
		bad("not received once and ended once")
	case n[call.QueueEntered] != n[call.QueueLeft] || n[call.QueueLeft] != sorted:
		bad("queue entries and leavings differ")
	case n[call.TalkStarted] != left[call.OutcomeAnswered] || n[call.TalkStarted] != n[call.TalkEnded]:
		bad("talks were not answered, begun and ended alike")
	case n[call.AgentOffered] < n[call.AgentMissed]+n[call.TalkStarted] ||
		n[call.AgentOffered] > n[call.AgentMissed]+n[call.TalkStarted]+1:
		bad("offers without an outcome")
	case n[call.RecordingBegan] > 1 || n[call.RecordingClosed] > n[call.RecordingBegan]:
		bad("recordings")
	}
	if !s.odd && !s.cuts && !s.deaths && (left[call.OutcomeFailed] > 0 || sum.Cause == call.SwitchLost) {
		bad("lost, though nothing was wrong with the switch")
	}
	return sum
}

func (s *storm) report(total *tally) {
	s.tally.Violations = len(s.broken)
	total.Calls += s.tally.Calls
	total.Talks += s.tally.Talks
	total.Missed += s.tally.Missed
	total.Abandoned += s.tally.Abandoned
	total.Failed += s.tally.Failed
	total.Kills += s.tally.Kills
	total.Cuts += s.tally.Cuts
	total.Violations += s.tally.Violations
	if len(s.broken) == 0 {
		return
	}
	for _, b := range s.broken {
		s.t.Error(b)
	}
	said := s.world.Said()
	s.t.Logf("the story:\n%s", strings.Join(said, "\n"))
}
