package call

import "time"

// QueueInput is what a call tells the queue engine of its organisation. The set is closed.
type QueueInput interface{ queueInput() }

// Waiting: the interaction waits in a queue from now on.
type Waiting struct {
	Interaction ID
	Queue       QueueID
	Priority    int
	Since       time.Time
}

// Left: the interaction waits no longer and has no agent: the caller hung up, or the flow went on elsewhere.
type Left struct {
	Interaction ID
	At          time.Time
}

// Accepted: the agent who was offered the interaction answered and talks. It is true even when it comes after the
// offer was given up.
type Accepted struct {
	Interaction ID
	Offer       OfferID
	Agent       AgentID
	At          time.Time
}

// Missed: the offer came to nothing; the interaction still waits unless Left follows.
type Missed struct {
	Interaction ID
	Offer       OfferID
	Cause       Cause
	At          time.Time
}

// Released: the agent's part of the interaction is over.
type Released struct {
	Interaction ID
	Offer       OfferID
	At          time.Time
}

func (Waiting) queueInput()  {}
func (Left) queueInput()     {}
func (Accepted) queueInput() {}
func (Missed) queueInput()   {}
func (Released) queueInput() {}

// Offer is what the queue engine asks of a call: ring this agent. Leg is chosen by the owner who hands it on.
type Offer struct {
	Offer       OfferID
	Interaction ID
	Queue       QueueID
	Agent       AgentID
	Extension   string
	RingTimeout time.Duration
	Leg         LegID // filled in by the call's owner before the machine sees it
	At          time.Time
}

// Withdraw is what the queue engine asks of a call: the offer is over (its lease ran out, the agent left).
type Withdraw struct {
	Offer OfferID
	Cause Cause
	At    time.Time
}
