package control

import (
	"context"
	"time"

	"ramal/acd"
	"ramal/call"
	"ramal/ivr"
)

// Switch carries out commands. Do returns at once; outcomes arrive as events.
type Switch interface {
	Do(cmd call.Command)
	// Exists asks whether the switch still knows a leg; it is the truth, where a list of channels is only a hint.
	Exists(ctx context.Context, leg call.LegID) (bool, error)
}

// Settings is what the centre needs to know about its organisations.
type Settings interface {
	Orgs(ctx context.Context) ([]call.OrgID, error)
	Queues(ctx context.Context, org call.OrgID) ([]acd.Queue, error)
	Agents(ctx context.Context, org call.OrgID) ([]acd.Agent, error)
	Numbers(ctx context.Context, org call.OrgID) ([]ivr.Number, error)
	Flows(ctx context.Context, org call.OrgID) ([]ivr.Published, error)
	AgentStates(ctx context.Context, org call.OrgID) ([]acd.Restored, error)
	// OpenInteractions returns the interactions that have no end in the log.
	OpenInteractions(ctx context.Context, org call.OrgID) ([]call.Summary, error)
	// Zone returns the organisation's time zone, for the day in its protocol numbers.
	Zone(ctx context.Context, org call.OrgID) (*time.Location, error)
}

// Protocols hands out blocks of protocol numbers.
type Protocols interface {
	// ReserveProtocols reserves n numbers of a day (YYYYMMDD in the organisation's zone) and returns the first.
	ReserveProtocols(ctx context.Context, org call.OrgID, day string, n int) (first int, err error)
}

// Log stores what happened. Append is idempotent: after an error the same batch is offered again.
type Log interface {
	Append(ctx context.Context, b Batch) error
}

// Batch is a group of entries that are stored together, in order.
type Batch struct {
	Parties []Party
	Facts   []InteractionFact
	Agents  []AgentFact
	// Summaries holds the newest summary of each interaction that has facts in the batch.
	Summaries []Summary
}

// Party keeps the personal values of an interaction, apart from its facts.
type Party struct {
	Org         call.OrgID
	Interaction call.ID
	Protocol    string
	Node        string // the switch that has the caller's leg
	From        call.Party
	To          call.Number
	StartedAt   time.Time
}

// InteractionFact is a fact with its organisation.
type InteractionFact struct {
	Org  call.OrgID
	Fact call.Fact
}

// Summary is the folded state of an interaction with its organisation.
type Summary struct {
	Org     call.OrgID
	Summary call.Summary
}

// AgentFact is one entry of an agent's log; ID makes it unique (UUIDv7, so that entries sort by time).
type AgentFact struct {
	Org  call.OrgID
	ID   string
	Fact acd.AgentFact
}
