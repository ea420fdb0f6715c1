package control_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ramal/acd"
	"ramal/call"
	"ramal/control"
	"ramal/control/controltest"
	"ramal/ivr"
)

// site is a centre on a world with two agents, whose switch can be watched, held and made to lie. It runs in a bubble.
type site struct {
	*controltest.World
	t      *testing.T
	centre *control.Centre
	stop   chan struct{}

	mu     sync.Mutex
	did    []call.Command
	asked  map[call.LegID]int
	denies func(leg call.LegID, time int) bool // whether the switch denies a leg, by the number of the question
	gate   chan struct{}                       // Do waits for it, when set
}

func inBubble(t *testing.T, f func(s *site)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := controltest.NewWorld()
		controltest.StandardFlow(w)
		for ext, name := range map[string]string{"1001": "Ana", "1002": "Bia"} {
			w.AgentList = append(w.AgentList, acd.Agent{ID: call.AgentID("agent" + ext), Name: name, Extension: ext,
				Queues: []call.QueueID{w.QueueList[0].ID, w.QueueList[1].ID}})
			w.Phones[ext] = &controltest.Phone{Owner: name, Behaviour: controltest.Answers, After: time.Second,
				Registered: true}
		}
		s := &site{World: w, t: t, asked: map[call.LegID]int{}}
		s.start()
		f(s)
		s.end() // a goroutine that is left makes the bubble fail
	})
}

func (s *site) start() {
	s.centre = control.New(control.Config{Node: "world", Switch: s, Settings: s, Protocols: s, Log: s,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), NewID: s.NewID})
	if err := s.centre.Start(context.Background()); err != nil {
		s.t.Fatal(err)
	}
	s.stop = make(chan struct{})
	s.Connect(s.centre.Event, s.stop)
	synctest.Wait()
}

func (s *site) end() {
	close(s.stop)
	s.Disconnect()
	if err := s.centre.Stop(context.Background()); err != nil {
		s.t.Errorf("stop: %v", err)
	}
}

func (s *site) Do(cmd call.Command) {
	s.mu.Lock()
	gate := s.gate
	s.mu.Unlock()
	if gate != nil {
		<-gate
	}
	s.mu.Lock()
	s.did = append(s.did, cmd)
	s.mu.Unlock()
	s.World.Do(cmd)
}

func (s *site) Exists(ctx context.Context, leg call.LegID) (bool, error) {
	s.mu.Lock()
	s.asked[leg]++
	n, denies := s.asked[leg], s.denies
	s.mu.Unlock()
	if denies != nil && denies(leg, n) {
		return false, nil
	}
	return s.World.Exists(ctx, leg)
}

func (s *site) hold() (release func()) {
	gate := make(chan struct{})
	s.mu.Lock()
	s.gate = gate
	s.mu.Unlock()
	return func() {
		s.mu.Lock()
		s.gate = nil
		s.mu.Unlock()
		close(gate)
	}
}

// hangUps returns the legs that were hung up, with their causes.
func (s *site) hangUps() map[call.LegID]call.Cause {
	s.mu.Lock()
	defer s.mu.Unlock()
	legs := map[call.LegID]call.Cause{}
	for _, cmd := range s.did {
		if h, ok := cmd.(call.HangUp); ok {
			legs[h.Leg] = h.Cause
		}
	}
	return legs
}

func (s *site) after(d time.Duration) {
	pass(d)
	synctest.Wait()
}

