package acd

import (
	"slices"
	"time"

	"ramal/call"
)

// agent is one agent's state.
//
//	            Want available         offered             accepted            released
//	offline ◄──────────────────► available ───────► ringing ─────────► busy ──────────────► wrap_up
//	   ▲  ▲                        ▲   │  ▲             │                 │ no wrap-up time    │ timer, or
//	   │  └──────── on_break ◄─────┘   │  └──missed─────┘                 ▼                    │ Want available
//	   │               ▲ ▲             │     (twice: on_break)         available ◄─────────────┘
//	   └───────────────┘ └─────────────┘
//
// A break wanted in ringing, busy or wrap_up begins after the work.
type agent struct {
	Agent
	state    State
	since    time.Time
	idle     time.Time // since when nothing was done for callers: the longest idle is served first
	breakWhy string
	next     string // reason of the break that begins after the work
	phone    Phone
	coolTill time.Time
	misses   int
	item     *item // in ringing
	offerID  call.OfferID
	work     call.ID // in ringing, busy, wrap-up
	queue    call.QueueID
	deadline time.Time
	removed  bool // no longer among the settings; goes when the work is over
}

const (
	timerOffer = "offer"
	timerWrap  = "wrap"
	timerCool  = "cool"
)

func (a *agent) offerTimer() string { return timerOffer + ":" + string(a.ID) }
func (a *agent) wrapTimer() string  { return timerWrap + ":" + string(a.ID) }
func (a *agent) coolTimer() string  { return timerCool + ":" + string(a.ID) }

func (a *agent) free(at time.Time) bool {
	return a.state == Available && a.phone != PhoneDown && !at.Before(a.coolTill)
}

func (a *agent) view() AgentView {
	v := AgentView{Agent: a.ID, Name: a.Name, Extension: a.Extension, State: a.state, Since: a.since,
		BreakNext: a.next, Phone: a.phone, Interaction: a.work, Queue: a.queue, Deadline: a.deadline, Missed: a.misses}
	if a.state == OnBreak {
		v.Break = a.breakWhy
	}
	return v
}

// enter changes the state and notes it.
func (e *Engine) enter(a *agent, s State, reason string, at time.Time) {
	a.state, a.since, a.breakWhy = s, at, ""
	if s == OnBreak {
		a.breakWhy = reason
	}
	e.do(NoteAgent{AgentFact{Agent: a.ID, At: at, State: s, Reason: reason, Interaction: a.work, Queue: a.queue}})
	e.touch(a)
}

// free ends an agent's work: break if one was asked for, offline for one who is gone, else available and matched.
func (e *Engine) free(a *agent, at time.Time) {
	a.item, a.offerID, a.work, a.queue, a.deadline = nil, "", "", "", time.Time{}
	switch next := a.next; {
	case a.removed:
		e.enter(a, Offline, "removed", at)
		e.forget(a)
	case next != "":
		a.next = ""
		e.enter(a, OnBreak, next, at)
	default:
		e.enter(a, Available, "", at)
		e.matchAgent(a, at)
	}
}

func (e *Engine) accepted(in call.Accepted) {
	it := e.byItem[in.Interaction]
	if it == nil {
		e.ignored++
		return
	}
	a := it.offered
	if a == nil || a.offerID != in.Offer {
		e.acceptedLate(in, it)
		return
	}
	e.drop(it)
	e.do(call.StopTimer{Timer: a.offerTimer()})
	a.item, a.deadline, a.misses = nil, time.Time{}, 0
	e.enter(a, Busy, "", in.At)
}

// acceptedLate believes the call, though the offer was given up meanwhile: the two talk. The interaction waits no
// longer, whoever was offered it since is free again, and the agent is busy unless rung for another.
func (e *Engine) acceptedLate(in call.Accepted, it *item) {
	e.drop(it)
	if other := it.offered; other != nil {
		e.do(call.StopTimer{Timer: other.offerTimer()})
		e.free(other, in.At)
	}
	a := e.agents[in.Agent]
	if a == nil || a.state == Ringing || a.state == Busy {
		e.ignored++
		return
	}
	e.do(call.StopTimer{Timer: a.wrapTimer()})
	a.offerID, a.work, a.queue, a.deadline, a.misses = in.Offer, in.Interaction, it.queue.ID, time.Time{}, 0
	e.enter(a, Busy, "", in.At)
}

func (e *Engine) missed(in call.Missed) {
	it := e.byItem[in.Interaction]
	if it == nil || it.offered == nil || it.offered.offerID != in.Offer {
		e.ignored++
		return
	}
	e.offerMissed(it.offered, it, in.Cause, in.At)
}

