package load

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"ramal/internal/conformance"
)

const (
	firstRate = 50 // calls per second
	leastRate = 5
	mostRate  = 600 // the search ends there: with the callers' stay that is near the switch's limit of 1000 sessions
	tryFor    = 4 * time.Second
	holdFor   = 60 * time.Second
	stay      = 1500 * time.Millisecond // how long a caller stays
)

// BenchmarkFigureCalls_InviteToQueue searches the highest rate of calls that all get from INVITE into the queue, by
// the log of the interactions: doubled in short steps until one fails, halved in between, then three quarters of it
// (a short step is carried by queues that a minute fills) are held for 60 s; what does not hold is lowered by an
// eighth and held anew.
func BenchmarkFigureCalls_InviteToQueue(b *testing.B) {
	c := prepare(b, conformance.StartSite(b, nil, "--log-level", "warn", "--rtp-min", "10000", "--rtp-max", "16000"), 0)
	c.control.api(b, "fsctl sps 2000") // 200 legs per second is a guard of the switch, not what it can do
	good, bad := firstRate, 0
	for c.arrive(b, good, tryFor).failed != nil {
		if good, bad = good/2, good; good < leastRate {
			b.Fatalf("not even %d calls/s are queued", bad)
		}
	}
	for good < mostRate && (bad == 0 || bad-good > good/4) {
		rate := min(2*good, mostRate)
		if bad != 0 {
			rate = (good + bad) / 2
		}
		if a := c.arrive(b, rate, tryFor); a.failed != nil {
			bad = rate
		} else {
			good = rate
		}
	}
	for rate := good * 3 / 4; rate >= leastRate; rate = rate * 7 / 8 {
		if a := c.arrive(b, rate, holdFor); a.failed == nil {
			b.ReportMetric(a.rate, "calls.invite_to_queue/calls_per_s")
			b.ReportMetric(a.p99, "calls.invite_to_queue.p99/ms")
			return
		}
	}
	b.Fatal("no rate was held for a minute")
}

// arrivals is what became of a step's calls.
type arrivals struct {
	failed error
	rate   float64 // of call.received, calls per second
	p99    float64 // from call.received to queue.entered, in milliseconds
}

// arrive lets calls come in at a rate for a while and looks whether all of them were queued and everything is back.
func (c *centre) arrive(b *testing.B, rate int, d time.Duration) arrivals {
	b.Helper()
	before := c.resources(b)
	var since time.Time
	c.query(b, "SELECT clock_timestamp()", nil, &since)
	calls := int(float64(rate) * d.Seconds())
	err := c.dial(b, calls, rate, 10_000, hangUpAfter(stay)).wait(c.ctx, d+time.Minute)
	if left := c.left(b, 10*time.Second); left > 0 {
		err = errors.Join(err, fmt.Errorf("%d legs without a caller", left)) // SIPp gave them up without a BYE that arrived
		c.control.api(b, "hupall")
	}
	c.settled(b, before, 90*time.Second)
	var a arrivals
	var received, queued, ended int
	var seconds float64
	c.query(b, `SELECT count(*) FILTER (WHERE kind = 'call.received'), count(*) FILTER (WHERE kind = 'queue.entered'),
		count(*) FILTER (WHERE kind = 'call.ended'),
		coalesce(extract(epoch FROM max(at) FILTER (WHERE kind = 'call.received') -
			min(at) FILTER (WHERE kind = 'call.received')), 0)
		FROM interaction_event WHERE at >= $1`, []any{since}, &received, &queued, &ended, &seconds)
	c.query(b, `SELECT coalesce(1000 * extract(epoch FROM percentile_disc(0.99) WITHIN GROUP (ORDER BY q.at - r.at)), 0)
		FROM interaction_event r JOIN interaction_event q USING (org_id, interaction_id)
		WHERE r.kind = 'call.received' AND q.kind = 'queue.entered' AND r.at >= $1`, []any{since}, &a.p99)
	a.rate = float64(calls-1) / max(seconds, 0.001)
	switch {
	case err != nil:
		a.failed = err
	case received != calls || queued != calls || ended != calls:
		a.failed = fmt.Errorf("%d calls: %d received, %d queued, %d ended", calls, received, queued, ended)
	case a.rate < 0.9*float64(rate):
		a.failed = fmt.Errorf("they arrived at %.1f calls/s only", a.rate)
	}
	fmt.Fprintf(os.Stderr, "invite to queue: %d calls/s for %v: %.1f/s arrived, %d of %d queued, p99 %.1f ms, "+
		"load average %s: %v\n", rate, d, a.rate, queued, calls, a.p99, loadAverage(), outcome(a.failed))
	return a
}

// left is how many legs there still are after a while.
func (c *centre) left(b *testing.B, patience time.Duration) int {
	b.Helper()
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	end := time.Now().Add(patience)
	for {
		n := c.control.channels(b)
		if n == 0 || time.Now().After(end) {
			return n
		}
		<-look.C
	}
}

func outcome(err error) string {
	if err == nil {
		return "held"
	}
	return err.Error()
}
