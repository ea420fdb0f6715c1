package load

import (
	"testing"
	"time"
)

// ideal is a stream whose packets come at their time, from a clock that began elsewhere.
func ideal(n int) []arrival {
	packets := make([]arrival, n)
	for i := range packets {
		packets[i] = arrival{at: 1_000_000_007 + int64(i)*20_000_000, stamp: 0xffff_ff00 + uint32(i)*160,
			sequence: 0xfff0 + uint16(i), sound: true}
	}
	return packets
}

func TestTimelinessCountsLateMissingRepeatedAndSilentPackets(t *testing.T) {
	const window = 2 * time.Second // 100 packets
	for name, c := range map[string]struct {
		change    func([]arrival) []arrival
		due, good int
	}{
		"ideal": {func(p []arrival) []arrival { return p }, 100, 100},
		"nine milliseconds late or early": {func(p []arrival) []arrival {
			p[3].at += 9_000_000
			p[50].at -= 9_000_000
			return p
		}, 100, 100},
		"eleven milliseconds late or early": {func(p []arrival) []arrival {
			p[3].at += 11_000_000
			p[50].at -= 11_000_000
			return p
		}, 100, 98},
		"the first one late":      {func(p []arrival) []arrival { p[0].at += 15_000_000; return p }, 100, 99},
		"lost in the middle":      {func(p []arrival) []arrival { return append(p[:40], p[45:]...) }, 100, 95},
		"broken off":              {func(p []arrival) []arrival { return p[:60] }, 99, 60},
		"never begun":             {func([]arrival) []arrival { return nil }, 99, 0},
		"sent twice":              {func(p []arrival) []arrival { p[7] = p[6]; return p }, 100, 99},
		"silence for the partner": {func(p []arrival) []arrival { p[9].sound = false; return p }, 100, 99},
		"a pause of the clock on both sides": {func(p []arrival) []arrival {
			for i := 50; i < len(p); i++ {
				p[i].at += 60_000_000
				p[i].stamp += 480
			}
			return p[:97]
		}, 99, 97},
	} {
		if due, good := timeliness(c.change(ideal(100)), window); due != c.due || good != c.good {
			t.Errorf("%s: %d of %d, want %d of %d", name, good, due, c.good, c.due)
		}
	}
}

func TestAQuantileIsOneOfTheValues(t *testing.T) {
	values := []time.Duration{5, 1, 4, 2, 3}
	for q, want := range map[float64]time.Duration{0.5: 3, 0.99: 5, 0.2: 1, 0: 1, 1: 5} {
		if got := quantile(values, q); got != want {
			t.Errorf("quantile %v = %d, want %d", q, got, want)
		}
	}
	if got := quantile(nil, 0.5); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
}
