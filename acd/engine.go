package acd

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"ramal/call"
)

// Engine holds the queues, agents and waiting interactions of one organisation.
type Engine struct {
	queues  map[call.QueueID]*queue
	agents  map[call.AgentID]*agent
	order   []*agent // every agent, by ID: the order of all walks
	byExt   map[string]*agent
	items   []*item // waiting or offered, in serving order
	byItem  map[call.ID]*item
	offers  uint64
	arrived uint64
	ignored int
	out     []Command
	touched []*agent
}

type queue struct {
	Queue
	agents []*agent // those who serve it, by ID
}

type item struct {
	id       call.ID
	queue    *queue
	priority int
	since    time.Time
	seq      uint64 // order of arrival, the last word between equals
	offered  *agent
}

// Rules of an offer that came to nothing.
const (
	offerGrace  = 15 * time.Second // past the ring time-out; the call's own patience is 5 s more to ring and 5 s to join
	coolDown    = 5 * time.Second  // before the same agent is offered anything again
	missesLimit = 2                // missed offers in a row before the automatic break
	MissedBreak = "missed"         // reason of the automatic break
	phoneRetry  = 30 * time.Second // before an unreachable phone is tried again without having registered
)

// New makes an engine without queues and agents; the first input is Configure.
func New() *Engine {
	return &Engine{queues: map[call.QueueID]*queue{}, agents: map[call.AgentID]*agent{}, byExt: map[string]*agent{},
		byItem: map[call.ID]*item{}}
}

// Step takes one input and returns what is to be done, in order. The slice is valid until the next Step. An error is
// the answer to a Want that the agent's state does not allow (call.Conflict, naming the state) or that names nobody
// (call.NotFound); nothing has changed then.
func (e *Engine) Step(in Input) ([]Command, error) {
	e.out, e.touched = e.out[:0], e.touched[:0]
	var err error
	switch in := in.(type) {
	case Configure:
		e.configure(in)
	case Want:
		err = e.want(in)
	case PhoneSeen:
		e.phoneSeen(in)
	case PhonesUnknown:
		e.phonesUnknown(in)
	case call.Waiting:
		e.waiting(in)
	case call.Left:
		e.left(in)
	case call.Accepted:
		e.accepted(in)
	case call.Missed:
		e.missed(in)
	case call.Released:
		e.released(in)
	case call.TimerFired:
		e.timer(in)
	default:
		e.ignored++
	}
	for _, a := range e.touched {
		e.do(Changed{a.ID})
	}
	return e.out, err
}

// Ignored counts inputs that made no sense in the state they came in.
func (e *Engine) Ignored() int { return e.ignored }

// Views returns every agent, ordered by name, then ID.
func (e *Engine) Views() []AgentView {
	views := make([]AgentView, 0, len(e.order))
	for _, a := range e.order {
		views = append(views, a.view())
	}
	slices.SortStableFunc(views, func(a, b AgentView) int { return cmp.Compare(a.Name, b.Name) })
	return views
}

// View returns one agent; ok is false when there is none.
func (e *Engine) View(id call.AgentID) (v AgentView, ok bool) {
	a, ok := e.agents[id]
	if !ok {
		return AgentView{}, false
	}
	return a.view(), true
}

// Waiting returns the interactions that wait, in serving order.
func (e *Engine) Waiting() []call.ID {
	ids := make([]call.ID, 0, len(e.items))
	for _, it := range e.items {
		ids = append(ids, it.id)
	}
	return ids
}

// Queue returns a queue's settings; ok is false when there is none.
func (e *Engine) Queue(id call.QueueID) (q Queue, ok bool) {
	found, ok := e.queues[id]
	if !ok {
		return Queue{}, false
	}
	return found.Queue, true
}

func (e *Engine) do(c ...Command) { e.out = append(e.out, c...) }

func (e *Engine) touch(a *agent) {
	if !slices.Contains(e.touched, a) {
		e.touched = append(e.touched, a)
	}
}

func (e *Engine) configure(c Configure) {
	e.configureQueues(c.Queues)
	present := make(map[call.AgentID]bool, len(c.Agents))
	for _, s := range c.Agents {
		present[s.ID] = true
		a := e.agents[s.ID]
		if a == nil {
			a = &agent{Agent: s, state: Offline, since: c.At, phone: PhoneUnknown}
			e.agents[s.ID] = a
			e.order = append(e.order, a)
			e.restore(a, c)
		}
		a.Agent, a.removed = s, false
		e.touch(a)
	}
	slices.SortFunc(e.order, func(a, b *agent) int { return cmp.Compare(a.ID, b.ID) })
	for _, a := range slices.Clone(e.order) {
		if !present[a.ID] {
			e.remove(a, c.At)
		}
	}
	e.index()
	e.matchAll(c.At)
}

func (e *Engine) configureQueues(queues []Queue) {
	for _, q := range queues {
		if q.RingTimeout <= 0 {
			q.RingTimeout = DefaultRingTimeout
		}
		if old := e.queues[q.ID]; old != nil {
			old.Queue = q
		} else {
			e.queues[q.ID] = &queue{Queue: q}
		}
	}
}

