package conformance

import (
	"testing"
	"time"

	"ramal/carrier"
	"ramal/media"
)

func TestA8_WithoutTheCoreCallersHearTheFallbackAndWithItAgainTheNextCallIsNormal(t *testing.T) {
	t.Parallel()
	OnSoftswitch(t, coreAway)
}

func TestA8_WithoutTheCoreCallersHearTheFallbackAndWithItAgainTheNextCallIsNormal_OnFreeSWITCH(t *testing.T) {
	OnFreeSWITCH(t, coreAway)
}

// fallbackLimit is how soon the announcement must be heard; the dead man's switch is armed to five seconds.
const fallbackLimit = 7 * time.Second

func coreAway(t *testing.T, site *Site) {
	s := enter(t, site, 3*time.Minute)
	phone := s.agentPhone("1001", answers(100*time.Millisecond))
	s.signIn("ana").state("available")
	s.normalCall("5548999990801", phone)

	// Killed in the middle of a talk.
	talking := s.dial("5548999990802")
	s.press(talking, "1")
	atAgent := s.rung(phone)
	s.must(atAgent.WaitAnswer(s.ctx))
	s.wantTone("the caller, with the core", talking, agentTone)
	s.site.KillCore(t)
	s.wantTone("the caller, without the core", talking, agentTone)
	killed := s.dial("5548999990803")
	left := time.Now()
	s.must(atAgent.Hangup(s.ctx))
	s.musicThenFallback(talking, left)
	s.fallback("after kill -9", killed)

	s.site.StartCore(t)
	s.office = s.signIn("admin")
	s.until("the agent is available without signing in again", patience, func() bool {
		return s.agents()["1001"].State == "available"
	})
	s.normalCall("5548999990804", phone)

	// Stopped in order.
	s.site.StopCore(t)
	s.fallback("after an orderly stop", s.dial("5548999990805"))
	s.site.StartCore(t)
	s.office = s.signIn("admin")
	s.normalCall("5548999990806", phone)

	s.leftovers(s.listen(), "5548999990801", "5548999990802", "5548999990804", "5548999990806")
	for _, number := range []string{"5548999990803", "5548999990805"} {
		if id := s.interaction(number); id != "" {
			t.Errorf("a call that no core saw has the interaction %s", id)
		}
	}
}

// normalCall goes from the welcome to an agent and back to nothing.
func (s *stage) normalCall(number string, phone *carrier.Phone) {
	s.Helper()
	c := s.dial(number)
	s.must(c.WaitAnswer(s.ctx))
	heard, err := c.WaitSound(s.ctx, c.Times().Answered, 2*time.Second)
	s.must(err)
	if m := compare(s.prompt("welcome"), heard.Samples[media.SampleRate/2:2*media.SampleRate]); !m.recognised() {
		s.Errorf("%s: the welcome: %v", number, m)
	}
	s.press(c, "1")
	atAgent := s.rung(phone)
	s.must(atAgent.WaitAnswer(s.ctx))
	s.wantTone(number+", the caller", c, agentTone)
	s.wantTone(number+", the agent", atAgent, callerTone)
	s.must(c.Hangup(s.ctx))
	s.logged(number, "call.ended", 1)
}

// fallback: a call that arrived while no core listens is told so within seven seconds, and ended.
func (s *stage) fallback(when string, c *carrier.Call) {
	s.Helper()
	s.must(c.WaitAnswer(s.ctx))
	announcement := s.sound(media.SystemFallback)
	end, err := c.WaitEnd(s.ctx)
	s.must(err)
	heard := c.Heard(time.Time{}, time.Time{})
	m := compare(heard.Samples, announcement)
	if !m.recognised() {
		s.Errorf("%s: the fallback announcement: %v", when, m)
		return
	}
	began := heard.At(m.start).Sub(c.Times().Invite)
	s.Logf("%s: the announcement begins %v after the INVITE (%v)", when, began.Round(time.Millisecond), m)
	if began > fallbackLimit {
		s.Errorf("%s: the announcement begins %v after the INVITE, wanted at most %v", when, began, fallbackLimit)
	}
	if end.Local || end.Method != "BYE" {
		s.Errorf("%s: the call ended with %+v, wanted BYE from the switch", when, end)
	}
}

// musicThenFallback: the agent of a talk hung up while no core listens.
func (s *stage) musicThenFallback(c *carrier.Call, left time.Time) {
	s.Helper()
	end, err := c.WaitEnd(s.ctx)
	s.must(err)
	heard := c.Heard(left, time.Time{})
	said := compare(heard.Samples, s.sound(media.SystemFallback))
	if !said.recognised() {
		s.Fatalf("the agent hung up, no core: the fallback announcement: %v", said)
	}
	began := heard.At(said.start).Sub(left)
	s.Logf("the agent hung up, no core: the announcement begins %v later (%v)", began.Round(time.Millisecond), said)
	if began > fallbackLimit {
		s.Errorf("the agent hung up, no core: the announcement begins %v later, wanted at most %v", began, fallbackLimit)
	}
	if said.start < 3*media.SampleRate {
		s.Fatalf("the agent hung up, no core: only %d samples before the announcement", said.start)
	}
	// From a second after the hang-up to half a second before the announcement.
	before := heard.Samples[media.SampleRate : said.start-media.SampleRate/2]
	if m := looped(before, s.sound(media.SystemHold1)); !m.recognised() {
		s.Errorf("the agent hung up, no core: the hold music: %v", m)
	}
	if end.Local || end.Method != "BYE" {
		s.Errorf("the agent hung up, no core: the call ended with %+v, wanted BYE from the switch", end)
	}
}
