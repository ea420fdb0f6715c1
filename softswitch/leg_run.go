package softswitch

import (
	"time"

	"github.com/google/uuid"

	"ramal/esl/wire"
)

// pollTime is how often a FreeSWITCH session thread looks at its queue: applications sent to a leg begin up to so much
// later (recordings 02, 14), which a command sent right behind can see.
const pollTime = 20 * time.Millisecond

// run is the leg's goroutine, from CHANNEL_CREATE to CHANNEL_DESTROY.
func (l *leg) run() {
	l.mu.Lock()
	l.running = stateInit
	if l.hung == causeNone {
		l.state = stateRouting
	}
	l.fire("CHANNEL_CREATE", fromStateMachine, nil, nil)
	l.mu.Unlock()
	if l.outbound {
		l.setState(stateRouting, stateConsumeMedia)
		l.mu.Lock()
		if l.hung == causeNone {
			l.running = l.state
		}
		l.mu.Unlock()
		l.sip.invite(l)
	}
	for {
		l.mu.Lock()
		left := l.hung != causeNone || l.state != stateExchangeMedia
		l.mu.Unlock()
		if left {
			l.leaveAsPartner() // when it was moved on before it had entered
		}
		l.mu.Lock()
		if l.hung != causeNone {
			l.mu.Unlock()
			break
		}
		l.running, l.moved = l.state, false
		state := l.state
		l.mu.Unlock()
		l.signalPartner()
		switch state {
		case stateRouting:
			l.route()
		case stateExecute:
			l.execute()
		case statePark:
			l.park()
			l.leavePark()
		case stateSoftExecute:
			if l.isOriginator() {
				l.bridgeAsOriginator()
			} else {
				l.waitOriginator(state)
			}
		case stateExchangeMedia:
			l.bridgeAsPartner()
		case stateHibernate:
			l.setState(stateHibernate, stateReset)
		case stateReset:
			if l.isOriginator() {
				l.setState(stateReset, stateSoftExecute)
			} else {
				l.waitOriginator(state)
			}
		default: // CONSUME_MEDIA
			l.waitState(state)
		}
	}
	l.end()
}

func (l *leg) isOriginator() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.originator
}

// setState moves the leg on unless somebody else moved or ended it meanwhile.
func (l *leg) setState(from, to chanState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hung == causeNone && l.state == from {
		l.state = to
	}
}

// waitState sleeps until the leg is to be in another state. Digits wait; commands are not looked at.
func (l *leg) waitState(state chanState) {
	for {
		l.mu.Lock()
		stay := l.hung == causeNone && l.state == state && !l.moved
		l.mu.Unlock()
		if !stay {
			return
		}
		<-l.wake
	}
}

// signalPartner wakes a leg that waits for this one's state.
func (l *leg) signalPartner() {
	l.mu.Lock()
	partner := l.bridgeTo
	l.mu.Unlock()
	if partner == "" {
		return
	}
	if p := l.sw.leg(partner); p != nil {
		p.notify()
	}
}

// route finds the leg's applications.
func (l *leg) route() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dialplanHit = true
	l.setCall(callRinging)
	l.vars.set("call_uuid", l.uuid)
	var apps []App
	ok := true
	if l.party.dialplan == "inline" {
		apps = inlineApps(l.party.destination)
		ok = len(apps) > 0
		// The inline dialplan gives the number back that was dialled before (recording 15).
		if l.party.rdnis != "" {
			l.party.destination, l.party.rdnis = l.party.rdnis, ""
		}
	} else {
		apps, ok = l.sw.cfg.Dialplan(l.party.context, l.party.destination)
	}
	if !ok {
		l.hangupLocked(causeNoRouteDestination)
		return
	}
	l.apps = apps
	if l.hung == causeNone && l.state == stateRouting {
		l.state = stateExecute
	}
}

// execute runs the leg's applications one by one; a leg without any left is over.
func (l *leg) execute() {
	l.mu.Lock()
	if l.answered {
		l.setCall(callActive)
	} else if l.early {
		l.setCall(callEarly)
	}
	l.mu.Unlock()
	for {
		l.mu.Lock()
		if !l.ready() || l.state != stateExecute {
			l.mu.Unlock()
			return
		}
		if len(l.apps) == 0 {
			l.hangupLocked(causeNormalClearing)
			l.mu.Unlock()
			return
		}
		app := l.apps[0]
		l.apps = l.apps[1:]
		l.mu.Unlock()
		l.runApp(app.Name, app.Arg, "")
	}
}

// runApp runs one application with its two events. An unknown one ends the leg (recording 03).
func (l *leg) runApp(name, arg, appUUID string) {
	app, known := applications[name]
	l.mu.Lock()
	dead := l.hung != causeNone
	if !known {
		if !dead {
			l.sw.log.Warn("unknown application", "leg", l.uuid, "app", name)
			l.hangupLocked(causeDestinationOutOfOrder)
		}
		l.mu.Unlock()
		return
	}
	if dead && !app.zombie {
		l.mu.Unlock()
		return
	}
	needsMedia := app.media && !l.negotiated && !dead
	l.mu.Unlock()
	if needsMedia && !l.preAnswer() {
		return
	}
	l.mu.Lock()
	expanded := l.expand(arg)
	if appUUID == "" {
		appUUID = uuid.NewString()
	}
	l.lastApp, l.lastArg = name, expanded
	l.vars.set("current_application", "")
	l.vars.set("current_application_data", "")
	l.vars.set("current_application_response", "")
	l.vars.set("current_application", name)
	if !carriesExpansion(expanded) {
		l.vars.set("current_application_data", expanded)
	}
	about := []wire.Header{{Name: "Application", Value: name}}
	about = addSet(about, "Application-Data", expanded)
	l.fire("CHANNEL_EXECUTE", fromExec, nil, add(about, "Application-UUID", appUUID))
	l.breaking = false
	l.mu.Unlock()

	app.run(l, expanded)

	l.mu.Lock()
	defer l.mu.Unlock()
	response, ok := l.vars.get("current_application_response")
	if !ok {
		response = "_none_"
	}
	done := add(about[:len(about):len(about)], "Application-Response", response)
	l.fire("CHANNEL_EXECUTE_COMPLETE", fromExec, nil, add(done, "Application-UUID", appUUID))
}

