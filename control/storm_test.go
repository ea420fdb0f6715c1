package control_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ramal/acd"
	"ramal/call"
	"ramal/control"
	"ramal/control/controltest"
)

// stormSeeds is how many storms a run of the tests lets loose; RAMAL_STORMS=from-to picks single ones.
func stormSeeds(t *testing.T) (from, to uint64) {
	if s := os.Getenv("RAMAL_STORMS"); s != "" {
		if _, err := fmt.Sscanf(s, "%d-%d", &from, &to); err != nil {
			t.Fatalf("RAMAL_STORMS=%q: %v", s, err)
		}
		return from, to
	}
	if os.Getenv("RAMAL_TIER") == "accept" {
		return 1, 6000
	}
	return 1, 600
}

// A storm is some minutes of a centre in which everybody does anything at any time, the link is cut, events come late
// and twice, the database is away and the core is killed. What must hold all the time and in the end stands in
// storm_check_test.go.
func TestNothingIsLostOrStuckInRandomStorms(t *testing.T) {
	from, to := stormSeeds(t)
	var total tally
	failed := 0
	for seed := from; seed <= to && failed < 3; seed++ {
		ok := t.Run("seed "+strconv.FormatUint(seed, 10), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { newStorm(t, seed).run(&total) })
		})
		if !ok {
			failed++
		}
	}
	t.Logf("%+v", total)
	if to-from >= 100 && (total.Talks < 1000 || total.Abandoned < 300 || total.Kills < 50 || total.Cuts < 50 ||
		total.Missed < 500) {
		t.Errorf("these were no storms: %+v", total)
	}
}

// tally counts what happened in all storms, so that a quiet storm is seen.
type tally struct{ Calls, Talks, Missed, Abandoned, Failed, Kills, Cuts, Violations int }

type storm struct {
	t       *testing.T
	rng     *rand.Rand // the script's, used by the storm's goroutine only
	fate    *rand.Rand // of single events, used under the world's lock
	world   *controltest.World
	centre  *control.Centre
	life    *life
	stop    chan struct{}
	reapers sync.WaitGroup
	cut     bool
	// What may happen in this storm beside what people do.
	odd, cuts, deaths bool      // events late or twice, a link that is cut, a core that is killed
	calm              time.Time // no cut and no new life of the core after this; zero while there is one
	callers           int
	kills             []time.Time
	tally             tally
	mu                sync.Mutex
	broken            []string
	called            map[string]time.Time // when each caller did
}

// life is one life of the core: when it is killed, nothing of it reaches the world any more.
type life struct {
	*controltest.World
	s       *storm
	dead    atomic.Bool
	away    atomic.Bool // the database
	ambigue atomic.Bool // the database stores and then says that it did not
	mu      sync.Mutex
	dialled map[call.LegID]bool
}

func (l *life) Do(cmd call.Command) {
	if l.dead.Load() {
		return
	}
	if d, ok := cmd.(call.Dial); ok {
		l.mu.Lock()
		if leg, talks := l.Talks(d.To.Extension); talks && l.dialled[leg] && l.s.calmFor() > 10*time.Second {
			l.s.violated("agent %s is rung while talking on leg %s", d.To.Extension, leg)
		}
		l.dialled[d.Leg] = true
		l.mu.Unlock()
	}
	l.World.Do(cmd)
}

func (l *life) Append(ctx context.Context, b control.Batch) error {
	if l.dead.Load() || l.away.Load() {
		return errors.New("no database")
	}
	if err := l.World.Append(ctx, b); err != nil {
		return err
	}
	if l.ambigue.Swap(false) {
		return errors.New("connection lost while committing")
	}
	return nil
}

// calmFor is how long the core has been alive with its link up.
func (s *storm) calmFor() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calm.IsZero() {
		return 0
	}
	return time.Since(s.calm)
}

func (s *storm) calledFor(who string) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Since(s.called[who])
}

func (s *storm) violated(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = append(s.broken, fmt.Sprintf(format, args...))
}

