package control

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"ramal/acd"
	"ramal/call"
)

// LiveCall is one call as people who watch see it.
type LiveCall struct {
	call.Summary
	Protocol string
	From     call.Party
	To       call.Number
}

// LiveView is everything that happens in an organisation now.
type LiveView struct {
	Seq    uint64 // of the last update that it holds
	At     time.Time
	Agents []acd.AgentView
	Calls  []LiveCall // those that have not ended, oldest first
}

// Update is what changed since the update before; Seq rises by one each time.
type Update struct {
	Seq    uint64
	At     time.Time
	Agents []acd.AgentView
	Calls  []LiveCall // changed or new; one in call.PhaseEnded is in no later view
}

// live is the view of one organisation, kept by the owners and read by the browsers' connections.
type live struct {
	mu     sync.Mutex
	seq    uint64
	agents map[call.AgentID]acd.AgentView
	calls  map[call.ID]LiveCall
	subs   map[chan Update]struct{}
}

// subscriberBacklog is how many updates a reader may be behind before it is cut off; it then asks for a view anew.
const subscriberBacklog = 256

func newLive() *live {
	return &live{agents: map[call.AgentID]acd.AgentView{}, calls: map[call.ID]LiveCall{},
		subs: map[chan Update]struct{}{}}
}

func (l *live) agent(v acd.AgentView, known bool, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !known {
		delete(l.agents, v.Agent)
	} else {
		l.agents[v.Agent] = v
	}
	l.publish(Update{At: at, Agents: []acd.AgentView{v}})
}

func (l *live) call(c LiveCall, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.Phase == call.PhaseEnded {
		delete(l.calls, c.Interaction)
	} else {
		l.calls[c.Interaction] = c
	}
	l.publish(Update{At: at, Calls: []LiveCall{c}})
}

// publish numbers an update and hands it to every reader; one that does not keep up is cut off. l.mu is held.
func (l *live) publish(u Update) {
	l.seq++
	u.Seq = l.seq
	for ch := range l.subs { //arch:order-free every reader gets the same
		select {
		case ch <- u:
		default:
			delete(l.subs, ch)
			close(ch)
		}
	}
}

func (l *live) view(at time.Time) LiveView {
	l.mu.Lock()
	defer l.mu.Unlock()
	v := LiveView{Seq: l.seq, At: at, Agents: slices.Collect(maps.Values(l.agents)),
		Calls: slices.Collect(maps.Values(l.calls))}
	slices.SortFunc(v.Agents, func(a, b acd.AgentView) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Agent, b.Agent))
	})
	slices.SortFunc(v.Calls, func(a, b LiveCall) int {
		return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.Interaction, b.Interaction))
	})
	return v
}

// subscribe returns the updates from now on; the channel is closed when the reader does not keep up or cancels.
func (l *live) subscribe() (updates <-chan Update, cancel func()) {
	ch := make(chan Update, subscriberBacklog)
	l.mu.Lock()
	l.subs[ch] = struct{}{}
	l.mu.Unlock()
	return ch, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if _, ok := l.subs[ch]; ok {
			delete(l.subs, ch)
			close(ch)
		}
	}
}
