package p1

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Call is one caller of a load.
type Call struct {
	At   time.Duration // begins to wait, from the start of the load
	Talk time.Duration // once an agent answered
}

// Load returns calls that come in bursts, so that the first of a burst find agents available and the others wait for
// an agent to become available. The same seed gives the same load.
func Load(calls, burst int, every, talk time.Duration, seed uint64) []Call {
	rng := rand.New(rand.NewPCG(seed, 1))
	load := make([]Call, calls)
	for i := range load {
		at := time.Duration(i/burst)*every + time.Duration(rng.Int64N(int64(every/10)))
		load[i] = Call{At: at, Talk: talk/2 + time.Duration(rng.Int64N(int64(talk)))}
	}
	slices.SortFunc(load, func(a, b Call) int { return int(a.At - b.At) })
	return load
}

// Ledger takes the times of one dispatcher's run.
type Ledger struct {
	mu      sync.Mutex
	free    map[string]time.Time // since when an agent is
	waits   map[string]time.Time // since when a caller does
	samples []time.Duration
	faults  []string
	done    chan struct{} // closed after the last of the expected offers
	expect  int
}

// NewLedger makes a ledger that waits for a number of offers.
func NewLedger(expect int) *Ledger {
	return &Ledger{free: map[string]time.Time{}, waits: map[string]time.Time{}, done: make(chan struct{}),
		expect: expect}
}

// Available notes that an agent is from now on.
func (l *Ledger) Available(agent string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.free[agent] = time.Now()
}

// Waits notes that a caller does from now on.
func (l *Ledger) Waits(caller string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waits[caller] = time.Now()
}

// Offered notes that a caller is offered to an agent now. An offer of somebody who does not wait, or to somebody who
// is not available, is a fault of the dispatcher.
func (l *Ledger) Offered(caller, agent string) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	since, waits := l.waits[caller]
	free, available := l.free[agent]
	if !waits || !available {
		l.faults = append(l.faults, fmt.Sprintf("%s offered to %s: waits %v, available %v", caller, agent, waits,
			available))
		return
	}
	delete(l.waits, caller)
	delete(l.free, agent)
	if free.After(since) {
		since = free
	}
	l.samples = append(l.samples, now.Sub(since))
	if len(l.samples) == l.expect {
		close(l.done)
	}
}

// Result waits for the last offer, at most for the given time, and returns how long each took, sorted.
func (l *Ledger) Result(most time.Duration) ([]time.Duration, error) {
	select {
	case <-l.done:
	case <-time.After(most):
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.faults) > 0 || len(l.samples) != l.expect {
		return nil, fmt.Errorf("%d of %d calls were offered; faults: %v", len(l.samples), l.expect, l.faults)
	}
	return slices.Sorted(slices.Values(l.samples)), nil
}

// Quantile returns the q-quantile (0 … 1) of sorted times, in milliseconds: the smallest that is not below a share q
// of them.
func Quantile(sorted []time.Duration, q float64) float64 {
	i := min(len(sorted)-1, max(0, int(q*float64(len(sorted))+0.999999)-1))
	return float64(sorted[i]) / float64(time.Millisecond)
}
