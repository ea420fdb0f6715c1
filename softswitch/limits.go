package softswitch

import (
	"sync"
	"time"
)

// limits admits new legs: so many at once, so many per second; each leg counts (FreeSWITCH's max-sessions and
// sessions-per-second).
type limits struct {
	mu            sync.Mutex
	maxSessions   int
	perSecond     int
	now           int
	second        int64
	thisSecond    int
	last          int
	total         uint64
	peak          int
	peakPerSecond int
}

func (l *limits) init(maxSessions, perSecond int) {
	l.maxSessions, l.perSecond = maxSessions, perSecond
}

// admit takes a place and numbers the session; false when there is none.
func (l *limits) admit(at time.Time) (number uint64, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := at.Unix(); s != l.second {
		l.last = 0
		if s == l.second+1 {
			l.last = l.thisSecond
		}
		l.second, l.thisSecond = s, 0
	}
	if l.now >= l.maxSessions || l.thisSecond >= l.perSecond {
		return 0, false
	}
	l.now++
	l.thisSecond++
	l.total++
	l.peak = max(l.peak, l.now)
	l.peakPerSecond = max(l.peakPerSecond, l.thisSecond)
	return l.total, true
}

func (l *limits) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now--
}

// set changes a limit; zero leaves it.
func (l *limits) set(maxSessions, perSecond int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if maxSessions > 0 {
		l.maxSessions = maxSessions
	}
	if perSecond > 0 {
		l.perSecond = perSecond
	}
}

// limitCounts is a copy of the limits and counts.
type limitCounts struct {
	maxSessions, perSecond, now, last, peak, peakPerSecond int
	total                                                  uint64
}

func (l *limits) snapshot() limitCounts {
	l.mu.Lock()
	defer l.mu.Unlock()
	return limitCounts{
		maxSessions: l.maxSessions, perSecond: l.perSecond, now: l.now, last: l.last, peak: l.peak,
		peakPerSecond: l.peakPerSecond, total: l.total,
	}
}
