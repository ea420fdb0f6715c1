package call

import (
	"slices"
	"time"
)

// Call is the machine of one call: a caller's leg and, one after the other, the legs of agents.
//
//	             LegOffered            LegAnswered        flow: Enqueue        Offer
//	(new) ──────────────────► arriving ───────────► flow ──────────────► waiting ─────► ringing
//	                             │                   │                    │   ▲ missed │  │ agent's leg
//	                             │                   │ flow: EndFlow      │   └────────┘  │ answered, parked
//	                             ▼                   ▼                    ▼               ▼
//	                           ending ◄───────────────────────────────────────────── joining
//	                             │  ▲                                                     │ LegBridged
//	                             │  └──────────── either hangs up ── talking ◄────────────┘
//	                             ▼ every leg gone
//	                          finished
//
// The caller's hang-up leads from any state to ending.
type Call struct {
	Sum Summary // the folded facts; read only for others

	org     OrgID
	node    string
	caller  leg
	from    Party
	agents  []leg // every agent's leg that is not gone yet, the present one last
	offer   *Offer
	music   Sound
	state   state
	endBy   Actor
	ringing bool // the present agent's phone was seen ringing
	picked  bool // the present agent's phone was seen answered
	record  recordingState
	begins  bool // the music was asked for and was not heard to begin yet
	due     bool // the legs are joined as soon as it has
	silent  bool // the attempt to join ended the music
	ignored int
	kills   int
	out     []Command
}

type leg struct {
	id    LegID
	hung  bool // its end is known
	gone  bool // the switch has forgotten it
	cause Cause
}

type state uint8

const (
	fresh state = iota
	arriving
	inFlow
	waiting
	ringing
	joining
	talking
	ending
	finished
)

type recordingState uint8

const (
	notRecorded recordingState = iota
	recording
	recorded
)

// Begin is what a call's owner knows when it makes the machine.
type Begin struct {
	ID          ID
	Org         OrgID
	Node        string // the switch that the caller's leg is on
	Flow        FlowID
	FlowVersion int
}

// Input is what Step takes: an Event of the switch or a timer, or one of Wish, Offer, Withdraw.
type Input interface{ When() time.Time }

// Wish is a command that the call's flow returned.
type Wish struct {
	At      time.Time
	Command Command
}

// When implements Input.
func (w Wish) When() time.Time { return w.At }

// When implements Input.
func (o Offer) When() time.Time { return o.At }

// When implements Input.
func (w Withdraw) When() time.Time { return w.At }

// Times that belong to the protocol between the core and the switch.
const (
	FallbackAfter  = 120 * time.Second // dead man's switch of an owned leg (design section 6)
	FallbackRenew  = 30 * time.Second  // how often it is renewed
	answerPatience = 10 * time.Second  // for the switch to answer a leg
	joinPatience   = 5 * time.Second   // for the switch to join two legs
	musicPatience  = time.Second       // for music to begin before two legs are joined all the same
	apartPatience  = 3 * time.Second   // between "apart" and the hang-up that explains it
	killPatience   = 5 * time.Second   // for a killed leg to be gone
	musicRetry     = 2 * time.Second   // before music that the switch refused is asked for again
	holdSettles    = time.Second       // for the switch's own hold extension to have set its dead man's switch
	offerGrace     = 5 * time.Second   // past the ring time-out, for the switch to report it
	maxKills       = 3
)

// Names of the machine's timers. Those of the flow begin with FlowTimer.
const (
	timerRenew  = "renew"
	timerAnswer = "answer"
	timerOffer  = "offer"
	timerJoin   = "join"
	timerApart  = "apart"
	timerKill   = "kill"
	timerDrop   = "drop"
	timerMusic  = "music"
	FlowTimer   = "flow."
)

// VarsVersion is the version of the channel variables that the core sets on its legs.
const VarsVersion = "1"

// New makes the machine of one call. Its first input is the LegOffered that began it.
func New(b Begin) *Call {
	c := &Call{org: b.Org, node: b.Node}
	c.Sum.Interaction, c.Sum.Flow, c.Sum.FlowVersion = b.ID, b.Flow, b.FlowVersion
	return c
}

// Caller returns the caller's leg.
func (c *Call) Caller() LegID { return c.caller.id }

// Legs returns the legs that are not gone yet, the caller's first.
func (c *Call) Legs() []LegID {
	var ids []LegID
	if c.caller.id != "" && !c.caller.gone {
		ids = append(ids, c.caller.id)
	}
	for _, a := range c.agents {
		if !a.gone {
			ids = append(ids, a.id)
		}
	}
	return ids
}

// Strays returns legs of agents whom the call does not want any more and whose end is not known yet. Each was hung up;
// the switch may not have heard that.
func (c *Call) Strays() []LegID {
	var ids []LegID
	for _, a := range c.agents {
		if !a.hung && (c.offer == nil || a.id != c.offer.Leg) {
			ids = append(ids, a.id)
		}
	}
	return ids
}

// Ignored counts inputs that made no sense in the state they came in.
func (c *Call) Ignored() int { return c.ignored }

// Step takes one input and returns what is to be done, in order. The slice is valid until the next Step.
func (c *Call) Step(in Input) []Command {
	c.out = c.out[:0]
	switch in := in.(type) {
	case Offer:
		c.offered(in)
	case Withdraw:
		c.withdrawn(in)
	case Wish:
		c.wish(in)
	case TimerFired:
		c.timer(in)
	case Event:
		c.event(in)
	default:
		c.ignored++
	}
	return c.out
}

func (c *Call) event(e Event) {
	if o, ok := e.(LegOffered); ok && c.state == fresh {
		c.arrive(o)
		return
	}
	switch id := e.Subject(); {
	case id != "" && id == c.caller.id:
		c.callerEvent(e)
	case c.agentLeg(id) != nil:
		c.agentEvent(c.agentLeg(id), e)
	default:
		c.ignored++
	}
}

func (c *Call) do(cmds ...Command) { c.out = append(c.out, cmds...) }

// note numbers a fact, folds it into the summary and hands it out.
func (c *Call) note(at time.Time, f Fact) {
	f.Interaction, f.Seq, f.At, f.Version = c.Sum.Interaction, c.Sum.Facts+1, at, FactVersion
	c.Sum.Apply(f)
	c.do(Note{f})
}

func (c *Call) agentLeg(id LegID) *leg {
	i := slices.IndexFunc(c.agents, func(l leg) bool { return l.id == id })
	if id == "" || i < 0 {
		return nil
	}
	return &c.agents[i]
}

// current returns the leg of the agent who is being rung or talks, nil when there is none.
func (c *Call) current() *leg {
	if c.offer == nil {
		return nil
	}
	return c.agentLeg(c.offer.Leg)
}

func (c *Call) vars(role string) Vars {
	return Vars{"ramal_v": VarsVersion, "ramal_call": string(c.Sum.Interaction), "ramal_org": string(c.org),
		"ramal_role": role}
}
