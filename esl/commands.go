package esl

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"ramal/esl/wire"
)

// Errors that cost a link its connections. All are transient: the link dials again.
var (
	ErrDeadline     = errors.New("esl: a command was not answered in time")
	ErrOutOfStep    = errors.New("esl: a reply without a command")
	ErrSwitchLeft   = errors.New("esl: the switch ended the connection")
	ErrLinkDown     = errors.New("esl: the link to the switch is down")
	ErrQueueFull    = errors.New("esl: too many commands wait for the switch")
	ErrOverflow     = errors.New("esl: events are not taken fast enough")
	ErrNoHeartbeat  = errors.New("esl: no event and no HEARTBEAT arrives any more")
	ErrRejected     = errors.New("esl: the switch's access list refuses this address")
	ErrPosture      = errors.New("esl: the switch is refused in production")
	ErrUnauthorised = errors.New("esl: the switch refuses the password")
)

// exchange is one command and what to do with its reply.
type exchange struct {
	message message
	timeout time.Duration
	// done is called exactly once, by the connection's reader or by whoever ends the connection. It must not block.
	done  func(reply string, err error)
	timer *time.Timer
}

// commands is the connection that carries commands. Replies are paired with commands in order; a missed deadline, a
// reply too many or any error ends the connection, since nothing that follows could be paired any more.
type commands struct {
	conn  net.Conn
	limit int // commands queued and unanswered
	fail  func(error)

	mu      sync.Mutex
	closed  error
	queued  []*exchange // not written yet
	pending []*exchange // written, in order
	wake    chan struct{}
}

func newCommands(conn net.Conn, limit int, fail func(error)) *commands {
	return &commands{conn: conn, limit: limit, fail: fail, wake: make(chan struct{}, 1)}
}

// send queues exchanges next to each other, all or none, and returns at once. Each deadline counts from now.
func (c *commands) send(batch ...*exchange) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed != nil {
		return fmt.Errorf("%w: %w", ErrLinkDown, c.closed)
	}
	if len(c.queued)+len(c.pending)+len(batch) > c.limit {
		return ErrQueueFull
	}
	for _, x := range batch {
		x.timer = time.AfterFunc(x.timeout, func() {
			verb, _, _ := strings.Cut(x.message.text, " ")
			c.fail(fmt.Errorf("%w: %s after %v", ErrDeadline, verb, x.timeout))
		})
	}
	c.queued = append(c.queued, batch...)
	select {
	case c.wake <- struct{}{}:
	default:
	}
	return nil
}

// ask sends one command and waits for its reply. When ctx ends first, the reply still goes to this command and to
// nobody else.
func (c *commands) ask(ctx context.Context, m message, timeout time.Duration) (string, error) {
	type answer struct {
		reply string
		err   error
	}
	answered := make(chan answer, 1)
	err := c.send(&exchange{message: m, timeout: timeout,
		done: func(reply string, err error) { answered <- answer{reply, err} }})
	if err != nil {
		return "", err
	}
	select {
	case a := <-answered:
		return a.reply, a.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// write is the connection's one writer. It returns when ctx ends or a write fails.
func (c *commands) write(ctx context.Context) error {
	var out []byte
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-c.wake:
		}
		out = out[:0]
		c.mu.Lock()
		for _, x := range c.queued {
			out = append(out, x.message.text...)
		}
		c.pending = append(c.pending, c.queued...) // before the bytes leave: the reply may be fast
		clear(c.queued)
		c.queued = c.queued[:0]
		c.mu.Unlock()
		if len(out) == 0 {
			continue
		}
		if _, err := c.conn.Write(out); err != nil {
			return fmt.Errorf("write commands: %w", err)
		}
	}
}

// read is the connection's one reader. It returns when the stream ends or is out of step.
func (c *commands) read(frames *wire.FrameReader) error {
	for {
		frame, err := frames.Next()
		if err != nil {
			return fmt.Errorf("read replies: %w", err)
		}
		reply := ""
		switch frame.ContentType {
		case wire.TypeAPIResponse:
			reply = string(frame.Body)
		case wire.TypeCommandReply:
			reply = frame.ReplyText
		case wire.TypeDisconnect:
			return ErrSwitchLeft
		default:
			continue
		}
		x := c.oldest()
		if x == nil {
			return ErrOutOfStep
		}
		x.timer.Stop()
		// The one reply of another kind that a switch may give is a refusal (a user without the right to an api).
		if x.message.reply != frame.ContentType && !strings.HasPrefix(reply, "-ERR") {
			x.done("", ErrOutOfStep)
			return fmt.Errorf("%w: %s for %s", ErrOutOfStep, frame.ContentType, x.message.reply)
		}
		x.done(reply, nil)
	}
}

func (c *commands) oldest() *exchange {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.pending) == 0 {
		return nil
	}
	x := c.pending[0]
	c.pending[0] = nil
	c.pending = c.pending[1:]
	return x
}

// close refuses further commands and gives err to those without a reply, in order. The reader and the writer have
// returned by then.
func (c *commands) close(err error) {
	c.mu.Lock()
	c.closed = err
	left := append(c.pending, c.queued...)
	c.pending, c.queued = nil, nil
	c.mu.Unlock()
	for _, x := range left {
		x.timer.Stop()
		x.done("", fmt.Errorf("%w, outcome unknown: %w", ErrLinkDown, err))
	}
}

// refused returns the switch's words when a reply is a refusal, "" otherwise. (uuid_answer of an unknown leg says
// "-ERROR"; a command with wrong arguments "-USAGE".)
func refused(reply string) string {
	if strings.HasPrefix(reply, "-ERR") || strings.HasPrefix(reply, "-USAGE") {
		return strings.TrimSpace(reply)
	}
	return ""
}
