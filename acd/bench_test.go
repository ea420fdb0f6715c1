package acd

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"ramal/call"
)

// BenchmarkMatching measures routing decisions with 500 waiting, 500 agents and 50 queues: an agent becomes available
// and is offered the first in serving order, answers, and another interaction begins to wait. It tells where the first
// version of the engine stands; the target (P2) is for a later one.
func BenchmarkMatching(b *testing.B) {
	for _, size := range []struct{ waiting, agents, queues int }{{50, 500, 50}, {500, 500, 50}, {5000, 500, 50}} {
		b.Run(fmt.Sprintf("%dx%dx%d", size.waiting, size.agents, size.queues), func(b *testing.B) {
			m := newMatching(size.waiting, size.agents, size.queues)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				m.decide(b, size.waiting)
			}
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "decisions/s")
		})
	}
}

type matching struct {
	e      *Engine
	rng    *rand.Rand
	at     time.Time
	queues []Queue
	busy   []call.Offer // who talks
	calls  int
}

func newMatching(waiting, agents, queues int) *matching {
	m := &matching{e: New(), rng: rand.New(rand.NewPCG(1, 1)), at: time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC)}
	c := Configure{At: m.at}
	for i := range queues {
		m.queues = append(m.queues, Queue{ID: call.QueueID(fmt.Sprintf("q%02d", i))})
	}
	c.Queues = m.queues
	for i := range agents {
		a := Agent{ID: call.AgentID(fmt.Sprintf("a%04d", i)), Extension: fmt.Sprint(1000 + i)}
		for j := range 5 {
			a.Queues = append(a.Queues, m.queues[(i+j*7)%queues].ID)
		}
		c.Agents = append(c.Agents, a)
	}
	m.step(c)
	for _, a := range c.Agents {
		m.step(Want{Agent: a.ID, State: Available, At: m.at})
	}
	for len(m.e.items) < waiting {
		m.arrive()
	}
	return m
}

// step carries the engine's offers out: every agent answers at once.
func (m *matching) step(in Input) (offers int) {
	cmds, _ := m.e.Step(in)
	var made []call.Offer
	for _, cmd := range cmds {
		if o, ok := cmd.(OfferTo); ok {
			made = append(made, o.Offer)
		}
	}
	for _, o := range made {
		m.e.Step(call.Accepted{Interaction: o.Interaction, Offer: o.Offer, Agent: o.Agent, At: m.at})
		m.busy = append(m.busy, o)
	}
	return len(made)
}

func (m *matching) arrive() (offers int) {
	m.calls++
	m.at = m.at.Add(time.Millisecond)
	return m.step(call.Waiting{Interaction: call.ID(fmt.Sprintf("i%08d", m.calls)),
		Queue: m.queues[m.rng.IntN(len(m.queues))].ID, Priority: m.rng.IntN(3), Since: m.at})
}

// decide makes one agent available and lets interactions arrive until one was offered and as many wait as before.
func (m *matching) decide(b *testing.B, waiting int) {
	i := m.rng.IntN(len(m.busy))
	o := m.busy[i]
	m.busy[i] = m.busy[len(m.busy)-1]
	m.busy = m.busy[:len(m.busy)-1]
	made := m.step(call.Released{Interaction: o.Interaction, Offer: o.Offer, At: m.at})
	for made == 0 || len(m.e.items) < waiting {
		made += m.arrive()
	}
	if made != 1 || len(m.busy) != len(m.e.order) {
		b.Fatalf("one agent became available, %d offers were made, %d of %d agents are busy", made, len(m.busy),
			len(m.e.order))
	}
}
