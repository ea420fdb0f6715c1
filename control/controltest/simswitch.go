package controltest

import (
	"fmt"
	"time"

	"ramal/call"
)

// Do implements control.Switch: the effect comes after the world's latency, in the order of the commands. While the
// link is cut every command is refused at once, as package esl does it.
func (w *World) Do(cmd call.Command) {
	w.mu.Lock()
	if !w.linkUp {
		defer w.mu.Unlock()
		if leg := subject(cmd); leg != "" && w.sink != nil {
			w.events.put(call.CommandFailed{Stamp: w.stamp(leg), Command: cmd, Reason: "the link is down"})
		}
		return
	}
	w.sent = append(w.sent, cmd)
	w.mu.Unlock()
	w.later(w.Latency, func() {
		next := w.sent[0]
		w.sent = w.sent[1:]
		if w.linkUp {
			w.carryOut(next)
		}
	})
}

// subject is the leg that a command is about.
func subject(cmd call.Command) call.LegID {
	switch cmd := cmd.(type) {
	case call.Answer:
		return cmd.Leg
	case call.Play:
		return cmd.Leg
	case call.PlayLoop:
		return cmd.Leg
	case call.StopSound:
		return cmd.Leg
	case call.Dial:
		return cmd.Leg
	case call.Bridge:
		return cmd.A
	case call.HangUp:
		return cmd.Leg
	case call.StartRecording:
		return cmd.Leg
	case call.SetVars:
		return cmd.Leg
	case call.ArmFallback:
		return cmd.Leg
	case call.DisarmFallback:
		return cmd.Leg
	}
	return ""
}

func (w *World) carryOut(cmd call.Command) {
	switch cmd := cmd.(type) {
	case call.Answer:
		w.withLeg(cmd.Leg, cmd, func(l *simLeg) {
			l.answered = true
			w.say("Ramal answers %s", l.who)
			w.emit(call.LegAnswered{Stamp: w.stamp(l.id)})
		})
	case call.Play:
		w.withLeg(cmd.Leg, cmd, func(l *simLeg) { w.play(l, cmd.Sound) })
	case call.PlayLoop:
		w.withLeg(cmd.Leg, cmd, func(l *simLeg) { w.playLoop(l, cmd.Sound) })
	case call.StopSound:
		w.withLeg(cmd.Leg, cmd, func(l *simLeg) { w.stopSound(l, call.PlaybackBroken) })
	case call.Dial:
		w.dial(cmd)
	case call.Bridge:
		w.bridge(cmd)
	case call.HangUp:
		w.withLeg(cmd.Leg, cmd, func(l *simLeg) {
			if l.role == "caller" {
				w.say("Ramal hangs up on %s (%s)", l.who, cmd.Cause)
			} else if !l.answered {
				w.say("%s's phone stops ringing (%s)", l.who, cmd.Cause)
			}
			w.end(l, cmd.Cause)
		})
	case call.StartRecording:
		w.withLeg(cmd.Leg, cmd, func(l *simLeg) {
			l.record = cmd.Path
			w.emit(call.RecordingStarted{Stamp: w.stamp(l.id), Path: cmd.Path})
		})
	case call.SetVars:
		w.withLeg(cmd.Leg, cmd, func(l *simLeg) {
			for k, v := range cmd.Vars {
				l.vars[k] = v
			}
			l.hold = cmd.HoldAfterBridge
		})
	case call.ArmFallback:
		w.withLeg(cmd.Leg, cmd, func(l *simLeg) { w.arm(l, cmd.After) })
	case call.DisarmFallback:
		w.withLeg(cmd.Leg, cmd, func(l *simLeg) {
			if l.fallback != nil {
				l.fallback.Stop()
			}
		})
	}
}

