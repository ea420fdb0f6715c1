package esl

import (
	"strconv"
	"strings"
	"time"

	"ramal/call"
	"ramal/esl/wire"
)

// The headers that are read; all others of an event are skipped unseen.
const (
	hName = iota
	hSubclass
	hCoreUUID
	hSequence
	hTimestamp
	hUniqueID
	hDirection
	hAnswerState
	hChannelName
	hCallerName
	hCallerNumber
	hDestination
	hBridgeA
	hBridgeB
	hCause
	hPlaybackStatus
	hPlaybackFile
	hDigit
	hDigitDuration
	hRecordFile
	hApplication
	hApplicationData
	hApplicationResponse
	hJob
	hJobCommand
	hJobArgument
	hFromUser
	hFromHost
	hUser
	hHost
	hToUser
	hContact
	hExpires
	hNetworkIP
	hSessions
	hMaxSessions
	hPerSecond
)

const ramalPrefix = "variable_ramal_"

var wanted = wire.NewWanted(ramalPrefix,
	"Event-Name", "Event-Subclass", "Core-UUID", "Event-Sequence", "Event-Date-Timestamp", "Unique-ID",
	"Call-Direction",
	"Answer-State", "Channel-Name", "Caller-Caller-ID-Name", "Caller-Caller-ID-Number", "Caller-Destination-Number",
	"Bridge-A-Unique-ID", "Bridge-B-Unique-ID", "Hangup-Cause", "Playback-Status", "Playback-File-Path", "DTMF-Digit",
	"DTMF-Duration", "Record-File-Path", "Application", "Application-Data", "Application-Response", "Job-UUID",
	"Job-Command", "Job-Command-Arg", "from-user", "from-host", "user", "host", "to-user", "contact", "expires",
	"network-ip", "Session-Count", "Max-Sessions", "Session-Per-Sec",
)

// subscribed names the events a link asks for: exactly those that translation has a row for.
var subscribed = []string{
	"CHANNEL_CREATE", "CHANNEL_PROGRESS", "CHANNEL_PROGRESS_MEDIA", "CHANNEL_ANSWER", "CHANNEL_PARK", "CHANNEL_BRIDGE",
	"CHANNEL_UNBRIDGE", "CHANNEL_HANGUP", "CHANNEL_DESTROY", "CHANNEL_EXECUTE_COMPLETE", "CHANNEL_HOLD",
	"CHANNEL_UNHOLD", "DTMF", "PLAYBACK_START", "PLAYBACK_STOP", "RECORD_START", "RECORD_STOP", "BACKGROUND_JOB",
	"HEARTBEAT", "CUSTOM", "sofia::register", "sofia::unregister", "sofia::expire", "sofia::register_failure",
}

