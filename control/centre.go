package control

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"ramal/acd"
	"ramal/call"
	"ramal/internal/lifecycle"
	"ramal/ivr"
)

// Config is what a Centre is made of.
type Config struct {
	Node      string // name of the switch
	Switch    Switch
	Settings  Settings
	Protocols Protocols
	Log       Log
	Logger    *slog.Logger
	NewID     func() string // makes UUIDv7
}

// Centre is the running centre on one switch.
type Centre struct {
	node      string
	sw        Switch
	settings  Settings
	protocols Protocols
	logger    *slog.Logger
	newID     func() string
	journal   *journal
	stats     Stats
	calls     *lifecycle.Group // owners of calls
	base      *lifecycle.Group // journal first, then the owners of queues
	linkUp    atomic.Bool
	helpers   sync.WaitGroup
	halt      context.Context // ends when Stop begins
	halting   context.CancelFunc
	reloading sync.Mutex

	mu      sync.RWMutex
	orgs    map[call.OrgID]*orgOwner
	byLeg   map[call.LegID]*owner
	byCall  map[call.ID]*owner
	numbers map[call.Number]route
	byExt   map[string]*orgOwner
	left    []*leftOpen // of an earlier life of the core
	closing bool
}

type route struct {
	org  *orgOwner
	flow call.FlowID
}

// Stats counts what an operator wants to know. All fields only rise.
type Stats struct {
	Offered, Refused, LegsLost, OwnerOverflows, QueueOverflows atomic.Int64
}

// New makes a centre; Start loads the settings and sets it going.
func New(cfg Config) *Centre {
	return &Centre{node: cfg.Node, sw: cfg.Switch, settings: cfg.Settings, protocols: cfg.Protocols, logger: cfg.Logger,
		newID: cfg.NewID, journal: newJournal(cfg.Log, cfg.Logger), orgs: map[call.OrgID]*orgOwner{},
		byLeg: map[call.LegID]*owner{}, byCall: map[call.ID]*owner{}, numbers: map[call.Number]route{},
		byExt: map[string]*orgOwner{}}
}

// Start begins to own calls. ctx bounds the loading only.
func (c *Centre) Start(ctx context.Context) error {
	c.halt, c.halting = context.WithCancel(context.WithoutCancel(ctx))
	c.base = lifecycle.New(context.WithoutCancel(ctx))
	c.calls = lifecycle.New(context.WithoutCancel(ctx))
	c.base.Go("journal", c.journal.run)
	if err := c.Reload(ctx); err != nil {
		return fmt.Errorf("load settings: %w", err)
	}
	c.base.Go("interactions left open", c.closeLeft)
	return nil
}

// Stop lets go of all calls, which stay on the switch, and stores what is not stored yet.
func (c *Centre) Stop(ctx context.Context) error {
	c.mu.Lock()
	c.closing = true
	c.mu.Unlock()
	c.halting()
	if err := c.calls.Stop(ctx); err != nil {
		return fmt.Errorf("stop owners of calls: %w", err)
	}
	c.helpers.Wait()
	if err := c.base.Stop(ctx); err != nil {
		return fmt.Errorf("stop owners of queues and journal: %w", err)
	}
	return nil
}

// Done is closed when the centre has ended, by Stop or because a part of it failed; Err then tells.
func (c *Centre) Done() <-chan struct{} { return c.base.Done() }

// Event takes one event of the switch. It never blocks. It is called in the order of the switch's events by one
// goroutine.
func (c *Centre) Event(e call.Event) {
	switch e := e.(type) {
	case call.LegOffered:
		c.offered(e)
	case call.Registered:
		c.phone(e.User, true, e.At)
	case call.Unregistered:
		c.phone(e.User, false, e.At)
	case call.LinkUp:
		c.linkIsUp(e)
	case call.LinkDown:
		c.linkUp.Store(false)
		c.logger.Warn("link to the switch is down", "node", c.node, "reason", e.Reason)
	case call.Heartbeat, call.RegisterFailed:
	default:
		c.toLeg(e.Subject(), e)
	}
}

func (c *Centre) toLeg(leg call.LegID, e call.Event) {
	c.mu.RLock()
	o := c.byLeg[leg]
	c.mu.RUnlock()
	if o != nil {
		o.put(e)
	}
	// A pair's event names both legs, and the second may be the one we know it by.
	if b, ok := e.(call.LegBridged); ok && o == nil {
		c.mu.RLock()
		o = c.byLeg[b.Other]
		c.mu.RUnlock()
		if o != nil {
			o.put(e)
		}
	}
}

