package esl

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"ramal/esl/wire"
)

// open dials and authenticates one connection; every step falls under the one time-out, so that a silent, slow or
// rude peer cannot hold it. Commands in setup are sent one by one and must be answered with +OK.
func (l *Link) open(ctx context.Context, setup ...message) (net.Conn, *wire.FrameReader, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, l.config.ConnectTimeout,
		fmt.Errorf("connect to the switch at %s: no answer within %v", l.config.Address, l.config.ConnectTimeout))
	defer cancel()
	conn, err := l.config.Dial(ctx, "tcp", l.config.Address)
	if err != nil {
		return nil, nil, fmt.Errorf("connect to the switch at %s: %w", l.config.Address, err)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	frames := wire.NewFrameReader(conn, wire.Limits{})
	err = l.greet(conn, frames, setup)
	if !stop() { // the context ended: that is the reason, not the closed connection
		err = context.Cause(ctx)
	}
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	return conn, frames, nil
}

func (l *Link) greet(conn net.Conn, frames *wire.FrameReader, setup []message) error {
	frame, err := frames.Next()
	if err != nil {
		return fmt.Errorf("read the switch's greeting: %w", err)
	}
	switch frame.ContentType {
	case wire.TypeAuthRequest:
	case wire.TypeRudeRejection:
		return ErrRejected
	default:
		return fmt.Errorf("the switch's greeting is %.40q", frame.ContentType)
	}
	password, err := authenticate(l.config.Password)
	if err != nil {
		return err
	}
	for i, m := range append([]message{password}, setup...) {
		if _, err := conn.Write([]byte(m.text)); err != nil {
			return fmt.Errorf("greet the switch: %w", err)
		}
		reply, err := firstReply(frames)
		if err != nil {
			return fmt.Errorf("greet the switch: %w", err)
		}
		switch {
		case strings.HasPrefix(reply, "+OK"):
		case i == 0:
			return fmt.Errorf("%w: %.60q", ErrUnauthorised, reply)
		default:
			return fmt.Errorf("the switch refuses the events: %.60q", reply)
		}
	}
	return nil
}

func firstReply(frames *wire.FrameReader) (string, error) {
	for {
		frame, err := frames.Next()
		if err != nil {
			return "", err
		}
		switch frame.ContentType {
		case wire.TypeCommandReply:
			return frame.ReplyText, nil
		case wire.TypeRudeRejection:
			return "", ErrRejected
		case wire.TypeDisconnect:
			return "", ErrSwitchLeft
		}
	}
}

// backoff is the pause before the next dial: doubling from 100 ms to 5 s, each drawn between half and whole.
type backoff struct{ step int }

func (b *backoff) next(random func() float64) time.Duration {
	pause := min(100*time.Millisecond<<min(b.step, 6), 5*time.Second)
	b.step++
	return pause/2 + time.Duration(random()*float64(pause/2))
}
