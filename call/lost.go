package call

import "time"

// CloseLost returns the facts that close an interaction whose caller's leg is gone while no core looked, and folds
// them into s. When exactly it ended is not known; at is when that was found out.
func CloseLost(s *Summary, at time.Time) []Fact {
	var facts []Fact
	note := func(f Fact) {
		f.Interaction, f.Seq, f.At, f.Version = s.Interaction, s.Facts+1, at, FactVersion
		s.Apply(f)
		facts = append(facts, f)
	}
	outcome := OutcomeFlow
	switch {
	case s.Phase == PhaseEnded:
		return nil
	case !s.Talking.IsZero():
		outcome = OutcomeAnswered
		if s.Phase == PhaseTalking && s.TalkEnded.Before(s.Talking) {
			note(Fact{Kind: TalkEnded, Agent: s.Agent, By: BySystem})
		}
	case !s.Queued.IsZero():
		outcome = OutcomeFailed
		note(Fact{Kind: QueueLeft, Queue: s.Queue, Outcome: OutcomeFailed})
	}
	note(Fact{Kind: Ended, By: BySystem, Cause: SwitchLost, Outcome: outcome})
	return facts
}