// withLeg runs f on a leg that stands, and refuses the command otherwise.
func (w *World) withLeg(id call.LegID, cmd call.Command, f func(*simLeg)) {
	if l := w.legs[id]; l != nil && !l.hung {
		f(l)
		return
	}
	w.emit(call.CommandFailed{Stamp: w.stamp(id), Command: cmd, Reason: "-ERR No such channel!"})
}

func (w *World) name(s call.Sound) (string, time.Duration) {
	switch {
	case s.Tone != "":
		return fmt.Sprintf("the %s tone", s.Tone), time.Second
	case s.Silence > 0:
		return "silence", s.Silence
	}
	if k, ok := w.Sounds[s.File]; ok {
		return k.Name, k.Length
	}
	return s.File, 0
}

func (w *World) play(l *simLeg, s call.Sound) {
	if l.playing != "" {
		l.queue = append(l.queue, s)
		return
	}
	name, length := w.name(s)
	if s.File != "" && length == 0 {
		w.say("%s is missing on the switch", name)
		w.emit(call.PlaybackEnded{Stamp: w.stamp(l.id), Source: s.File, Status: call.PlaybackMissing})
		return
	}
	w.say("%s hears %s", l.who, name)
	l.playing, l.loop = s.File, false
	l.plays++
	round := l.plays
	w.emit(call.PlaybackStarted{Stamp: w.stamp(l.id), Source: s.File})
	w.later(length, func() {
		if !l.hung && l.plays == round && l.playing != "" {
			w.stopSound(l, call.PlaybackDone)
		}
	})
}

func (w *World) playLoop(l *simLeg, s call.Sound) {
	name, length := w.name(s)
	if s.File != "" && length == 0 {
		w.say("%s is missing on the switch", name)
		w.emit(call.PlaybackEnded{Stamp: w.stamp(l.id), Source: s.File, Status: call.PlaybackMissing})
		return
	}
	if l.playing != s.File || !l.loop {
		w.say("%s hears %s, again and again", l.who, name)
	}
	l.playing, l.loop = s.File, true
	if s.File == "" {
		l.playing = string(s.Tone)
	}
	l.plays++
	w.emit(call.PlaybackStarted{Stamp: w.stamp(l.id), Source: l.playing})
}

func (w *World) stopSound(l *simLeg, status call.PlaybackStatus) {
	if l.playing == "" {
		return
	}
	source := l.playing
	l.playing, l.loop = "", false
	w.emit(call.PlaybackEnded{Stamp: w.stamp(l.id), Source: source, Status: status})
	if status == call.PlaybackBroken {
		l.queue = nil
	}
	if len(l.queue) > 0 {
		next := l.queue[0]
		l.queue = l.queue[1:]
		w.play(l, next)
	}
}

func (w *World) dial(cmd call.Dial) {
	fail := func(cause call.Cause) {
		w.emit(call.DialDone{Stamp: w.stamp(cmd.Leg), Cause: cause})
	}
	p := w.Phones[cmd.To.Extension]
	if p == nil || !p.Registered {
		w.say("extension %s is not registered", cmd.To.Extension)
		fail(call.UserNotRegistered)
		return
	}
	l := &simLeg{id: cmd.Leg, who: p.Owner, role: "agent", vars: call.Vars{}}
	for k, v := range cmd.Vars {
		l.vars[k] = v
	}
	engaged := w.leg(p.Owner) != nil
	w.add(l)
	w.emit(call.LegCreated{Stamp: w.stamp(l.id), Direction: call.Outbound})
	switch {
	case engaged || p.Behaviour == IsBusy:
		w.say("%s's phone is busy", p.Owner)
		w.end(l, call.UserBusy)
		fail(call.UserBusy)
		return
	default:
		w.say("%s's phone rings, showing %s", p.Owner, cmd.CallerID.Number)
		w.emit(call.LegProgress{Stamp: w.stamp(l.id)})
	}
	l.ring = w.later(cmd.Timeout, func() {
		if !l.hung && !l.answered {
			w.say("%s's phone stops ringing: no answer", p.Owner)
			w.end(l, call.NoAnswer)
			fail(call.NoAnswer)
		}
	})
	switch p.Behaviour {
	case Answers:
		w.later(p.After, func() { w.answer(l) })
	case Declines:
		w.later(p.After, func() { w.decline(l) })
	}
}

