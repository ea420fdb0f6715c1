package load

import (
	"fmt"
	"os"
	"testing"
	"time"

	"ramal/internal/conformance"
)

const (
	firstRate = 20  // calls per second
	mostRate  = 400 // the search ends there
	tryFor    = 4 * time.Second
	holdFor   = 60 * time.Second
	stay      = 1500 * time.Millisecond // how long a caller stays
)

// BenchmarkFigureInviteToQueue searches the highest rate of calls that all get from INVITE into the queue, by the log of
// the interactions: doubled in short steps until one fails, halved in between, then held for 60 s. A rate that does not
// hold is lowered by a tenth.
func BenchmarkFigureInviteToQueue(b *testing.B) {
	c := prepare(b, conformance.StartSite(b, nil, "--log-level", "warn", "--rtp-min", "10000", "--rtp-max", "16000"), 0)
	c.control.api(b, "fsctl sps 2000") // 200 legs per second is a guard of the switch, not what it can do
	must(b, c.arrive(b, firstRate, tryFor).failed)
	good, bad := firstRate, 0
	for good < mostRate && (bad == 0 || bad-good > good/8) {
		rate := 2 * good
		if bad != 0 {
			rate = (good + bad) / 2
		}
		if a := c.arrive(b, rate, tryFor); a.failed != nil {
			bad = rate
		} else {
			good = rate
		}
	}
	for rate := good; rate >= firstRate/2; rate -= max(1, rate/10) {
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
	err := c.dial(b, calls, rate, 100_000, hangUpAfter(stay)).wait(c.ctx, d+time.Minute)
	c.settled(b, before, 90*time.Second)
	var a arrivals
	var received, queued, ended int
	var seconds float64
	c.query(b, `SELECT count(*) FILTER (WHERE kind = 'call.received'), count(*) FILTER (WHERE kind = 'queue.entered'),
		count(*) FILTER (WHERE kind = 'call.ended'), coalesce(extract(epoch FROM max(at) FILTER (WHERE kind = 'call.received') -
		min(at) FILTER (WHERE kind = 'call.received')), 0) FROM interaction_event WHERE at >= $1`, []any{since},
		&received, &queued, &ended, &seconds)
	c.query(b, `SELECT coalesce(1000 * extract(epoch FROM percentile_disc(0.99) WITHIN GROUP (ORDER BY q.at - r.at)), 0)
		FROM interaction_event r JOIN interaction_event q USING (org_id, interaction_id)
		WHERE r.kind = 'call.received' AND q.kind = 'queue.entered' AND r.at >= $1`, []any{since}, &a.p99)
	a.rate = float64(calls-1) / max(seconds, 0.001)
	switch {
	case err != nil:
		a.failed = err
	case received != calls || queued != calls || ended != calls:
		a.failed = fmt.Errorf("%d calls: %d received, %d queued, %d ended", calls, received, queued, ended)
	case a.rate < 0.95*float64(rate):
		a.failed = fmt.Errorf("they arrived at %.1f calls/s only", a.rate)
	}
	fmt.Fprintf(os.Stderr, "invite to queue: %d calls/s for %v: %.1f/s arrived, %d of %d queued, p99 %.1f ms, load average %s: %v\n",
		rate, d, a.rate, queued, calls, a.p99, loadAverage(), outcome(a.failed))
	return a
}

func outcome(err error) string {
	if err == nil {
		return "held"
	}
	return err.Error()
}