// offered gives a new leg an owner, or refuses it.
func (c *Centre) offered(e call.LegOffered) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if o := c.byLeg[e.Leg]; o != nil {
		o.put(e)
		return
	}
	if c.closing {
		return
	}
	c.stats.Offered.Add(1)
	r, ok := c.numbers[plain(e.To)]
	flow, published := ivr.Published{}, false
	if ok {
		flow, published = (*r.org.flows.Load())[r.flow]
	}
	if !ok || !published {
		c.stats.Refused.Add(1)
		c.logger.Info("call to a number without a flow is refused", "to", e.To, "leg", e.Leg)
		c.sw.Do(call.HangUp{Leg: e.Leg, Cause: call.UnallocatedNumber})
		return
	}
	o := newOwner(c, r.org, e, flow)
	o.protocol = r.org.protocols.next(c.halt, e.At)
	o.legs[e.Leg] = true
	c.byLeg[e.Leg], c.byCall[o.id] = o, o
	o.party = &Party{Org: r.org.id, Interaction: o.id, Protocol: o.protocol, Node: c.node, From: e.From, To: e.To,
		StartedAt: e.At}
	o.put(e)
	c.calls.Go("call "+string(o.id), o.run)
}

func (c *Centre) phone(user string, up bool, at time.Time) {
	c.mu.RLock()
	o := c.byExt[user]
	c.mu.RUnlock()
	if o != nil {
		o.put(acd.PhoneSeen{Extension: user, Up: up, At: at})
	}
}

// linkIsUp compares what we have with what the switch has, after a time without events.
func (c *Centre) linkIsUp(e call.LinkUp) {
	c.linkUp.Store(true)
	c.logger.Info("link to the switch is up", "node", c.node, "legs", len(e.Legs))
	c.sw.Do(call.ReloadDirectory{})
	known := make(map[call.LegID]bool, len(e.Legs))
	for _, l := range e.Legs {
		known[l.Leg] = true
	}
	c.mu.RLock()
	for _, o := range c.byCall { //arch:order-free each is told on its own
		o.put(compare{known})
	}
	for _, o := range c.orgs { //arch:order-free each is told on its own
		o.put(acd.PhonesUnknown{At: time.Now().UTC()})
	}
	c.mu.RUnlock()
	for _, l := range e.Legs {
		c.found(l)
	}
}

// found deals with a leg that nobody owns: a caller who has just arrived begins a call; an agent's leg that rings or
// stands alone has nobody to talk to and is ended. Callers of an earlier life of the core are left to the dead man's
// switch, pairs that talk go on.
func (c *Centre) found(l call.LegSnapshot) {
	c.mu.RLock()
	owned := c.byLeg[l.Leg] != nil
	c.mu.RUnlock()
	if owned {
		return
	}
	switch {
	case l.Direction == call.Inbound && !l.Answered && l.Parked && l.Vars["ramal_entry"] != "" &&
		l.Vars["ramal_call"] == "":
		c.offered(call.LegOffered{Stamp: call.Stamp{Leg: l.Leg, At: time.Now().UTC()}, From: l.From, To: l.To,
			Profile: l.Profile, Vars: l.Vars})
	case l.Vars["ramal_role"] == "agent" && l.Bridged == "":
		c.sw.Do(call.HangUp{Leg: l.Leg, Cause: call.OriginatorCancel})
	}
}

func (c *Centre) toCall(id call.ID, v any) bool {
	c.mu.RLock()
	o := c.byCall[id]
	c.mu.RUnlock()
	if o == nil {
		return false
	}
	o.put(v)
	return true
}

func (c *Centre) claim(leg call.LegID, o *owner) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byLeg[leg] = o
}

func (c *Centre) unclaim(leg call.LegID, o *owner) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byLeg[leg] == o {
		delete(c.byLeg, leg)
	}
}

func (c *Centre) forget(o *owner) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.byCall, o.id)
	for leg := range o.legs { //arch:order-free each is given up on its own
		if c.byLeg[leg] == o {
			delete(c.byLeg, leg)
		}
	}
}

func (c *Centre) newLeg() string { return c.newID() }

// background runs f outside every owner; Stop waits for it.
func (c *Centre) background(f func()) { c.helpers.Go(f) }

// plain is the form in which numbers are compared: without the plus sign.
func plain(n call.Number) call.Number { return call.Number(strings.TrimPrefix(string(n), "+")) }
