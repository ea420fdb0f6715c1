package esl

import (
	"slices"
	"time"

	"ramal/call"
)

// dials keeps what is known about legs that are being placed: those that wait for the switch's limit, those whose
// originate runs, and the bridges that wait for them. Link.mu guards it.
type dials struct {
	legs    map[call.LegID]*dialling
	waiting []*dialling // not sent, in order
	placed  []time.Time // new legs of the last second, ours and callers'
	perSec  int         // the switch's limit, 0 for unknown
	timer   *time.Timer
}

// dialling is one leg from Dial to its DialDone.
//
//	waiting ──pace allows──► sent ──LegCreated──► created ──LegParked──► parked ──DialDone──► (forgotten)
type dialling struct {
	command call.Dial
	message message
	sent    bool
	created bool // the switch has made the leg: uuid_kill finds it
	parked  bool // a bridge may be sent although the job has not reported yet
	bridges []held
	hangUp  *held
}

// held is a command that waits for a leg.
type held struct {
	command call.Command
	message message
}

// paceWindow is a second and what the switch's clock and the way to it may add.
const paceWindow = 1100 * time.Millisecond

// limit takes the switch's sessions-per-second. It admits one less than it says (measured), and callers count as
// well.
func (d *dials) limit(perSecond int) { d.perSec = perSecond }

// room tells whether another leg may be placed now, or else when to look again.
func (d *dials) room(now time.Time) (bool, time.Duration) {
	d.prune(now)
	if d.perSec <= 0 || len(d.placed) < max(1, d.perSec-2) {
		return true, 0
	}
	return false, paceWindow - now.Sub(d.placed[0])
}

func (d *dials) prune(now time.Time) {
	old := 0
	for old < len(d.placed) && now.Sub(d.placed[old]) >= paceWindow {
		old++
	}
	d.placed = slices.Delete(d.placed, 0, old)
}

// dial places a leg now or as soon as the switch's limit allows.
func (l *Link) dial(c call.Dial, m message) {
	l.mu.Lock()
	if l.session == nil {
		l.mu.Unlock()
		l.failed(c, ErrLinkDown.Error())
		return
	}
	if l.dials.legs[c.Leg] != nil {
		l.mu.Unlock()
		l.report(commandFailed(c, "the leg is being dialled already"))
		return
	}
	d := &dialling{command: c, message: m}
	l.dials.legs[c.Leg] = d
	l.dials.waiting = append(l.dials.waiting, d)
	l.mu.Unlock()
	l.pump()
}

// pump sends the dials that the pace allows.
func (l *Link) pump() {
	for {
		d := l.nextDial()
		if d == nil {
			return
		}
		l.send(d.command, d.message)
	}
}

func (l *Link) nextDial() *dialling {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.dials.waiting) == 0 || l.session == nil {
		return nil
	}
	now := time.Now()
	room, wait := l.dials.room(now)
	if !room {
		if l.dials.timer == nil {
			l.dials.timer = time.AfterFunc(wait, func() {
				l.mu.Lock()
				l.dials.timer = nil
				l.mu.Unlock()
				l.pump()
			})
		}
		return nil
	}
	d := l.dials.waiting[0]
	l.dials.waiting = slices.Delete(l.dials.waiting, 0, 1)
	d.sent = true
	l.dials.placed = append(l.dials.placed, now)
	return d
}

// holdHangUp ends a dial that was not sent yet, and keeps a HangUp back while the switch has not made the leg.
func (l *Link) holdHangUp(c call.HangUp, m message) bool {
	l.mu.Lock()
	d := l.dials.legs[c.Leg]
	if d == nil || d.created {
		l.mu.Unlock()
		return false
	}
	if d.sent {
		d.hangUp = &held{c, m}
		l.mu.Unlock()
		return true
	}
	delete(l.dials.legs, c.Leg)
	l.dials.waiting = slices.DeleteFunc(l.dials.waiting, func(other *dialling) bool { return other == d })
	bridges := d.bridges
	l.mu.Unlock()
	l.report(call.DialDone{Stamp: call.Stamp{Leg: c.Leg, At: time.Now().UTC()}, Cause: call.OriginatorCancel})
	for _, event := range notPlaced(bridges) {
		l.report(event)
	}
	return true
}

