package load

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"ramal/internal/conformance"
	"ramal/internal/freeswitchtest"
)

const (
	offerAgents  = 10
	offerCalls   = 200
	offerWaiting = 20 // callers who wait behind those who talk
	shortestTalk = 600 * time.Millisecond
	talkSpread   = 400 * time.Millisecond
)

// BenchmarkP1_OfferOnSoftswitch measures from an agent's hang-up to the next INVITE at the same agent's telephone.
func BenchmarkP1_OfferOnSoftswitch(b *testing.B) {
	measureOffers(b, "softswitch", conformance.StartSite(b, nil, "--log-level", "warn"))
}

// BenchmarkP1_OfferOnFreeSWITCH is the same on a FreeSWITCH, where there is one.
func BenchmarkP1_OfferOnFreeSWITCH(b *testing.B) {
	if os.Getenv(freeswitchtest.PrefixVariable) == "" {
		b.Skip("needs FREESWITCH")
	}
	measureOffers(b, "freeswitch", conformance.StartSiteOnFreeSWITCH(b, "--log-level", "warn"))
}

func measureOffers(b *testing.B, name string, site *conformance.Site) {
	c := prepare(b, site, offerAgents)
	c.register(b)
	before := c.resources(b)
	calls := c.dial(b, offerCalls, 15, offerAgents+offerWaiting, untilBye)
	until(b, "callers wait", 30*time.Second, func() (bool, string) {
		n := c.metric(b, "ramal_calls")
		return n >= offerAgents+offerWaiting, fmt.Sprintf("%v calls", n)
	})
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	var mu sync.Mutex
	var offers []time.Duration
	var failures []error
	var all sync.WaitGroup
	for _, a := range c.agents {
		all.Go(func() {
			mine, err := a.work(ctx)
			mu.Lock()
			defer mu.Unlock()
			offers, failures = append(offers, mine...), append(failures, err)
		})
	}
	for _, a := range c.agents {
		c.state(b, a, "available")
	}
	err := calls.wait(c.ctx, 2*time.Minute)
	cancel()
	all.Wait()
	must(b, errors.Join(append(failures, err)...))
	if want := offerCalls - offerAgents; len(offers) != want {
		b.Fatalf("%d offers after a talk, want %d", len(offers), want)
	}
	c.settled(b, before, 30*time.Second)
	c.judgeJournal(b)
	p50, p99 := quantile(offers, 0.5), quantile(offers, 0.99)
	fmt.Fprintf(os.Stderr, "offers on %s: p50 %v, p95 %v, p99 %v, max %v, load average %s\n", name, p50,
		quantile(offers, 0.95), p99, quantile(offers, 1), loadAverage())
	b.ReportMetric(float64(p50.Microseconds())/1000, "p1."+name+".offer_p50/ms")
	b.ReportMetric(float64(p99.Microseconds())/1000, "p1."+name+".offer_p99/ms")
}

// work is an agent's day: answer, talk a little, hang up, until ctx ends. It gives the times from each hang-up
// (just before the BYE is sent) to the next INVITE.
func (a agent) work(ctx context.Context) ([]time.Duration, error) {
	var offers []time.Duration
	var free time.Time
	for {
		c, err := a.phone.NextCall(ctx)
		if ctx.Err() != nil {
			return offers, nil
		}
		if err != nil {
			return nil, err
		}
		if !free.IsZero() {
			offers = append(offers, c.Times().Invite.Sub(free))
		}
		if err := c.WaitAnswer(ctx); err != nil {
			return nil, fmt.Errorf("agent %s: %w", a.extension, err)
		}
		talk := time.NewTimer(shortestTalk + rand.N(talkSpread))
		select {
		case <-talk.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("agent %s: the callers ended during a talk", a.extension)
		}
		free = time.Now()
		if err := c.Hangup(ctx); err != nil && ctx.Err() == nil {
			return nil, fmt.Errorf("agent %s: %w", a.extension, err)
		}
	}
}

// judgeJournal looks that every call was queued, offered once, talked with and ended. Its stamps measure nothing
// here: an offer bears the moment of the event that caused it.
func (c *centre) judgeJournal(b *testing.B) {
	b.Helper()
	var queued, offered, missed, talked, ended int
	c.query(b, `SELECT count(*) FILTER (WHERE kind = 'queue.entered'), count(*) FILTER (WHERE kind = 'agent.offered'),
		count(*) FILTER (WHERE kind = 'agent.missed'), count(*) FILTER (WHERE kind = 'talk.ended'),
		count(*) FILTER (WHERE kind = 'call.ended') FROM interaction_event`, nil, &queued, &offered, &missed, &talked, &ended)
	if queued != offerCalls || offered != offerCalls || missed != 0 || talked != offerCalls || ended != offerCalls {
		b.Fatalf("the journal has %d queued, %d offered, %d missed, %d talks, %d ended of %d calls", queued, offered, missed,
			talked, ended, offerCalls)
	}
}
