package conformance

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ramal/carrier"
	"ramal/media"
)

func TestA3_A6_CallerAndAgentHearEachOtherAndTheRecordingHasThemLeftAndRight(t *testing.T) {
	t.Parallel()
	OnSoftswitch(t, talks)
}

func TestA3_A6_CallerAndAgentHearEachOtherAndTheRecordingHasThemLeftAndRight_OnFreeSWITCH(t *testing.T) {
	OnFreeSWITCH(t, talks)
}

func talks(t *testing.T, site *Site) {
	s := enter(t, site, 2*time.Minute)
	s.sippTalk()
	s.baresipTalk()
	s.leftovers(s.listen(), "5548999990301", "5548999990302")
	s.recorded("5548999990302")
}

// sippTalk: SIPp signals on both sides; the agent's is registered with digest, and the agent becomes available while
// the caller waits.
func (s *stage) sippTalk() {
	s.Helper()
	agent, err := s.site.AgentPhone(s.ctx, "1001", 200*time.Millisecond)
	s.must(err)
	closePhone(s.T, agent.Phone)
	caller := s.sippCaller("5548999990301")
	caller.RTP.Play(media.Sine(callerTone, toneLevel))
	<-caller.RTP.Dial('1', keyTime)
	s.logged("5548999990301", "queue.entered", 1)
	ana := s.signIn("ana")
	ana.state("available")
	s.must(agent.WaitLog(s.ctx, "answered"))
	agent.RTP.Play(media.Sine(agentTone, toneLevel))
	s.hearsTone("the caller", agentTone, caller.RTP)
	s.hearsTone("the agent", callerTone, agent.RTP)
	s.must(agent.HangUp(s.ctx))
	ctx, cancel := context.WithTimeout(s.ctx, patience)
	defer cancel()
	s.must(caller.Wait(ctx)) // its scenario ends with the BYE from the switch
	ana.state("offline")
}

// hearsTone waits for a second in which a tone is far over everything else.
func (s *stage) hearsTone(who string, tone float64, at *RTPEndpoint) {
	s.Helper()
	best := 0.0
	s.until(who+" hears the tone of the other side", patience, func() bool {
		last := at.Heard().Last(time.Second)
		if len(last) >= media.SampleRate*9/10 {
			best = max(best, dBOver(last, tone))
		}
		return best >= clarity
	})
	s.Logf("%s hears the other side's tone %.0f dB over the rest", who, best)
}

// baresipTalk: the agent's phone is baresip.
func (s *stage) baresipTalk() {
	s.Helper()
	agent := s.softphone("1002")
	caller := s.dial("5548999990302")
	s.press(caller, "1")
	s.logged("5548999990302", "queue.entered", 1)
	bruno := s.signIn("bruno")
	s.until("the softphone is registered", patience, func() bool { return s.agents()["1002"].Phone == "up" })
	bruno.state("available")
	began := s.logged("5548999990302", "talk.started", 1)[0].at
	from := began.Add(500 * time.Millisecond)
	heard, err := caller.WaitSound(s.ctx, from, 4*time.Second)
	s.must(err)
	if over := bestSecond(heard.Samples, agentTone); over < clarity {
		s.Errorf("the caller hears the softphone's tone %.0f dB over the rest", over)
	}
	s.must(caller.Hangup(s.ctx))
	s.logged("5548999990302", "call.ended", 1)
	said := agent.stop()
	if len(said) < 3*media.SampleRate {
		s.Fatalf("the softphone recorded %.1f s", float64(len(said))/media.SampleRate)
	}
	if over := bestSecond(said, callerTone); over < clarity {
		s.Errorf("the softphone hears the caller's tone %.0f dB over the rest", over)
	}
	bruno.state("offline")
}

// bestSecond is how far a tone is over the rest in the second where it is clearest.
func bestSecond(samples []int16, tone float64) float64 {
	best := 0.0
	for at := 0; at+media.SampleRate <= len(samples); at += media.SampleRate / 4 {
		best = max(best, dBOver(samples[at:at+media.SampleRate], tone))
	}
	return best
}

// recorded holds a call's recording against what the two sides sent, and against what the API serves.
func (s *stage) recorded(number string) {
	s.Helper()
	s.logged(number, "recording.closed", 1)
	rows := s.sql(`SELECT path FROM recording WHERE interaction_id = $1 AND closed_at IS NOT NULL`, s.interaction(number))
	if len(rows) != 1 {
		s.Fatalf("recordings of %s: %v", number, rows)
	}
	path := filepath.Join(s.site.Recordings, filepath.FromSlash(rows[0][0]))
	left, right, err := stereo(path)
	s.must(err)
	talk := s.logged(number, "talk.ended", 1)[0].at.Sub(s.logged(number, "talk.started", 1)[0].at)
	length := time.Duration(len(left)) * time.Second / media.SampleRate
	if length < talk-time.Second || length > talk+500*time.Millisecond {
		s.Errorf("the recording is %v long, the talk was %v", length, talk)
	}
	for _, side := range []struct {
		name    string
		samples []int16
		tone    float64
	}{{"left", left, callerTone}, {"right", right, agentTone}} {
		if over := bestSecond(side.samples, side.tone); over < clarity {
			s.Errorf("%s: the tone is %.0f dB over the rest", side.name, over)
		}
	}
	if over := bestSecond(left, agentTone); over > 0 {
		s.Errorf("left: the agent's tone is %.0f dB over the rest", over)
	}
	if over := bestSecond(right, callerTone); over > 0 {
		s.Errorf("right: the caller's tone is %.0f dB over the rest", over)
	}
	status, served, err := s.office.raw(http.MethodGet, "/api/recordings/"+s.interaction(number), nil)
	s.must(err)
	file, err := os.ReadFile(path)
	s.must(err)
	if status != http.StatusOK || !bytes.Equal(served, file) {
		s.Errorf("the API serves %d with %d bytes, the file has %d", status, len(served), len(file))
	}
}

// wantTone waits for a second of sound that is the tone.
func (s *stage) wantTone(who string, c *carrier.Call, tone float64) {
	s.Helper()
	from := time.Now()
	best, samples := 0.0, 0
	ctx, cancel := context.WithTimeout(s.ctx, patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for best < clarity {
		select {
		case <-tick.C:
		case <-ctx.Done():
			s.Fatalf("%s hears the other side's tone at best %.0f dB over the rest, in %d samples", who, best, samples)
		}
		heard := c.Heard(from, time.Time{}).Samples
		if samples = len(heard); samples >= media.SampleRate {
			best = max(best, dBOver(heard[samples-media.SampleRate:], tone))
		}
	}
}