// offerMissed gives the interaction back to the queue, at the place it had, and decides what becomes of the agent.
func (e *Engine) offerMissed(a *agent, it *item, cause call.Cause, at time.Time) {
	it.offered = nil
	e.do(call.StopTimer{Timer: a.offerTimer()})
	a.item, a.offerID, a.deadline = nil, "", time.Time{}
	wait := coolDown
	switch cause {
	case call.UserNotRegistered, call.SubscriberAbsent:
		a.phone, wait = PhoneDown, phoneRetry
	case call.OriginatorCancel, call.RecoveryOnTimerExpire, call.SwitchLost, call.NormalTemporaryFailure,
		call.SwitchCongestion: // not the agent's doing: a link that is down must not send everybody on a break
	default:
		a.misses++
	}
	a.work, a.queue = "", ""
	switch {
	case a.removed:
		e.enter(a, Offline, "removed", at)
		e.forget(a)
	case a.next != "":
		next := a.next
		a.next = ""
		e.enter(a, OnBreak, next, at)
	case a.misses >= missesLimit:
		a.misses = 0
		e.enter(a, OnBreak, MissedBreak, at)
	default:
		a.coolTill, a.idle = at.Add(wait), at
		e.enter(a, Available, string(cause), at)
		e.do(call.StartTimer{Timer: a.coolTimer(), After: wait})
	}
	e.matchItem(it, at)
}

func (e *Engine) released(in call.Released) {
	for _, a := range e.order {
		if a.state == Busy && a.offerID == in.Offer {
			a.idle = in.At
			q := e.queues[a.queue]
			if q != nil && q.WrapUp > 0 && !a.removed {
				a.deadline = in.At.Add(q.WrapUp)
				e.enter(a, WrapUp, "", in.At)
				e.do(call.StartTimer{Timer: a.wrapTimer(), After: q.WrapUp})
				return
			}
			e.free(a, in.At)
			return
		}
	}
	e.ignored++
}

func (e *Engine) want(w Want) error {
	a := e.agents[w.Agent]
	if a == nil {
		return call.Errorf(call.NotFound, "agent %s", w.Agent)
	}
	working := a.state == Ringing || a.state == Busy
	switch w.State {
	case Available:
		return e.wantAvailable(a, w.At)
	case OnBreak:
		if w.Break == "" {
			return call.Errorf(call.Invalid, "break: reason is missing")
		}
		if working || a.state == WrapUp {
			a.next = w.Break
			e.touch(a)
			return nil
		}
		e.enter(a, OnBreak, w.Break, w.At)
	case Offline:
		if working {
			return call.Errorf(call.Conflict, "agent %s is %s: finish the interaction first", a.Name, a.state)
		}
		if a.state == WrapUp {
			e.do(call.StopTimer{Timer: a.wrapTimer()})
			a.work, a.queue, a.deadline = "", "", time.Time{}
		}
		a.next = ""
		if a.state != Offline {
			e.enter(a, Offline, "", w.At)
		}
	default:
		return call.Errorf(call.Invalid, "agent state %q cannot be asked for", w.State)
	}
	return nil
}

func (e *Engine) wantAvailable(a *agent, at time.Time) error {
	a.next = ""
	switch a.state {
	case Ringing, Busy:
		e.touch(a) // a break asked for is taken back
	case WrapUp:
		e.do(call.StopTimer{Timer: a.wrapTimer()})
		e.free(a, at)
	case Available:
	default:
		a.idle, a.misses, a.coolTill = at, 0, time.Time{}
		if a.phone == PhoneDown {
			a.phone = PhoneUnknown
		}
		e.enter(a, Available, "", at)
		e.matchAgent(a, at)
	}
	return nil
}

func (e *Engine) phoneSeen(p PhoneSeen) {
	a := e.byExt[p.Extension]
	if a == nil {
		e.ignored++
		return
	}
	now := PhoneDown
	if p.Up {
		now = PhoneUp
	}
	if a.phone == now {
		return
	}
	if p.Up && a.phone == PhoneDown {
		a.coolTill = time.Time{}
		e.do(call.StopTimer{Timer: a.coolTimer()})
	}
	a.phone = now
	e.touch(a)
	e.matchAgent(a, p.At)
}

func (e *Engine) phonesUnknown(p PhonesUnknown) {
	for _, a := range e.order {
		if a.phone != PhoneUnknown {
			a.phone = PhoneUnknown
			e.touch(a)
			e.matchAgent(a, p.At)
		}
	}
}

// restore gives a new agent the state it had before the core was restarted. Work of that time is over for us.
func (e *Engine) restore(a *agent, c Configure) {
	i := slices.IndexFunc(c.Restore, func(r Restored) bool { return r.Agent == a.ID })
	if i < 0 {
		return
	}
	switch r := c.Restore[i]; r.State {
	case OnBreak:
		a.state, a.breakWhy, a.since = OnBreak, r.Break, r.Since
	case Available:
		a.state, a.since, a.idle = Available, r.Since, r.Since
	case Ringing, Busy, WrapUp:
		a.idle = c.At
		e.enter(a, Available, "restarted", c.At)
	}
}

func (e *Engine) remove(a *agent, at time.Time) {
	a.removed = true
	if a.state == Ringing || a.state == Busy {
		return
	}
	if a.state != Offline {
		e.enter(a, Offline, "removed", at)
	}
	e.forget(a)
}

func (e *Engine) forget(a *agent) {
	delete(e.agents, a.ID)
	if e.byExt[a.Extension] == a {
		delete(e.byExt, a.Extension)
	}
	if i := slices.Index(e.order, a); i >= 0 {
		e.order = slices.Delete(e.order, i, i+1)
	}
	for _, id := range a.Queues {
		if q := e.queues[id]; q != nil {
			if i := slices.Index(q.agents, a); i >= 0 {
				q.agents = slices.Delete(q.agents, i, i+1)
			}
		}
	}
}
