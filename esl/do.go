package esl

import (
	"crypto/rand"
	"fmt"
	"time"

	"ramal/call"
)

// Do carries out a command. It returns at once; what came of it arrives as events, call.CommandFailed when the
// switch (or the builder, or a link that is down) refuses. Commands that need another's outcome are held back here:
// a Bridge waits until the leg of a Dial is parked (recording 08a), a HangUp until the switch has made the leg
// (uuid_kill would not find it, and it would ring), and a Dial while the switch's limit of new legs per second is
// used up.
func (l *Link) Do(cmd call.Command) {
	messages, err := l.config.Vocabulary.build(cmd)
	if err != nil {
		l.config.Logger.Error("command refused", "command", fmt.Sprintf("%T", cmd), "error", err)
		l.failed(cmd, err.Error())
		return
	}
	held := false
	switch c := cmd.(type) {
	case call.Dial:
		l.dial(c, messages[0])
		held = true
	case call.Bridge:
		held = l.holdBridge(c, messages[0])
	case call.HangUp:
		held = l.holdHangUp(c, messages[0])
	case call.ReloadDirectory:
		l.reload(c)
		held = true
	}
	if !held {
		l.send(cmd, messages...)
	}
}

// send sends a command's messages one behind the other. The first refusal is reported; the others are sent anyway, as
// they were on their way.
func (l *Link) send(cmd call.Command, messages ...message) {
	s := l.current()
	if s == nil {
		l.failed(cmd, ErrLinkDown.Error())
		return
	}
	reported := false // used by the connection's reader alone, then by whoever ends the connection after it
	batch := make([]*exchange, len(messages))
	for i, m := range messages {
		batch[i] = &exchange{message: m, timeout: l.config.CommandTimeout, done: func(reply string, err error) {
			_, dial := cmd.(call.Dial)
			reason := refused(reply)
			switch {
			case err != nil && dial:
				return // whether it was placed is asked after the next connect (lostDials)
			case err != nil:
				reason = err.Error()
			}
			if reason != "" && !reported {
				reported = true
				l.failed(cmd, reason)
			}
		}}
	}
	if err := s.commands.send(batch...); err != nil {
		l.failed(cmd, err.Error())
	}
}

// reload has the switch read its configuration again, in the background since that takes its time.
func (l *Link) reload(c call.ReloadDirectory) {
	job := newUUID()
	m, err := bgapi(job, "reloadxml")
	s := l.current()
	if err == nil && s == nil {
		err = ErrLinkDown
	}
	if err != nil {
		l.failed(c, err.Error())
		return
	}
	l.mu.Lock()
	l.jobs[job] = c
	l.mu.Unlock()
	lost := func(reason string) {
		l.mu.Lock()
		_, open := l.jobs[job]
		delete(l.jobs, job)
		l.mu.Unlock()
		if open && reason != "" { // otherwise it was reported when the link went down
			l.failed(c, reason)
		}
	}
	err = s.commands.send(&exchange{message: m, timeout: l.config.CommandTimeout, done: func(reply string, err error) {
		if err != nil {
			lost(err.Error())
		} else if reason := refused(reply); reason != "" {
			lost(reason)
		}
	}})
	if err != nil {
		lost(err.Error())
	}
}

// failed reports a command that came to nothing, and those that waited for it. It does not wait: its caller may be
// the sink itself.
func (l *Link) failed(cmd call.Command, reason string) {
	l.stats.refused.Add(1)
	l.report(commandFailed(cmd, reason))
	if c, ok := cmd.(call.Dial); ok {
		for _, event := range l.forgetDial(c) {
			l.report(event)
		}
	}
}

func (l *Link) report(event call.Event) {
	if s := l.current(); s != nil {
		s.deliver(event)
		return
	}
	select {
	case l.queue <- event:
	default:
		l.stats.lost.Add(1) // the queue is full and the link down: the next LinkUp tells how things are
	}
}

func commandFailed(cmd call.Command, reason string) call.CommandFailed {
	return call.CommandFailed{
		Stamp: call.Stamp{Leg: legOfCommand(cmd), At: time.Now().UTC()}, Command: cmd, Reason: reason,
	}
}

// newUUID makes a random UUID (RFC 9562 version 4).
func newUUID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
