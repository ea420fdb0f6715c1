package call

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// rig drives one machine and writes its commands as words, so that tables can be written and read by hand.
type rig struct {
	t   *testing.T
	c   *Call
	at  time.Time
	log []string // all words of all steps
}

const caller, music = LegID("C"), "system/hold1.wav"

func newRig(t *testing.T) *rig {
	return &rig{t: t, c: New(Begin{ID: "I", Org: "O", Node: "n", Flow: "F", FlowVersion: 3}),
		at: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)}
}

// st stamps an event a second after the one before.
func (r *rig) st(leg LegID) Stamp {
	r.at = r.at.Add(time.Second)
	return Stamp{Leg: leg, At: r.at}
}

func (r *rig) step(in Input) string {
	r.t.Helper()
	var words []string
	for _, cmd := range r.c.Step(in) {
		words = append(words, word(cmd))
	}
	r.log = append(r.log, words...)
	return strings.Join(words, "; ")
}

// want steps and compares what the machine wants with what is expected.
func (r *rig) want(in Input, expected string) {
	r.t.Helper()
	if d := cmp.Diff(expected, r.step(in)); d != "" {
		r.t.Errorf("%s: %#v (-expected +got):\n%s", stateNames[r.c.state], in, d)
	}
}

func (r *rig) offer(n int) Offer {
	r.at = r.at.Add(time.Second)
	return Offer{Offer: OfferID(fmt.Sprintf("o%d", n)), Interaction: "I", Queue: "Q",
		Agent:     AgentID(fmt.Sprintf("ag%d", n)),
		Extension: fmt.Sprint(1000 + n), RingTimeout: 20 * time.Second, Leg: LegID(fmt.Sprintf("A%d", n)), At: r.at}
}

func (r *rig) fired(name string) TimerFired { return TimerFired{r.st(""), name} }

var stateNames = []string{"fresh", "arriving", "inFlow", "waiting", "ringing", "joining", "talking", "ending",
	"finished"}

// reach brings a new machine into a state the usual way; the offer, where there is one, is number 1.
func reach(t *testing.T, s state) *rig {
	t.Helper()
	r := newRig(t)
	way := []func(){
		func() {
			r.step(LegOffered{Stamp: r.st(caller), From: Party{Number: "554899", Name: "Maria"}, To: "5548"})
		},
		func() { r.step(LegAnswered{r.st(caller)}) },
		func() {
			r.step(Wish{r.at, Enqueue{Queue: "Q", Music: Sound{File: music}, Node: "sales"}})
			r.step(PlaybackStarted{r.st(caller), "/media/" + music})
		},
		func() { r.step(r.offer(1)) },
		func() { r.step(LegAnswered{r.st("A1")}); r.step(DialDone{Stamp: r.st("A1"), OK: true}) },
		func() { r.step(LegBridged{r.st(caller), "A1"}) },
		func() { r.step(LegHungUp{r.st("A1"), NormalClearing}) },
		func() {
			r.step(LegGone{r.st("A1")})
			r.step(LegHungUp{r.st(caller), NormalClearing})
			r.step(LegGone{r.st(caller)})
		},
	}
	for i := range int(s) {
		way[i]()
	}
	if r.c.state != s {
		t.Fatalf("reached %s on the way to %s", stateNames[r.c.state], stateNames[s])
	}
	return r
}

func word(cmd Command) string {
	switch c := cmd.(type) {
	case Answer:
		return "answer " + string(c.Leg)
	case Play:
		return "play " + string(c.Leg) + " " + c.Sound.File
	case PlayLoop:
		return "loop " + string(c.Leg) + " " + c.Sound.File + string(c.Sound.Tone)
	case StopSound:
		return "stop sound " + string(c.Leg)
	case Dial:
		return fmt.Sprintf("dial %s %s %s", c.Leg, c.To.Extension, c.Timeout)
	case Bridge:
		return fmt.Sprintf("bridge %s %s", c.A, c.B)
	case HangUp:
		return fmt.Sprintf("hang up %s %s", c.Leg, c.Cause)
	case StartRecording:
		return fmt.Sprintf("record %s %s", c.Leg, c.Path)
	case SetVars:
		return fmt.Sprintf("set %s %s hold=%v", c.Leg, c.Vars["ramal_role"], c.HoldAfterBridge)
	case ArmFallback:
		return fmt.Sprintf("arm %s %s", c.Leg, c.After)
	case DisarmFallback:
		return "disarm " + string(c.Leg)
	case StartTimer:
		return fmt.Sprintf("timer %s %s", c.Timer, c.After)
	case StopTimer:
		return "stop " + c.Timer
	case Note:
		return "note " + strings.TrimSpace(fmt.Sprintf("%s %s%s%s", c.Fact.Kind, c.Fact.Cause, opt(c.Fact.By),
			opt(c.Fact.Outcome)))
	case ToFlow:
		return fmt.Sprintf("flow %T", c.Event)
	case ToQueues:
		w := strings.TrimPrefix(fmt.Sprintf("%T", c.Value), "call.")
		if m, ok := c.Value.(Missed); ok {
			w += " " + string(m.Offer) + " " + string(m.Cause)
		}
		return "queues " + w
	case Finished:
		return "finished"
	}
	return fmt.Sprintf("%T", cmd)
}

func opt[S ~string](s S) string {
	if s == "" {
		return ""
	}
	return " " + string(s)
}
