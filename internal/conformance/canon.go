package conformance

import (
	"regexp"
	"time"
)

// Canon is the one table of acceptance line A9 (b): what two switches may say differently. Whatever no row names is
// compared. The test TestEveryRowOfTheTableIsShownByTheRecordingsItCites holds every row against its citations.
var Canon = &Table{
	Headers: droppedHeaders,
	Events:  droppedEvents,
	Swaps:   permittedSwaps,
	Blanks:  blankedTexts,
	Causes:  keptOrder,
	Times:   keptTimes,
	Holds:   heldCommands,
}

var droppedHeaders = []HeaderRow{
	// What tells one run or one machine from another.
	{Drop: []string{"Core-UUID", "FreeSWITCH-*", "Event-Date-*", "Event-Sequence"},
		Why: "identity of the switch, its clock and its event counter", Cites: []Cite{"01@0.006", "16@11.512"}},
	{Drop: []string{"Event-Calling-*"},
		Why: "line of FreeSWITCH's source that made the event", Cites: []Cite{"01@0.006"}},
	{Drop: []string{"Application-UUID", "variable_session_id", "Channel-Call-UUID", "variable_call_uuid"},
		Why:   "numbers that the switch draws; Channel-Call-UUID is the partner's for a while and then the leg's own again",
		Cites: []Cite{"02@0.122", "04@1.168"}},
	{Drop: []string{"Caller-*-Time", "Other-Leg-*-Time", "Caller-Channel-Last-Hold", "Caller-Channel-Hold-Accum",
		"Other-Leg-Channel-Last-Hold", "Other-Leg-Channel-Hold-Accum"},
		Why: "times; events carry their order, Order carries what time means", Cites: []Cite{"02@0.122", "04@1.127"}},
	{Drop: []string{"variable_*_stamp", "variable_*_epoch", "variable_*_uepoch", "variable_*sec", "variable_*duration",
		"variable_hold_accum_*"},
		Why: "times of the call detail record", Cites: []Cite{"02@8.411"}},
	{Drop: []string{"variable_transfer_*", "Caller-Transfer-Source"}, Except: []string{"variable_transfer_after_bridge"},
		Why: "history of transfers with times and ids", Cites: []Cite{"04@1.127", "04@1.135"}},
	{Drop: []string{"Content-Length"}, Why: "length of the job's text, which is compared itself",
		Cites: []Cite{"01@0.006"}},

	// Numbers that restate a name.
	{Drop: []string{"Channel-State-Number", "variable_hangup_cause_q850"},
		Why:   "number of a name that is compared; it lags behind the name (CS_ROUTING with 2)",
		Cites: []Cite{"02@0.122", "02@8.411"}},

	// What belongs to SIP, SDP, RTP and codecs and not to the call.
	{Drop: []string{"variable_sip_*"}, Except: []string{"variable_sip_hangup_disposition"},
		Why: "SIP headers of this leg, with ports, tags and branches", Cites: []Cite{"02@0.122", "07a@0.941"}},
	{Drop: []string{"variable_rtp_*", "variable_*_media_flow", "variable_*_media_ip", "variable_*_media_port",
		"variable_switch_r_sdp", "variable_ep_codec_string", "variable_*read_codec", "variable_*read_rate",
		"variable_write_codec", "variable_write_rate", "variable_dtmf_type", "Channel-Read-Codec-*",
		"Channel-Write-Codec-*"},
		Why: "SDP, codec and RTP counters", Cites: []Cite{"02@0.122", "02@8.411", "04@1.096"}},
	{Drop: []string{"variable_sofia_profile_*", "variable_recovery_profile_name", "variable_max_forwards",
		"variable_proto_specific_hangup_cause", "variable_last_bridge_proto_specific_hangup_cause"},
		Why: "SIP stack's own; the cause's name is compared", Cites: []Cite{"02@0.122", "02@8.411", "04@5.132"}},

	// What FreeSWITCH says twice.
	{Drop: []string{"Presence-Call-Direction", "Caller-Direction", "Caller-Logical-Direction", "Caller-Unique-ID",
		"Caller-Channel-Name", "variable_direction", "variable_uuid", "variable_channel_name", "Channel-Presence-ID",
		"variable_presence_id", "variable_caller_id", "variable_is_outbound"},
		Why:   "copies of Call-Direction, Unique-ID, Channel-Name and the caller's number",
		Cites: []Cite{"02@0.122", "02@8.411", "13@0.553"}},
	{Drop: []string{"Other-Leg-*"}, Except: []string{"Other-Leg-Unique-ID"},
		Why: "copies of the other leg's Caller-… headers, which its own events carry", Cites: []Cite{"04@1.127"}},
	{Drop: []string{"Caller-Orig-*", "Caller-Callee-*", "Caller-ANI", "Caller-RDNIS", "Caller-Source", "Caller-Dialplan",
		"Caller-Profile-Index", "Caller-Screen-Bit", "Caller-Privacy-*", "Caller-Network-Addr", "Channel-HIT-Dialplan"},
		Why:   "rest of the caller profile; number, name, destination and context are compared",
		Cites: []Cite{"02@0.122", "04@0.593", "15@1.681"}},

	// What says how a call got where it is, in FreeSWITCH's own terms; the facts are in the events themselves.
	{Drop: []string{"variable_playback_*", "variable_record_*", "variable_current_loop", "variable_total_loops",
		"variable_digits_dialed", "Record-Completion-Cause"},
		Why: "how much was played or recorded, in samples", Cites: []Cite{"02@2.924", "02@8.411", "04@2.203"}},
	{Drop: []string{"variable_last_app", "variable_last_arg", "variable_bridge_channel", "variable_bridge_to",
		"variable_last_bridge_to", "variable_original_*", "variable_pre_transfer_*", "variable_channel_cid_flipped",
		"variable_last_sent_callee_*", "Sent-Callee-ID-*", "Bridged-To", "variable_originate_early_media",
		"variable_originate_endpoint", "variable_uuid_bridge", "variable_last_bridge_role"},
		Why:   "traces of FreeSWITCH's inner steps; partner and cause stand in Other-Leg-Unique-ID, Bridge-…, Hangup-Cause",
		Cites: []Cite{"02@8.411", "04@1.127", "04@1.173", "05@6.680"}},
	{Drop: []string{"variable_dialed_*", "variable_user_context", "variable_effective_*", "user_context", "effective_*",
		"number_alias", "sip_number_alias", "user_name", "domain_name"},
		Why:   "variables of the directory's entry, which the recordings' switch had and Ramal's directory has not",
		Cites: []Cite{"13@0.123", "13@0.553", "13@1.074"}},
	{Drop: []string{"call-id", "network-port"}, Why: "Call-ID and port of the phone", Cites: []Cite{"13@0.123"}},
	{Event: "HEARTBEAT", Drop: []string{"Up-Time", "Uptime-msec", "Session-*", "Idle-CPU", "Max-Sessions"},
		Why: "figures of that switch at that moment", Cites: []Cite{"16@11.512"}},
	{Event: "CHANNEL_PROGRESS", Drop: []string{"Channel-State"},
		Why:   "the leg's thread goes on while SIP reports: CS_ROUTING or CS_CONSUME_MEDIA",
		Cites: []Cite{"07a@0.435", "07c@0.430"}},
	{Event: "CHANNEL_CALLSTATE Original-Channel-Call-State=DOWN Call-Direction=outbound", Drop: []string{"Channel-State"},
		Why: "the same", Cites: []Cite{"07a@0.436", "07c@0.430"}},
}

