package esl

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"time"

	"ramal/call"
	"ramal/esl/wire"
)

// events is the connection that carries events.
type events struct {
	conn    net.Conn
	silence time.Duration // without any event for so long, the connection is half dead
	poke    time.Duration // pause between newlines; 0 for none
	last    atomic.Int64  // when the last event arrived, Unix nanoseconds
}

// read is the connection's one reader: it frames, translates and hands on. It never blocks on what it hands to.
func (e *events) read(frames *wire.FrameReader, stats *counters, deliver func(call.Event, jobResult)) error {
	var h headers
	var armed time.Time
	for {
		// HEARTBEAT comes every 20 s, so a live connection is never silent for long, even with no call at all.
		if now := time.Now(); now.Sub(armed) > e.silence/64 {
			armed = now
			if err := e.conn.SetReadDeadline(now.Add(e.silence)); err != nil {
				return fmt.Errorf("watch the events: %w", err)
			}
		}
		frame, err := frames.Next()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return fmt.Errorf("%w for %v", ErrNoHeartbeat, e.silence)
		}
		if err != nil {
			return fmt.Errorf("read events: %w", err)
		}
		switch frame.ContentType {
		case wire.TypeEventPlain:
			e.last.Store(time.Now().UnixNano())
			stats.received.Add(1)
			event := h.translate(frame.Body)
			if event == nil {
				stats.ignored.Add(1)
			}
			if event != nil || h.job.id != "" {
				deliver(event, h.job)
			}
		case wire.TypeDisconnect:
			return ErrSwitchLeft
		}
	}
}

// wakeUp is the connection's one writer. The switch's listener sleeps up to 20 ms in its poll while nothing
// arrives, and events wait as long; a newline ends its sleep (measured: docs and BenchmarkP5).
func (e *events) wakeUp(ctx context.Context) error {
	if e.poke <= 0 {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	tick := time.NewTicker(e.poke)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case now := <-tick.C:
			if now.UnixNano()-e.last.Load() < int64(e.poke) {
				continue // events flow: the listener is awake
			}
			// Not from the tick: on a starved machine it may be seconds old.
			if err := e.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
				return fmt.Errorf("wake the switch: %w", err)
			}
			if _, err := e.conn.Write(poke); err != nil {
				return fmt.Errorf("wake the switch: %w", err)
			}
		}
	}
}

// writeTimeout bounds a write to a switch that no longer reads.
const writeTimeout = 5 * time.Second
