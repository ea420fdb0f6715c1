package controltest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"ramal/acd"
	"ramal/call"
	"ramal/control"
	"ramal/ivr"
)

// World is a switch, its phones and callers, one organisation's settings, and a log. It implements the ports
// control.Switch, Settings, Protocols and Log.
type World struct {
	Org       call.OrgID
	QueueList []acd.Queue
	AgentList []acd.Agent
	FlowList  []ivr.Published
	Lines     []ivr.Number
	Sounds    map[string]Sound // by file below the media directory
	Phones    map[string]*Phone
	Latency   time.Duration // of every command's effect
	// Tamper says, for each event, how often and how late it arrives: one delay for each delivery. nil means once, at
	// once. It is called under the world's lock.
	Tamper func(e call.Event) []time.Duration
	// Fallback is told of each caller whom the dead man's switch took. It is called under the world's lock.
	Fallback func(who string)
	Torn     int // talks that a dead man's switch tore apart: it should have been disarmed

	mu      sync.Mutex
	known   map[string]bool // what the log has: a batch that is offered again changes nothing
	sink    func(call.Event)
	linkUp  bool
	start   time.Time
	legs    map[call.LegID]*simLeg
	order   []call.LegID
	sent    []call.Command // not carried out yet
	said    []line
	ids     int
	nextNum int
	Stored  control.Batch // everything that was stored
	events  *queueOf[call.Event]
}

// Sound is a prompt or a piece of music.
type Sound struct {
	Name   string
	Length time.Duration
}

// Phone is an agent's phone and what it does when it is rung.
type Phone struct {
	Owner      string
	Behaviour  Behaviour
	After      time.Duration // before it does it
	Registered bool
}

// Behaviour is what a phone does when it is rung.
type Behaviour string

// What phones do.
const (
	Answers  Behaviour = "answers"
	Rings    Behaviour = "rings"
	IsBusy   Behaviour = "is busy"
	Declines Behaviour = "declines"
)

type simLeg struct {
	id       call.LegID
	who      string
	role     string
	inbound  bool
	from     call.Party
	to       call.Number
	answered bool
	parked   bool
	hung     bool
	other    *simLeg
	alone    time.Time // answered and not joined to another since then
	playing  string    // file or tone
	loop     bool
	plays    uint64
	queue    []call.Sound
	fallback *time.Timer
	ring     *time.Timer
	hold     bool
	record   string
	vars     call.Vars
}

type line struct {
	at   time.Duration
	text string
}

// NewWorld makes an empty world whose clock starts now. deliver runs until stop is closed.
func NewWorld() *World {
	return &World{Org: "00000000-0000-7000-8000-0000000000aa", Sounds: map[string]Sound{}, Phones: map[string]*Phone{},
		Latency: 20 * time.Millisecond, start: time.Now(), legs: map[call.LegID]*simLeg{}, nextNum: 1,
		known: map[string]bool{}, events: newQueueOf[call.Event]()}
}

// Connect makes the world's events go to sink, in order, from one goroutine that ends when stop is closed.
func (w *World) Connect(sink func(call.Event), stop <-chan struct{}) {
	w.mu.Lock()
	w.sink, w.linkUp = sink, true
	up := call.LinkUp{Stamp: w.stamp(""), CoreUUID: "world", Legs: w.snapshot()}
	w.mu.Unlock()
	go func() {
		sink(up)
		for {
			e, ok := w.events.take(stop)
			if !ok {
				return
			}
			sink(e)
		}
	}()
}

// Cut loses the link: events are lost and commands do nothing, calls go on.
func (w *World) Cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.linkUp = false
	if w.sink != nil {
		w.events.put(call.LinkDown{Stamp: w.stamp(""), Reason: "cut"})
	}
}

// Mend brings the link back.
func (w *World) Mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.linkUp = true
	w.events.put(call.LinkUp{Stamp: w.stamp(""), CoreUUID: "world", Legs: w.snapshot()})
}

// Disconnect is the end of the core's side of the link: what it has not read yet is lost.
func (w *World) Disconnect() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.linkUp, w.sink = false, nil
	w.events.clear()
}

// Say adds a line to the transcript at the present time.
func (w *World) Say(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.say(format, args...)
}

func (w *World) say(format string, args ...any) {
	w.said = append(w.said, line{time.Since(w.start), fmt.Sprintf(format, args...)})
}

// Legs returns how many legs stand on the switch.
func (w *World) Legs() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.legs)
}

// NewID returns UUIDs in counting order.
func (w *World) NewID() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ids++
	return fmt.Sprintf("00000000-0000-7000-8000-%012x", w.ids)
}

func (w *World) stamp(leg call.LegID) call.Stamp { return call.Stamp{Leg: leg, At: time.Now().UTC()} }

// emit sends an event, unless the link is cut; w.mu is held.
func (w *World) emit(e call.Event) {
	if w.Tamper == nil {
		w.deliver(e)
		return
	}
	for _, late := range w.Tamper(e) {
		if late == 0 {
			w.deliver(e)
			continue
		}
		w.later(late, func() { w.deliver(e) })
	}
}

func (w *World) deliver(e call.Event) {
	if w.linkUp && w.sink != nil {
		w.events.put(e)
	}
}

func (w *World) later(d time.Duration, f func()) *time.Timer {
	return time.AfterFunc(d, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		f()
	})
}