func (w *World) decline(l *simLeg) {
	if !l.hung && !l.answered {
		w.say("%s declines", l.who)
		w.end(l, call.CallRejected)
		w.emit(call.DialDone{Stamp: w.stamp(l.id), Cause: call.CallRejected})
	}
}

func (w *World) answer(l *simLeg) {
	if l.hung || l.answered {
		return
	}
	l.answered, l.parked, l.alone = true, true, time.Now()
	l.ring.Stop()
	w.say("%s answers", l.who)
	w.emit(call.LegAnswered{Stamp: w.stamp(l.id)})
	w.emit(call.DialDone{Stamp: w.stamp(l.id), OK: true})
	w.emit(call.LegParked{Stamp: w.stamp(l.id), Direction: call.Outbound, Answered: true, Vars: l.vars})
}

func (w *World) bridge(cmd call.Bridge) {
	a, b := w.legs[cmd.A], w.legs[cmd.B]
	if a == nil || b == nil || a.hung || b.hung {
		w.emit(call.CommandFailed{Stamp: w.stamp(cmd.A), Command: cmd, Reason: "-ERR Invalid uuid"})
		return
	}
	w.stopSound(a, call.PlaybackBroken)
	w.stopSound(b, call.PlaybackBroken)
	a.alone, b.alone = time.Time{}, time.Time{}
	a.other, b.other, a.parked, b.parked = b, a, false, false
	w.say("%s and %s talk", a.who, b.who)
	w.emit(call.LegBridged{Stamp: w.stamp(a.id), Other: b.id})
}

func (w *World) arm(l *simLeg, after time.Duration) {
	if l.fallback != nil {
		l.fallback.Stop()
	}
	l.fallback = w.later(after, func() {
		if o := l.other; o != nil && !l.hung { // FreeSWITCH transfers the leg out of its bridge
			w.Torn++
			w.say("the dead man's switch tears %s and %s apart", l.who, o.who)
			l.other, o.other = nil, nil
			w.end(o, call.NormalClearing)
			w.emit(call.LegUnbridged{Stamp: w.stamp(l.id), Other: o.id})
		}
		if !l.hung {
			if w.Fallback != nil {
				w.Fallback(l.who)
			}
			w.say("%s hears the fallback announcement and is hung up on", l.who)
			w.end(l, call.NormalTemporaryFailure)
		}
	})
}

func (w *World) add(l *simLeg) {
	w.legs[l.id] = l
	w.order = append(w.order, l.id)
}

// end takes a leg down; its partner goes to the hold extension when it is armed for that.
func (w *World) end(l *simLeg, cause call.Cause) {
	if l.hung {
		return
	}
	l.hung = true
	w.emit(call.LegHungUp{Stamp: w.stamp(l.id), Cause: cause})
	if l.fallback != nil {
		l.fallback.Stop()
	}
	if o := l.other; o != nil {
		l.other, o.other = nil, nil
		w.emit(call.LegUnbridged{Stamp: w.stamp(o.id), Other: l.id})
		w.afterBridge(o)
	}
	if l.record != "" {
		w.emit(call.RecordingStopped{Stamp: w.stamp(l.id), Path: l.record})
	}
	w.emit(call.LegGone{Stamp: w.stamp(l.id)})
	delete(w.legs, l.id)
}

// afterBridge is what the switch does by itself with a leg whose partner hung up, once nobody else has dealt with it.
func (w *World) afterBridge(l *simLeg) {
	w.later(3*w.Latency, func() {
		switch {
		case l.hung || l.other != nil:
		case l.hold:
			w.say("%s hears hold music from the switch", l.who)
			w.arm(l, 5*time.Second)
		default:
			w.end(l, call.NormalClearing)
		}
	})
}

