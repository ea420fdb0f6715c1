package call

import "time"

// Event is a fact about a leg, or about a switch as a whole. The set is closed: all events stand in this file.
type Event interface {
	// Subject is the leg the event is about, "" for those about the switch as a whole.
	Subject() LegID
	// When is the time that the switch stamped on the event, in UTC with microseconds.
	When() time.Time
}

// Stamp is what every event carries.
type Stamp struct {
	Leg LegID     // the leg it is about; "" for the switch as a whole
	At  time.Time // the switch's own time stamp, UTC
	Seq uint64    // the switch's sequence number, rising within one life of the switch (0: made by ourselves)
}

// Subject implements Event.
func (s Stamp) Subject() LegID { return s.Leg }

// When implements Event.
func (s Stamp) When() time.Time { return s.At }

// Direction says who placed a leg, seen from the switch.
type Direction string

// A leg is placed towards the switch or by it.
const (
	Inbound  Direction = "inbound"
	Outbound Direction = "outbound"
)

// Vars are channel variables whose names begin with `ramal_`, without any other.
type Vars map[string]string

// LegCreated: the switch has a new leg (CHANNEL_CREATE). An inbound one has no variables of ours yet.
type LegCreated struct {
	Stamp
	Direction Direction
	From      Party
	To        Number
	Profile   string // the SIP profile it uses, e.g. "external"
}

// LegOffered: an inbound leg that nobody answered yet was parked for us by the dialplan (the first CHANNEL_PARK of
// an unanswered inbound leg). This is where a call begins.
type LegOffered struct {
	Stamp
	From    Party
	To      Number // as the caller dialled it; may be hostile: check Valid
	Profile string
	Vars    Vars
}

// LegProgress: the far phone of an outbound leg rings (CHANNEL_PROGRESS), or sends early media.
type LegProgress struct {
	Stamp
	EarlyMedia bool
}

// LegAnswered: the leg is answered (CHANNEL_ANSWER).
type LegAnswered struct{ Stamp }

// LegParked: the leg stands parked, again or (outbound) for the first time (CHANNEL_PARK).
type LegParked struct {
	Stamp
	Direction Direction
	Answered  bool
	Vars      Vars
}

// LegBridged: the leg is joined to another (CHANNEL_BRIDGE). One event for each pair; Leg and Other are the pair.
type LegBridged struct {
	Stamp
	Other LegID
}

// LegUnbridged: the pair is apart again (CHANNEL_UNBRIDGE). It does not tell who hung up; LegHungUp does.
type LegUnbridged struct {
	Stamp
	Other LegID
}

// LegHeld: the phone put the call on hold by itself, or took it back (CHANNEL_HOLD, CHANNEL_UNHOLD).
type LegHeld struct {
	Stamp
	On bool
}

// LegHungUp: the leg is ending (CHANNEL_HANGUP).
type LegHungUp struct {
	Stamp
	Cause Cause
}

// LegGone: the switch has forgotten the leg (CHANNEL_DESTROY).
type LegGone struct{ Stamp }

// PlaybackStarted: a sound begins (PLAYBACK_START).
type PlaybackStarted struct {
	Stamp
	Source string // the file or stream as the switch names it
}

// PlaybackStatus says how a sound ended.
type PlaybackStatus string

// A sound ended by itself, was ended by a command, or could not be found.
const (
	PlaybackDone    PlaybackStatus = "done"
	PlaybackBroken  PlaybackStatus = "break"
	PlaybackMissing PlaybackStatus = "missing"
)

// PlaybackEnded: a sound ended (PLAYBACK_STOP), or was never found (the application's answer FILE NOT FOUND).
type PlaybackEnded struct {
	Stamp
	Source string
	Status PlaybackStatus
}

// DigitPressed: the far end of the leg pressed a key (DTMF).
type DigitPressed struct {
	Stamp
	Digit    Digit
	Duration time.Duration
}

// RecordingStarted: the leg's recording runs (RECORD_START).
type RecordingStarted struct {
	Stamp
	Path string
}

// RecordingStopped: the recording's file is closed (RECORD_STOP).
type RecordingStopped struct {
	Stamp
	Path string
}

// DialDone is the outcome of a Dial (BACKGROUND_JOB of its originate). When OK the leg is answered and about to be
// parked; otherwise Cause says why there is none.
type DialDone struct {
	Stamp
	OK    bool
	Cause Cause
}

// CommandFailed: the switch refused a command about the leg.
type CommandFailed struct {
	Stamp
	Command Command // the one that was refused
	Reason  string  // the switch's words
}

// Registered: a phone registered (sofia::register).
type Registered struct {
	Stamp
	User    string
	Domain  string
	Contact string
	Expires time.Duration
}

// Unregistered: a phone said good-bye, or its registration ran out (sofia::unregister, sofia::expire).
type Unregistered struct {
	Stamp
	User    string
	Domain  string
	Expired bool
}

// RegisterFailed: a phone tried to register with wrong credentials (sofia::register_failure).
type RegisterFailed struct {
	Stamp
	User    string
	Address string // the network address it came from
}

// Heartbeat: the switch lives (HEARTBEAT, every 20 s).
type Heartbeat struct {
	Stamp
	CoreUUID    string // changes when the switch was restarted
	Sessions    int
	MaxSessions int
	PerSecond   int // the switch's limit of new legs per second
}

// LinkUp: commands and events flow; Legs is what the switch says it has now, a hint that may lag by some tenths of
// a second and is complete but for that.
type LinkUp struct {
	Stamp
	CoreUUID string
	Legs     []LegSnapshot
}

// LinkDown: the link to the switch is lost; calls go on without us until LinkUp.
type LinkDown struct {
	Stamp
	Reason string
}

// TimerFired: a timer set by StartTimer ran out.
type TimerFired struct {
	Stamp
	Timer string
}

// LegSnapshot is one leg as a resynchronisation found it.
type LegSnapshot struct {
	Leg       LegID
	Direction Direction
	From      Party
	To        Number
	Profile   string
	Answered  bool
	Parked    bool
	Bridged   LegID // "" when it is not joined to another
	Created   time.Time
	Vars      Vars
}