func (w *World) snapshot() []call.LegSnapshot {
	var s []call.LegSnapshot
	for _, id := range w.order {
		l := w.legs[id]
		if l == nil {
			continue
		}
		dir := call.Outbound
		if l.inbound {
			dir = call.Inbound
		}
		snap := call.LegSnapshot{Leg: id, Direction: dir, From: l.from, To: l.to, Answered: l.answered,
			Parked: l.parked, Vars: l.vars}
		if l.other != nil {
			snap.Bridged = l.other.id
		}
		s = append(s, snap)
	}
	return s
}

// Exists implements control.Switch.
func (w *World) Exists(_ context.Context, id call.LegID) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.linkUp {
		return false, call.Errorf(call.Unavailable, "no link")
	}
	return w.legs[id] != nil, nil
}

// The settings.

// Orgs implements control.Settings.
func (w *World) Orgs(context.Context) ([]call.OrgID, error) { return []call.OrgID{w.Org}, nil }

// Queues implements control.Settings.
func (w *World) Queues(context.Context, call.OrgID) ([]acd.Queue, error) { return w.QueueList, nil }

// Agents implements control.Settings.
func (w *World) Agents(context.Context, call.OrgID) ([]acd.Agent, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.AgentList, nil
}

// SetAgents changes the settings while a centre runs; it learns of it by Reload.
func (w *World) SetAgents(agents []acd.Agent) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.AgentList = agents
}

// Numbers implements control.Settings.
func (w *World) Numbers(context.Context, call.OrgID) ([]ivr.Number, error) { return w.Lines, nil }

// Flows implements control.Settings.
func (w *World) Flows(context.Context, call.OrgID) ([]ivr.Published, error) { return w.FlowList, nil }

// Zone implements control.Settings.
func (w *World) Zone(context.Context, call.OrgID) (*time.Location, error) { return time.UTC, nil }

// AgentStates implements control.Settings: the last state of each agent in the log.
func (w *World) AgentStates(context.Context, call.OrgID) ([]acd.Restored, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var states []acd.Restored
	for _, f := range slices.Backward(w.Stored.Agents) {
		known := func(r acd.Restored) bool { return r.Agent == f.Fact.Agent }
		if !slices.ContainsFunc(states, known) {
			r := acd.Restored{Agent: f.Fact.Agent, State: f.Fact.State, Since: f.Fact.At}
			if r.State == acd.OnBreak {
				r.Break = f.Fact.Reason
			}
			states = append(states, r)
		}
	}
	return states, nil
}

// OpenInteractions implements control.Settings.
func (w *World) OpenInteractions(context.Context, call.OrgID) ([]call.Summary, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var open []call.Summary
	for _, p := range w.Stored.Parties {
		s := call.Summary{Interaction: p.Interaction}
		for _, f := range w.Stored.Facts {
			if f.Fact.Interaction == p.Interaction {
				s.Apply(f.Fact)
			}
		}
		if s.Phase != call.PhaseEnded {
			open = append(open, s)
		}
	}
	return open, nil
}

// ReserveProtocols implements control.Protocols.
func (w *World) ReserveProtocols(_ context.Context, _ call.OrgID, _ string, n int) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	first := w.nextNum
	w.nextNum += n
	return first, nil
}

// Append implements control.Log and says what agents do now.
func (w *World) Append(_ context.Context, b control.Batch) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range b.Parties {
		if w.first("party %s", p.Interaction) {
			w.Stored.Parties = append(w.Stored.Parties, p)
		}
	}
	for _, f := range b.Facts {
		if w.first("fact %s %d", f.Fact.Interaction, f.Fact.Seq) {
			w.Stored.Facts = append(w.Stored.Facts, f)
		}
	}
	w.Stored.Summaries = append(w.Stored.Summaries, b.Summaries...)
	for _, a := range b.Agents {
		if !w.first("agent's %s", a.ID) {
			continue
		}
		w.Stored.Agents = append(w.Stored.Agents, a)
		w.said = append(w.said, line{a.Fact.At.Sub(w.start), w.agentName(a.Fact.Agent) + " is " + agentWords(a.Fact)})
	}
	return nil
}

// first says whether something is new to the log.
func (w *World) first(format string, key ...any) bool {
	k := fmt.Sprintf(format, key...)
	if w.known[k] {
		return false
	}
	w.known[k] = true
	return true
}

func agentWords(f acd.AgentFact) string {
	s := strings.ReplaceAll(string(f.State), "_", "-")
	if f.State == acd.OnBreak {
		s = "on break"
	}
	if f.Reason != "" {
		s += " (" + f.Reason + ")"
	}
	return s
}

func (w *World) agentName(id call.AgentID) string {
	for _, a := range w.AgentList {
		if a.ID == id {
			return a.Name
		}
	}
	return string(id)
}

// queueOf is an unbounded queue with one reader.
type queueOf[T any] struct {
	mu    sync.Mutex
	items []T
	wake  chan struct{}
}

func newQueueOf[T any]() *queueOf[T] { return &queueOf[T]{wake: make(chan struct{}, 1)} }

func (q *queueOf[T]) put(v T) {
	q.mu.Lock()
	q.items = append(q.items, v)
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *queueOf[T]) clear() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items = nil
}

func (q *queueOf[T]) take(stop <-chan struct{}) (v T, ok bool) {
	for {
		select { // a reader that was told to stop takes nothing more
		case <-stop:
			return v, false
		default:
		}
		q.mu.Lock()
		if len(q.items) > 0 {
			v, q.items = q.items[0], q.items[1:]
			q.mu.Unlock()
			return v, true
		}
		q.mu.Unlock()
		select {
		case <-q.wake:
		case <-stop:
			return v, false
		}
	}
}