func (s *site) available(id call.AgentID) {
	s.t.Helper()
	if err := s.centre.SetAgentState(context.Background(), s.Org,
		acd.Want{Agent: id, State: acd.Available}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) live() (calls map[call.Phase]int, agents map[call.AgentID]acd.State) {
	s.t.Helper()
	v, err := s.centre.Live(s.Org)
	if err != nil {
		s.t.Fatal(err)
	}
	calls, agents = map[call.Phase]int{}, map[call.AgentID]acd.State{}
	for _, c := range v.Calls {
		calls[c.Phase]++
	}
	for _, a := range v.Agents {
		agents[a.Agent] = a.State
	}
	return calls, agents
}

// waiting brings a caller into the queue.
func (s *site) waiting(who string) {
	s.t.Helper()
	s.Calls(who, "5548999000000", "554830000000")
	s.after(time.Second)
	s.Presses(who, "1")
	s.after(time.Second)
}

// only returns the one leg that stands on the switch.
func (s *site) only() call.LegID {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, cmd := range slices.Backward(s.did) {
		if a, ok := cmd.(call.Answer); ok {
			return a.Leg
		}
	}
	s.t.Fatal("no leg was answered")
	return ""
}

func TestACallToANumberWithoutAFlowIsRefused(t *testing.T) {
	inBubble(t, func(s *site) {
		s.Calls("Maria", "5548999000000", "5511")
		s.Calls("Hostile", "5548999000000", "554830000000;rm -rf")
		s.after(time.Second)
		if h := s.centre.Health(); h.Refused != 2 || h.Offered != 2 || h.Calls != 0 || s.Legs() != 0 {
			t.Errorf("%+v, %d legs stand", h, s.Legs())
		}
		for leg, cause := range s.hangUps() {
			if cause != call.UnallocatedNumber {
				t.Errorf("leg %s: %s", leg, cause)
			}
		}
	})
}

func TestANumberIsFoundWithAndWithoutItsPlusSign(t *testing.T) {
	inBubble(t, func(s *site) {
		s.Calls("Maria", "5548999000000", "+554830000000")
		s.after(time.Second)
		if calls, _ := s.live(); calls[call.PhaseFlow] != 1 {
			t.Errorf("calls %v", calls)
		}
	})
}

func TestALegTheSwitchDeniesTwiceIsClosedAndOneItDeniesOnceIsNot(t *testing.T) {
	for denials, closed := range map[int]bool{1: false, 2: true} {
		inBubble(t, func(s *site) {
			s.waiting("Maria")
			leg := s.only()
			s.denies = func(l call.LegID, n int) bool { return l == leg && n <= denials }
			s.centre.Event(call.LinkUp{}) // whose list lacks the leg: a hint only
			s.after(5 * time.Second)
			calls, _ := s.live()
			if gone := calls[call.PhaseWaiting] == 0; gone != closed || s.asked[leg] != 2 {
				t.Errorf("denied %d times of %d: calls %v", denials, s.asked[leg], calls)
			}
			if h := s.centre.Health(); (h.LegsLost == 1) != closed {
				t.Errorf("%+v", h)
			}
			s.HangsUp("Maria")
			s.after(time.Second)
		})
	}
}

func TestACallerWhoArrivedWhileNoCoreListenedIsTakenIn(t *testing.T) {
	inBubble(t, func(s *site) {
		s.Cut()
		s.Calls("Maria", "5548999000000", "554830000000")
		s.after(2 * time.Second)
		if calls, _ := s.live(); len(calls) != 0 {
			t.Errorf("with the link cut: %v", calls)
		}
		s.Mend()
		s.after(time.Second)
		if calls, _ := s.live(); calls[call.PhaseFlow] != 1 {
			t.Errorf("with the link back: %v", calls)
		}
		s.after(time.Minute)
		if s.Legs() != 1 {
			t.Error("the dead man's switch took the caller though the core had it")
		}
		s.HangsUp("Maria")
		s.after(10 * time.Second)
	})
}

func TestAfterARestartPairsTalkOnAndLonelyAgentsLegsAreHungUp(t *testing.T) {
	inBubble(t, func(s *site) {
		s.available("agent1001")
		s.waiting("Maria")
		s.after(2 * time.Second) // Ana and Maria talk
		s.Behaves("1002", controltest.Rings, 0)
		s.available("agent1002")
		s.waiting("Rita") // Bia's phone rings
		s.end()
		if n := s.Legs(); n != 4 {
			t.Fatalf("Stop left %d legs on the switch, want the talking pair, Rita and Bia's", n)
		}
		before := len(s.hangUps())
		s.AnswersNow("Bia") // nobody is there to join the two
		s.start()
		s.after(time.Second)
		if got := s.People(); !slices.Equal(got, []string{"Maria", "Ana", "Rita"}) || len(s.hangUps()) != before+1 {
			t.Errorf("on the line: %v; hung up: %v", got, s.hangUps())
		}
		s.after(130 * time.Second)
		if got := s.People(); !slices.Equal(got, []string{"Maria", "Ana"}) {
			t.Errorf("when the dead man's switch has taken Rita: %v", got)
		}
		s.HangsUp("Maria")
		s.after(10 * time.Second)
		ended := 0
		for _, f := range s.Stored.Facts {
			if f.Fact.Kind == call.Ended {
				ended++
			}
		}
		if s.Legs() != 0 || ended != 2 || s.centre.Health().Calls != 0 {
			t.Errorf("%d legs, %d of 2 interactions ended, %d owners", s.Legs(), ended, s.centre.Health().Calls)
		}
	})
}

// An owner that cannot follow loses events; the switch then tells what became of its legs.
func TestACallWhoseInboxOverflowsComparesItsLegsWithTheSwitch(t *testing.T) {
	inBubble(t, func(s *site) {
		s.waiting("Maria")
		leg := s.only()
		release := s.hold()
		s.centre.Event(call.LegParked{Stamp: call.Stamp{Leg: leg, At: time.Now()}}) // its answer, music, is held up
		synctest.Wait()
		for range 600 {
			s.centre.Event(call.DigitPressed{Stamp: call.Stamp{Leg: leg, At: time.Now()}, Digit: "1"})
		}
		s.HangsUp("Maria") // the event finds no room
		s.after(time.Second)
		if h := s.centre.Health(); h.OwnerOverflows == 0 || h.Calls != 1 {
			t.Errorf("before: %+v", h)
		}
		release()
		s.after(5 * time.Second)
		if h := s.centre.Health(); h.Calls != 0 || h.LegsLost != 1 {
			t.Errorf("after: %+v", h)
		}
	})
}

func TestATimerOfACallWhoseInboxIsFullComesLater(t *testing.T) {
	inBubble(t, func(s *site) {
		s.waiting("Maria")
		leg := s.only()
		release := s.hold()
		s.centre.Event(call.LegParked{Stamp: call.Stamp{Leg: leg, At: time.Now()}})
		synctest.Wait()
		for range 600 {
			s.centre.Event(call.DigitPressed{Stamp: call.Stamp{Leg: leg, At: time.Now()}, Digit: "1"})
		}
		s.after(40 * time.Second) // the renewal of the dead man's switch is due meanwhile
		release()
		s.after(200 * time.Second)
		if s.Legs() != 1 {
			t.Error("the renewal was lost: the dead man's switch took the caller")
		}
		s.HangsUp("Maria")
		s.after(5 * time.Second)
	})
}

func TestAnOfferThatTheCallNeverSawIsTakenBackByItsLease(t *testing.T) {
	inBubble(t, func(s *site) {
		s.waiting("Maria")
		leg := s.only()
		release := s.hold()
		s.centre.Event(call.LegParked{Stamp: call.Stamp{Leg: leg, At: time.Now()}})
		synctest.Wait()
		for range 600 {
			s.centre.Event(call.DigitPressed{Stamp: call.Stamp{Leg: leg, At: time.Now()}, Digit: "1"})
		}
		s.available("agent1001")
		s.after(time.Second)
		if _, agents := s.live(); agents["agent1001"] != acd.Ringing {
			t.Fatalf("agents %v", agents)
		}
		release()
		s.after(33 * time.Second)
		if _, agents := s.live(); agents["agent1001"] != acd.Ringing {
			t.Errorf("before the lease ran out: %v", agents)
		}
		s.after(15 * time.Second) // lease, cool-down, a new offer, the answer
		if calls, agents := s.live(); agents["agent1001"] != acd.Busy || calls[call.PhaseTalking] != 1 {
			t.Errorf("calls %v, agents %v", calls, agents)
		}
		s.HangsUp("Maria")
		s.after(5 * time.Second)
	})
}

func TestACallDoesNotEndBeforeTheQueueEngineHasHeardOfIt(t *testing.T) {
	inBubble(t, func(s *site) {
		s.available("agent1001")
		s.waiting("Maria")
		s.after(2 * time.Second)
		s.centre.LimitEngineInbox(s.Org, 0)
		s.HangsUp("Maria")
		s.after(time.Minute)
		if _, agents := s.live(); agents["agent1001"] != acd.Busy || s.centre.Health().Calls != 1 {
			t.Errorf("while the engine hears nothing: %v, %+v", agents, s.centre.Health())
		}
		err := s.centre.SetAgentState(context.Background(), s.Org, acd.Want{Agent: "agent1001", State: acd.Available})
		if call.CodeOf(err) != call.Unavailable {
			t.Errorf("a request meanwhile: %v", err)
		}
		s.centre.LimitEngineInbox(s.Org, 100)
		s.after(time.Second)
		if _, agents := s.live(); agents["agent1001"] != acd.Available || s.centre.Health().Calls != 0 {
			t.Errorf("afterwards: %v, %+v", agents, s.centre.Health())
		}
	})
}

func TestTheLiveViewAndTheUpdatesAfterItGiveTheNextView(t *testing.T) {
	inBubble(t, func(s *site) {
		updates, cancel, err := s.centre.Subscribe(s.Org)
		if err != nil {
			t.Fatal(err)
		}
		defer cancel()
		before, err := s.centre.Live(s.Org)
		if err != nil {
			t.Fatal(err)
		}
		s.available("agent1001")
		s.waiting("Maria")
		s.after(2 * time.Second)
		calls, seq := map[call.ID]call.Phase{}, before.Seq
		agents := map[call.AgentID]acd.State{}
		for len(updates) > 0 {
			u := <-updates
			if u.Seq != seq+1 {
				t.Errorf("update %d after %d", u.Seq, seq)
			}
			seq = u.Seq
			for _, c := range u.Calls {
				calls[c.Interaction] = c.Phase
			}
			for _, a := range u.Agents {
				agents[a.Agent] = a.State
			}
		}
		after, err := s.centre.Live(s.Org)
		if err != nil || after.Seq != seq || len(calls) != 1 ||
			calls[after.Calls[0].Interaction] != call.PhaseTalking ||
			agents["agent1001"] != acd.Busy {
			t.Errorf("view %+v; from updates: %d, %v, %v", after, seq, calls, agents)
		}
		s.HangsUp("Maria")
		s.after(2 * time.Second)
	})
}

func TestWhatNobodyKnowsIsNotFound(t *testing.T) {
	inBubble(t, func(s *site) {
		_, err := s.centre.Live("nobody")
		_, _, err2 := s.centre.Subscribe("nobody")
		err3 := s.centre.SetAgentState(context.Background(), "nobody", acd.Want{})
		err4 := s.centre.SetAgentState(context.Background(), s.Org, acd.Want{Agent: "nobody", State: acd.Available})
		for i, err := range []error{err, err2, err3, err4} {
			if call.CodeOf(err) != call.NotFound {
				t.Errorf("%d: %v", i, err)
			}
		}
	})
}

// growing has a second organisation from some time on.
type growing struct {
	*site
	mu       sync.Mutex
	grown    bool
	reserved map[call.OrgID]int
}

func (g *growing) Orgs(context.Context) ([]call.OrgID, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.grown {
		return []call.OrgID{g.Org, "second"}, nil
	}
	return []call.OrgID{g.Org}, nil
}

func (g *growing) Zone(context.Context, call.OrgID) (*time.Location, error) {
	<-time.After(10 * time.Millisecond) // a database that takes its time
	return time.UTC, nil
}

func (g *growing) ReserveProtocols(ctx context.Context, org call.OrgID, day string, n int) (int, error) {
	g.mu.Lock()
	g.reserved[org]++
	g.mu.Unlock()
	return g.site.ReserveProtocols(ctx, org, day, n)
}

// In real time: a bubble's clock does not move while somebody waits for a lock.
func TestReloadsAtTheSameTimeMakeOneEngineForANewOrganisation(t *testing.T) {
	w := controltest.NewWorld()
	controltest.StandardFlow(w)
	s := &site{World: w, t: t, asked: map[call.LegID]int{}}
	g := &growing{site: s, reserved: map[call.OrgID]int{}}
	c := control.New(control.Config{Node: "n", Switch: s, Settings: g, Protocols: g, Log: s,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), NewID: s.NewID})
	if err := c.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	g.mu.Lock()
	g.grown = true
	g.mu.Unlock()
	var reloads sync.WaitGroup
	for range 5 {
		reloads.Go(func() {
			if err := c.Reload(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	reloads.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	if n := g.reserved["second"]; n != 1 {
		t.Errorf("%d engines were made for the second organisation", n)
	}
	if err := c.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

// broken settings keep the centre from starting; broken ones at a reload leave it as it was.
type broken struct {
	*site
	on *bool
}

func (b broken) Numbers(ctx context.Context, org call.OrgID) (lines []ivr.Number, err error) {
	if *b.on {
		return nil, errors.New("no database")
	}
	return b.site.Numbers(ctx, org)
}

func TestSettingsThatCannotBeReadLeaveTheCentreAsItWas(t *testing.T) {
	inBubble(t, func(s *site) {
		on := true
		c := control.New(control.Config{Node: "n", Switch: s, Settings: broken{s, &on}, Protocols: s, Log: s,
			Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), NewID: s.NewID})
		err := c.Start(context.Background())
		if err == nil || err.Error() != "load settings: organisation "+string(s.Org)+": numbers: no database" {
			t.Errorf("start: %v", err)
		}
		if err := c.Stop(context.Background()); err != nil {
			t.Errorf("stop after a start that failed: %v", err)
		}
	})
}
