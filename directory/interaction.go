package directory

import (
	"time"

	"ramal/call"
)

// Interaction is the record of one interaction as people read it: its state, who called, and the names behind the
// IDs. Caller's number and name are personal: whoever shows them masks them without the permission [ViewNumbers].
type Interaction struct {
	call.Summary
	Protocol  string
	Media     string // "voice"
	Direction call.Direction
	Dialled   call.Number // what the caller dialled: a number of ours
	Caller    call.Party
	QueueName string
	AgentName string
	Switch    string // node of the switch that carries it
}

// Moment is one entry of an interaction's timeline: a fact and the names behind its IDs.
type Moment struct {
	call.Fact
	QueueName string
	AgentName string
}

// InteractionFilter says which interactions are wanted, newest first.
type InteractionFilter struct {
	Limit  int          // 1 to 200; 0 means 50
	Before call.ID      // only those older than this one; "" begins at the newest
	Agent  call.AgentID // only those the agent worked on; "" means all
}

// Recording is the sound of one interaction's talk.
type Recording struct {
	Interaction call.ID
	Path        string // below the recordings directory
	Started     time.Time
	Closed      time.Time // zero while it runs
}

// MaskNumber shows the last four digits, the rest as dots.
func MaskNumber(n call.Number) string {
	const shown = 4
	r := []rune(string(n))
	for i := range r {
		if i < len(r)-shown || len(r) <= shown {
			r[i] = '•'
		}
	}
	return string(r)
}

// AuditEntry is one line of the audit log. Detail holds no personal value in clear.
type AuditEntry struct {
	Action     string // object.verb: "session.opened", "recording.heard"
	ObjectType string
	ObjectID   string
	Detail     map[string]string
}
