package media

import (
	"context"
	"time"
)

// maxLag is how far a sender may be behind before it gives frames up instead of sending them late.
const maxLag = 200 * time.Millisecond

// Pacer says when each frame of a stream is due. Deadlines are counted from the start, so that late wake-ups never
// add up to a drift. A sender that is late catches up at twice the pace, never in a burst; one that is more than 200
// ms late skips frames, whose number it is told so that the RTP timestamp can jump over them.
type Pacer struct {
	start  time.Time
	period time.Duration
	frame  int64 // frames from start to the next deadline
	sent   time.Time
}

// NewPacer starts at start: the first deadline is start itself, the others follow one period apart.
func NewPacer(start time.Time, period time.Duration) *Pacer {
	return &Pacer{start: start, period: period, frame: -1}
}

// Next gives the time of the next frame, when it is now, and how many frames were given up before it. Call it once
// per frame, right after the one before was sent.
func (p *Pacer) Next(now time.Time) (deadline time.Time, skipped int) {
	p.frame++
	deadline = p.start.Add(time.Duration(p.frame) * p.period)
	if late := now.Sub(deadline); late > maxLag {
		skipped = int(late / p.period)
		p.frame += int64(skipped)
		deadline = p.start.Add(time.Duration(p.frame) * p.period)
	}
	if soonest := p.sent.Add(p.period / 2); !p.sent.IsZero() && deadline.Before(soonest) {
		deadline = soonest
	}
	p.sent = deadline
	if now.After(deadline) {
		p.sent = now
	}
	return deadline, skipped
}

// Wait sleeps until the next frame is due. It returns how many frames were given up, or the context's error.
func (p *Pacer) Wait(ctx context.Context) (skipped int, err error) {
	deadline, skipped := p.Next(time.Now())
	wait := time.Until(deadline)
	if wait <= 0 {
		return skipped, ctx.Err()
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return skipped, nil
	case <-ctx.Done():
		return skipped, ctx.Err()
	}
}
