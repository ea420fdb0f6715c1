package esl

import (
	"sync/atomic"
	"time"
)

// Stats are a link's counters since it was made, for metrics.
type Stats struct {
	Connects  uint64        // times the link came up
	Received  uint64        // events that arrived
	Ignored   uint64        // of them, those that say nothing to us or make no sense
	Delivered uint64        // events handed to the sink, those made by the link included
	Overflows uint64        // times the link was dropped because the sink was too slow
	Lost      uint64        // events of ours (LinkDown and what belongs to it) that a stuck sink did not take
	Refused   uint64        // commands the switch, or the builder, refused
	Queued    int           // events waiting for the sink now
	Lag       time.Duration // of the last event: the switch's stamp (FreeSWITCH's clock steps by 20 ms) to the sink
	MaxLag    time.Duration // the greatest of them
}

type counters struct {
	connects, received, ignored, delivered, overflows, lost, refused atomic.Uint64
	lastLag, maxLag                                                  atomic.Int64
}

// lag is called by the dispatcher alone.
func (c *counters) lag(d time.Duration) {
	c.lastLag.Store(int64(d))
	if int64(d) > c.maxLag.Load() {
		c.maxLag.Store(int64(d))
	}
}

func (c *counters) read(queued int) Stats {
	return Stats{
		Connects: c.connects.Load(), Received: c.received.Load(), Ignored: c.ignored.Load(),
		Delivered: c.delivered.Load(), Overflows: c.overflows.Load(), Lost: c.lost.Load(), Refused: c.refused.Load(),
		Queued: queued, Lag: time.Duration(c.lastLag.Load()), MaxLag: time.Duration(c.maxLag.Load()),
	}
}