func newStorm(t *testing.T, seed uint64) *storm {
	s := &storm{t: t, rng: rand.New(rand.NewPCG(seed, 1)), fate: rand.New(rand.NewPCG(seed, 2)),
		world: controltest.NewWorld(), called: map[string]time.Time{}}
	w := s.world
	controltest.StandardFlow(w)
	s.odd, s.cuts, s.deaths = s.rng.IntN(3) > 0, s.rng.IntN(3) > 0, s.rng.IntN(3) == 0
	if s.odd {
		w.Tamper = s.tamper
	}
	w.Fallback = func(who string) {
		if since := s.calmFor(); since > 125*time.Second && s.calledFor(who) < since {
			s.violated("%s got the fallback though the core had been there for %s", who, since)
		}
	}
	for i := range w.QueueList {
		w.QueueList[i].RingTimeout = time.Duration(5+s.rng.IntN(16)) * time.Second
		w.QueueList[i].WrapUp = time.Duration(s.rng.IntN(3)*s.rng.IntN(6)) * time.Second
	}
	for i := range 1 + s.rng.IntN(5) {
		ext := strconv.Itoa(1001 + i)
		a := acd.Agent{ID: call.AgentID("00000000-0000-7000-8000-0000000a" + ext), Name: "agent" + ext, Extension: ext}
		for _, q := range w.QueueList {
			if s.rng.IntN(4) > 0 || len(a.Queues) == 0 {
				a.Queues = append(a.Queues, q.ID)
			}
		}
		w.AgentList = append(w.AgentList, a)
		w.Phones[ext] = &controltest.Phone{Owner: a.Name, Behaviour: controltest.Answers, Registered: true}
	}
	return s
}

// tamper lets some events come late (and so in another order) and some twice.
func (s *storm) tamper(e call.Event) []time.Duration {
	late := func() time.Duration {
		d := time.Duration(s.fate.ExpFloat64() * float64(500*time.Millisecond))
		switch e.(type) { // later is the business of the dead man's switch, which is set to 5 s
		case call.LegOffered:
			return min(d, 4*time.Second)
		case call.LegHungUp, call.LegUnbridged:
			return min(d, 1500*time.Millisecond)
		}
		if s.fate.IntN(5) == 0 {
			d *= 20
		}
		return d
	}
	switch n := s.fate.IntN(100); {
	case n < 3:
		return []time.Duration{0, 0}
	case n < 5:
		return []time.Duration{0, late()}
	case n < 8:
		return []time.Duration{late()}
	}
	return []time.Duration{0}
}

func (s *storm) start() {
	s.life = &life{World: s.world, s: s, dialled: map[call.LegID]bool{}}
	s.centre = control.New(control.Config{Node: "world", Switch: s.life, Settings: s.life, Protocols: s.life,
		Log:    s.life,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), NewID: s.world.NewID})
	if err := s.centre.Start(context.Background()); err != nil {
		s.t.Fatal(err)
	}
	s.stop = make(chan struct{})
	s.world.Connect(s.centre.Event, s.stop)
	s.cut = false
	s.disturbed(true)
}

// disturbed notes that the core or its link went away, or came back.
func (s *storm) disturbed(over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calm = (time.Time{}); over {
		s.calm = time.Now()
	}
}

// kill ends the core as kill -9 does: what it has not stored is lost, nothing of it reaches the switch.
func (s *storm) kill() {
	s.tally.Kills++
	s.kills = append(s.kills, time.Now())
	s.disturbed(false)
	s.life.dead.Store(true)
	close(s.stop)
	s.world.Disconnect()
	centre := s.centre
	s.centre, s.cut = nil, false
	s.reapers.Go(func() { _ = centre.Stop(context.Background()) }) // its facts are lost, as they should be
}

func pass(d time.Duration) { <-time.After(d) }

func (s *storm) run(total *tally) {
	s.start()
	for _, a := range s.world.AgentList {
		s.want(a.ID, acd.Want{State: acd.Available})
	}
	for end := time.Now().Add(time.Duration(2+s.rng.IntN(5)) * time.Minute); time.Now().Before(end); {
		pass(time.Duration(s.rng.ExpFloat64() * float64(1500*time.Millisecond)))
		s.something()
		if s.rng.IntN(4) == 0 {
			synctest.Wait()
			s.checkNow()
		}
	}
	s.settle()
	s.checkEnd()
	s.report(total)
}

// settle brings everything back and lets everybody hang up.
func (s *storm) settle() {
	if s.centre == nil {
		s.start()
	}
	s.life.away.Store(false)
	if s.cut {
		s.mend()
	}
	pass(10 * time.Second)
	synctest.Wait()
	s.checkNow()
	for _, who := range s.world.People() {
		if strings.HasPrefix(who, "caller") {
			s.world.HangsUp(who)
		}
	}
	pass(5 * time.Minute)
	synctest.Wait()
}

func (s *storm) agent() acd.Agent { return s.world.AgentList[s.rng.IntN(len(s.world.AgentList))] }

