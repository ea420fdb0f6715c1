package load

import (
	"fmt"
	"os"
	"testing"
	"time"
)

const (
	window   = 4 * time.Second
	wanted   = 0.99
	firstTry = 50   // calls
	stride   = 100  // calls more at each step after 100
	mostTry  = 1000 // calls; the search ends there even when they are carried
)

// BenchmarkFigureCalls_Bridged searches how many bridged calls the softswitch carries with 99 % of the packets in
// time. A step that fails is measured again twice: another program's burst is not the switch's limit.
func BenchmarkFigureCalls_Bridged(b *testing.B) {
	sw := startSwitch(b)
	control := dialESL(b, sw.esl, eslPassword)
	baseGoroutines := sw.goroutines(b)
	baseFiles, err := descriptors(sw.cmd.Process.Pid)
	must(b, err)
	m := &exchange{gen: newGenerator(b), sw: sw, control: control}
	m.peer = newAnswerer(b, func(number string) int {
		var n int
		if _, err := fmt.Sscanf(number, "leg%d", &n); err != nil {
			return 0 // refused by the switch: no such number was called
		}
		return m.gen.port(n)
	})
	carried, perCall := 0, 0.0
	for calls := firstTry; calls <= mostTry; calls = max(2*firstTry, calls-calls%stride+stride) {
		m.grow(b, calls)
		share, used := m.step(b)
		fmt.Fprintf(os.Stderr, "bridged: %d calls: %.3f %% in time, softswitch %.1f %% of a core, rounds late %d of %d, "+
			"load average %s\n", calls, 100*share, 100*used, m.gen.late, m.gen.rounds, loadAverage())
		if share < wanted {
			break
		}
		carried, perCall = calls, 100*used/float64(calls)
	}
	if carried == 0 {
		b.Fatalf("not even %d calls were carried in time", firstTry)
	}
	control.api(b, "hupall")
	until(b, "goroutines and descriptors of the softswitch are back", 20*time.Second, func() (bool, string) {
		files, err := descriptors(sw.cmd.Process.Pid)
		must(b, err)
		legs, running := control.channels(b), sw.goroutines(b)
		return legs == 0 && files <= baseFiles+2 && running <= baseGoroutines+4, fmt.Sprintf(
			"%d legs, descriptors %d → %d, goroutines %d → %d", legs, baseFiles, files, baseGoroutines, running)
	})
	b.ReportMetric(float64(carried), "calls.bridged_g711/calls")
	b.ReportMetric(perCall, "calls.bridged_g711.cpu/percent_of_a_core_per_call")
}

// exchange is a softswitch with bridged calls and the far ends of their legs.
type exchange struct {
	gen     *generator
	peer    *answerer
	sw      *child
	control *socket
	calls   int
}

// grow adds bridged calls until there are so many.
func (m *exchange) grow(b *testing.B, calls int) {
	b.Helper()
	for ; m.calls < calls; m.calls++ {
		for side := range 2 {
			leg := 2*m.calls + side
			m.control.api(b, fmt.Sprintf("originate {origination_uuid=load-%d}sofia/external/leg%d@%s &park()", leg, leg,
				m.peer.address()))
			to, ok := m.peer.target(fmt.Sprintf("leg%d", leg))
			if !ok {
				b.Fatalf("leg %d was answered without a call", leg)
			}
			m.gen.add(leg, to, voice(leg), voice(leg^1))
		}
		m.control.api(b, fmt.Sprintf("uuid_bridge load-%d load-%d", 2*m.calls, 2*m.calls+1))
	}
}

// voice is the A-law value that a leg's phone says: never 0xd5 or 0x55, which are silence.
func voice(leg int) byte { return byte(0x80 + leg%0x50) }

// step measures the present calls: the best share of three windows, and the softswitch's part of a core meanwhile.
func (m *exchange) step(b *testing.B) (share, used float64) {
	b.Helper()
	m.gen.listen = false
	must(b, m.gen.run(time.Second)) // jitter buffers fill
	m.gen.listen = true
	for range 3 {
		m.gen.forget()
		before, err := cpu(m.sw.cmd.Process.Pid)
		must(b, err)
		if file := os.Getenv("RAMAL_LOAD_PROFILE"); file != "" {
			m.sw.ask(b, fmt.Sprintf("profile %s-%d", file, m.calls))
		}
		must(b, m.gen.run(window))
		if os.Getenv("RAMAL_LOAD_PROFILE") != "" {
			m.sw.ask(b, "profile")
		}
		after, err := cpu(m.sw.cmd.Process.Pid)
		must(b, err)
		if now := m.gen.timely(window); now > share {
			share, used = now, (after-before).Seconds()/window.Seconds()
		}
		if share >= wanted {
			return share, used
		}
	}
	return share, used
}
