package call

import (
	"strings"
	"time"
)

// enqueue puts the caller into a queue, with music.
func (c *Call) enqueue(at time.Time, q Enqueue) {
	c.state, c.music = waiting, q.Music
	c.note(at, Fact{Kind: QueueEntered, Queue: q.Queue, Priority: q.Priority, Node: q.Node})
	c.playMusic()
	c.do(ToQueues{Waiting{Interaction: c.Sum.Interaction, Queue: q.Queue, Priority: q.Priority, Since: at}})
}

// playMusic lets a waiting caller hear music from now on.
func (c *Call) playMusic() {
	c.begins = true
	c.do(PlayLoop{c.caller.id, c.music})
}

// soundBegan notes that the music is heard, which a join may wait for.
func (c *Call) soundBegan(e PlaybackStarted) {
	switch {
	case c.state == inFlow:
		c.do(ToFlow{e})
	case c.begins && (c.music.File == "" || strings.HasSuffix(e.Source, c.music.File)):
		c.begins = false
		c.bridgeIfDue()
	}
}

// callerSound keeps a waiting caller out of silence: music that is missing becomes a tone. Music that was broken off
// needs nothing: endless_playback begins again by itself, whatever ended one round, until the leg is parked or joined.
func (c *Call) callerSound(e PlaybackEnded) {
	if c.state == inFlow {
		c.do(ToFlow{e})
		return
	}
	if c.music.File == "" || !strings.HasSuffix(e.Source, c.music.File) {
		return // the end of the prompt that came before, or a round of the tone
	}
	c.silent = c.state == joining
	if e.Status != PlaybackMissing {
		return
	}
	c.begins, c.music = false, Sound{Tone: WaitTone}
	if c.state == waiting || c.state == ringing {
		c.playMusic()
	}
	c.bridgeIfDue()
}

// callerParked starts the music again for a waiting caller whose leg was thrown back to where nothing plays.
func (c *Call) callerParked() {
	if c.state == waiting || c.state == ringing {
		c.playMusic()
	}
}

// offered rings an agent. An offer that comes too late goes back at once, so that the agent is free again.
func (c *Call) offered(o Offer) {
	if c.state != waiting {
		c.ignored++
		c.do(ToQueues{Missed{c.Sum.Interaction, o.Offer, OriginatorCancel, o.At}})
		return
	}
	c.state, c.offer, c.ringing, c.picked = ringing, &o, false, false
	c.agents = append(c.agents, leg{id: o.Leg})
	c.note(o.At, Fact{Kind: AgentOffered, Queue: o.Queue, Agent: o.Agent, Offer: o.Offer, Leg: o.Leg})
	c.do(
		Dial{Leg: o.Leg, To: Endpoint{Extension: o.Extension}, CallerID: c.from, Timeout: o.RingTimeout,
			Vars: c.vars("agent")},
		StartTimer{timerOffer, o.RingTimeout + offerGrace},
	)
}

// withdrawn ends an offer that the queue engine took back.
func (c *Call) withdrawn(w Withdraw) {
	if c.offer == nil || c.offer.Offer != w.Offer || c.state != ringing && c.state != joining {
		c.ignored++
		return
	}
	c.missed(w.At, w.Cause)
}

// agentEvent takes an event of an agent's leg.
func (c *Call) agentEvent(l *leg, e Event) {
	present := c.offer != nil && c.offer.Leg == l.id
	if !present && !l.hung {
		switch e.(type) {
		case LegAnswered, LegParked: // the hang-up crossed it on the way
			c.do(HangUp{l.id, OriginatorCancel})
			return
		}
	}
	switch e := e.(type) {
	case LegProgress:
		if present && c.state == ringing && !c.ringing {
			c.ringing = true
			c.note(e.At, Fact{Kind: AgentRinging, Agent: c.offer.Agent, Offer: c.offer.Offer})
		}
	case LegAnswered:
		if present && !c.picked && (c.state == ringing || c.state == joining) {
			c.picked = true
			c.note(e.At, Fact{Kind: AgentAnswered, Agent: c.offer.Agent, Offer: c.offer.Offer, Leg: l.id})
		}
	case LegParked:
		if present && c.state == ringing && e.Answered {
			c.join()
		}
	case DialDone:
		c.dialDone(l, present, e)
	case LegBridged:
		c.bridged(e.At, e.Leg, e.Other)
	case LegHungUp:
		c.agentHungUp(l, e)
	case LegGone:
		if present && c.state == ringing && !l.hung {
			return // it never began; why not, the outcome of the dialling says, which follows (recording 19)
		}
		l.gone = true
		if !l.hung {
			c.agentHungUp(l, LegHungUp{e.Stamp, SwitchLost})
		}
		c.finishIfAllGone()
	case CommandFailed:
		c.agentCommandFailed(l, present, e)
	}
}

