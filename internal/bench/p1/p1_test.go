package p1

import (
	"testing"
	"testing/synctest"
	"time"
)

// The load of P1: 10 agents, 200 calls, in bursts of 20, so that half find an agent available and half wait for one.
const (
	agents = 10
	calls  = 200
)

// BenchmarkP1_offer reports how long it takes from "can be offered" to "offered" inside the core and, on the same
// arrivals in the same run, in a polling dispatcher.
func BenchmarkP1_offer(b *testing.B) {
	load := Load(calls, 20, time.Second, 200*time.Millisecond, 20261122)
	core, err := Core(load, agents)
	if err != nil {
		b.Fatal("core: ", err)
	}
	polling, err := Polling(load, agents)
	if err != nil {
		b.Fatal("polling: ", err)
	}
	b.ReportMetric(Quantile(core, 0.5), "p1.core.offer_p50/ms")
	b.ReportMetric(Quantile(core, 0.99), "p1.core.offer_p99/ms")
	b.ReportMetric(Quantile(polling, 0.5), "p1.polling.offer_p50/ms")
	b.ReportMetric(Quantile(polling, 0.99), "p1.polling.offer_p99/ms")
	b.ReportMetric(Quantile(polling, 0.5)/Quantile(core, 0.5), "p1.core.ratio_p50/x")
}

// Place for the figures on real calls: BenchmarkP1_softswitch and BenchmarkP1_freeswitch report
// p1.softswitch.offer_p50/ms, …_p99/ms, p1.freeswitch.… and p1.ratio_p50/x (Polling beside the softswitch in the same
// run). A Ledger takes their times: Available when the agent's state is asked for or the agent's BYE is sent, Waits at
// queue.entered, Offered when the agent's phone has the INVITE.

func TestTheLedgerCountsFromTheLaterOfTheTwo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLedger(2)
		l.Available("a")
		<-time.After(time.Second)
		l.Waits("1")
		<-time.After(3 * time.Millisecond)
		l.Offered("1", "a")
		l.Waits("2")
		<-time.After(time.Second)
		l.Available("a")
		<-time.After(7 * time.Millisecond)
		l.Offered("2", "a")
		got, err := l.Result(time.Second)
		if err != nil || got[0] != 3*time.Millisecond || got[1] != 7*time.Millisecond {
			t.Errorf("%v, %v; want 3 ms and 7 ms", got, err)
		}
	})
}

func TestAnOfferOfNobodyOrToNobodyIsAFault(t *testing.T) {
	l := NewLedger(1)
	l.Waits("1")
	l.Offered("1", "a")
	if got, err := l.Result(0); err == nil {
		t.Errorf("an offer to an agent who was never available gives %v", got)
	}
}

func TestBothDispatchersOfferEveryCallAndPollingTakesHalfItsPeriod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		load := Load(calls, 20, time.Second, 200*time.Millisecond, 1)
		polling, err := Polling(load, agents)
		if err != nil {
			t.Fatal(err)
		}
		if p50, p99 := Quantile(polling, 0.5), Quantile(polling, 0.99); p50 < 30 || p50 > 70 || p99 < 90 || p99 > 100 {
			t.Errorf("polling every 100 ms: p50 %v ms, p99 %v ms", p50, p99)
		}
		core, err := Core(load, agents)
		if err != nil {
			t.Fatal(err)
		}
		if most := core[len(core)-1]; most > 0 { // the bubble's clock stands still while the core decides
			t.Errorf("the core waited for %v before an offer: something polls", most)
		}
	})
}

func TestQuantilesAreOfTheNearestRank(t *testing.T) {
	var ms []time.Duration
	for i := range 200 {
		ms = append(ms, time.Duration(i+1)*time.Millisecond)
	}
	for _, c := range []struct{ q, want float64 }{{0.5, 100}, {0.99, 198}, {1, 200}, {0, 1}} {
		if got := Quantile(ms, c.q); got != c.want {
			t.Errorf("%v-quantile of 1 … 200: %v, want %v", c.q, got, c.want)
		}
	}
}