func (s *storm) caller() string { return "caller" + strconv.Itoa(1+s.rng.IntN(max(s.callers, 1))) }

func (s *storm) want(id call.AgentID, w acd.Want) {
	if s.centre == nil {
		return
	}
	w.Agent = id
	err := s.centre.SetAgentState(context.Background(), s.world.Org, w)
	if c := call.CodeOf(err); err != nil && c != call.Conflict && c != call.NotFound {
		s.violated("%+v: %v", w, err)
	}
}

// something is the next thing that happens.
func (s *storm) something() {
	w := s.world
	switch n := s.rng.IntN(100); {
	case n < 28:
		s.newCaller()
	case n < 40:
		w.Presses(s.caller(), call.Digit("12012901*A"[s.rng.IntN(10):][:1]))
	case n < 52:
		w.HangsUp(s.agent().Name)
	case n < 57:
		w.HangsUp(s.caller())
	case n < 72:
		s.want(s.agent().ID, []acd.Want{{State: acd.Available}, {State: acd.Available}, {State: acd.Available},
			{State: acd.OnBreak, Break: "lunch"}, {State: acd.Offline}}[s.rng.IntN(5)])
	case n < 80:
		b := []controltest.Behaviour{controltest.Answers, controltest.Answers, controltest.Answers, controltest.Rings,
			controltest.IsBusy, controltest.Declines}[s.rng.IntN(6)]
		w.Behaves(s.agent().Extension, b, time.Duration(s.rng.IntN(25_000))*time.Millisecond)
	case n < 83:
		w.Registers(s.agent().Extension, s.rng.IntN(3) > 0)
	case n < 87:
		w.AnswersNow(s.agent().Name)
	case n < 89:
		w.DeclinesNow(s.agent().Name)
	case n < 92:
		s.link()
	case n < 95:
		s.database()
	case n < 96:
		s.settings()
	case n < 98:
		s.core()
	default:
		w.Calls("caller"+strconv.Itoa(s.next()), "5548999000000", "5548000")
	}
}

func (s *storm) next() int { s.callers++; return s.callers }

func (s *storm) newCaller() {
	who := "caller" + strconv.Itoa(s.next())
	s.mu.Lock()
	s.called[who] = time.Now()
	s.mu.Unlock()
	s.world.Calls(who, "5548999000000", "554830000000")
	for at := time.Duration(0); s.rng.IntN(3) > 0; {
		at += time.Duration(s.rng.IntN(5000)) * time.Millisecond
		digit := call.Digit("1212125"[s.rng.IntN(7):][:1])
		time.AfterFunc(at, func() { s.world.Presses(who, digit) })
	}
	if s.rng.IntN(3) > 0 {
		time.AfterFunc(time.Duration(s.rng.IntN(90_000))*time.Millisecond, func() { s.world.HangsUp(who) })
	}
}

func (s *storm) link() {
	if s.centre == nil || !s.cuts {
		return
	}
	if s.cut = !s.cut; s.cut {
		s.disturbed(false)
		s.tally.Cuts++
		s.world.Cut()
		pass(time.Duration(s.rng.ExpFloat64() * float64(5*time.Second)))
	}
	if !s.cut || s.rng.IntN(8) > 0 { // else it stays cut for longer
		s.mend()
	}
}

func (s *storm) mend() {
	s.cut = false
	s.world.Mend()
	s.disturbed(true)
}

func (s *storm) database() {
	if s.rng.IntN(2) == 0 {
		s.life.ambigue.Store(true)
		return
	}
	s.life.away.Store(!s.life.away.Load())
}

func (s *storm) core() {
	if s.centre == nil {
		s.start()
		return
	}
	if !s.deaths {
		return
	}
	s.kill()
	if s.rng.IntN(2) == 0 {
		pass(time.Duration(s.rng.ExpFloat64() * float64(10*time.Second)))
		s.start()
	}
}

// settings takes an agent out of the settings and brings the agent back a little later.
func (s *storm) settings() {
	if s.centre == nil || s.cut {
		return
	}
	w := s.world
	all := w.AgentList
	w.SetAgents(all[1:])
	if err := s.centre.Reload(context.Background()); err != nil {
		s.violated("reload: %v", err)
	}
	pass(time.Duration(s.rng.IntN(20)) * time.Second)
	w.SetAgents(all)
	if err := s.centre.Reload(context.Background()); err != nil {
		s.violated("reload: %v", err)
	}
}
