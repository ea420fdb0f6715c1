package control

import (
	"context"
	"time"

	"ramal/call"
	"ramal/ivr"
)

// owner runs one call: its goroutine alone touches the machine and the flow session.
type owner struct {
	c        *Centre
	org      *orgOwner
	id       call.ID
	protocol string
	from     call.Party
	to       call.Number
	machine  *call.Call
	session  *ivr.Session
	inbox    *inbox[any]
	timers   *timers
	legs     map[call.LegID]bool // registered with the centre
	toQueues []call.QueueInput   // not taken by the queue engine yet
	sum      call.Summary        // folded from the facts that the journal has
	party    *Party              // goes to the journal with the first fact, so that there is never one without the other
	done     bool
}

// Messages of an owner's inbox, beside call.Input and firing.
type (
	// compare asks the owner to compare its legs with what the switch has; known is its list, nil for "ask for each".
	compare struct{ known map[call.LegID]bool }
	// doubted is a leg that the switch did not know when it was asked the given number of times.
	doubted struct {
		leg   call.LegID
		times int
	}
)

const (
	ownerInbox  = 512
	queueAgain  = "queues.again" // timer: offer the queue engine again what it had no room for
	againAfter  = 50 * time.Millisecond
	doubtPause  = time.Second // between the two questions that make a lost leg certain
	existsLimit = 5 * time.Second
)

func newOwner(c *Centre, org *orgOwner, offered call.LegOffered, flow ivr.Published) *owner {
	id := call.ID(c.newID())
	o := &owner{c: c, org: org, id: id, from: offered.From, to: offered.To, inbox: newInbox[any](ownerInbox),
		legs: map[call.LegID]bool{}}
	o.timers = newTimers(o.fired)
	o.machine = call.New(call.Begin{ID: id, Org: org.id, Node: c.node, Flow: flow.ID, FlowVersion: flow.Version})
	o.session = ivr.NewSession(flow, offered.Leg)
	return o
}

// put hands something to the owner. When the inbox is full the value is dropped and the call compares its legs with
// the switch as soon as it has caught up.
func (o *owner) put(v any) {
	if !o.inbox.put(v) {
		o.c.stats.OwnerOverflows.Add(1)
		o.inbox.poke()
	}
}

// fired hands a timer to the owner. It is not dropped when the inbox is full: nothing would set it again.
func (o *owner) fired(f firing) {
	if !o.inbox.put(f) {
		time.AfterFunc(againAfter, func() { o.fired(f) })
	}
}

// run is the owner's goroutine. It ends when every leg is gone, or when ctx ends: the legs then stay on the switch.
func (o *owner) run(ctx context.Context) error {
	defer o.timers.stopAll()
	defer o.c.forget(o)
	var spare []any
	for !o.done || len(o.toQueues) > 0 {
		items, err := o.inbox.take(ctx, spare)
		if err != nil {
			return nil
		}
		for _, v := range items {
			o.handle(ctx, v)
		}
		if len(items) >= ownerInbox {
			o.handle(ctx, compare{})
		}
		spare = items
	}
	return nil
}

func (o *owner) handle(ctx context.Context, v any) {
	switch v := v.(type) {
	case firing:
		t, ok := o.timers.due(v, time.Now().UTC())
		switch {
		case !ok:
		case t.Timer == queueAgain:
			o.flushQueues()
		default:
			o.step(t)
		}
	case compare:
		o.compareLegs(ctx, v)
	case doubted:
		o.doubt(ctx, v)
	case call.Offer:
		v.Leg = call.LegID(o.c.newLeg())
		o.step(v)
	case call.Input:
		o.step(v)
	}
}

// step feeds the machine and carries out what it wants, including what its flow wants in turn.
func (o *owner) step(in call.Input) {
	before := o.machine.Sum.Facts
	o.carryOut(in.When(), o.machine.Step(in))
	o.claimLegs()
	if o.machine.Sum.Facts != before {
		o.org.live.call(LiveCall{Summary: o.machine.Sum, Protocol: o.protocol, From: o.from, To: o.to}, in.When())
	}
}

