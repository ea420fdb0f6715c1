package call

import "time"

// Phase is where an interaction is, for people who watch.
type Phase string

// The phases of a call, in their usual order.
const (
	PhaseArriving Phase = "arriving" // not answered yet
	PhaseFlow     Phase = "flow"     // in the IVR
	PhaseWaiting  Phase = "waiting"  // in a queue
	PhaseRinging  Phase = "ringing"  // in a queue, an agent's phone rings
	PhaseTalking  Phase = "talking"  // with an agent
	PhaseEnded    Phase = "ended"
)

// Summary is the state of one interaction, folded from its facts and from nothing else, so that it can always be
// rebuilt. Times that have not come are zero.
type Summary struct {
	Interaction ID
	CallerLeg   LegID
	Phase       Phase
	Flow        FlowID
	FlowVersion int
	Node        string // the flow's node, while in the flow
	Queue       QueueID
	Priority    int
	Agent       AgentID // who is being rung, or talks, or talked last
	Path        []Label // options chosen in the flow
	Started     time.Time
	Answered    time.Time // by the system
	Queued      time.Time // entered the (last) queue
	Talking     time.Time // first agent talked
	TalkEnded   time.Time
	Ended       time.Time
	Since       time.Time // entered the present phase
	Missed      int       // offers that came to nothing
	EndedBy     Actor
	Cause       Cause
	Outcome     Outcome
	Recording   string // path below the recordings directory
	Facts       int    // sequence number of the last fact folded in
}

// Label is one option that a caller chose.
type Label struct {
	Node  string `json:"node"`
	Digit Digit  `json:"digit"`
	Label string `json:"label"`
}

// Apply folds one more fact into the summary. Facts must come in the order of their sequence; one that was folded in
// before is ignored, so that a replay over a live state changes nothing.
func (s *Summary) Apply(f Fact) {
	if f.Seq <= s.Facts {
		return
	}
	s.Facts = f.Seq
	s.Interaction = f.Interaction
	switch f.Kind {
	case Received:
		s.Started, s.CallerLeg, s.Flow, s.FlowVersion = f.At, f.Leg, f.Flow, f.FlowVer
		s.enter(PhaseArriving, f.At)
	case AnsweredBySystem:
		s.Answered = f.At
		s.enter(PhaseFlow, f.At)
	case FlowNode:
		s.Node = f.Node
	case FlowOption:
		s.Path = append(s.Path[:len(s.Path):len(s.Path)], Label{f.Node, f.Digit, f.Label})
	case QueueEntered:
		s.Queue, s.Priority, s.Queued, s.Node = f.Queue, f.Priority, f.At, ""
		s.enter(PhaseWaiting, f.At)
	case AgentOffered:
		s.Agent = f.Agent
		s.enter(PhaseRinging, f.At)
	case AgentMissed:
		s.Missed++
		s.Agent = ""
		s.enter(PhaseWaiting, s.Queued)
	case TalkStarted:
		s.Agent = f.Agent
		if s.Talking.IsZero() {
			s.Talking = f.At
		}
		s.enter(PhaseTalking, f.At)
	case TalkEnded:
		s.TalkEnded = f.At
	case RecordingBegan:
		s.Recording = f.Path
	case Ended:
		s.Ended, s.EndedBy, s.Cause, s.Outcome = f.At, f.By, f.Cause, f.Outcome
		s.enter(PhaseEnded, f.At)
	}
}

func (s *Summary) enter(p Phase, at time.Time) { s.Phase, s.Since = p, at }
