package acd

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ramal/call"
)

// rig drives an engine with two queues (Q with wrap-up, R without) and agents ann, bob and cid, and writes its
// commands as words. Its clock moves a second with each input.
type rig struct {
	t      *testing.T
	e      *Engine
	at     time.Time
	offers map[call.ID]call.Offer // the latest of each interaction
}

func settings() Configure {
	return Configure{
		Queues: []Queue{{ID: "Q", RingTimeout: 20 * time.Second, WrapUp: 10 * time.Second}, {ID: "R"}},
		Agents: []Agent{{ID: "ann", Name: "Ann", Extension: "1", Queues: []call.QueueID{"Q", "R"}},
			{ID: "bob", Name: "Bob", Extension: "2", Queues: []call.QueueID{"Q", "R"}},
			{ID: "cid", Name: "Cid", Extension: "3", Queues: []call.QueueID{"R"}}},
	}
}

func newRig(t *testing.T, available ...call.AgentID) *rig {
	r := &rig{t: t, e: New(), at: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC), offers: map[call.ID]call.Offer{}}
	r.step(settings())
	for _, a := range available {
		r.state(a, Available)
	}
	return r
}

func (r *rig) step(in Input) string {
	r.t.Helper()
	w, err := r.try(in)
	if err != nil {
		r.t.Errorf("%#v: %v", in, err)
	}
	return w
}

func (r *rig) try(in Input) (string, error) {
	r.at = r.at.Add(time.Second)
	switch i := in.(type) {
	case Configure:
		i.At = r.at
		in = i
	case Want:
		i.At = r.at
		in = i
	case call.Waiting:
		i.Since = r.at
		in = i
	case call.TimerFired:
		i.At = r.at
		in = i
	}
	cmds, err := r.e.Step(in)
	var words []string
	for _, c := range cmds {
		switch c := c.(type) {
		case OfferTo:
			r.offers[c.Offer.Interaction] = c.Offer
			words = append(words, fmt.Sprintf("offer %s to %s", c.Offer.Interaction, c.Offer.Agent))
		case WithdrawFrom:
			words = append(words, fmt.Sprintf("withdraw %s", c.Interaction))
		case NoteAgent:
			words = append(words, strings.TrimSpace(fmt.Sprintf("%s is %s %s", c.Fact.Agent, c.Fact.State,
				c.Fact.Reason)))
		case call.StartTimer:
			words = append(words, fmt.Sprintf("timer %s %s", c.Timer, c.After))
		case call.StopTimer:
			words = append(words, "stop "+c.Timer)
		}
	}
	return strings.Join(words, "; "), err
}

func (r *rig) want(in Input, expected string) {
	r.t.Helper()
	if d := cmp.Diff(expected, r.step(in)); d != "" {
		r.t.Errorf("%#v (-expected +got):\n%s", in, d)
	}
}

func (r *rig) state(a call.AgentID, s State) string {
	r.t.Helper()
	return r.step(Want{Agent: a, State: s, Break: map[State]string{OnBreak: "lunch"}[s]})
}

func (r *rig) waits(id call.ID, q call.QueueID, priority int) string {
	r.t.Helper()
	return r.step(call.Waiting{Interaction: id, Queue: q, Priority: priority})
}

func (r *rig) accepted(id call.ID) call.Accepted {
	o := r.offers[id]
	return call.Accepted{Interaction: id, Offer: o.Offer, Agent: o.Agent, At: r.at}
}

func (r *rig) missed(id call.ID, cause call.Cause) call.Missed {
	return call.Missed{Interaction: id, Offer: r.offers[id].Offer, Cause: cause, At: r.at}
}

func (r *rig) released(id call.ID) call.Released {
	return call.Released{Interaction: id, Offer: r.offers[id].Offer, At: r.at}
}

func (r *rig) fires(name string) call.TimerFired { return call.TimerFired{Timer: name} }

func (r *rig) view(a call.AgentID) AgentView {
	r.t.Helper()
	v, ok := r.e.View(a)
	if !ok {
		r.t.Fatalf("there is no agent %s", a)
	}
	return v
}