var droppedEvents = []EventRow{}

var permittedSwaps = []SwapRow{}

// keptOrder has no row for the failure of an originate and its leg's CHANNEL_HANGUP: two threads of FreeSWITCH say
// them, and the real one (07f replayed) says them in either order.
var keptOrder = []CauseRow{
	{Cause: regexp.MustCompile(`^> sendmsg (leg\d+) execute (\w+)`), Effect: `^${1} CHANNEL_EXECUTE ${2}$`,
		Why: "an application runs because it was sent", Cites: []Cite{"02@0.145", "04@0.168"}},
	{Cause: regexp.MustCompile(`^> api uuid_kill (leg\d+)`), Effect: `^${1} CHANNEL_HANGUP$`,
		Why: "a killed leg hangs up", Cites: []Cite{"04@5.143", "20@0.751"}},
	{Cause: regexp.MustCompile(`^> (?:bg)?api uuid_bridge (leg\d+) (leg\d+)`),
		Effect: `^${1} CHANNEL_BRIDGE ${1} ${2}$`,
		Why:    "the reply says only that it was asked for, the event that it happened", Cites: []Cite{"04@1.168",
			"05@1.121"}},
	{Cause: regexp.MustCompile(`^> bgapi originate .*origination_uuid=(leg\d+)`), Effect: `^${1} CHANNEL_CREATE$`,
		Why: "a leg is created because it was originated", Cites: []Cite{"04@0.593", "14@1.110"}},
	{Cause: regexp.MustCompile(`^(leg\d+) CHANNEL_ANSWER$`), Effect: `^job\d+ BACKGROUND_JOB originate ${1} \+OK`,
		Why: "an originate ends well when its leg has answered", Cites: []Cite{"04@1.103", "13@1.074"}},
	{Cause: regexp.MustCompile(`^(leg\d+) CHANNEL_EXECUTE uuid_bridge$`), Effect: `^leg\d+ CHANNEL_BRIDGE .*\b${1}\b`,
		Why: "both legs run uuid_bridge before they are bridged", Cites: []Cite{"04@1.168", "05@1.121"}},
	{Cause: regexp.MustCompile(`^(leg\d+) CHANNEL_BRIDGE (leg\d+) (leg\d+)$`), Effect: `^${1} CHANNEL_UNBRIDGE ${2} ${3}$`,
		Why: "what is unbridged was bridged", Cites: []Cite{"04@5.132", "05@6.670"}},
}