// translation is the table from the switch's events to ours. A row returns nil for an event that says nothing to us.
var translation = map[string]func(*headers, call.Stamp) call.Event{
	"CHANNEL_CREATE": func(h *headers, at call.Stamp) call.Event {
		return call.LegCreated{Stamp: at, Direction: h.direction(), From: h.caller(), To: h.destination(),
			Profile: profileOf(h.text(hChannelName))}
	},
	"CHANNEL_PROGRESS":       func(h *headers, at call.Stamp) call.Event { return h.progress(at, false) },
	"CHANNEL_PROGRESS_MEDIA": func(h *headers, at call.Stamp) call.Event { return h.progress(at, true) },
	"CHANNEL_ANSWER":         func(_ *headers, at call.Stamp) call.Event { return call.LegAnswered{Stamp: at} },
	"CHANNEL_PARK":           (*headers).parked,
	"CHANNEL_BRIDGE": func(h *headers, at call.Stamp) call.Event {
		return h.pair(at, func(other call.LegID) call.Event { return call.LegBridged{Stamp: at, Other: other} })
	},
	"CHANNEL_UNBRIDGE": func(h *headers, at call.Stamp) call.Event {
		return h.pair(at, func(other call.LegID) call.Event { return call.LegUnbridged{Stamp: at, Other: other} })
	},
	"CHANNEL_HOLD":   func(_ *headers, at call.Stamp) call.Event { return call.LegHeld{Stamp: at, On: true} },
	"CHANNEL_UNHOLD": func(_ *headers, at call.Stamp) call.Event { return call.LegHeld{Stamp: at} },
	"CHANNEL_HANGUP": func(h *headers, at call.Stamp) call.Event {
		return call.LegHungUp{Stamp: at, Cause: causeOf(h.text(hCause))}
	},
	"CHANNEL_DESTROY": func(_ *headers, at call.Stamp) call.Event { return call.LegGone{Stamp: at} },
	"CHANNEL_EXECUTE_COMPLETE": func(h *headers, at call.Stamp) call.Event {
		// A file that is not there gives neither PLAYBACK_START nor PLAYBACK_STOP (recording 03).
		app := h.text(hApplication)
		if app != appPlay && app != appPlayLoop || h.text(hApplicationResponse) != "FILE NOT FOUND" {
			return nil
		}
		return call.PlaybackEnded{Stamp: at, Source: h.text(hApplicationData), Status: call.PlaybackMissing}
	},
	"DTMF": func(h *headers, at call.Stamp) call.Event {
		digit := call.Digit(strings.ToUpper(h.text(hDigit)))
		if !digit.Valid() {
			return nil
		}
		// DTMF-Duration counts samples of 8 kHz.
		samples := min(h.number(hDigitDuration), 8*60_000)
		return call.DigitPressed{Stamp: at, Digit: digit, Duration: time.Duration(samples) * time.Second / 8000}
	},
	"PLAYBACK_START": func(h *headers, at call.Stamp) call.Event {
		return call.PlaybackStarted{Stamp: at, Source: h.text(hPlaybackFile)}
	},
	"PLAYBACK_STOP": func(h *headers, at call.Stamp) call.Event {
		status := call.PlaybackDone
		if h.text(hPlaybackStatus) == "break" {
			status = call.PlaybackBroken
		}
		return call.PlaybackEnded{Stamp: at, Source: h.text(hPlaybackFile), Status: status}
	},
	"RECORD_START": func(h *headers, at call.Stamp) call.Event {
		return call.RecordingStarted{Stamp: at, Path: h.text(hRecordFile)}
	},
	"RECORD_STOP": func(h *headers, at call.Stamp) call.Event {
		return call.RecordingStopped{Stamp: at, Path: h.text(hRecordFile)}
	},
	"BACKGROUND_JOB": (*headers).dialDone,
	"HEARTBEAT": func(h *headers, at call.Stamp) call.Event {
		return call.Heartbeat{Stamp: at, CoreUUID: h.text(hCoreUUID), Sessions: h.number(hSessions),
			MaxSessions: h.number(hMaxSessions), PerSecond: h.number(hPerSecond)}
	},
	"sofia::register": func(h *headers, at call.Stamp) call.Event {
		return call.Registered{Stamp: at, User: h.text(hFromUser), Domain: h.text(hFromHost),
			Contact: h.text(hContact), Expires: time.Duration(h.number(hExpires)) * time.Second}
	},
	"sofia::unregister": func(h *headers, at call.Stamp) call.Event {
		return call.Unregistered{Stamp: at, User: h.text(hFromUser), Domain: h.text(hFromHost)}
	},
	"sofia::expire": func(h *headers, at call.Stamp) call.Event {
		return call.Unregistered{Stamp: at, User: h.text(hUser), Domain: h.text(hHost), Expired: true}
	},
	"sofia::register_failure": func(h *headers, at call.Stamp) call.Event {
		return call.RegisterFailed{Stamp: at, User: h.text(hToUser), Address: h.text(hNetworkIP)}
	},
}

// withoutLeg are the events that concern no channel; all others without a valid Unique-ID are ignored.
var withoutLeg = map[string]bool{
	"HEARTBEAT": true, "BACKGROUND_JOB": true, "sofia::register": true, "sofia::unregister": true,
	"sofia::expire": true, "sofia::register_failure": true,
}

// headers is one event with its wanted headers; it is used again for the next.
type headers struct {
	found wire.Selected
	job   jobResult
}

// jobResult is the end of a bgapi command, whoever sent it.
type jobResult struct {
	id     string // "" when the event is no BACKGROUND_JOB
	output string
}

// translate reads an event. It returns nil for one that says nothing to us or makes no sense. h keeps nothing of it
// but the job's result, and what is returned shares no memory with event.
func (h *headers) translate(event []byte) call.Event {
	wanted.Select(event, &h.found)
	h.job = jobResult{}
	values := h.found.Values
	name := values[hName]
	if string(name) == "CUSTOM" {
		name = []byte(h.text(hSubclass))
	}
	row := translation[string(name)]
	if row == nil {
		return nil
	}
	stamp := call.Stamp{At: h.when(), Seq: uint64(h.number(hSequence))}
	if !withoutLeg[string(name)] {
		if stamp.Leg = legOf(values[hUniqueID]); stamp.Leg == "" {
			return nil
		}
	}
	return row(h, stamp)
}

