package control

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"ramal/acd"
	"ramal/call"
	"ramal/ivr"
)

// orgOwner runs the queue engine of one organisation: its goroutine alone touches the engine.
type orgOwner struct {
	c         *Centre
	id        call.OrgID
	engine    *acd.Engine
	inbox     *inbox[any]
	timers    *timers
	live      *live
	protocols *protocols
	logger    *slog.Logger
	flows     atomic.Pointer[map[call.FlowID]ivr.Published]
	queueSet  atomic.Pointer[map[call.QueueID]acd.Queue]
}

// asked is a request that waits for its answer.
type asked struct {
	want   acd.Want
	answer chan error
}

const orgInbox = 65_536

// SystemMusic is what a waiting caller hears where neither flow nor queue names a piece: a file below the media
// directory.
const SystemMusic = "system/hold1.wav"

func newOrgOwner(c *Centre, id call.OrgID, zone *time.Location) *orgOwner {
	logger := c.logger.With("org", id)
	o := &orgOwner{c: c, id: id, engine: acd.New(), inbox: newInbox[any](orgInbox), live: newLive(),
		protocols: newProtocols(c.protocols, id, zone, logger, c.background), logger: logger}
	o.timers = newTimers(func(f firing) { o.put(f) })
	o.flows.Store(&map[call.FlowID]ivr.Published{})
	o.queueSet.Store(&map[call.QueueID]acd.Queue{})
	return o
}

// put hands something to the engine that must not be lost: timers, offers' outcomes of calls that are gone. Calls
// use the inbox itself and offer again when it is full.
func (o *orgOwner) put(v any) {
	if !o.inbox.put(v) {
		o.c.stats.QueueOverflows.Add(1)
		time.AfterFunc(againAfter, func() { o.put(v) })
	}
}

func (o *orgOwner) run(ctx context.Context) error {
	defer o.timers.stopAll()
	var spare []any
	for {
		items, err := o.inbox.take(ctx, spare)
		if err != nil {
			return nil
		}
		for _, v := range items {
			o.handle(v)
		}
		spare = items
	}
}

func (o *orgOwner) handle(v any) {
	now := time.Now().UTC()
	switch v := v.(type) {
	case firing:
		if t, ok := o.timers.due(v, now); ok {
			o.step(t, now)
		}
	case asked:
		v.answer <- o.step(v.want, now)
	default:
		o.step(v, now)
	}
}

func (o *orgOwner) step(in acd.Input, now time.Time) error {
	cmds, err := o.engine.Step(in)
	if err != nil {
		return err
	}
	for _, cmd := range append([]acd.Command(nil), cmds...) {
		switch cmd := cmd.(type) {
		case call.StartTimer:
			o.timers.start(cmd.Timer, cmd.After)
		case call.StopTimer:
			o.timers.stop(cmd.Timer)
		case acd.OfferTo:
			if !o.c.toCall(cmd.Offer.Interaction, cmd.Offer) {
				o.put(call.Left{Interaction: cmd.Offer.Interaction, At: now})
			}
		case acd.WithdrawFrom:
			o.c.toCall(cmd.Interaction, cmd.Withdraw)
		case acd.NoteAgent:
			o.c.journal.add(entry{agent: &AgentFact{Org: o.id, ID: o.c.newID(), Fact: cmd.Fact}})
		case acd.Changed:
			view, ok := o.engine.View(cmd.Agent)
			view.Agent = cmd.Agent
			o.live.agent(view, ok, now)
		}
	}
	return nil
}

// music is what waiting callers of a queue hear.
func (o *orgOwner) music(q call.QueueID) string {
	if set := (*o.queueSet.Load())[q]; set.Music != "" {
		return set.Music
	}
	return SystemMusic
}
