package softswitch

import (
	"strconv"
	"strings"
	"time"
)

// application is one dialplan application.
type application struct {
	run    func(l *leg, arg string)
	media  bool // needs sound: an unanswered leg gets early media first
	zombie bool // also runs on a leg that was hung up
}

// applications are the ones served; FreeSWITCH has some 150 (see Deviations).
var applications map[string]application

func init() { // breaks the cycle applications → runApp → applications
	applications = map[string]application{
		"answer":               {run: func(l *leg, _ string) { l.answer() }},
		"pre_answer":           {run: func(l *leg, _ string) { l.preAnswer() }},
		"ring_ready":           {run: func(l *leg, _ string) { l.ringReady() }},
		"park":                 {run: func(l *leg, _ string) { l.park() }},
		"playback":             {run: func(l *leg, arg string) { l.playback(arg) }, media: true},
		"endless_playback":     {run: func(l *leg, arg string) { l.endlessPlayback(arg) }, media: true},
		"set":                  {run: appSet, zombie: true},
		"export":               {run: appSet, zombie: true},
		"unset":                {run: appUnset, zombie: true},
		"multiset":             {run: appMultiset, zombie: true},
		"hangup":               {run: func(l *leg, arg string) { l.hangup(parseCause(arg)) }},
		"sleep":                {run: appSleep},
		"transfer":             {run: appTransfer},
		"sched_transfer":       {run: appSchedTransfer},
		"sched_hangup":         {run: appSchedHangup},
		"sched_cancel":         {run: appSchedCancel},
		"record_session":       {run: func(l *leg, arg string) { l.recordStart(arg, 0) }, media: true},
		"stop_record_session":  {run: func(l *leg, arg string) { l.recordStop(arg) }},
		"send_dtmf":            {run: func(l *leg, arg string) { l.sendDigits(arg) }, media: true},
		"break":                {run: func(l *leg, _ string) { l.breakSound(false) }},
		"log":                  {run: appLog, zombie: true},
		"respond":              {run: appRespond},
		"eval":                 {run: func(*leg, string) {}, zombie: true},
		"playback_terminators": {run: func(l *leg, arg string) { l.setVar("playback_terminators", arg) }},
	}
}

// appSet sets name=value; "set name" and "set name=" remove the variable.
func appSet(l *leg, arg string) {
	name, value, _ := strings.Cut(arg, "=")
	if value == "_undef_" {
		value = ""
	}
	l.setVar(strings.TrimSpace(name), value)
}

func appLog(l *leg, arg string) { l.sw.log.Info("dialplan", "leg", l.uuid, "text", arg) }

func appUnset(l *leg, arg string) { l.setVar(strings.TrimSpace(arg), "") }

func appMultiset(l *leg, arg string) {
	for _, word := range separate(arg, ' ', 128) {
		appSet(l, word)
	}
}

// appSleep waits so many milliseconds; digits are reported meanwhile and commands run.
func appSleep(l *leg, arg string) {
	ms, err := strconv.Atoi(arg)
	if err != nil || ms < 0 {
		return
	}
	over := make(chan struct{})
	timer := time.AfterFunc(time.Duration(ms)*time.Millisecond, func() { close(over) })
	defer timer.Stop()
	for l.alive() {
		select {
		case <-over:
			return
		default:
		}
		l.mu.Lock()
		broken := l.breaking
		l.breaking = false
		l.mu.Unlock()
		if broken {
			return
		}
		l.runQueue(true)
		l.takeDigits()
		l.await(over)
	}
}

func (l *leg) takeDigits() {
	for {
		if _, ok := l.takeDigit(); !ok {
			return
		}
	}
}

func appTransfer(l *leg, arg string) {
	words := append(separate(arg, ' ', 3), "", "")
	if words[0] != "" {
		l.transfer(words[0], words[1], words[2])
	}
}

// appSchedTransfer is "[+]seconds extension [dialplan] [context]".
func appSchedTransfer(l *leg, arg string) {
	words := separate(arg, ' ', 4)
	delay, ok := schedDelay(append(words, "")[0])
	if len(words) < 2 || !ok {
		l.sw.log.Warn("sched_transfer: bad argument", "leg", l.uuid, "argument", arg)
		return
	}
	words = append(words, "", "")
	l.sw.scheduleTransfer(l.uuid, delay, words[1], words[2], words[3])
}

// appSchedHangup is "[+]seconds [cause]".
func appSchedHangup(l *leg, arg string) {
	words := append(separate(arg, ' ', 2), "", "")
	delay, ok := schedDelay(words[0])
	if !ok {
		l.sw.log.Warn("sched_hangup: bad argument", "leg", l.uuid, "argument", arg)
		return
	}
	c := causeAllottedTimeout
	if words[1] != "" {
		c = parseCause(words[1])
	}
	l.sw.scheduleHangup(l.uuid, delay, c)
}

func appSchedCancel(l *leg, arg string) {
	if arg == "" {
		arg = l.uuid
	}
	l.sw.schedDelete(arg)
}

// appRespond refuses an unanswered call with a SIP status.
func appRespond(l *leg, arg string) {
	code, _, _ := strings.Cut(arg, " ")
	status, err := strconv.Atoi(code)
	if err != nil || status < 300 || status > 699 {
		return
	}
	l.sip.respondWith(status)
	l.hangup(causeFromStatus(status))
}

// schedDelay reads "+5" (from now) or a Unix time.
func schedDelay(s string) (time.Duration, bool) {
	text, relative := strings.CutPrefix(s, "+")
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, false
	}
	if relative {
		if n > 10*365*24*3600 {
			return 0, false
		}
		return time.Duration(n) * time.Second, true
	}
	return time.Until(time.Unix(n, 0)), true
}

func (sw *Switch) scheduleTransfer(id string, delay time.Duration, exten, dialplan, context string) {
	sw.sched.add(id, delay, func() {
		if l := sw.leg(id); l != nil {
			l.transfer(exten, dialplan, context)
		}
	})
}

func (sw *Switch) scheduleHangup(id string, delay time.Duration, c cause) {
	sw.sched.add(id, delay, func() {
		if l := sw.leg(id); l != nil {
			l.hangup(c)
		}
	})
}

// schedDelete takes back one task by its number, or those of a leg.
func (sw *Switch) schedDelete(what string) int {
	if n, err := strconv.Atoi(what); err == nil {
		return sw.sched.deleteID(n)
	}
	return sw.sched.deleteGroup(what)
}
