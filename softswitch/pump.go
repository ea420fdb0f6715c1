package softswitch

import (
	"context"
	"sync"
	"time"

	"ramal/media"
)

// pump paces the sound of many legs with one goroutine: one wake-up every 20 ms, counted from its start so that it
// does not drift. Joined legs are on the same pump.
type pump struct {
	offset time.Duration

	mu      sync.Mutex
	streams []*stream
}

func newPump(number int) *pump {
	return &pump{offset: time.Duration(number) * 5 * time.Millisecond}
}

func (p *pump) run(ctx context.Context) {
	pace := media.NewPacer(time.Now().Add(p.offset), media.FrameTime)
	timer := time.NewTimer(0)
	defer timer.Stop()
	<-timer.C
	var work []*stream
	for {
		deadline, skipped := pace.Next(time.Now())
		timer.Reset(time.Until(deadline))
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		p.mu.Lock()
		work = append(work[:0], p.streams...)
		p.mu.Unlock()
		now := time.Now()
		for _, s := range work {
			if !s.tick(now, skipped) {
				p.remove(s)
			}
		}
		clear(work)
	}
}

func (p *pump) add(s *stream) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.streams = append(p.streams, s)
}

func (p *pump) remove(s *stream) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.streams {
		if p.streams[i] == s {
			last := len(p.streams) - 1
			p.streams[i] = p.streams[last]
			p.streams[last] = nil
			p.streams = p.streams[:last]
			return
		}
	}
}

func (p *pump) load() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.streams)
}

// leastLoaded chooses the pump for a new stream.
func (sw *Switch) leastLoaded() *pump {
	best := sw.pumps[0]
	for _, p := range sw.pumps[1:] {
		if p.load() < best.load() {
			best = p
		}
	}
	return best
}