func (o *owner) carryOut(at time.Time, cmds []call.Command) {
	// The machine's slice is reused by the next Step, which a flow's wish below may cause.
	for _, cmd := range append([]call.Command(nil), cmds...) {
		switch cmd := cmd.(type) {
		case call.StartTimer:
			o.timers.start(cmd.Timer, cmd.After)
		case call.StopTimer:
			o.timers.stop(cmd.Timer)
		case call.Note:
			o.note(cmd.Fact)
		case call.ToFlow:
			o.flow(at, cmd.Event)
		case call.ToQueues:
			o.toQueues = append(o.toQueues, cmd.Value)
			o.flushQueues()
		case call.Finished:
			o.done = true
		case call.Dial:
			o.claim(cmd.Leg)
			o.c.sw.Do(cmd)
		default:
			o.c.sw.Do(cmd)
		}
	}
}

// flow feeds the IVR session and hands its wishes to the machine, one by one.
func (o *owner) flow(at time.Time, e call.Event) {
	for _, wish := range append([]call.Command(nil), o.session.Step(e)...) {
		if q, ok := wish.(call.Enqueue); ok && q.Music == (call.Sound{}) {
			q.Music = call.Sound{File: o.org.music(q.Queue)}
			wish = q
		}
		o.carryOut(at, o.machine.Step(call.Wish{At: at, Command: wish}))
	}
}

func (o *owner) note(f call.Fact) {
	o.sum.Apply(f) // the machine's own may be some facts ahead of this one
	e := entry{fact: &InteractionFact{Org: o.org.id, Fact: f}, summary: &Summary{Org: o.org.id, Summary: o.sum}}
	e.party, o.party = o.party, nil
	o.c.journal.add(e)
}

// flushQueues hands waiting inputs to the queue engine, in order; what finds no room is offered again soon.
func (o *owner) flushQueues() {
	for len(o.toQueues) > 0 {
		if !o.org.inbox.put(o.toQueues[0]) {
			o.timers.start(queueAgain, againAfter)
			return
		}
		o.toQueues = o.toQueues[1:]
	}
}

// claim makes the centre bring the events of a leg to this owner.
func (o *owner) claim(leg call.LegID) {
	if !o.legs[leg] {
		o.legs[leg] = true
		o.c.claim(leg, o)
	}
}

// claimLegs gives up legs that are gone.
func (o *owner) claimLegs() {
	present := map[call.LegID]bool{}
	for _, leg := range o.machine.Legs() {
		present[leg] = true
	}
	for leg := range o.legs { //arch:order-free each is given up on its own
		if !present[leg] {
			delete(o.legs, leg)
			o.c.unclaim(leg, o)
		}
	}
}

// compareLegs asks the switch about each leg that is missing in its list, and ends those that it should not have.
func (o *owner) compareLegs(ctx context.Context, c compare) {
	for _, leg := range o.machine.Strays() {
		if c.known[leg] {
			o.c.sw.Do(call.HangUp{Leg: leg, Cause: call.OriginatorCancel})
		}
	}
	for _, leg := range o.machine.Legs() {
		if !c.known[leg] {
			o.ask(ctx, doubted{leg, 0}, 0)
		}
	}
}

// ask finds out, away from the owner's goroutine, whether the switch knows a leg.
func (o *owner) ask(ctx context.Context, d doubted, after time.Duration) {
	o.c.background(func() {
		select {
		case <-time.After(after):
		case <-ctx.Done():
			return
		}
		qctx, cancel := context.WithTimeout(ctx, existsLimit)
		defer cancel()
		known, err := o.c.sw.Exists(qctx, d.leg)
		if err == nil && !known {
			o.put(doubted{d.leg, d.times + 1})
		}
	})
}

// doubt closes a leg that the switch denied twice.
func (o *owner) doubt(ctx context.Context, d doubted) {
	if d.times < 2 {
		o.ask(ctx, d, doubtPause)
		return
	}
	s := call.Stamp{Leg: d.leg, At: time.Now().UTC()}
	o.c.stats.LegsLost.Add(1)
	o.step(call.LegHungUp{Stamp: s, Cause: call.SwitchLost})
	o.step(call.LegGone{Stamp: s})
}