// holdBridge keeps a bridge back while one of its legs is still being placed.
func (l *Link) holdBridge(c call.Bridge, m message) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, leg := range []call.LegID{c.A, c.B} {
		if d := l.dials.legs[leg]; d != nil && !d.parked {
			d.bridges = append(d.bridges, held{c, m})
			return true
		}
	}
	return false
}

// forgetDial drops a dial that came to nothing, and the bridges that waited for it.
func (l *Link) forgetDial(c call.Dial) []call.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.dials.legs[c.Leg]
	if d == nil {
		return nil
	}
	delete(l.dials.legs, c.Leg)
	return notPlaced(d.bridges)
}

func notPlaced(bridges []held) (failures []call.Event) {
	for _, bridge := range bridges {
		failures = append(failures, commandFailed(bridge.command, "the leg was not placed"))
	}
	return failures
}

// track follows the switch's events: which legs were made, which dials and jobs ended. It sends the commands that
// waited for a leg and returns the failures of those whose leg will not come.
func (l *Link) track(event call.Event, job jobResult) (failures []call.Event) {
	l.mu.Lock()
	d, ready := l.dials.follow(event)
	command, ours := l.jobs[job.id]
	delete(l.jobs, job.id)
	l.mu.Unlock()
	if ours && len(job.output) < 3 || ours && job.output[:3] != "+OK" {
		failures = append(failures, commandFailed(command, job.output))
	}
	if d == nil {
		return failures
	}
	if done, ok := event.(call.DialDone); ok && !done.OK {
		return append(failures, notPlaced(ready)...)
	}
	for _, waited := range ready {
		if bridge, ok := waited.command.(call.Bridge); ok && l.holdBridge(bridge, waited.message) {
			continue // its other leg is a dial, too
		}
		l.send(waited.command, waited.message)
	}
	return failures
}

// follow moves the dial that the event is about and returns it with what may go on now.
func (d *dials) follow(event call.Event) (*dialling, []held) {
	if event == nil {
		return nil, nil
	}
	if made, ok := event.(call.LegCreated); ok && made.Direction == call.Inbound {
		now := time.Now()
		d.prune(now)
		d.placed = append(d.placed, now)
		return nil, nil
	}
	one := d.legs[event.Subject()]
	if one == nil {
		return nil, nil
	}
	var ready []held
	switch event.(type) {
	case call.LegCreated, call.LegProgress:
	case call.LegParked:
		one.parked = true
	case call.DialDone:
		delete(d.legs, event.Subject())
	default:
		return nil, nil
	}
	one.created = true
	if _, done := event.(call.DialDone); done || one.parked {
		ready, one.bridges = one.bridges, nil
	}
	if done, ok := event.(call.DialDone); one.hangUp != nil && (!ok || done.OK) {
		ready = append([]held{*one.hangUp}, ready...)
		one.hangUp = nil
	}
	return one, ready
}

// dropDials forgets the dials that were never sent and the commands that wait; dials that run are looked for after
// the next connect.
func (l *Link) dropDials() (failures []call.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dials.timer != nil {
		l.dials.timer.Stop()
		l.dials.timer = nil
	}
	lost := func(waited held) { failures = append(failures, commandFailed(waited.command, ErrLinkDown.Error())) }
	for _, d := range l.dials.waiting {
		delete(l.dials.legs, d.command.Leg)
		lost(held{command: d.command})
	}
	l.dials.waiting = nil
	for _, d := range l.dials.legs {
		for _, bridge := range d.bridges {
			lost(bridge)
		}
		d.bridges = nil // a HangUp stays: it is sent when the leg is found
	}
	for job, command := range l.jobs {
		delete(l.jobs, job)
		lost(held{command: command})
	}
	return failures
}
