package conformance

import (
	"regexp"
	"time"
)

// Table is all that the canonical form may change. Every row cites where recordings show what it rests on.
type Table struct {
	Headers []HeaderRow
	Events  []EventRow
	Swaps   []SwapRow
	Blanks  []BlankRow
	Causes  []CauseRow
	Times   []TimeRow
	Holds   []HoldRow
}

// Cite is a place in a recording: "04@1.178" is the block of recording 04 that passed at 1.178 s.
type Cite string

// HeaderRow drops headers (globs) of the events that match, all events when Event is empty.
type HeaderRow struct {
	Event  Pattern
	Drop   []string
	Except []string
	Why    string
	Cites  []Cite // events that carry such a header
}

// EventRow drops whole events.
type EventRow struct {
	Event Pattern
	Why   string
	Cites []Cite // such events
}

// SwapRow lets two neighbouring events of one leg come in either order; First is put first.
type SwapRow struct {
	First, Then Pattern
	Why         string
	Forward     Cite // a First that is followed by its Then
	Backward    Cite // a Then that is followed by its First
}

// BlankRow replaces what differs from run to run inside a text.
type BlankRow struct {
	In    string // "header", "reply" or "command"
	Of    string // glob of the header's name or of the command; "" is any
	Find  *regexp.Regexp
	With  string
	Why   string
	Cites []Cite // blocks that contain such a text
}

// CauseRow keeps an order across streams: the first event or command that matches Cause stands before or after the
// first that matches Effect (${1} is what Cause captured).
type CauseRow struct {
	Cause  *regexp.Regexp
	Effect string
	Why    string
	Cites  []Cite // effects that come after their causes
}

// TimeRow keeps a duration: Effect follows Cause, unless Cause repeats or Cancel comes first, in Min to Max.
type TimeRow struct {
	Cause    *regexp.Regexp
	Effect   string
	Cancel   *regexp.Regexp
	Min, Max time.Duration
	Why      string
	Cites    []Cite // effects
}

// HoldRow makes the replayer send a command later than the recording did: not before the event that follows in the
// recording, because what the command does before it is a matter of luck.
type HoldRow struct {
	Command *regexp.Regexp // captures the UUID of a leg
	Until   Pattern        // event of that leg
	Why     string
	Cites   []Cite // commands that were sent before the event, with luck
}
