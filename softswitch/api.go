package softswitch

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// version is the FreeSWITCH whose behaviour this switch shows; its core is checked for >= 1.11.3.
const version = "1.11.3-dev"

const noChannel = "-ERR No such channel!\n"

// apiCommand is one command of "api" and "bgapi".
type apiCommand func(sw *Switch, ctx context.Context, arg string) string

var apiCommands map[string]apiCommand

func init() { // breaks the cycle apiCommands → originate → applications
	apiCommands = map[string]apiCommand{
		"status": func(sw *Switch, _ context.Context, _ string) string { return sw.status() },
		"version": func(*Switch, context.Context, string) string {
			return "FreeSWITCH Version " + version + "~64bit ( 64bit)\n"
		},
		"hostname":        func(sw *Switch, _ context.Context, _ string) string { return sw.hostname },
		"switchname":      func(sw *Switch, _ context.Context, _ string) string { return sw.hostname },
		"strepoch":        func(*Switch, context.Context, string) string { return strconv.FormatInt(time.Now().Unix(), 10) },
		"create_uuid":     func(*Switch, context.Context, string) string { return uuid.NewString() },
		"echo":            func(_ *Switch, _ context.Context, arg string) string { return arg },
		"global_getvar":   apiGlobalGetvar,
		"module_exists":   apiModuleExists,
		"show":            func(sw *Switch, _ context.Context, arg string) string { return sw.show(arg) },
		"sofia":           func(sw *Switch, _ context.Context, arg string) string { return sw.sofia(arg) },
		"sofia_contact":   apiSofiaContact,
		"reloadxml":       apiReloadXML,
		"fsctl":           apiFsctl,
		"originate":       func(sw *Switch, ctx context.Context, arg string) string { return sw.originate(ctx, arg) },
		"uuid_exists":     apiUUIDExists,
		"uuid_dump":       apiUUIDDump,
		"uuid_getvar":     apiUUIDGetvar,
		"uuid_setvar":     apiUUIDSetvar,
		"uuid_kill":       apiUUIDKill,
		"uuid_break":      apiUUIDBreak,
		"uuid_bridge":     apiUUIDBridge,
		"uuid_transfer":   apiUUIDTransfer,
		"uuid_park":       apiUUIDPark,
		"uuid_answer":     apiUUIDAnswer,
		"uuid_record":     apiUUIDRecord,
		"uuid_broadcast":  apiUUIDBroadcast,
		"uuid_send_dtmf":  apiUUIDSendDTMF,
		"uuid_flush_dtmf": apiUUIDFlushDTMF,
		"hupall":          apiHupall,
		"sched_transfer":  apiSchedTransfer,
		"sched_hangup":    apiSchedHangup,
		"sched_del":       apiSchedDel,

		"uuid_setvar_multi": apiUUIDSetvarMulti,
	}
}

// api runs one command and gives what FreeSWITCH answers, byte for byte where the recordings show it.
func (sw *Switch) api(ctx context.Context, line string) string {
	name, arg, _ := strings.Cut(line, " ")
	command, ok := apiCommands[strings.ToLower(name)]
	if !ok {
		return "-ERR " + name + " Command not found!\n"
	}
	return command(sw, ctx, strings.TrimSpace(arg))
}

func apiGlobalGetvar(sw *Switch, _ context.Context, arg string) string {
	if arg != "" {
		return sw.globals[arg]
	}
	var b strings.Builder
	for k, v := range sw.globals {
		fmt.Fprintf(&b, "%s=%s\n", k, v)
	}
	return b.String()
}

// served are the modules whose work the softswitch does.
var served = map[string]bool{
	"mod_sofia": true, "mod_event_socket": true, "mod_commands": true, "mod_dptools": true, "mod_dialplan_xml": true,
	"mod_tone_stream": true, "mod_sndfile": true, "mod_local_stream": true, "mod_native_file": true,
}

func apiModuleExists(_ *Switch, _ context.Context, arg string) string {
	return strconv.FormatBool(served[arg])
}

func apiReloadXML(sw *Switch, _ context.Context, _ string) string {
	if err := sw.loadDirectory(); err != nil {
		sw.log.Error("directory not reloaded", "error", err)
		return "-ERR [" + strings.NewReplacer("\n", " ", "\r", " ").Replace(err.Error()) + "]\n"
	}
	return "+OK [Success]\n"
}

