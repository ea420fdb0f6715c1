package acd

import (
	"time"

	"ramal/call"
)

// Input is what Step takes: a call.QueueInput, a call.TimerFired, or one of the inputs of this file.
type Input any

// Configure gives the engine its queues and agents, anew and whole. Agents who are no longer among them go offline
// once their work is over. Restore is used for agents that the engine has not seen before.
type Configure struct {
	Queues  []Queue
	Agents  []Agent
	Restore []Restored
	At      time.Time
}

// Restored is the state an agent had before the core was restarted.
type Restored struct {
	Agent call.AgentID
	State State
	Break string
	Since time.Time
}

// Want is what an agent, or a supervisor for the agent, asks for.
type Want struct {
	Agent call.AgentID
	State State  // Available, OnBreak or Offline
	Break string // reason, with OnBreak
	At    time.Time
}

// PhoneSeen tells that an agent's phone registered, or is gone.
type PhoneSeen struct {
	Extension string
	Up        bool
	At        time.Time
}

// PhonesUnknown tells that the link to the switch was down: registrations may have been missed.
type PhonesUnknown struct{ At time.Time }

// Command is what Step returns: call.StartTimer and call.StopTimer, or one of the commands of this file.
type Command any

// OfferTo asks the call of an interaction to ring an agent.
type OfferTo struct{ Offer call.Offer }

// WithdrawFrom takes an offer back from the call of an interaction.
type WithdrawFrom struct {
	Interaction call.ID
	Withdraw    call.Withdraw
}

// NoteAgent appends a fact to an agent's log.
type NoteAgent struct{ Fact AgentFact }

// Changed says that an agent's view is not what it was; it comes once per agent and step.
type Changed struct{ Agent call.AgentID }