func (c *Call) dialDone(l *leg, present bool, e DialDone) {
	switch {
	case !e.OK:
		// Nothing of the leg is left on the switch, or there never was any.
		known := l.hung
		l.hung, l.gone, l.cause = true, true, e.Cause
		if present && c.state == ringing && !known {
			c.missed(e.At, e.Cause)
		}
		c.finishIfAllGone()
	case present && c.state == ringing:
		c.join()
	case l.hung || present:
	default:
		c.do(HangUp{l.id, OriginatorCancel})
	}
}

func (c *Call) agentCommandFailed(l *leg, present bool, e CommandFailed) {
	switch e.Command.(type) {
	case Dial:
		c.dialDone(l, present, DialDone{Stamp: e.Stamp, Cause: NormalTemporaryFailure})
	case Bridge:
		if present && c.state == joining {
			c.joinFailed(e.At)
		}
	}
}

// join asks for the two legs to be joined. Never before the agent's leg is parked or its dialling is reported as done:
// FreeSWITCH would then call the dialling failed though the leg lives (recording 08a). The dead man's switch goes
// first: firing into a talk it would tear the pair apart.
func (c *Call) join() {
	c.state, c.silent, c.due = joining, false, true
	c.do(StopTimer{timerOffer}, StartTimer{timerJoin, musicPatience})
	c.bridgeIfDue()
}

// bridgeIfDue joins the legs once the music has begun: music that was asked for and begins only in the middle of the
// talk would be heard instead of the agent.
func (c *Call) bridgeIfDue() {
	if c.state == joining && c.due && !c.begins {
		c.bridge()
	}
}

func (c *Call) bridge() {
	c.due = false
	c.do(DisarmFallback{c.caller.id}, Bridge{c.caller.id, c.offer.Leg}, StartTimer{timerJoin, joinPatience})
}

// joinFailed gives the caller back to the queue, with music if the attempt ended it.
func (c *Call) joinFailed(at time.Time) {
	c.do(StopTimer{timerJoin}, ArmFallback{c.caller.id, FallbackAfter})
	c.missed(at, NormalTemporaryFailure)
	if c.silent {
		c.playMusic()
	}
}

// missed ends the present offer without a talk; the caller waits on.
func (c *Call) missed(at time.Time, cause Cause) {
	o := c.offer
	c.note(at, Fact{Kind: AgentMissed, Agent: o.Agent, Offer: o.Offer, Cause: cause})
	c.do(StopTimer{timerOffer})
	c.dropAgent(cause)
	c.state = waiting
	c.do(ToQueues{Missed{c.Sum.Interaction, o.Offer, cause, at}})
}

// dropAgent ends the present agent's leg, if it still stands, and forgets the offer.
func (c *Call) dropAgent(cause Cause) {
	if l := c.current(); l != nil && !l.hung {
		if cause == NoAnswer || !cause.Valid() {
			cause = OriginatorCancel
		}
		c.do(HangUp{l.id, cause}, StartTimer{timerDrop, killPatience})
	}
	c.offer = nil
}

// dropAgain repeats the hang-up of legs that nobody wants any more, as long as the call lives: an agent whose phone
// was answered in the moment the link was cut must not listen to silence.
func (c *Call) dropAgain() {
	strays := c.Strays()
	for _, id := range strays {
		c.do(HangUp{id, OriginatorCancel})
	}
	if len(strays) > 0 {
		c.do(StartTimer{timerDrop, killPatience})
	}
}
