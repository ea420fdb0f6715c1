package call

import "time"

// FactVersion is the version of the schema of Fact that this program writes. Older ones are upcast where they are read.
const FactVersion = 1

// FactKind names what happened. The strings are stored and never change their meaning.
type FactKind string

// What can happen to an interaction.
const (
	Received         FactKind = "call.received"
	AnsweredBySystem FactKind = "call.answered"
	FlowNode         FactKind = "ivr.node"         // Node
	FlowOption       FactKind = "ivr.option"       // Node, Digit, Label
	FlowInvalid      FactKind = "ivr.invalid"      // Node
	FlowNoInput      FactKind = "ivr.no_input"     // Node
	FlowPromptLost   FactKind = "ivr.prompt_lost"  // Node: the file was missing on the switch
	QueueEntered     FactKind = "queue.entered"    // Queue
	QueueLeft        FactKind = "queue.left"       // Queue, Outcome
	AgentOffered     FactKind = "agent.offered"    // Queue, Agent, Offer, Leg
	AgentRinging     FactKind = "agent.ringing"    // Agent, Offer
	AgentMissed      FactKind = "agent.missed"     // Agent, Offer, Cause
	AgentAnswered    FactKind = "agent.answered"   // Agent, Offer, Leg
	TalkStarted      FactKind = "talk.started"     // Agent, Offer
	TalkEnded        FactKind = "talk.ended"       // Agent, Offer, By
	RecordingBegan   FactKind = "recording.began"  // Path
	RecordingClosed  FactKind = "recording.closed" // Path
	Ended            FactKind = "call.ended"       // By, Cause, Outcome
)

// Actor says who did something.
type Actor string

// Who can end things.
const (
	ByCaller Actor = "caller"
	ByAgent  Actor = "agent"
	BySystem Actor = "system"
)

// Outcome says how a queue entry, or a whole interaction, ended. Every queue entry has exactly one in the end, so
// that offered = answered + abandoned + left + expired + failed + waiting.
type Outcome string

// The outcomes known so far; more kinds of leaving and expiring come with the queue engine's growth.
const (
	OutcomeAnswered  Outcome = "answered"  // an agent talked with the caller
	OutcomeAbandoned Outcome = "abandoned" // the caller hung up while waiting or while an agent's phone rang
	OutcomeFlow      Outcome = "flow"      // the caller never asked for a queue: ended in the flow
	OutcomeFailed    Outcome = "failed"    // the switch or the node failed
)

// Fact is one entry of an interaction's append-only log. Fields that a kind does not use are empty. It holds no
// personal value: who called is kept apart and referenced by the interaction.
type Fact struct {
	Interaction ID        `json:"-"`
	Seq         int       `json:"-"` // 1, 2, 3 … within the interaction
	At          time.Time `json:"-"`
	Kind        FactKind  `json:"-"`
	Version     int       `json:"-"`

	Leg      LegID   `json:"leg,omitempty"`
	Queue    QueueID `json:"queue,omitempty"`
	Agent    AgentID `json:"agent,omitempty"`
	Offer    OfferID `json:"offer,omitempty"`
	Flow     FlowID  `json:"flow,omitempty"`
	FlowVer  int     `json:"flow_version,omitempty"`
	Node     string  `json:"node,omitempty"`
	Digit    Digit   `json:"digit,omitempty"`
	Label    string  `json:"label,omitempty"`
	Cause    Cause   `json:"cause,omitempty"`
	By       Actor   `json:"by,omitempty"`
	Outcome  Outcome `json:"outcome,omitempty"`
	Path     string  `json:"path,omitempty"`
	Priority int     `json:"priority,omitempty"`
}
