package softswitch

// Deviation is one way in which this switch differs from FreeSWITCH.
type Deviation struct {
	Subject    string
	FreeSWITCH string
	Here       string
	Recording  string // where FreeSWITCH's behaviour can be seen
}

// Deviations lists what differs on purpose. Whatever is missing here and differs is a defect.
var Deviations = []Deviation{
	{"version", "the build that runs", "always " + version + ", the build of the recordings", "01"},
	{"line numbers and timing of events", "its own", "the recording's, fixed; real time", "all"},
	{"sched_transfer, sched_hangup", "granularity of a second, up to half a second early", "on time", "15"},
	{"originate_timeout", "granularity of a second", "on time", "07e"},
	{"codecs offered", "PCMU, PCMA, OPUS, telephone-event at two rates", "PCMU, PCMA, telephone-event/8000", "04"},
	{"playback_* variables", "count samples read ahead", "count samples sent", "02"},
	{"tone_stream", "plays what it could read of a wrong specification", "answers FILE NOT FOUND", ""},
	{"local_stream://…", "a shared stream that always runs", "system/hold1.wav from its beginning, or silence", "15"},
	{"silence_stream", "comfort noise", "digital silence", "03"},
	{"several destinations in a dial string (, or |)", "all ring, or one after the other", "one that fails", "18"},
	{"user/… with api_expansion on", "the user's dial-string", "the registered contact", "13"},
	{"${api(argument)}", "runs with api_expansion on", "never runs", ""},
	{"REFER by a phone", "moves the caller into the dialplan", "403", "17b"},
	{"hold by a phone (re-INVITE)", "music to the other side", "CHANNEL_HOLD, and silence to the other side", "17a"},
	{"uuid_hold, conference, eavesdrop, three_way, bridge", "applications and commands", "not there yet", "08a 09 10 21"},
	{"filter", "headers combine by OR; regular expressions between slashes", "the same, Go's expressions", ""},
	{"event xml, log, sendevent, myevents, outbound socket", "served", "-ERR command not found", ""},
	{"a uuid_bridge whose partner ends first", "the caller is hung up", "transfer_after_bridge and so on count", ""},
	{"RTCP, comfort noise, SRTP, ICE", "served", "not served", ""},
	{"IPv6", "served", "not served", ""},
	{"sofia::gateway…", "fired", "not fired", ""},
	{"Idle-CPU", "measured", "100", "16"},
}
