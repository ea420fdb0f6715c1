package conformance

import (
	"context"
	"math"
	"testing"
	"time"

	"ramal/media"
	"ramal/store"
)

func TestA2_ACallerHearsTheWelcomeCutsItShortWithADigitAndWaitsWithMusic(t *testing.T) {
	t.Parallel()
	OnSoftswitch(t, welcome)
}

func TestA2_ACallerHearsTheWelcomeCutsItShortWithADigitAndWaitsWithMusic_OnFreeSWITCH(t *testing.T) {
	OnFreeSWITCH(t, welcome)
}

// keyTime is how long the key is pressed; what cuts a prompt short counts from the key's first packet.
const (
	keyTime   = 100 * time.Millisecond
	cutWithin = 300 * time.Millisecond
)

func welcome(t *testing.T, site *Site) {
	s := enter(t, site, 2*time.Minute)
	greeting, menu, music := s.prompt("welcome"), s.prompt("menu"), s.sound(media.SystemHold1)

	patient, hasty := s.sippCaller("5548999990201"), s.sippCaller("5548999990202")
	s.until("a second and a half of the welcome", patience, func() bool {
		return len(hasty.RTP.Heard().Audio(time.Time{})) >= 3*media.SampleRate/2
	})
	s.cutShort(hasty, greeting, "the welcome")
	s.until("the whole welcome and a second of the menu", 5*patience, func() bool {
		return len(patient.RTP.Heard().Audio(time.Time{})) >= len(greeting)+2*media.SampleRate
	})
	s.cutShort(patient, menu, "the menu")
	if m := compare(patient.RTP.Heard().Audio(time.Time{}), greeting); !m.recognised() {
		t.Errorf("the welcome: %v", m)
	}
	s.hearsMusic(hasty, music)
	s.hearsMusic(patient, music)
	s.must(patient.HangUp(s.ctx))
	s.must(hasty.HangUp(s.ctx))
	s.leftovers(s.listen(), "5548999990201", "5548999990202")
}

// sippCaller is a SIPp that has called the demonstration's number and was answered; all its sound is the test's.
func (s *stage) sippCaller(number string) *Phone {
	s.Helper()
	p, err := s.site.Call(s.ctx, Caller{User: number, Number: string(store.DemoNumber)})
	s.must(err)
	closePhone(s.T, p)
	ctx, cancel := context.WithTimeout(s.ctx, patience)
	defer cancel()
	s.must(p.WaitLog(ctx, "answered"))
	return p
}

// cutShort presses 1 while the prompt plays and measures, on the clock of the RTP time stamps, when it stopped.
func (s *stage) cutShort(p *Phone, prompt []int16, name string) {
	s.Helper()
	digit := <-p.RTP.Dial('1', keyTime)
	s.until("a second of audio after the key", patience, func() bool {
		packets := p.RTP.Heard().audio(digit.First)
		return len(packets) > 0 && packets[len(packets)-1].At.Sub(digit.First) > 1200*time.Millisecond
	})
	c := measureCut(p.RTP.Heard(), prompt, digit.First)
	s.Logf("%s: stopped %v after the first packet of the digit (place in the prompt found with %.2f)",
		name, c.after, c.found)
	switch {
	case c.found < likeness:
		s.Fatalf("%s was not playing before the digit: correlation %.2f", name, c.found)
	case c.proof < 3:
		s.Fatalf("%s has only %d loud frames after the limit: the scenario pressed the key in a pause, it shows nothing",
			name, c.proof)
	case c.after > cutWithin:
		s.Errorf("%s went on for %v after the first packet of the digit, wanted at most %v", name, c.after, cutWithin)
	}
}

// cut is what measureCut found out.
type cut struct {
	found float64       // correlation of half a second of what was heard before the digit with the prompt
	after time.Duration // RTP time from the digit's first packet to the last frame that is the prompt's
	proof int           // loud frames of the prompt after the limit, within a second of the digit
}

// How finely the end of the prompt is looked for: in steps of 20 ms, frames of 40 ms, each at most 40 ms from where the
// prompt was found before the digit, since a loaded machine may lose a frame now and then.
const (
	frameStep  = 160
	frameSize  = 320
	frameShift = 320
)

func measureCut(heard *Heard, prompt []int16, pressed time.Time) cut {
	packets := heard.audio(time.Time{})
	audio := heard.Audio(time.Time{})
	at := rtpTimeOf(packets, pressed) // sample of audio that the switch sent when the digit's first packet left
	var c cut
	if at < media.SampleRate {
		return c
	}
	var inPrompt int // audio[i] is prompt[i+inPrompt]
	for from := at - media.SampleRate/2; from >= at-media.SampleRate; from -= media.SampleRate / 10 {
		r, lag := media.NormalizedCrossCorrelation(prompt, audio[from:from+media.SampleRate/2])
		if r > c.found {
			c.found, inPrompt = r, lag-from
		}
	}
	limit := at + int(cutWithin*media.SampleRate/time.Second)
	for i := at - media.SampleRate/2; i+frameSize <= min(at+media.SampleRate, len(audio)); i += frameStep {
		k := i + inPrompt
		if k < frameShift || k+frameSize+frameShift > len(prompt) || media.LevelDBFS(prompt[k:k+frameSize]) < -40 {
			continue
		}
		if i >= limit {
			c.proof++
		}
		if frameLike(audio[i:i+frameSize], prompt[k-frameShift:k+frameSize+frameShift]) {
			c.after = time.Duration(i+frameSize-at) * time.Second / media.SampleRate
		}
	}
	return c
}

// frameLike says whether a frame is in that stretch of the prompt, and as loud: music may look like a vowel for 40 ms,
// but not at the same level.
func frameLike(frame, prompt []int16) bool {
	r, lag := media.NormalizedCrossCorrelation(prompt, frame)
	return r >= likeness && math.Abs(media.LevelDBFS(frame)-media.LevelDBFS(prompt[lag:lag+len(frame)])) < 3
}

// rtpTimeOf is the sample of the received stream that belongs to a moment on this machine's clock: the packet that was
// least delayed in the second before says how the two clocks lie.
func rtpTimeOf(packets []Packet, moment time.Time) int {
	best, found := time.Duration(math.MaxInt64), false
	for _, p := range packets {
		if p.At.After(moment) || moment.Sub(p.At) > time.Second {
			continue
		}
		sent := time.Duration(int32(p.Timestamp-packets[0].Timestamp)) * time.Second / media.SampleRate
		if d := p.At.Sub(packets[0].At) - sent; d < best {
			best, found = d, true
		}
	}
	if !found {
		return -1
	}
	return int((moment.Sub(packets[0].At) - best) * media.SampleRate / time.Second)
}

// hearsMusic waits for three seconds of hold music that begin a second and a half after the last digit.
func (s *stage) hearsMusic(p *Phone, music []int16) {
	s.Helper()
	sent := p.RTP.Sent()
	from := sent[len(sent)-1].First.Add(1500 * time.Millisecond)
	s.until("three seconds of sound", patience, func() bool {
		return len(p.RTP.Heard().Audio(from)) >= 3*media.SampleRate
	})
	if m := looped(p.RTP.Heard().Audio(from)[:3*media.SampleRate], music); !m.recognised() {
		s.Errorf("the hold music: %v", m)
	}
}