var keptTimes = []TimeRow{
	{Cause: regexp.MustCompile(`^> api sched_transfer \+2 (leg\d+)`), Effect: `^${1} CHANNEL_UNPARK$`,
		Cancel: regexp.MustCompile(`^> api sched_del `), Min: time.Second, Max: 3 * time.Second,
		Why:   "the dead man's switch counts whole seconds and fires up to half a second early",
		Cites: []Cite{"15@1.677", "15@6.779"}},
	{Cause: regexp.MustCompile(`^> bgapi originate .*origination_uuid=(leg\d+),originate_timeout=3,`),
		Effect: `^${1} CHANNEL_HANGUP$`, Min: 2 * time.Second, Max: 4 * time.Second,
		Why: "the ring time-out counts whole seconds", Cites: []Cite{"07e@2.674"}},
	{Cause: regexp.MustCompile(`^> api uuid_break (leg\d+)`), Effect: `^${1} PLAYBACK_STOP break`,
		Min: 0, Max: 300 * time.Millisecond, Why: "barge-in", Cites: []Cite{"02@2.924"}},
	{Cause: regexp.MustCompile(`^(leg\d+) PLAYBACK_START (tone_stream://%\(500,0,440\)|silence_stream://500)$`),
		Effect: `^${1} PLAYBACK_STOP done`, Min: 400 * time.Millisecond, Max: time.Second,
		Why: "half a second of tone or silence lasts half a second", Cites: []Cite{"03@0.860", "03@1.384"}},
}

var heldCommands = []HoldRow{
	{Command: regexp.MustCompile(`^(?:bg)?api uuid_bridge \S+ (\S+)`), Until: "CHANNEL_PARK",
		Why: "where uuid_bridge wins the race against the end of the originate, the leg is never parked and its job says " +
			"-ERR ORIGINATOR_CANCEL (seen on FreeSWITCH 1.11.3 with recording 05 replayed); the recordings won it with luck",
		Cites: []Cite{"05@1.078", "08a@1.077"}},
}

var blankedTexts = []BlankRow{
	{In: "header", Find: regexp.MustCompile(`(127\.0\.0\.1):\d{4,5}\b`), With: "$1:PORT",
		Why: "ports of this run", Cites: []Cite{"02@0.122"}},
	{In: "reply", Find: regexp.MustCompile(`(127\.0\.0\.1):\d{4,5}\b`), With: "$1:PORT",
		Why: "ports of this run", Cites: []Cite{"13@0.125", "13@0.126"}},
	{In: "reply", Of: "api status", Find: regexp.MustCompile(`\d+\.\d+\.\d+-\w+`), With: "VERSION",
		Why: "which build it is", Cites: []Cite{"01@0.002", "01@0.006"}},
	{In: "reply", Of: "api version", Find: regexp.MustCompile(`\d+\.\d+\.\d+-\w+`), With: "VERSION",
		Why: "which build it is", Cites: []Cite{"01@0.002"}},
	{In: "reply", Of: "api status",
		Find: regexp.MustCompile(`\d+ (year|day|hour|minute|second|millisecond|microsecond)s?\b`),
		With: "N ${1}s", Why: "time since the start", Cites: []Cite{"01@0.002", "01@0.006"}},
	{In: "reply", Of: "api status", Find: regexp.MustCompile(`\b\d+(\.\d+)?\b`), With: "N",
		Why: "sessions, limits, load and stack size", Cites: []Cite{"01@0.002", "01@0.006"}},
	{In: "reply", Of: "api strepoch", Find: regexp.MustCompile(`^\d{10,}$`), With: "SECONDS",
		Why: "the clock", Cites: []Cite{"01@0.008"}},
	{In: "reply", Of: "api hostname", Find: regexp.MustCompile(`^[\w.-]+$`), With: "HOST",
		Why: "name of the machine", Cites: []Cite{"01@0.008"}},
	{In: "reply", Of: "api show *", Find: regexp.MustCompile(`"(created|created_epoch|hostname)":"[^"]*"`),
		With: `"$1":"…"`,
		Why:  "clock and name of the machine", Cites: []Cite{"04@1.200", "20@0.728"}},
	{In: "reply", Of: "api show calls*", Find: regexp.MustCompile(`"state":"CS_(SOFT_)?EXECUTE"`),
		With: `"state":"CS_…EXECUTE"`,
		Why:  "rows of show lag behind by 0.2 s and more, as 20 shows", Cites: []Cite{"04@1.200", "20@0.756"}},
	{In: "reply", Of: "api sofia status profile *",
		Find: regexp.MustCompile(`(?m)^(Call-ID|Agent|Status|Ping-Time|Host|Port):.*$`),
		With: "$1: …", Why: "Call-ID, time of expiry, name of the machine, port of the phone", Cites: []Cite{"13@0.125"}},
	{In: "command", Find: regexp.MustCompile(`(127\.0\.0\.1):\d{4,5}\b`), With: "$1:PORT",
		Why: "ports of this run", Cites: []Cite{"04@0.571"}},
}
