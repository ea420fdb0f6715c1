package esl

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"ramal/call"
	"ramal/internal/lifecycle"
)

// session is the life of a link between two losses.
type session struct {
	link     *Link
	ctx      context.Context
	fail     context.CancelCauseFunc
	commands *commands

	mu      sync.Mutex
	open    bool         // LinkUp is in the queue: events may follow
	waiting []call.Event // those that came before
}

// live connects, resynchronises and stays until something fails. up says whether the link had come up.
func (l *Link) live(parent context.Context) (up bool, failure error) {
	ctx, fail := context.WithCancelCause(parent)
	defer fail(nil)
	listen, err := subscribe(subscribed)
	if err != nil {
		return false, err
	}
	eventConn, eventFrames, err := l.open(ctx, listen)
	if err != nil {
		return false, err
	}
	defer eventConn.Close()
	commandConn, commandFrames, err := l.open(ctx)
	if err != nil {
		return false, err
	}
	defer commandConn.Close()
	// Whatever blocks in a read or a write comes back when the session ends.
	defer context.AfterFunc(ctx, func() { eventConn.Close(); commandConn.Close() })()

	s := &session{link: l, ctx: ctx, fail: fail, commands: newCommands(commandConn, l.config.Commands, fail)}
	incoming := &events{conn: eventConn, silence: l.config.HeartbeatTimeout, poke: l.config.PokeEvery}
	group := lifecycle.New(ctx)
	task := func(name string, run func(context.Context) error) {
		group.Go(name, func(ctx context.Context) error {
			err := run(ctx)
			fail(err)
			return err
		})
	}
	task("switch replies", func(context.Context) error { return s.commands.read(commandFrames) })
	task("switch commands", s.commands.write)
	task("switch events", func(context.Context) error { return incoming.read(eventFrames, &l.stats, s.arrived) })
	task("switch poke", incoming.wakeUp)

	if lost, err := s.start(); err != nil {
		fail(err)
	} else {
		up = true
		l.stats.connects.Add(1)
		for _, event := range lost { // as if the switch had just said it
			s.arrived(event, jobResult{})
		}
		fail(s.ping())
	}
	failure = context.Cause(ctx)
	eventConn.Close()
	commandConn.Close()
	ended := group.Wait()
	if failure == nil {
		failure = ended
	}
	l.finish(s, up, failure)
	return up, failure
}

// start asks the switch for its state and opens the gate for the events that came meanwhile. lost are the outcomes of
// dials that ran when the link was lost before.
func (s *session) start() (lost []call.Event, err error) {
	l := s.link
	info, err := s.inquire()
	if err != nil {
		return nil, fmt.Errorf("ask the switch for its state: %w", err)
	}
	if len(info.Problems) > 0 {
		if l.config.Production {
			return nil, fmt.Errorf("%w: %s", ErrPosture, strings.Join(info.Problems, "; "))
		}
		l.config.Logger.Warn("the switch is not safe for production", "address", l.config.Address,
			"problems", strings.Join(info.Problems, "; "))
	}
	legs, err := s.legs(s.ctx, l.config.CommandTimeout)
	if err != nil {
		return nil, fmt.Errorf("list the switch's legs: %w", err)
	}
	if lost, err = s.lostDials(legs); err != nil {
		return nil, err
	}
	l.mu.Lock()
	l.session, l.info = s, info
	l.dials.limit(info.PerSecond)
	l.mu.Unlock()
	up := call.LinkUp{Stamp: call.Stamp{At: time.Now().UTC()}, CoreUUID: info.CoreUUID, Legs: legs}
	l.config.Logger.Info("switch link up", "address", l.config.Address, "version", info.Version, "legs", len(legs))

	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = true
	s.push(up)
	for _, event := range s.waiting {
		s.push(event)
	}
	s.waiting = nil
	return lost, nil
}

// ping asks for the switch's state every few seconds: a link whose commands are no longer answered is noticed within
// PingEvery and CommandTimeout even when nobody sends any.
func (s *session) ping() error {
	tick := time.NewTicker(s.link.config.PingEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return context.Cause(s.ctx)
		case <-tick.C:
		}
		info, err := s.inquire()
		if err != nil {
			return fmt.Errorf("ping the switch: %w", err)
		}
		s.link.mu.Lock()
		s.link.info = info
		s.link.dials.limit(info.PerSecond)
		s.link.mu.Unlock()
		s.link.pump()
	}
}

// arrived takes an event from the event connection's reader.
func (s *session) arrived(event call.Event, job jobResult) {
	done := s.link.track(event, job)
	if event != nil {
		s.deliver(event)
	}
	for _, event := range done {
		s.deliver(event)
	}
	s.link.pump()
}

// deliver puts an event behind those before it, without waiting; too many drop the link.
func (s *session) deliver(event call.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open {
		s.push(event)
		return
	}
	if len(s.waiting) >= s.link.config.Events {
		s.overflow()
		return
	}
	s.waiting = append(s.waiting, event)
}

func (s *session) push(event call.Event) {
	if s.ctx.Err() != nil {
		return // LinkDown follows: what is not in the queue yet is known from the next LinkUp
	}
	select {
	case s.link.queue <- event:
	default:
		s.overflow()
	}
}

func (s *session) overflow() {
	if s.ctx.Err() == nil {
		s.link.stats.overflows.Add(1)
		s.fail(ErrOverflow)
	}
}

// finish ends a session: commands without a reply fail, the sink learns that the link is down.
func (l *Link) finish(s *session, up bool, failure error) {
	l.mu.Lock()
	l.session = nil
	l.mu.Unlock()
	if failure == nil {
		failure = errors.New("closed")
	}
	failed := l.dropDials()
	s.commands.close(failure)
	if up {
		now := call.Stamp{At: time.Now().UTC()}
		l.hand(append(failed, call.LinkDown{Stamp: now, Reason: failure.Error()}))
	}
}

// handPatience bounds the wait for a sink that does not take LinkDown; LinkUp, which follows, tells it everything
// again.
const handPatience = time.Second

// hand waits for room in the queue to the sink, for a while.
func (l *Link) hand(events []call.Event) {
	timer := time.NewTimer(handPatience)
	defer timer.Stop()
	for i, event := range events {
		select {
		case l.queue <- event:
		case <-timer.C:
			l.stats.lost.Add(uint64(len(events) - i))
			return
		}
	}
}
