package p1

import (
	"strconv"
	"sync"
	"time"
)

// PollPeriod is the pause between two passes of mod_callcenter's one dispatching thread.
const PollPeriod = 100 * time.Millisecond

// poller follows the documented rules of mod_callcenter: one thread looks every 100 ms at every waiting caller, in
// order, and for each at every agent for the one who has been idle longest; nothing in between leads to a decision.
// It is kept in plain memory, where the module asks a database for each caller, its offers are answered at once, and
// wrap-up, which the module counts in whole seconds, is none: what is measured is the rule alone, at its best.
type poller struct {
	mu      sync.Mutex
	waiting []int
	idle    []time.Time // by agent; zero: busy
	load    []Call
	ledger  *Ledger
}

// Polling plays a load to a polling dispatcher and returns how long each offer took, sorted.
func Polling(load []Call, agents int) ([]time.Duration, error) {
	p := &poller{idle: make([]time.Time, agents), load: load, ledger: NewLedger(len(load))}
	for a := range p.idle {
		p.release(a)
	}
	stop := make(chan struct{})
	var passes sync.WaitGroup
	passes.Go(func() { p.run(stop) })
	for i, c := range load {
		time.AfterFunc(c.At, func() { p.join(i) })
	}
	times, err := p.ledger.Result(load[len(load)-1].At + 30*time.Second)
	close(stop)
	passes.Wait()
	return times, err
}

func (p *poller) run(stop <-chan struct{}) {
	for {
		p.pass()
		select {
		case <-time.After(PollPeriod):
		case <-stop:
			return
		}
	}
}

func (p *poller) join(caller int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ledger.Waits(strconv.Itoa(caller))
	p.waiting = append(p.waiting, caller)
}

func (p *poller) release(agent int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ledger.Available(strconv.Itoa(agent))
	p.idle[agent] = time.Now()
}

func (p *poller) pass() {
	p.mu.Lock()
	defer p.mu.Unlock()
	var still []int
	for _, caller := range p.waiting {
		best := -1
		for a, since := range p.idle {
			if !since.IsZero() && (best < 0 || since.Before(p.idle[best])) {
				best = a
			}
		}
		if best < 0 {
			still = append(still, caller)
			continue
		}
		p.idle[best] = time.Time{}
		p.ledger.Offered(strconv.Itoa(caller), strconv.Itoa(best))
		time.AfterFunc(p.load[caller].Talk, func() { p.release(best) })
	}
	p.waiting = still
}
