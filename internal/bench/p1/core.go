package p1

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"ramal/acd"
	"ramal/call"
	"ramal/control"
	"ramal/ivr"
)

const (
	org   = call.OrgID("00000000-0000-7000-8000-0000000000aa")
	queue = call.QueueID("00000000-0000-7000-8000-0000000000b1")
	flow  = call.FlowID("00000000-0000-7000-8000-0000000000f1")
	line  = call.Number("5548")
)

// nullSwitch carries every command out at once and in nothing but memory. It also is the settings and the log of its
// centre.
type nullSwitch struct {
	agents []acd.Agent
	ledger *Ledger
	events chan call.Event
	ids    atomic.Uint64

	mu      sync.Mutex
	talk    map[call.LegID]time.Duration // of a caller's leg
	calls   map[string]call.LegID        // the caller's leg of each interaction
	serving map[call.LegID]string        // the agent of each agent's leg
}

// Core plays a load to a centre on a switch that does nothing, and returns how long each offer took, sorted: from the
// moment in which the centre is handed the event that makes it possible until it hands out the Dial.
func Core(load []Call, agents int) (times []time.Duration, err error) {
	s := &nullSwitch{ledger: NewLedger(len(load)), events: make(chan call.Event, 100*len(load)+100),
		talk: map[call.LegID]time.Duration{}, calls: map[string]call.LegID{}, serving: map[call.LegID]string{}}
	for i := range agents {
		s.agents = append(s.agents, acd.Agent{ID: call.AgentID(s.newID()), Name: strconv.Itoa(i),
			Extension: strconv.Itoa(1001 + i), Queues: []call.QueueID{queue}})
	}
	centre := control.New(control.Config{Node: "null", Switch: s, Settings: s, Protocols: s, Log: s,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), NewID: s.newID})
	if err := centre.Start(context.Background()); err != nil {
		return nil, err
	}
	defer func() {
		if stopped := centre.Stop(context.Background()); err == nil {
			err = stopped
		}
	}()
	stop := make(chan struct{})
	defer close(stop)
	go s.deliver(centre.Event, stop)
	for _, a := range s.agents {
		s.ledger.Available(a.Extension)
		if err := centre.SetAgentState(context.Background(), org, acd.Want{Agent: a.ID,
			State: acd.Available}); err != nil {
			return nil, err
		}
	}
	for _, c := range load {
		leg := call.LegID(s.newID())
		s.mu.Lock()
		s.talk[leg] = c.Talk
		s.mu.Unlock()
		time.AfterFunc(c.At, func() { s.events <- call.LegOffered{Stamp: stamp(leg), To: line} })
	}
	return s.ledger.Result(load[len(load)-1].At + 30*time.Second)
}

// deliver hands events to the centre; those that make an offer possible are noted just before.
func (s *nullSwitch) deliver(sink func(call.Event), stop <-chan struct{}) {
	for {
		select {
		case e := <-s.events:
			s.note(e)
			sink(e)
		case <-stop:
			return
		}
	}
}

func (s *nullSwitch) note(e call.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	agent, isAgent := s.serving[e.Subject()]
	switch e.(type) {
	case call.LegAnswered:
		if !isAgent { // the flow's first node is the queue
			s.ledger.Waits(string(e.Subject()))
		}
	case call.LegHungUp:
		if isAgent {
			s.ledger.Available(agent)
		}
	}
}

// Do implements control.Switch.
func (s *nullSwitch) Do(cmd call.Command) {
	switch cmd := cmd.(type) {
	case call.SetVars:
		s.mu.Lock()
		s.calls[cmd.Vars["ramal_call"]] = cmd.Leg
		s.mu.Unlock()
	case call.Answer:
		s.events <- call.LegAnswered{Stamp: stamp(cmd.Leg)}
	case call.Dial:
		s.mu.Lock()
		s.serving[cmd.Leg] = cmd.To.Extension
		caller := s.calls[cmd.Vars["ramal_call"]]
		s.mu.Unlock()
		s.ledger.Offered(string(caller), cmd.To.Extension)
		s.events <- call.LegAnswered{Stamp: stamp(cmd.Leg)}
		s.events <- call.DialDone{Stamp: stamp(cmd.Leg), OK: true}
		s.events <- call.LegParked{Stamp: stamp(cmd.Leg), Direction: call.Outbound, Answered: true}
	case call.PlayLoop:
		s.events <- call.PlaybackStarted{Stamp: stamp(cmd.Leg), Source: cmd.Sound.File}
	case call.Bridge:
		s.events <- call.LegBridged{Stamp: stamp(cmd.A), Other: cmd.B}
		s.mu.Lock()
		talk := s.talk[cmd.A]
		s.mu.Unlock()
		time.AfterFunc(talk, func() { s.end(cmd.B) })
	case call.HangUp:
		s.end(cmd.Leg)
	}
}

func (s *nullSwitch) end(leg call.LegID) {
	s.events <- call.LegHungUp{Stamp: stamp(leg), Cause: call.NormalClearing}
	s.events <- call.LegGone{Stamp: stamp(leg)}
}

func stamp(leg call.LegID) call.Stamp { return call.Stamp{Leg: leg, At: time.Now().UTC()} }

func (s *nullSwitch) newID() string {
	return fmt.Sprintf("00000000-0000-7000-8000-%012x", s.ids.Add(1))
}

// Exists implements control.Switch.
func (s *nullSwitch) Exists(context.Context, call.LegID) (bool, error) { return true, nil }

// Orgs implements control.Settings.
func (s *nullSwitch) Orgs(context.Context) ([]call.OrgID, error) { return []call.OrgID{org}, nil }

// Queues implements control.Settings.
func (s *nullSwitch) Queues(context.Context, call.OrgID) ([]acd.Queue, error) {
	return []acd.Queue{{ID: queue, Name: "queue"}}, nil
}

// Agents implements control.Settings.
func (s *nullSwitch) Agents(context.Context, call.OrgID) ([]acd.Agent, error) { return s.agents, nil }

// Numbers implements control.Settings.
func (s *nullSwitch) Numbers(context.Context, call.OrgID) ([]ivr.Number, error) {
	return []ivr.Number{{Number: line, Flow: flow}}, nil
}

// Flows implements control.Settings.
func (s *nullSwitch) Flows(context.Context, call.OrgID) ([]ivr.Published, error) {
	return []ivr.Published{{ID: flow, Version: 1, Flow: ivr.Flow{Schema: 1, Name: "queue", Start: "queue",
		Nodes: map[string]ivr.Node{"queue": {Type: ivr.ToQueue, Queue: queue}}}}}, nil
}

// AgentStates implements control.Settings.
func (s *nullSwitch) AgentStates(context.Context, call.OrgID) ([]acd.Restored, error) {
	return nil, nil
}

// OpenInteractions implements control.Settings.
func (s *nullSwitch) OpenInteractions(context.Context, call.OrgID) ([]call.Summary, error) {
	return nil, nil
}

// Zone implements control.Settings.
func (s *nullSwitch) Zone(context.Context, call.OrgID) (*time.Location, error) { return time.UTC, nil }

// ReserveProtocols implements control.Protocols.
func (s *nullSwitch) ReserveProtocols(_ context.Context, _ call.OrgID, _ string, n int) (int, error) {
	return int(s.ids.Add(uint64(n))), nil
}

// Append implements control.Log.
func (s *nullSwitch) Append(context.Context, control.Batch) error { return nil }
