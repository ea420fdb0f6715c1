package call

// arrive takes the caller in: the dead man's switch is set for a core that listens, the leg learns whose it is, and
// the call is answered.
func (c *Call) arrive(o LegOffered) {
	c.state, c.caller, c.from = arriving, leg{id: o.Leg}, o.From
	c.note(o.At, Fact{Kind: Received, Leg: o.Leg, Flow: c.Sum.Flow, FlowVer: c.Sum.FlowVersion})
	c.do(
		ArmFallback{o.Leg, FallbackAfter},
		SetVars{Leg: o.Leg, Vars: c.vars("caller"), HoldAfterBridge: true},
		Answer{o.Leg},
		StartTimer{timerRenew, FallbackRenew},
		StartTimer{timerAnswer, answerPatience},
	)
}

// callerEvent takes an event of the caller's leg.
func (c *Call) callerEvent(e Event) {
	switch e := e.(type) {
	case LegAnswered:
		if c.state != arriving {
			c.ignored++
			return
		}
		c.state = inFlow
		c.note(e.At, Fact{Kind: AnsweredBySystem})
		c.do(StopTimer{timerAnswer}, ToFlow{e})
	case PlaybackEnded:
		c.callerSound(e)
	case PlaybackStarted:
		c.soundBegan(e)
	case DigitPressed:
		if c.state == inFlow {
			c.do(ToFlow{e})
		}
	case LegBridged:
		c.bridged(e.At, e.Leg, e.Other)
	case LegUnbridged:
		c.callerUnbridged()
	case RecordingStarted:
		c.recorded(e.At, RecordingBegan, notRecorded, recording)
	case RecordingStopped:
		c.recorded(e.At, RecordingClosed, recording, recorded)
	case CommandFailed:
		c.callerCommandFailed(e)
	case LegHungUp:
		c.callerHungUp(e)
	case LegGone:
		c.caller.gone = true
		if !c.caller.hung {
			c.callerHungUp(LegHungUp{e.Stamp, SwitchLost})
		}
		c.finishIfAllGone()
	case LegParked:
		c.callerParked()
	case LegCreated, LegOffered, LegProgress, LegHeld:
		// known already, or of no consequence for a caller
	default:
		c.ignored++
	}
}

// wish carries out what the flow wants. In any state but the flow's it is late and is ignored.
func (c *Call) wish(w Wish) {
	if n, ok := w.Command.(Note); ok && c.state != finished {
		c.note(w.At, n.Fact)
		return
	}
	if c.state != inFlow {
		c.ignored++
		return
	}
	switch cmd := w.Command.(type) {
	case Enqueue:
		c.enqueue(w.At, cmd)
	case EndFlow:
		c.end(BySystem, cmd.Cause)
	case Play, PlayLoop, StopSound, StartTimer, StopTimer:
		c.do(cmd)
	default:
		c.ignored++
	}
}

func (c *Call) callerCommandFailed(e CommandFailed) {
	switch e.Command.(type) {
	case Answer:
		if c.state == arriving {
			c.end(BySystem, NormalTemporaryFailure)
		}
	case Play:
		if c.state == inFlow {
			c.do(ToFlow{e})
		}
	case PlayLoop:
		c.begins = false
		c.bridgeIfDue()
		if c.state == waiting || c.state == ringing {
			c.do(StartTimer{timerMusic, musicRetry}) // at once would be for ever while the link is down
		}
	case Bridge:
		if c.state == joining {
			c.joinFailed(e.At)
		}
	case SetVars, ArmFallback, DisarmFallback, StopSound, StartRecording, StopRecording, HangUp:
		// The leg is gone or going, which LegHungUp tells; a recording that does not start is missing in the record.
	}
}

func (c *Call) timer(t TimerFired) {
	if len(t.Timer) > len(FlowTimer) && t.Timer[:len(FlowTimer)] == FlowTimer {
		if c.state == inFlow {
			c.do(ToFlow{t})
		}
		return
	}
	switch {
	case t.Timer == timerRenew && c.state == joining:
		c.do(StartTimer{timerRenew, FallbackRenew}) // disarmed for the talk that is about to begin
	case t.Timer == timerMusic && (c.state == waiting || c.state == ringing):
		c.playMusic()
	case t.Timer == timerDrop && c.state > fresh && c.state < ending:
		c.dropAgain()
	case t.Timer == timerRenew && c.state < talking && c.state > fresh:
		c.do(ArmFallback{c.caller.id, FallbackAfter}, StartTimer{timerRenew, FallbackRenew})
	case t.Timer == timerAnswer && c.state == arriving:
		c.end(BySystem, NormalTemporaryFailure)
	case t.Timer == timerOffer && c.state == ringing:
		c.missed(t.At, NoAnswer)
	case t.Timer == timerJoin && c.state == joining && c.due:
		c.bridge()
	case t.Timer == timerJoin && c.state == joining:
		c.joinFailed(t.At)
	case t.Timer == timerApart && c.state == talking:
		c.talkEnded(t.At, BySystem)
		c.end(BySystem, NormalTemporaryFailure)
	case t.Timer == timerKill && c.state == ending:
		c.killAgain(t.At)
	default:
		c.ignored++
	}
}
