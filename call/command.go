package call

import "time"

// Command is something to be done. The set is closed: all commands stand in this file. Those up to ReloadDirectory
// go to the switch; they return at once and their outcome arrives as an Event.
type Command interface{ command() }

// Sound is something to play. Exactly one field is set.
type Sound struct {
	File    string        // path below the media directory, with forward slashes: "prompts/….wav"
	Tone    Tone          // a tone that the switch makes
	Silence time.Duration // nothing, for so long
}

// Tone names a tone that the switch makes by itself.
type Tone string

// The tones in use. RingBack is the Brazilian one (ITU-T E.180 supplement 2): 425 Hz, 1 s on, 4 s off.
const (
	RingBack Tone = "ringback"
	WaitTone Tone = "wait" // short soft beep every few seconds: what a caller hears when the music is missing
	Beep     Tone = "beep"
)

// Endpoint is whom a Dial calls. Exactly one field is set.
type Endpoint struct {
	Extension string   // an agent's registered phone, by its user part
	External  External // a number through a trunk
}

// External is a number behind a trunk that is known by its address.
type External struct {
	Number Number
	Trunk  string // host:port of the trunk
}

// Answer answers an inbound leg.
type Answer struct{ Leg LegID }

// Play plays a sound once; its end arrives as PlaybackEnded. Sounds sent to a leg are played one after the other.
type Play struct {
	Leg   LegID
	Sound Sound
}

// PlayLoop plays a sound again and again until Bridge, Park or the end of the leg. StopSound does not end it: a switch
// takes up the loop again (FreeSWITCH's endless_playback goes on after a break). A Play meanwhile is heard over it.
type PlayLoop struct {
	Leg   LegID
	Sound Sound
}

// StopSound ends what is being played on the leg and what is queued behind it.
type StopSound struct{ Leg LegID }

// Dial places an outbound leg under an ID chosen by us, so that it can be killed before it rings. The leg is parked
// when it is answered. Its outcome is DialDone; LegProgress and LegAnswered come before it.
type Dial struct {
	Leg      LegID
	To       Endpoint
	CallerID Party         // shown to the callee; a hostile name or number is left out by the encoder, not an error
	Timeout  time.Duration // how long it may ring, whole seconds
	Vars     Vars
}

// Bridge joins two answered legs. The fact is LegBridged.
type Bridge struct{ A, B LegID }

// HangUp ends a leg.
type HangUp struct {
	Leg   LegID
	Cause Cause
}

// StartRecording records a leg and its partner in stereo: left what the leg's phone says, right what it hears.
type StartRecording struct {
	Leg  LegID
	Path string // below the recordings directory, with forward slashes
}

// StopRecording closes the recording.
type StopRecording struct {
	Leg  LegID
	Path string
}

// SetVars sets channel variables on a leg.
type SetVars struct {
	Leg  LegID
	Vars Vars
	// HoldAfterBridge asks the switch to send the leg to the dialplan's hold extension when its partner hangs up
	// (transfer_after_bridge), so that it never stands in silence while no core listens.
	HoldAfterBridge bool
}

// ArmFallback sets (or sets anew) the dead man's switch: unless disarmed within After (whole seconds, granular and
// up to half a second early), the switch sends the leg to the fallback announcement.
type ArmFallback struct {
	Leg   LegID
	After time.Duration
}

// DisarmFallback cancels the dead man's switch.
type DisarmFallback struct{ Leg LegID }

// Park parks a leg, away from whatever it does or whomever it talks to.
type Park struct{ Leg LegID }

// ReloadDirectory makes the switch read the file of its SIP users again.
type ReloadDirectory struct{}

// StartTimer asks the owner for a TimerFired after the given time. A second one with the same name replaces the first.
type StartTimer struct {
	Timer string
	After time.Duration
}

// StopTimer cancels a timer; one that is not running is no error.
type StopTimer struct{ Timer string }

// Note appends a fact to the interaction's log.
type Note struct{ Fact Fact }

// ToFlow hands an event to the call's IVR session.
type ToFlow struct{ Event Event }

// ToQueues hands a request to the organisation's queue engine (package acd), whose inputs are declared there: Value
// is one of Waiting, Left, Accepted, Missed or Released.
type ToQueues struct{ Value QueueInput }

// Finished ends the owner: every leg is gone.
type Finished struct{}

// Enqueue is what a flow wants: the caller waits for an agent of a queue.
type Enqueue struct {
	Queue    QueueID
	Priority int   // higher is served first; 0 is the default
	Music    Sound // what the caller hears meanwhile
	Node     string
}

// EndFlow is what a flow wants at its end: the call is hung up.
type EndFlow struct {
	Cause Cause
	Node  string
}

func (Answer) command()          {}
func (Play) command()            {}
func (PlayLoop) command()        {}
func (StopSound) command()       {}
func (Dial) command()            {}
func (Bridge) command()          {}
func (HangUp) command()          {}
func (StartRecording) command()  {}
func (StopRecording) command()   {}
func (SetVars) command()         {}
func (ArmFallback) command()     {}
func (DisarmFallback) command()  {}
func (Park) command()            {}
func (ReloadDirectory) command() {}
func (StartTimer) command()      {}
func (StopTimer) command()       {}
func (Note) command()            {}
func (ToFlow) command()          {}
func (ToQueues) command()        {}
func (Finished) command()        {}
func (Enqueue) command()         {}
func (EndFlow) command()         {}
