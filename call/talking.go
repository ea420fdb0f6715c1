package call

import (
	"fmt"
	"time"
)

// bridged notes that caller and agent are joined. Both legs may report it; the first report counts.
func (c *Call) bridged(at time.Time, a, b LegID) {
	if c.state != joining || c.offer == nil {
		if c.state != talking {
			c.ignored++
		}
		return
	}
	if !(a == c.caller.id && b == c.offer.Leg || b == c.caller.id && a == c.offer.Leg) {
		c.ignored++
		return
	}
	o := c.offer
	c.state = talking
	c.note(at, Fact{Kind: QueueLeft, Queue: o.Queue, Outcome: OutcomeAnswered})
	c.note(at, Fact{Kind: TalkStarted, Agent: o.Agent, Offer: o.Offer})
	c.do(
		StopTimer{timerJoin}, StopTimer{timerRenew},
		ToQueues{Accepted{c.Sum.Interaction, o.Offer, o.Agent, at}},
		StartRecording{c.caller.id, c.recordingPath()},
	)
}

// callerUnbridged: in a talk somebody hung up, and who it was is told by another event, soon. In the queue it is the
// end of a join that was given up; the switch then sends the leg to its hold extension, whose dead man's switch is
// short and takes the place of ours: it is renewed as soon as that is done.
func (c *Call) callerUnbridged() {
	switch c.state {
	case talking:
		c.do(StartTimer{timerApart, apartPatience})
	case waiting, ringing:
		c.do(StartTimer{timerRenew, holdSettles})
	}
}

// recorded notes the beginning and the end of the recording, each once.
func (c *Call) recorded(at time.Time, kind FactKind, from, to recordingState) {
	if c.record != from {
		c.ignored++
		return
	}
	c.record = to
	c.note(at, Fact{Kind: kind, Path: c.recordingPath()})
}

// recordingPath is where the call's recording is, below the recordings directory: a folder per day (UTC).
func (c *Call) recordingPath() string {
	d := c.Sum.Started.UTC()
	return fmt.Sprintf("%04d/%02d/%02d/%s.wav", d.Year(), d.Month(), d.Day(), c.Sum.Interaction)
}

// talkEnded closes the agent's part.
func (c *Call) talkEnded(at time.Time, by Actor) {
	o := c.offer
	c.note(at, Fact{Kind: TalkEnded, Agent: o.Agent, Offer: o.Offer, By: by})
	c.do(StopTimer{timerApart}, ToQueues{Released{c.Sum.Interaction, o.Offer, at}})
}

// callerHungUp ends everything: the order in which hang-ups arrive tells who was first.
func (c *Call) callerHungUp(e LegHungUp) {
	if c.caller.hung {
		return
	}
	c.caller.hung, c.caller.cause = true, e.Cause
	by, agentCause := ByCaller, OriginatorCancel
	if e.Cause == SwitchLost {
		by = BySystem
	}
	switch c.state {
	case ending:
		by = c.endBy
	case talking:
		c.talkEnded(e.At, by)
		agentCause = NormalClearing
	case waiting, ringing, joining:
		out := OutcomeAbandoned
		if by == BySystem {
			out = OutcomeFailed
		}
		c.note(e.At, Fact{Kind: QueueLeft, Queue: c.Sum.Queue, Outcome: out})
		c.do(ToQueues{Left{c.Sum.Interaction, e.At}})
	}
	c.dropAgent(agentCause)
	c.stopTimers()
	c.state = ending
	c.note(e.At, Fact{Kind: Ended, By: by, Cause: e.Cause, Outcome: c.outcome(by)})
	c.do(StartTimer{timerKill, killPatience})
	c.finishIfAllGone()
}

func (c *Call) outcome(by Actor) Outcome {
	switch {
	case !c.Sum.Talking.IsZero():
		return OutcomeAnswered
	case c.caller.cause == SwitchLost, by == BySystem && c.Sum.Phase == PhaseArriving:
		return OutcomeFailed
	case !c.Sum.Queued.IsZero() && by == BySystem:
		return OutcomeFailed
	case !c.Sum.Queued.IsZero():
		return OutcomeAbandoned
	default:
		return OutcomeFlow
	}
}

// agentHungUp ends the talk, or is one more missed offer, or is what we asked for.
func (c *Call) agentHungUp(l *leg, e LegHungUp) {
	if l.hung {
		return
	}
	l.hung, l.cause = true, e.Cause
	if c.offer == nil || c.offer.Leg != l.id {
		return
	}
	switch c.state {
	case ringing:
		c.missed(e.At, e.Cause)
	case joining:
		c.joinFailed(e.At)
	case talking:
		by := ByAgent
		if e.Cause == SwitchLost {
			by = BySystem
		}
		c.talkEnded(e.At, by)
		c.end(by, NormalClearing)
	}
}

// end asks for the caller's leg to be ended; the rest follows from its LegHungUp.
func (c *Call) end(by Actor, cause Cause) {
	if c.state == ending || c.state == finished {
		return
	}
	agentCause := OriginatorCancel
	if c.state == talking {
		agentCause = NormalClearing
	}
	c.dropAgent(agentCause)
	c.state, c.endBy = ending, by
	c.do(HangUp{c.caller.id, cause}, StartTimer{timerKill, killPatience})
}

func (c *Call) stopTimers() {
	for _, name := range []string{timerRenew, timerAnswer, timerOffer, timerJoin, timerApart, timerDrop, timerMusic} {
		c.do(StopTimer{name})
	}
}

// killAgain repeats the hang-up of legs that should be gone; after some tries they are given up as lost.
func (c *Call) killAgain(at time.Time) {
	if c.kills++; c.kills > maxKills {
		if !c.caller.hung {
			c.callerHungUp(LegHungUp{Stamp{Leg: c.caller.id, At: at}, SwitchLost})
		}
		c.caller.gone = true
		for i := range c.agents {
			c.agents[i].hung, c.agents[i].gone = true, true
		}
		c.finishIfAllGone()
		return
	}
	for _, id := range c.Legs() {
		c.do(HangUp{id, NormalClearing})
	}
	c.do(StartTimer{timerKill, killPatience})
}

func (c *Call) finishIfAllGone() {
	if c.state == ending && c.caller.gone && len(c.Legs()) == 0 {
		c.state = finished
		c.do(StopTimer{timerKill}, Finished{})
	}
	if c.state != ending && c.state != finished {
		kept := c.agents[:0]
		for _, a := range c.agents {
			if !a.gone {
				kept = append(kept, a)
			}
		}
		c.agents = kept
	}
}
