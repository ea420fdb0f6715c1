package ivr

import (
	"strings"
	"time"

	"ramal/call"
)

// Session walks one published flow for one caller.
//
//	          enter node                 prompt ended             digit, or time-out
//	(begin) ───────────► playing ──────────────────► listening ─────────────────► enter node
//	                        │  digit (barge-in)          (menu only)
//	                        ▼
//	                     breaking ── prompt ended ──► enter node
//
// A node without a prompt is left at once; queue and hang-up nodes end the session.
type Session struct {
	flow    Published
	leg     call.LegID
	state   sessionState
	key     string // the present node
	attempt int    // rounds of the present menu, 1 first
	sound   string // file being played
	again   string // file to play after the present one: the menu's own prompt after "invalid"
	retries int    // times the present sound was begun again after an unasked break
	digits  string // pressed and not used yet
	out     []call.Command
}

type sessionState uint8

const (
	idle sessionState = iota
	playing
	breaking
	listening
	over
)

// Times of the session. A prompt whose end is never reported must not hold the caller for ever.
const (
	DefaultTimeout = 5 * time.Second
	breakPatience  = 2 * time.Second
	playPatience   = 5 * time.Minute
	maxRetries     = 2
)

// DefaultAttempts is how often a menu is offered where the flow does not say.
const DefaultAttempts = 3

const (
	timerInput = call.FlowTimer + "input"
	timerStuck = call.FlowTimer + "stuck"
)

// NewSession makes a session of the flow for the caller's leg.
func NewSession(flow Published, leg call.LegID) *Session { return &Session{flow: flow, leg: leg} }

// Node returns the key of the present node.
func (s *Session) Node() string { return s.key }

// Step takes an event of the caller's leg or a timer and returns what is to be done. The slice is valid until the
// next Step. The first event, LegAnswered, begins the flow.
func (s *Session) Step(e call.Event) []call.Command {
	s.out = s.out[:0]
	switch e := e.(type) {
	case call.LegAnswered:
		if s.state == idle {
			s.enter(s.flow.Flow.Start)
		}
	case call.DigitPressed:
		s.digit(e.Digit)
	case call.PlaybackEnded:
		if s.sound != "" && strings.HasSuffix(e.Source, s.sound) {
			s.soundEnded(e.Status)
		}
	case call.CommandFailed:
		if p, ok := e.Command.(call.Play); ok && p.Sound.File == s.sound {
			s.soundEnded(call.PlaybackMissing)
		}
	case call.TimerFired:
		s.timer(e.Timer)
	}
	return s.out
}

func (s *Session) do(cmds ...call.Command) { s.out = append(s.out, cmds...) }

func (s *Session) note(f call.Fact) { s.do(call.Note{Fact: f}) }

func (s *Session) node() Node { return s.flow.Flow.Nodes[s.key] }

func (s *Session) enter(key string) {
	s.key, s.attempt = key, 0
	n, ok := s.flow.Flow.Nodes[key]
	if !ok { // Check refuses such a flow; a caller must not pay for one that slipped through
		s.state = over
		s.do(call.EndFlow{Cause: call.NormalTemporaryFailure, Node: key})
		return
	}
	s.note(call.Fact{Kind: call.FlowNode, Node: key, Label: n.Label})
	switch n.Type {
	case Menu:
		s.round()
	case ToQueue:
		s.state = over
		q := call.Enqueue{Queue: n.Queue, Priority: n.Priority, Node: key}
		if n.Music != "" {
			q.Music = call.Sound{File: n.Music}
		}
		s.do(q)
	default:
		s.play(n.Prompt)
	}
}

// round offers the present menu once more.
func (s *Session) round() {
	s.attempt++
	if s.digits != "" { // typed ahead, during the message before
		s.choose()
		return
	}
	s.play(s.node().Prompt)
}

func (s *Session) play(p *Prompt) {
	if p == nil || p.File == "" {
		s.promptOver()
		return
	}
	s.state, s.sound, s.retries = playing, p.File, 0
	s.do(call.Play{Leg: s.leg, Sound: call.Sound{File: p.File}}, call.StartTimer{Timer: timerStuck, After: playPatience})
}

func (s *Session) digit(d call.Digit) {
	if !d.Valid() {
		return
	}
	n := s.node()
	switch s.state {
	case playing:
		if n.NoBarge || n.Type == HangUp {
			return
		}
		s.digits, s.again = string(d), ""
		s.state = breaking
		s.do(call.StopSound{Leg: s.leg}, call.StartTimer{Timer: timerStuck, After: breakPatience})
	case breaking:
		if len(s.digits) < 8 {
			s.digits += string(d)
		}
	case listening:
		s.digits = string(d)
		s.do(call.StopTimer{Timer: timerInput})
		s.choose()
	}
}

// soundEnded goes on after a prompt. One that was broken without our asking (FreeSWITCH keeps a break that came just
// after the end of the sound before, and applies it to the next) begins again.
func (s *Session) soundEnded(status call.PlaybackStatus) {
	if s.state != playing && s.state != breaking {
		return
	}
	if status == call.PlaybackBroken && s.state == playing && s.retries < maxRetries {
		s.retries++
		s.do(call.Play{Leg: s.leg, Sound: call.Sound{File: s.sound}})
		return
	}
	if status == call.PlaybackMissing {
		s.note(call.Fact{Kind: call.FlowPromptLost, Node: s.key, Path: s.sound})
	}
	s.sound = ""
	s.do(call.StopTimer{Timer: timerStuck})
	if next := s.again; next != "" && s.state == playing {
		s.again = ""
		s.play(&Prompt{File: next})
		return
	}
	s.promptOver()
}

func (s *Session) promptOver() {
	n := s.node()
	switch n.Type {
	case Menu:
		if s.digits != "" {
			s.choose()
			return
		}
		s.state = listening
		wait := time.Duration(n.TimeoutS) * time.Second
		if wait == 0 {
			wait = DefaultTimeout
		}
		s.do(call.StartTimer{Timer: timerInput, After: wait})
	case HangUp:
		s.state = over
		s.do(call.EndFlow{Cause: call.NormalClearing, Node: s.key})
	default:
		s.enter(n.Next)
	}
}

// choose uses the first digit pressed.
func (s *Session) choose() {
	n := s.node()
	d := s.digits[:1]
	s.digits = s.digits[1:]
	if o, ok := n.Options[d]; ok {
		s.note(call.Fact{Kind: call.FlowOption, Node: s.key, Digit: call.Digit(d), Label: o.Label})
		s.enter(o.Next)
		return
	}
	s.digits = ""
	s.note(call.Fact{Kind: call.FlowInvalid, Node: s.key})
	s.failedRound(n, n.Invalid)
}

func (s *Session) failedRound(n Node, say *Prompt) {
	attempts := n.Attempts
	if attempts == 0 {
		attempts = DefaultAttempts
	}
	if s.attempt >= attempts {
		s.enter(n.Fallback)
		return
	}
	if say == nil || say.File == "" {
		s.round()
		return
	}
	s.attempt++
	if n.Prompt != nil {
		s.again = n.Prompt.File
	}
	s.play(say)
}

func (s *Session) timer(name string) {
	switch {
	case name == timerInput && s.state == listening:
		s.note(call.Fact{Kind: call.FlowNoInput, Node: s.key})
		s.failedRound(s.node(), s.node().NoInput)
	case name == timerStuck && (s.state == playing || s.state == breaking):
		s.sound, s.again = "", ""
		s.promptOver()
	}
}