func (h *headers) text(header int) string {
	value := h.found.Values[header]
	if len(value) == 0 || string(value) == "_undef_" {
		return ""
	}
	return wire.DecodeValue(value)
}

// number reads a decimal number, 0 for anything else.
func (h *headers) number(header int) int {
	n := 0
	for _, c := range h.found.Values[header] {
		if c < '0' || c > '9' || n > 1<<60/10 {
			return 0
		}
		n = n*10 + int(c-'0')
	}
	return n
}

// when is Event-Date-Timestamp, microseconds of Unix time.
func (h *headers) when() time.Time { return time.UnixMicro(int64(h.number(hTimestamp))).UTC() }

func (h *headers) direction() call.Direction {
	if string(h.found.Values[hDirection]) == string(call.Outbound) {
		return call.Outbound
	}
	return call.Inbound
}

func (h *headers) caller() call.Party {
	return call.Party{Number: call.Number(h.text(hCallerNumber)), Name: call.Name(h.text(hCallerName))}
}

func (h *headers) destination() call.Number { return call.Number(h.text(hDestination)) }

func (h *headers) answered() bool { return string(h.found.Values[hAnswerState]) == "answered" }

func (h *headers) vars() call.Vars {
	if len(h.found.Extra) == 0 {
		return nil
	}
	vars := make(call.Vars, len(h.found.Extra))
	for _, extra := range h.found.Extra {
		vars[string(extra.Name[len("variable_"):])] = wire.DecodeValue(extra.Value)
	}
	return vars
}

// progress: an inbound leg's own progress (it comes with our answer) is no news.
func (h *headers) progress(at call.Stamp, media bool) call.Event {
	if h.direction() == call.Inbound {
		return nil
	}
	return call.LegProgress{Stamp: at, EarlyMedia: media}
}

// parked: an inbound leg that is parked unanswered was handed to us by the dialplan.
func (h *headers) parked(at call.Stamp) call.Event {
	if h.direction() == call.Inbound && !h.answered() {
		return call.LegOffered{Stamp: at, From: h.caller(), To: h.destination(),
			Profile: profileOf(h.text(hChannelName)), Vars: h.vars()}
	}
	return call.LegParked{Stamp: at, Direction: h.direction(), Answered: h.answered(), Vars: h.vars()}
}

// pair finds the other leg of a bridge; the event is about either of the two.
func (h *headers) pair(at call.Stamp, made func(other call.LegID) call.Event) call.Event {
	a, b := legOf(h.found.Values[hBridgeA]), legOf(h.found.Values[hBridgeB])
	switch {
	case a == "" || b == "" || a == b:
		return nil
	case at.Leg == a:
		return made(b)
	case at.Leg == b:
		return made(a)
	}
	return nil
}

// dialDone: the job of an originate ended. The leg is the one its command named first (origination_uuid, which we
// always write first and which is also our Job-UUID).
func (h *headers) dialDone(at call.Stamp) call.Event {
	h.job = jobResult{h.text(hJob), string(h.found.Body)}
	if h.text(hJobCommand) != apiOriginate {
		return nil
	}
	leg := h.job.id
	if rest, ok := strings.CutPrefix(h.text(hJobArgument), "{origination_uuid="); ok && len(rest) >= 36 {
		leg = rest[:36]
	}
	if at.Leg = legOf([]byte(leg)); at.Leg == "" {
		return nil
	}
	if strings.HasPrefix(h.job.output, "+OK") {
		return call.DialDone{Stamp: at, OK: true}
	}
	reason := strings.TrimSpace(strings.TrimPrefix(h.job.output, "-ERR"))
	cause := call.Cause(reason)
	if !cause.Valid() { // -USAGE and the like: the command itself was wrong
		cause = call.DestinationOutOfOrder
	}
	return call.DialDone{Stamp: at, Cause: cause}
}

func legOf(raw []byte) call.LegID {
	id := string(raw)
	if !call.ValidUUID(id) {
		return ""
	}
	return call.LegID(strings.ToLower(id))
}

func causeOf(text string) call.Cause {
	if cause := call.Cause(text); cause.Valid() {
		return cause
	}
	return call.NormalClearing
}

// profileOf reads the SIP profile out of a channel's name: sofia/external/1001@host.
func profileOf(channel string) string {
	rest, ok := strings.CutPrefix(channel, "sofia/")
	if !ok {
		return ""
	}
	profile, _, _ := strings.Cut(rest, "/")
	return profile
}

// atoi reads a decimal number out of the text of a status line, 0 for anything else.
func atoi(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0
	}
	return n
}