// The people.

// Calls makes a caller dial a number; the dialplan parks the leg and arms the dead man's switch.
func (w *World) Calls(who string, from, to call.Number) {
	id := call.LegID(w.NewID())
	w.mu.Lock()
	defer w.mu.Unlock()
	l := &simLeg{id: id, who: who, role: "caller", inbound: true, from: call.Party{Number: from, Name: call.Name(who)},
		to: to, parked: true, vars: call.Vars{"ramal_entry": "1"}}
	w.add(l)
	w.arm(l, 5*time.Second)
	w.emit(call.LegCreated{Stamp: w.stamp(id), Direction: call.Inbound, From: l.from, To: to})
	w.emit(call.LegOffered{Stamp: w.stamp(id), From: l.from, To: to, Vars: l.vars})
}

// leg returns the standing leg of a person, the newest when there are several.
func (w *World) leg(who string) *simLeg {
	for i := len(w.order) - 1; i >= 0; i-- {
		if l := w.legs[w.order[i]]; l != nil && l.who == who && !l.hung {
			return l
		}
	}
	return nil
}

// Person runs f on somebody's leg; false when there is none.
func (w *World) person(who string, f func(*simLeg)) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := w.leg(who)
	if l != nil {
		f(l)
	}
	return l != nil
}

// Presses makes somebody press a key.
func (w *World) Presses(who string, d call.Digit) bool {
	return w.person(who, func(l *simLeg) {
		w.emit(call.DigitPressed{Stamp: w.stamp(l.id), Digit: d, Duration: 100 * time.Millisecond})
	})
}

// HangsUp makes somebody hang up.
func (w *World) HangsUp(who string) bool {
	return w.person(who, func(l *simLeg) { w.end(l, call.NormalClearing) })
}

// AnswersNow makes somebody whose phone rings answer.
func (w *World) AnswersNow(who string) bool { return w.person(who, w.answer) }

// DeclinesNow makes somebody whose phone rings decline.
func (w *World) DeclinesNow(who string) bool { return w.person(who, w.decline) }

// Talks returns the leg of a phone that is joined to another leg; ok is false when there is none.
func (w *World) Talks(extension string) (id call.LegID, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.Phones[extension]
	if p == nil {
		return "", false
	}
	for _, id := range w.order {
		if l := w.legs[id]; l != nil && l.who == p.Owner && !l.hung && l.other != nil {
			return id, true
		}
	}
	return "", false
}

// Lonely returns the agents who answered and have stood alone on the line for longer than d.
func (w *World) Lonely(d time.Duration) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var names []string
	for _, id := range w.order {
		if l := w.legs[id]; l != nil && l.role == "agent" && !l.alone.IsZero() && time.Since(l.alone) > d {
			names = append(names, l.who)
		}
	}
	return names
}

// Behaves changes what a phone does when it is rung.
func (w *World) Behaves(extension string, b Behaviour, after time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Phones[extension].Behaviour, w.Phones[extension].After = b, after
}

// People returns who has a leg, in the order of the legs.
func (w *World) People() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var names []string
	for _, id := range w.order {
		if l := w.legs[id]; l != nil {
			names = append(names, l.who)
		}
	}
	return names
}

// Said returns what was seen and heard in the world, a line each.
func (w *World) Said() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var lines []string
	for _, l := range w.said {
		lines = append(lines, clock(l.at)+"  "+l.text)
	}
	return lines
}

// Registers makes a phone register, or unregister.
func (w *World) Registers(extension string, up bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Phones[extension].Registered = up
	if up {
		w.emit(call.Registered{Stamp: w.stamp(""), User: extension, Domain: "ramal"})
	} else {
		w.emit(call.Unregistered{Stamp: w.stamp(""), User: extension, Domain: "ramal"})
	}
}