// park waits, with CHANNEL_PARK and CHANNEL_UNPARK around, runs what is sent to the leg and reports its digits.
func (l *leg) park() {
	l.mu.Lock()
	if !l.ready() {
		l.mu.Unlock()
		return
	}
	l.fire("CHANNEL_PARK", fromPark, nil, nil)
	l.mu.Unlock()
	for l.alive() {
		l.runQueue(true)
		if !l.alive() {
			break
		}
		l.takeDigit()
		l.await(nil)
	}
	l.lastWords()
	l.takeDigit()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fire("CHANNEL_UNPARK", fromPark, nil, nil)
}

// leavePark ends a leg that was parked as a state of its own and is not to go anywhere.
func (l *leg) leavePark() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ready() && l.state == statePark {
		l.hangupLocked(causeNormalClearing)
	}
}

// lastWords runs one command that was queued when an unanswered leg was hung up: FreeSWITCH reads its queue once more
// there (recording 14), while a leg with sound does not (recording 04).
func (l *leg) lastWords() {
	l.mu.Lock()
	pending := l.hung != causeNone && !l.negotiated && len(l.queue) > 0
	var m message
	if pending {
		m, l.queue = l.queue[0], l.queue[1:]
	}
	l.mu.Unlock()
	if pending {
		l.runMessage(m)
	}
}

func (l *leg) alive() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ready()
}

// await sleeps until something happened to the leg, until extra (may be nil), or until the queue may be looked at.
func (l *leg) await(extra <-chan struct{}) {
	l.mu.Lock()
	if !l.ready() || len(l.digits) > 0 && extra == nil {
		l.mu.Unlock()
		return
	}
	var due <-chan time.Time
	if len(l.queue) > 0 && l.locked == 0 {
		wait := time.Until(l.queuedAt.Add(pollTime))
		if wait <= 0 {
			l.mu.Unlock()
			return
		}
		timer := time.NewTimer(wait)
		defer timer.Stop()
		due = timer.C
	}
	l.mu.Unlock()
	select {
	case <-l.wake:
	case <-extra:
	case <-due:
	}
}

// runQueue runs what sendmsg queued, in order, once it has waited pollTime.
func (l *leg) runQueue(all bool) {
	for {
		l.mu.Lock()
		if !l.ready() || len(l.queue) == 0 || l.locked > 0 || time.Since(l.queuedAt) < pollTime {
			l.mu.Unlock()
			return
		}
		m := l.queue[0]
		l.queue = l.queue[1:]
		l.mu.Unlock()
		l.runMessage(m)
		if !all {
			return
		}
	}
}

func (l *leg) runMessage(m message) {
	switch m.command {
	case "execute":
		if m.app == "" {
			return
		}
		if m.lock {
			l.mu.Lock()
			l.locked++
			l.mu.Unlock()
		}
		l.repeat(m)
		l.mu.Lock()
		if m.lock {
			l.locked--
		}
		l.vars.set("current_loop", "")
		l.vars.set("total_loops", "")
		l.mu.Unlock()
	case "hangup":
		l.hangup(parseCause(m.cause))
	default:
		l.sw.log.Warn("unknown call-command", "leg", l.uuid, "command", m.command)
	}
}

// repeat runs the application as often as asked; one that takes less than half a second is not repeated, as in
// FreeSWITCH.
func (l *leg) repeat(m message) {
	l.mu.Lock()
	l.repeating = true
	l.mu.Unlock()
	for i := 1; i <= m.loops || m.loops < 0; i++ {
		l.mu.Lock()
		if !l.repeating {
			l.mu.Unlock()
			return
		}
		l.vars.set("current_loop", itoa(i))
		l.vars.set("total_loops", itoa(m.loops))
		l.mu.Unlock()
		begin := time.Now()
		l.runApp(m.app, m.arg, m.uuid)
		if !l.alive() || time.Since(begin) < 500*time.Millisecond {
			return
		}
	}
}

// takeDigit reports one received digit; where the caller presses faster than the leg looks, the rest waits.
func (l *leg) takeDigit() (d pressed, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.digits) == 0 {
		return pressed{}, false
	}
	d = l.digits[0]
	l.digits = l.digits[1:]
	l.digitsDialed += string(d.char)
	l.fire("DTMF", fromDTMF, nil, []wire.Header{
		{Name: "DTMF-Digit", Value: string(d.char)},
		{Name: "DTMF-Duration", Value: itoa(d.samples)},
		{Name: "DTMF-Source", Value: "RTP"},
	})
	return d, true
}

// maxDigits bounds the digits that wait for a leg that does not look at them, as FreeSWITCH's queue does.
const maxDigits = 100

// pressedDigit is called by the media loop.
func (l *leg) pressedDigit(d pressed) {
	l.mu.Lock()
	if len(l.digits) < maxDigits {
		l.digits = append(l.digits, d)
	}
	l.mu.Unlock()
	l.notify()
}
