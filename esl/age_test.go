package esl

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"ramal/call"
	"ramal/internal/freeswitchtest"
)

// ageSamples is how many events one figure stands on, however small b.N is.
const ageSamples = 100

// BenchmarkP5EventAge measures how old an event is when the sink gets it, on an otherwise idle event connection,
// with the newline poke and without. RAMAL_ESL (host:port) and RAMAL_ESL_PASSWORD name a switch; otherwise it
// starts a FreeSWITCH of its own, and is skipped where there is none.
func BenchmarkP5EventAge(b *testing.B) {
	target := ageTarget{os.Getenv("RAMAL_ESL"), os.Getenv("RAMAL_ESL_PASSWORD"), 0}
	if target.address == "" {
		instance := freeswitchtest.Start(b, freeswitchtest.Options{})
		s := instance.Settings
		target = ageTarget{s.ESLAddress.String(), s.ESLPassword, instance.PID()}
	}
	b.Run("poke", func(b *testing.B) { benchmarkEventAge(b, target, 2*time.Millisecond) })
	b.Run("without", func(b *testing.B) { benchmarkEventAge(b, target, -1) })
}

type ageTarget struct {
	address, password string
	pid               int // 0 when it is not ours
}

// processorTime is what a process has used so far (proc(5), clock ticks of 10 ms).
func processorTime(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("short stat %q", stat)
	}
	user, err := strconv.Atoi(fields[11])
	if err != nil {
		return 0, err
	}
	system, err := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond, err
}

// benchmarkEventAge fires events, one every 150 ms or so, by sendevent on a connection of its own, and reports how
// long each takes from there to the sink. The switch's own stamp is no good for milliseconds: its clock moves in
// steps of 20 ms (switch_time.c), so that every stamp is up to 20 ms older than its event; stamp_p50_ms shows that.
func benchmarkEventAge(b *testing.B, target ageTarget, poke time.Duration) {
	type seen struct {
		event call.Event
		at    time.Time
	}
	events := make(chan seen, 1000)
	link, err := New(Config{Address: target.address, Password: target.password, Vocabulary: testVocabulary(),
		PokeEvery: poke, Logger: slog.New(slog.DiscardHandler)}, func(e call.Event) { events <- seen{e, time.Now()} })
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- link.Run(ctx) }()
	next := func(limit time.Duration) (seen, bool) {
		select {
		case s := <-events:
			return s, true
		case <-time.After(limit):
			return seen{}, false
		}
	}
	if first, ok := next(10 * time.Second); !ok {
		b.Fatalf("no link to %s", target.address)
	} else if _, up := first.event.(call.LinkUp); !up {
		b.Fatalf("%#v", first.event)
	}
	conn, frames, err := link.open(ctx)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	used, began := usedBy(b, target), time.Now()
	for time.Since(began) < 4*time.Second {
		next(time.Second) // nothing happens: the processor time of the idle switch, and of the poke
	}
	idle := 100 * float64(usedBy(b, target)-used) / float64(time.Since(began))
	var ages, stamped []time.Duration
	b.ResetTimer()
	for range max(b.N, ageSamples) {
		for quiet := true; quiet; { // until the connection has been idle, and at no fixed phase of anything
			_, quiet = next(100*time.Millisecond + time.Duration(rand.IntN(40_000))*time.Microsecond)
		}
		leg := call.LegID(newUUID())
		fired := time.Now()
		if _, err := fmt.Fprintf(conn, "sendevent DTMF\nUnique-ID: %s\nDTMF-Digit: 1\n\n", leg); err != nil {
			b.Fatal(err)
		}
		if _, err := firstReply(frames); err != nil {
			b.Fatal(err)
		}
		for taken := false; !taken; {
			s, ok := next(5 * time.Second)
			if !ok {
				b.Fatal("the event did not come within 5 s")
			}
			if s.event.Subject() == leg {
				ages, stamped, taken = append(ages, s.at.Sub(fired)), append(stamped, s.at.Sub(s.event.When())), true
			}
		}
	}
	b.StopTimer()
	cancel()
	if err := <-ended; err != nil {
		b.Error(err)
	}
	b.ReportMetric(quantile(ages, 0.5), "p50_ms")
	b.ReportMetric(quantile(ages, 0.99), "p99_ms")
	b.ReportMetric(quantile(stamped, 0.5), "stamp_p50_ms")
	if target.pid != 0 {
		b.ReportMetric(idle, "idle_switch_cpu_%")
	}
}

func quantile(times []time.Duration, q float64) (milliseconds float64) {
	slices.Sort(times)
	return float64(times[int(q*float64(len(times)-1)+0.5)].Microseconds()) / 1000
}

func usedBy(b *testing.B, target ageTarget) time.Duration {
	if target.pid == 0 {
		return 0
	}
	used, err := processorTime(target.pid)
	if err != nil {
		b.Fatal(err)
	}
	return used
}
