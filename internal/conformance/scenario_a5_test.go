package conformance

import (
	"fmt"
	"testing"
	"time"

	"ramal/carrier"
)

func TestA5_ACallerWhoHangsUpLeavesNothingBehindAndARightRecord(t *testing.T) {
	t.Parallel()
	OnSoftswitch(t, hangUps)
}

func TestA5_ACallerWhoHangsUpLeavesNothingBehindAndARightRecord_OnFreeSWITCH(t *testing.T) {
	OnFreeSWITCH(t, hangUps)
}

func hangUps(t *testing.T, site *Site) {
	s := enter(t, site, 2*time.Minute)
	k := s.listen()
	phone := s.agentPhone("1001", carrier.RingOnly())
	ana := s.signIn("ana")

	inFlow := s.dial("5548999990501")
	s.must(inFlow.WaitAnswer(s.ctx))
	_, err := inFlow.WaitSound(s.ctx, inFlow.Times().Answered, time.Second)
	s.must(err)
	left := s.leaves(inFlow)
	s.leftovers(k, "5548999990501")
	s.record("5548999990501", record{call: inFlow, left: left, outcome: "flow"})

	inQueue := s.dial("5548999990502")
	s.press(inQueue, "1")
	s.logged("5548999990502", "queue.entered", 1)
	left = s.leaves(inQueue)
	s.leftovers(k, "5548999990502")
	s.record("5548999990502", record{call: inQueue, left: left, outcome: "abandoned", queued: true})

	ana.state("available")
	ringing := s.dial("5548999990503")
	s.press(ringing, "1")
	atAgent := s.rung(phone)
	s.logged("5548999990503", "agent.ringing", 1)
	left = s.leaves(ringing)
	end, err := atAgent.WaitEnd(s.ctx)
	s.must(err)
	if end.Method != "CANCEL" {
		t.Errorf("the agent's phone, ringing: %+v, wanted CANCEL", end)
	}
	s.within("CANCEL to the agent's phone", end.At, left[0], left[1].Add(time.Second))
	s.leftovers(k, "5548999990503")
	s.record("5548999990503", record{call: ringing, left: left, outcome: "abandoned", queued: true})
	if a := s.agents()["1001"]; a.State != "available" {
		t.Errorf("the agent is %s after the caller gave up, wanted available", a.State)
	}

	phone.SetBehaviour(answers(100 * time.Millisecond))
	talking := s.dial("5548999990504")
	s.press(talking, "1")
	atAgent = s.rung(phone)
	s.must(atAgent.WaitAnswer(s.ctx))
	s.wantTone("the caller", talking, agentTone)
	left = s.leaves(talking)
	end, err = atAgent.WaitEnd(s.ctx)
	s.must(err)
	if end.Method != "BYE" || end.Local {
		t.Errorf("the agent's phone, talking: %+v, wanted BYE", end)
	}
	s.within("BYE to the agent's phone", end.At, left[0], left[1].Add(time.Second))
	s.leftovers(k, "5548999990504")
	s.record("5548999990504", record{call: talking, left: left, outcome: "answered", queued: true, agent: atAgent})
	if a := s.agents()["1001"]; a.State != "available" {
		t.Errorf("the agent is %s after the talk, wanted available", a.State)
	}
	s.agentLog()
}

// leaves hangs up and gives the moments of the BYE and of the answer to it.
func (s *stage) leaves(c *carrier.Call) [2]time.Time {
	s.Helper()
	before := time.Now()
	s.must(c.Hangup(s.ctx))
	return [2]time.Time{before, time.Now()}
}

// record is what the row of an interaction must say.
type record struct {
	call    *carrier.Call
	left    [2]time.Time // BYE sent, its answer received
	outcome string
	queued  bool
	agent   *carrier.Call // who talked, at the agent's phone
}

// record holds the interaction's row, read with plain SQL, against the moments that the phones saw.
func (s *stage) record(number string, want record) {
	s.Helper()
	row := s.sql(`SELECT phase, ended_by, cause, outcome, coalesce(missed, 0)::text,
			(extract(epoch FROM started_at) * 1000000)::bigint::text,
			coalesce((extract(epoch FROM answered_at) * 1000000)::bigint, 0)::text,
			coalesce((extract(epoch FROM queued_at) * 1000000)::bigint, 0)::text,
			coalesce((extract(epoch FROM talk_started_at) * 1000000)::bigint, 0)::text,
			coalesce((extract(epoch FROM talk_ended_at) * 1000000)::bigint, 0)::text,
			coalesce((extract(epoch FROM ended_at) * 1000000)::bigint, 0)::text
		FROM interaction WHERE id = $1`, s.interaction(number))[0]
	if got := fmt.Sprint(row[:5]); got != fmt.Sprint([]string{"ended", "caller", "NORMAL_CLEARING", want.outcome, "0"}) {
		s.Errorf("%s: phase, ended by, cause, outcome, missed: %s; wanted outcome %s, ended normally by the caller",
			number, got, want.outcome)
	}
	at := make([]time.Time, 0, 6)
	for _, text := range row[5:] {
		var micros int64
		if _, err := fmt.Sscan(text, &micros); err != nil {
			s.Fatal(err)
		}
		if micros == 0 {
			at = append(at, time.Time{})
			continue
		}
		at = append(at, time.UnixMicro(micros))
	}
	seen := want.call.Times()
	s.within(number+" started", at[0], seen.Invite, seen.Answered)
	s.within(number+" answered", at[1], seen.Invite, seen.Answered)
	if want.queued {
		s.within(number+" queued", at[2], seen.Answered, want.left[0])
	} else if !at[2].IsZero() {
		s.Errorf("%s has entered a queue at %s", number, clock(at[2]))
	}
	if want.agent != nil {
		s.within(number+" talk started", at[3], want.agent.Times().Answered, want.left[0])
		s.within(number+" talk ended", at[4], want.left[0], want.left[1])
	} else if !at[3].IsZero() || !at[4].IsZero() {
		s.Errorf("%s has talked from %s to %s", number, clock(at[3]), clock(at[4]))
	}
	s.within(number+" ended", at[5], want.left[0], want.left[1])
}

// agentLog holds the agent's own log against what happened: rung twice, busy once, available in the end.
func (s *stage) agentLog() {
	s.Helper()
	want := fmt.Sprint([][]string{{"available"}, {"ringing"}, {"available"}, {"ringing"}, {"busy"}, {"available"}})
	var got string
	s.until("the agent's log is complete", patience, func() bool {
		got = fmt.Sprint(s.sql(`SELECT e.state FROM agent_event e JOIN extension x ON x.user_id = e.agent_id
			WHERE x.sip = '1001' ORDER BY e.id`))
		return len(got) >= len(want)
	})
	if got != want {
		s.Errorf("the agent's log is %s, wanted %s", got, want)
	}
}