// index makes what can be derived from the agents' settings anew.
func (e *Engine) index() {
	clear(e.byExt)
	for _, id := range sortedKeys(e.queues) {
		e.queues[id].agents = nil
	}
	for _, a := range e.order {
		e.byExt[a.Extension] = a
		for _, id := range a.Queues {
			if q := e.queues[id]; q != nil {
				q.agents = append(q.agents, a)
			}
		}
	}
}

func (e *Engine) waiting(w call.Waiting) {
	if e.byItem[w.Interaction] != nil {
		e.ignored++
		return
	}
	q := e.queues[w.Queue]
	if q == nil { // its settings are on their way: nobody is turned away for that
		e.configureQueues([]Queue{{ID: w.Queue}})
		e.index()
		q = e.queues[w.Queue]
	}
	e.arrived++
	it := &item{id: w.Interaction, queue: q, priority: w.Priority, since: w.Since, seq: e.arrived}
	at, _ := slices.BinarySearchFunc(e.items, it, serveOrder)
	e.items = slices.Insert(e.items, at, it)
	e.byItem[it.id] = it
	e.matchItem(it, w.Since)
}

// serveOrder is the one total order over all that wait: priority, time of entry, arrival.
func serveOrder(a, b *item) int {
	return cmp.Or(cmp.Compare(b.priority, a.priority), a.since.Compare(b.since), cmp.Compare(a.seq, b.seq))
}

func (e *Engine) drop(it *item) {
	delete(e.byItem, it.id)
	if i := slices.Index(e.items, it); i >= 0 {
		e.items = slices.Delete(e.items, i, i+1)
	}
}

func (e *Engine) left(l call.Left) {
	it := e.byItem[l.Interaction]
	if it == nil {
		e.ignored++
		return
	}
	e.drop(it)
	if a := it.offered; a != nil { // the call ends the agent's leg by itself
		e.do(call.StopTimer{Timer: a.offerTimer()})
		e.free(a, l.At)
	}
}

func (e *Engine) offer(it *item, a *agent, at time.Time) {
	e.offers++
	id := call.OfferID(string(it.id) + "/" + strconv.FormatUint(e.offers, 10))
	it.offered = a
	a.item, a.offerID, a.work, a.queue = it, id, it.id, it.queue.ID
	a.deadline = at.Add(it.queue.RingTimeout + offerGrace)
	e.enter(a, Ringing, "", at)
	e.do(
		call.StartTimer{Timer: a.offerTimer(), After: it.queue.RingTimeout + offerGrace},
		OfferTo{call.Offer{Offer: id, Interaction: it.id, Queue: it.queue.ID, Agent: a.ID, Extension: a.Extension,
			RingTimeout: it.queue.RingTimeout, At: at}},
	)
}

// matchItem looks for an agent for one interaction: the one who has been idle longest.
func (e *Engine) matchItem(it *item, at time.Time) {
	if it.offered != nil {
		return
	}
	var best *agent
	for _, a := range it.queue.agents {
		if a.free(at) && (best == nil || a.idle.Before(best.idle)) {
			best = a
		}
	}
	if best != nil {
		e.offer(it, best, at)
	}
}

// matchAgent looks for work for one agent: the first in serving order that the agent may serve.
func (e *Engine) matchAgent(a *agent, at time.Time) {
	if !a.free(at) {
		return
	}
	for _, it := range e.items {
		if it.offered == nil && slices.Contains(a.Queues, it.queue.ID) {
			e.offer(it, a, at)
			return
		}
	}
}

func (e *Engine) matchAll(at time.Time) {
	for _, it := range slices.Clone(e.items) {
		e.matchItem(it, at)
	}
}

func (e *Engine) timer(t call.TimerFired) {
	kind, id, _ := strings.Cut(t.Timer, ":")
	a := e.agents[call.AgentID(id)]
	if a == nil {
		e.ignored++
		return
	}
	switch {
	case kind == timerOffer && a.state == Ringing:
		offer, it := a.offerID, a.item
		e.do(WithdrawFrom{it.id, call.Withdraw{Offer: offer, Cause: call.RecoveryOnTimerExpire, At: t.At}})
		e.offerMissed(a, it, call.RecoveryOnTimerExpire, t.At)
	case kind == timerWrap && a.state == WrapUp:
		e.free(a, t.At)
	case kind == timerCool && a.state == Available:
		a.coolTill = time.Time{} // which was reckoned by the switch's clock
		if a.phone == PhoneDown {
			a.phone = PhoneUnknown
			e.touch(a)
		}
		e.matchAgent(a, t.At)
	default:
		e.ignored++
	}
}

func sortedKeys(m map[call.QueueID]*queue) []call.QueueID {
	keys := make([]call.QueueID, 0, len(m))
	for k := range m { //arch:order-free sorted below
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
