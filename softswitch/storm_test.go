package softswitch

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"ramal/carrier"
)

func TestABridgeWhosePartnerEndsBeforeItBeginsLeavesNobodyStuck(t *testing.T) {
	r := startSwitch(t, nil)
	for _, victim := range []int{0, 1} {
		for _, order := range []string{"kill first", "kill after"} {
			t.Run(fmt.Sprint(order, " ", victim), func(t *testing.T) {
				legs := make([]string, 2)
				for i := range legs {
					phone := r.phone(carrier.Config{})
					got := r.esl.job("originate sofia/external/1@%s &park()", phone.Addr())
					legs[i] = strings.TrimSpace(strings.TrimPrefix(got, "+OK "))
					r.esl.wait(legs[i], "CHANNEL_PARK")
				}
				bridge := fmt.Sprintf("api uuid_bridge %s %s\n\n", legs[0], legs[1])
				kill := fmt.Sprintf("api uuid_kill %s\n\n", legs[victim])
				if order == "kill first" {
					bridge, kill = kill, bridge
				}
				r.esl.write(bridge + kill)
				r.esl.frame()
				r.esl.frame()
				r.esl.wait(legs[victim], "CHANNEL_DESTROY")
				r.esl.ask("api uuid_kill %s", legs[1-victim])
				r.esl.wait(legs[1-victim], "CHANNEL_DESTROY")
			})
		}
	}
}

// Whatever is done to legs in whatever order: every leg ends, its events end with CHANNEL_DESTROY, once, and a leg is
// parked or executing only while it lives.
func TestAStormOfCommandsLeavesNoLegBehind(t *testing.T) {
	r := startSwitch(t, func(c *Config) { c.SessionsPerSecond = 1000 })
	rng := rand.New(rand.NewPCG(4, 1))
	var legs []string
	phones := make([]*carrier.Phone, 3)
	for i := range phones {
		phones[i] = r.phone(carrier.Config{})
	}
	for range 8 {
		got := r.esl.job("originate sofia/external/1@%s &park()", phones[rng.IntN(len(phones))].Addr())
		legs = append(legs, strings.TrimSpace(strings.TrimPrefix(got, "+OK ")))
	}
	one := func() string { return legs[rng.IntN(len(legs))] }
	commands := []func() string{
		func() string { return fmt.Sprintf("api uuid_bridge %s %s", one(), one()) },
		func() string { return fmt.Sprintf("api uuid_bridge %s %s", one(), one()) },
		func() string { return fmt.Sprintf("api uuid_transfer %s park inline", one()) },
		func() string { return fmt.Sprintf("api uuid_transfer %s 9664 XML public", one()) },
		func() string { return fmt.Sprintf("api uuid_park %s", one()) },
		func() string { return fmt.Sprintf("api uuid_break %s all", one()) },
		func() string { return fmt.Sprintf("api uuid_broadcast %s tone_stream://%%(50,0,440) both", one()) },
		func() string { return fmt.Sprintf("api uuid_setvar %s park_after_bridge true", one()) },
		func() string { return fmt.Sprintf("api uuid_setvar %s transfer_after_bridge 9664:XML:public", one()) },
		func() string { return fmt.Sprintf("api sched_transfer +0 %s 9664 XML public", one()) },
		func() string { return fmt.Sprintf("api uuid_record %s start %s/%d.wav", one(), r.media, rng.IntN(4)) },
		func() string { return fmt.Sprintf("api uuid_record %s stop all", one()) },
		func() string { return fmt.Sprintf("api uuid_dump %s json", one()) },
		func() string { return "api show calls as json" },
		func() string {
			return fmt.Sprintf("sendmsg %s\ncall-command: execute\nexecute-app-name: endless_playback\n"+
				"execute-app-arg: tone_stream://%%(30,0,440)", one())
		},
	}
	for n := range 400 {
		r.esl.ask("%s", commands[rng.IntN(len(commands))]())
		if n%40 == 39 {
			r.esl.ask("api uuid_kill %s", one())
			got := r.esl.job("originate sofia/external/1@%s &park()", phones[rng.IntN(len(phones))].Addr())
			legs = append(legs, strings.TrimSpace(strings.TrimPrefix(got, "+OK ")))
		}
	}
	r.esl.ask("api hupall NORMAL_CLEARING")
	for _, leg := range legs {
		r.esl.wait(leg, "CHANNEL_DESTROY")
		events := r.esl.of(leg)
		ends := strings.Count(strings.Join(events, " "), "DESTROY")
		if events[0] != "CREATE" || events[len(events)-1] != "DESTROY" || ends != 1 {
			t.Errorf("leg %s: %v", leg, events)
		}
	}
	deadline := time.Now().Add(patience)
	for _, phone := range phones {
		for _, call := range phone.Calls() {
			if _, err := call.WaitEnd(r.ctx()); err != nil || time.Now().After(deadline) {
				t.Errorf("a phone still talks: %v", err)
			}
		}
	}
	if n := r.sw.Legs(); n != 0 {
		t.Errorf("%d legs are left", n)
	}
}