func apiFsctl(sw *Switch, _ context.Context, arg string) string {
	words := append(strings.Fields(arg), "", "")
	n, err := strconv.Atoi(words[1])
	limits := sw.limits.snapshot()
	switch words[0] {
	case "api_expansion":
		if words[1] != "" {
			sw.apiExpansion.Store(isTrue(words[1]))
		}
		state := "off"
		if sw.apiExpansion.Load() {
			state = "on"
		}
		return "+OK api_expansion is " + state + " \n"
	case "max_sessions":
		if err == nil {
			sw.limits.set(n, 0)
			limits.maxSessions = n
		}
		return fmt.Sprintf("+OK max sessions: %d\n", limits.maxSessions)
	case "sps":
		if err == nil {
			sw.limits.set(0, n)
			limits.perSecond = n
		}
		return fmt.Sprintf("+OK sessions per second: %d\n", limits.perSecond)
	case "hupall":
		return apiHupall(sw, nil, words[1])
	case "ready_check":
		return "true"
	}
	return "-ERR\n"
}

func apiHupall(sw *Switch, _ context.Context, arg string) string {
	c := parseCause(strings.SplitN(arg, " ", 2)[0])
	if arg == "" {
		c = parseCause("MANAGER_REQUEST")
	}
	sw.mu.RLock()
	legs := make([]*leg, 0, len(sw.legs))
	for _, l := range sw.legs {
		legs = append(legs, l)
	}
	sw.mu.RUnlock()
	for _, l := range legs {
		l.hangup(c)
	}
	return "+OK hangup all channels with cause " + c.String() + "\n"
}

func apiSchedTransfer(sw *Switch, _ context.Context, arg string) string {
	words := separate(arg, ' ', 6)
	if len(words) < 2 || len(words) > 5 || words[0] == "" {
		return "-USAGE: [+]<time> <uuid> <extension> [<dialplan>] [<context>]\n"
	}
	words = append(words, "", "", "")
	delay, ok := schedDelay(words[0])
	if sw.leg(words[1]) == nil || !ok {
		return noChannel
	}
	sw.scheduleTransfer(words[1], delay, words[2], words[3], words[4])
	return "+OK\n"
}

func apiSchedHangup(sw *Switch, _ context.Context, arg string) string {
	words := separate(arg, ' ', 4)
	if len(words) < 1 || words[0] == "" {
		return "-USAGE: [+]<time> <uuid> [<cause>]\n"
	}
	words = append(words, "", "")
	c := causeAllottedTimeout
	if words[2] != "" {
		c = parseCause(words[2])
	}
	delay, ok := schedDelay(words[0])
	l := sw.leg(words[1])
	if l == nil || !ok {
		return noChannel
	}
	if delay <= 0 {
		l.hangup(c)
	} else {
		sw.scheduleHangup(l.uuid, delay, c)
	}
	return "+OK\n"
}

func apiSchedDel(sw *Switch, _ context.Context, arg string) string {
	if arg == "" {
		return "-ERR Invalid syntax\n"
	}
	return fmt.Sprintf("+OK Deleted: %d\n", sw.schedDelete(arg))
}

// upTime is a duration as FreeSWITCH prints it.
func upTime(d time.Duration) string {
	const day = 24 * time.Hour
	parts := []struct {
		unit time.Duration
		name string
	}{
		{365 * day, "year"}, {day, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"},
		{time.Millisecond, "millisecond"}, {time.Microsecond, "microsecond"},
	}
	words := make([]string, len(parts))
	for i, p := range parts {
		n := d / p.unit
		d -= n * p.unit
		words[i] = fmt.Sprintf("%d %s", n, p.name)
		if n != 1 {
			words[i] += "s"
		}
	}
	return strings.Join(words, ", ")
}

func (sw *Switch) status() string {
	l := sw.limits.snapshot()
	return fmt.Sprintf("UP %s\nFreeSWITCH (Version %s  64bit) is ready\n%d session(s) since startup\n"+
		"%d session(s) - peak %d, last 5min %d \n%d session(s) per Sec out of max %d, peak %d, last 5min %d \n"+
		"%d session(s) max\nmin idle cpu 0.00/100.00\nCurrent Stack Size/Max 240K/8192K\n",
		upTime(time.Since(sw.started)), version, l.total, sw.Legs(), l.peak, l.peak, l.last, l.perSecond, l.peakPerSecond,
		l.peakPerSecond, l.maxSessions)
}
