package acd

import (
	"time"

	"ramal/call"
)

// Queue is the part of a queue's settings ("serviço") that routing needs.
type Queue struct {
	ID          call.QueueID
	Name        string
	RingTimeout time.Duration // how long an agent's phone rings; 0 means DefaultRingTimeout
	WrapUp      time.Duration // time after a talk before the next offer; 0: none
	Music       string        // file below the media directory; "" means the system's first piece
}

// Agent is the part of a user's settings that routing needs.
type Agent struct {
	ID        call.AgentID
	Name      string
	Extension string         // user part of the agent's SIP account
	Queues    []call.QueueID // queues the agent serves
}

// DefaultRingTimeout is how long an agent's phone rings where the queue says nothing.
const DefaultRingTimeout = 20 * time.Second

// State is what an agent does, as people see it (specification 2.5.2).
type State string

// The states of an agent.
const (
	Offline   State = "offline"
	Available State = "available"
	Ringing   State = "ringing" // reserved for an offer
	Busy      State = "busy"    // in attendance
	WrapUp    State = "wrap_up"
	OnBreak   State = "on_break"
)

// AgentView is one agent as shown to people.
type AgentView struct {
	Agent       call.AgentID
	Name        string
	Extension   string
	State       State
	Since       time.Time // entered State
	Break       string    // reason of the break, in OnBreak; "missed" for the automatic one
	BreakNext   string    // reason of a break that begins after the present work
	Phone       Phone
	Interaction call.ID // in Ringing, Busy and WrapUp
	Queue       call.QueueID
	Deadline    time.Time // when the state ends by itself: wrap-up, offer; zero when it does not
	Missed      int       // offers missed in a row
}

// Phone says whether the agent's phone can be reached.
type Phone string

// A phone is registered, is not, or nothing was heard of it yet (then an offer is tried).
const (
	PhoneUnknown Phone = "unknown"
	PhoneUp      Phone = "up"
	PhoneDown    Phone = "down"
)

// AgentFact is one entry of an agent's append-only log (agent_event).
type AgentFact struct {
	Agent       call.AgentID
	At          time.Time
	State       State
	Reason      string // break reason; for Offline who ended it; for a missed offer its cause
	Interaction call.ID
	Queue       call.QueueID
}
