package ivr

import (
	"ramal/call"
)

// SchemaVersion is the version of the flow document that this program writes.
const SchemaVersion = 1

// Flow is one version of a flow as an administrator wrote it and a caller meets it.
type Flow struct {
	Schema int             `json:"schema"`
	Name   string          `json:"name"`
	Start  string          `json:"start"` // key of the first node
	Nodes  map[string]Node `json:"nodes"`
}

// NodeType names a kind of node.
type NodeType string

// The node kinds of the first version.
const (
	Message NodeType = "message" // plays a prompt, goes on
	Menu    NodeType = "menu"    // plays a prompt, waits for a digit
	ToQueue NodeType = "queue"   // the caller waits for an agent
	HangUp  NodeType = "hangup"  // plays a prompt if there is one, hangs up
)

// Node is one step of a flow. Which fields it uses depends on its type; the schema refuses the others.
type Node struct {
	Type   NodeType `json:"type"`
	Label  string   `json:"label,omitempty"`  // for people
	Prompt *Prompt  `json:"prompt,omitempty"` // message, menu, hangup
	Next   string   `json:"next,omitempty"`   // message

	Options  map[string]Option `json:"options,omitempty"`   // menu, by digit
	Invalid  *Prompt           `json:"invalid,omitempty"`   // menu: after a digit that is no option
	NoInput  *Prompt           `json:"no_input,omitempty"`  // menu: after the time-out
	TimeoutS int               `json:"timeout_s,omitempty"` // menu: seconds after the prompt's end; 0 means 5
	Attempts int               `json:"attempts,omitempty"`  // menu: rounds before the fallback; 0 means 3
	Fallback string            `json:"fallback,omitempty"`  // menu: node after the last attempt
	NoBarge  bool              `json:"no_barge,omitempty"`  // message, menu: digits do not end the prompt

	Queue    call.QueueID `json:"queue,omitempty"`    // queue
	Priority int          `json:"priority,omitempty"` // queue: higher is served first
	Music    string       `json:"music,omitempty"`    // queue: file below the media directory instead of the queue's
}

// Option is one choice of a menu.
type Option struct {
	Label string `json:"label"`
	Next  string `json:"next"`
}

// Prompt is something said: a text that is rendered when the flow is published, or a file. In a published flow File
// is always set.
type Prompt struct {
	Text  string `json:"text,omitempty"`
	Voice string `json:"voice,omitempty"` // "pt-BR" (default) or "en"
	File  string `json:"file,omitempty"`  // below the media directory
}

// Published is a flow version as calls use it.
type Published struct {
	ID      call.FlowID
	Version int
	Flow    Flow
}

// Number is a telephone number that leads into a flow.
type Number struct {
	Number call.Number
	Label  string
	Flow   call.FlowID
}
