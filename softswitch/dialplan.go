package softswitch

import (
	"regexp"
	"strings"
)

// App is one application of an extension with its argument, before ${} expansion.
type App struct {
	Name string
	Arg  string
}

// Dialplan finds the applications for a destination in a context; false is FreeSWITCH's NO_ROUTE_DESTINATION.
type Dialplan func(context, destination string) (apps []App, ok bool)

// callable is what a caller may dial: anything else is refused, so that no punctuation enters a variable.
var callable = regexp.MustCompile(`^\+?[0-9*#]{1,32}$`)

// RamalDialplan is the dialplan of every Ramal switch; freeswitch-conf has the same one as XML.
//
//	public  any number       mark the leg, arm the dead man's switch (5 s), park unanswered
//	agents  any number       the same for a call that an agent dials
//	ramal   ramal_fallback   answer, announcement, hang up
//	ramal   ramal_hold       re-arm, endless music: where a caller goes whose agent hung up while no core listens
func RamalDialplan() Dialplan {
	arm := App{"sched_transfer", "+5 ramal_fallback XML ramal"}
	// Without this a "*" ends every playback: digits are the core's to judge.
	deaf := App{"set", "playback_terminators=none"}
	return func(context, destination string) ([]App, bool) {
		entry := map[string]string{"public": "1", "agents": "agent"}[context]
		switch {
		case entry != "" && callable.MatchString(destination):
			return []App{
				{"set", "ramal_entry=" + entry}, {"set", "ramal_number=" + destination}, deaf, arm, {"park", ""},
			}, true
		case context == "ramal" && destination == "ramal_fallback":
			return []App{
				{"sched_cancel", ""}, {"answer", ""}, {"playback", "$${ramal_media_dir}/system/fallback.wav"},
				{"hangup", "NORMAL_TEMPORARY_FAILURE"},
			}, true
		case context == "ramal" && destination == "ramal_hold":
			return []App{
				{"set", "transfer_after_bridge=ramal_hold:XML:ramal"}, deaf, {"sched_cancel", ""}, arm,
				{"endless_playback", "$${ramal_media_dir}/system/hold1.wav"}, {"park", ""},
			}, true
		}
		return nil, false
	}
}

// inlineApps reads the destination of the dialplan "inline": app:arg,app:arg with an own delimiter as
// m:^:app:arg^app:arg.
func inlineApps(destination string) []App {
	delim := byte(',')
	if len(destination) > 4 && destination[0]|0x20 == 'm' && destination[1] == ':' && destination[3] == ':' {
		delim, destination = destination[2], destination[4:]
	}
	var apps []App
	for _, word := range separate(destination, delim, 128) {
		name, arg, _ := strings.Cut(word, ":")
		if name != "" {
			apps = append(apps, App{name, arg})
		}
	}
	return apps
}
