package softswitch

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ramal/carrier"
	"ramal/media"
)

// bridged sets up a caller and an agent who talk.
func (r *rig) bridged(before func(caller string)) (call, talk *carrier.Call, caller, agent string) {
	r.t.Helper()
	call, caller = r.callIn(carrier.CallOptions{Audio: goertzelSource(600)})
	r.answered(call, caller)
	if before != nil {
		before(caller)
	}
	phone := r.phone(carrier.Config{User: "1001", Codecs: []media.Codec{media.PCMU}})
	got := r.esl.job("originate {ignore_early_media=true}sofia/external/1001@%s &park()", phone.Addr())
	agent = strings.TrimSpace(strings.TrimPrefix(got, "+OK "))
	r.esl.wait(agent, "CHANNEL_PARK")
	talk, err := phone.NextCall(r.ctx())
	if err != nil {
		r.t.Fatal(err)
	}
	talk.Play(goertzelSource(1000))
	if got := r.esl.ask("api uuid_bridge %s %s", caller, agent); got != "+OK "+agent+"\n" {
		r.t.Fatalf("uuid_bridge: %q", got)
	}
	r.esl.wait(caller, "CHANNEL_BRIDGE")
	return call, talk, caller, agent
}

func TestA6_TheRecordingHasTheCallerLeftAndTheAgentRight(t *testing.T) {
	r := startSwitch(t, nil)
	call, talk, caller, _ := r.bridged(nil)
	r.mustHear(call, 1000)
	r.mustHear(talk, 600)
	file := filepath.Join(r.media, "rec", "talk.wav")
	r.esl.ask("api uuid_setvar %s RECORD_STEREO true", caller)
	for _, step := range []string{"start", "stop"} {
		if got := r.esl.ask("api uuid_record %s %s %s", caller, step, file); got != "+OK Success\n" {
			t.Fatalf("%s: %q", step, got)
		}
		if step == "start" {
			r.mustHear(call, 1000) // half a second passes
			r.mustHear(talk, 600)
		}
	}
	e := r.esl.wait(caller, "RECORD_STOP")
	if e.get("Record-File-Path") != file || e.get("variable_record_seconds") == "" {
		t.Errorf("RECORD_STOP of %q", e.get("Record-File-Path"))
	}
	left, right := stereo(t, file)
	if l, r := clearest(left, 600), clearest(right, 1000); l < 20 || r < 20 {
		t.Errorf("left 600 Hz %.1f dB, right 1000 Hz %.1f dB over the rest", l, r)
	}
	if got := r.esl.ask("api uuid_record %s stop %s", caller, file); got != "-ERR Cannot stop record session!\n" {
		t.Errorf("second stop: %q", got)
	}
}

// clearest is how far a tone stands out in the quarter of a second where it does most: a busy machine loses packets.
func clearest(samples []int16, freq float64) float64 {
	const window = media.SampleRate / 4
	best := math.Inf(-1)
	for at := 0; at+window <= len(samples); at += window / 2 {
		best = max(best, media.ToneOverRest(samples[at:at+window], media.SampleRate, freq))
	}
	return best
}

// stereo reads the two sides of a recording.
func stereo(t *testing.T, file string) (left, right []int16) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	info, err := media.WalkWAV(strings.NewReader(string(data)), int64(len(data)))
	if err != nil || info.Channels != 2 || info.Rate != media.SampleRate {
		t.Fatalf("recording: %+v, %v", info, err)
	}
	sound := data[info.DataAt : info.DataAt+info.DataSize]
	for i := 0; i+3 < len(sound); i += 4 {
		left = append(left, int16(uint16(sound[i])|uint16(sound[i+1])<<8))
		right = append(right, int16(uint16(sound[i+2])|uint16(sound[i+3])<<8))
	}
	return left, right
}

func TestAMaskedRecordingIsSilentThere(t *testing.T) {
	r := startSwitch(t, nil)
	call, _, caller, _ := r.bridged(nil)
	r.mustHear(call, 1000)
	file := filepath.Join(r.media, "masked.wav")
	r.esl.ask("api uuid_setvar %s RECORD_STEREO true", caller)
	r.esl.ask("api uuid_record %s start %s", caller, file)
	r.esl.ask("api uuid_record %s mask %s", caller, file)
	r.mustHear(call, 1000)
	r.esl.ask("api uuid_record %s stop %s", caller, file)
	left, right := stereo(t, file)
	const first = 5 * media.FrameSamples // what was recorded before the mask came
	if len(left) < 2*first || media.Power(left[first:]) > 0 || media.Power(right[first:]) > 0 {
		t.Errorf("%d samples, power %v and %v behind the mask", len(left), media.Power(left[first:]),
			media.Power(right[first:]))
	}
}

func TestTheCallerGoesToTheDialplanWhenTheAgentHangsUpAndNobodyListens(t *testing.T) {
	r := startSwitch(t, nil)
	call, talk, caller, _ := r.bridged(func(caller string) {
		r.esl.exec(caller, "set", "transfer_after_bridge=9664:XML:public")
		r.esl.waitHeader(caller, "CHANNEL_EXECUTE_COMPLETE", "Application", "set")
	})
	if err := talk.Hangup(r.ctx()); err != nil {
		t.Fatal(err)
	}
	e := r.esl.waitHeader(caller, "PLAYBACK_START", "Playback-File-Path", "local_stream://moh")
	if e.get("Caller-Destination-Number") != "9664" || e.get("Caller-RDNIS") != "554830000000" {
		t.Errorf("destination %q, before %q", e.get("Caller-Destination-Number"), e.get("Caller-RDNIS"))
	}
	if got := r.esl.ask("api uuid_getvar %s transfer_after_bridge", caller); got != "_undef_" {
		t.Errorf("transfer_after_bridge is still %q", got)
	}
	if err := call.Hangup(r.ctx()); err != nil {
		t.Fatal(err)
	}
	r.esl.wait(caller, "CHANNEL_DESTROY")
}

func TestWithoutAWordBothLegsEndTogether(t *testing.T) {
	r := startSwitch(t, nil)
	call, talk, caller, agent := r.bridged(nil)
	if err := talk.Hangup(r.ctx()); err != nil {
		t.Fatal(err)
	}
	if _, err := call.WaitEnd(r.ctx()); err != nil {
		t.Fatal(err)
	}
	for _, leg := range []string{caller, agent} {
		if got := r.esl.wait(leg, "CHANNEL_HANGUP_COMPLETE").get("Hangup-Cause"); got != "NORMAL_CLEARING" {
			t.Errorf("cause %q", got)
		}
	}
}

func TestATalkIsTakenApartByTransferAndTheOtherLegGoesItsOwnWay(t *testing.T) {
	r := startSwitch(t, nil)
	call, talk, caller, agent := r.bridged(nil)
	r.esl.ask("api uuid_setvar %s park_after_bridge true", agent)
	if got := r.esl.ask("api uuid_transfer %s park inline", caller); got != "+OK\n" {
		t.Fatalf("uuid_transfer: %q", got)
	}
	r.esl.wait(caller, "CHANNEL_UNBRIDGE")
	r.esl.waitHeader(agent, "CHANNEL_PARK", "Channel-State", "CS_PARK")
	r.esl.waitHeader(caller, "CHANNEL_PARK", "Caller-Profile-Index", "3")
	// Once more, the other way round: what was parked can be joined again.
	if got := r.esl.ask("api uuid_bridge %s %s", agent, caller); got != "+OK "+caller+"\n" {
		t.Fatalf("uuid_bridge: %q", got)
	}
	r.esl.wait(agent, "CHANNEL_BRIDGE")
	r.mustHear(call, 1000)
	r.mustHear(talk, 600)
}

func TestTheDeadMansSwitchFiresUnlessItIsTakenBack(t *testing.T) {
	r := startSwitch(t, nil)
	call, leg := r.callIn(carrier.CallOptions{})
	r.answered(call, leg)
	r.esl.ask("api sched_transfer +1 %s 9664 XML public", leg)
	if got := r.esl.ask("api sched_del %s", leg); got != "+OK Deleted: 1\n" {
		t.Errorf("sched_del: %q", got)
	}
	if got := r.esl.ask("api sched_del %s", leg); got != "+OK Deleted: 0\n" {
		t.Errorf("second sched_del: %q", got)
	}
	r.esl.exec(leg, "endless_playback", "tone_stream://%(1000,0,440)")
	r.esl.wait(leg, "PLAYBACK_START")
	armed := time.Now()
	if got := r.esl.ask("api sched_transfer +1 %s 9664 XML public", leg); got != "+OK\n" {
		t.Errorf("sched_transfer: %q", got)
	}
	r.esl.waitHeader(leg, "PLAYBACK_START", "Playback-File-Path", "local_stream://moh")
	if after := time.Since(armed); after < 900*time.Millisecond || after > 3*time.Second {
		t.Errorf("fired after %v", after)
	}
}

func TestAnUnknownDestinationEndsTheLegWithNoRoute(t *testing.T) {
	r := startSwitch(t, nil)
	call, leg := r.callIn(carrier.CallOptions{})
	r.answered(call, leg)
	r.esl.ask("api uuid_transfer %s 1 XML nowhere", leg)
	end, err := call.WaitEnd(r.ctx())
	if err != nil || end.Cause.Code != 3 {
		t.Errorf("ended with %v, %v", end.Cause, err)
	}
}

func TestAnUnknownApplicationEndsTheLegAndAMissingFileDoesNot(t *testing.T) {
	r := startSwitch(t, nil)
	call, leg := r.callIn(carrier.CallOptions{})
	r.answered(call, leg)
	r.esl.exec(leg, "playback", "/nonexistent/file.wav")
	e := r.esl.waitHeader(leg, "CHANNEL_EXECUTE_COMPLETE", "Application", "playback")
	if e.get("Application-Response") != "FILE NOT FOUND" {
		t.Errorf("response %q", e.get("Application-Response"))
	}
	r.esl.exec(leg, "nosuchapp", "x")
	if got := r.esl.wait(leg, "CHANNEL_HANGUP").get("Hangup-Cause"); got != "DESTINATION_OUT_OF_ORDER" {
		t.Errorf("cause %q", got)
	}
	if end, err := call.WaitEnd(r.ctx()); err != nil || end.Cause.Code != 27 {
		t.Errorf("the caller saw %v, %v", end.Cause, err)
	}
}

// The call that arrives while no core listens: RamalDialplan parks it, arms the dead man's switch, and says goodbye.
func TestA8_ACallWithoutACoreGetsTheAnnouncementWithinSevenSeconds(t *testing.T) {
	tone := make([]int16, media.SampleRate)
	if err := media.ReadFull(media.Sine(700, -10), tone); err != nil {
		t.Fatal(err)
	}
	r := startSwitch(t, func(c *Config) {
		c.Dialplan = RamalDialplan()
		file := filepath.Join(c.MediaDir, "system", "fallback.wav")
		if err := os.WriteFile(file, media.EncodeWAV(tone, media.SampleRate, 1), 0o600); err != nil {
			t.Fatal(err)
		}
	})
	began := time.Now()
	call, leg := r.callIn(carrier.CallOptions{})
	if err := call.WaitAnswer(r.ctx()); err != nil {
		t.Fatal(err)
	}
	if after := time.Since(began); after > 7*time.Second {
		t.Errorf("answered after %v", after)
	}
	r.mustHear(call, 700)
	end, err := call.WaitEnd(r.ctx())
	if err != nil || end.Cause.Code != 41 {
		t.Errorf("ended with %v, %v", end.Cause, err)
	}
	e := r.esl.wait(leg, "CHANNEL_HANGUP_COMPLETE")
	if e.get("variable_ramal_entry") != "1" || e.get("variable_ramal_number") != "554830000000" {
		t.Errorf("entry %q number %q", e.get("variable_ramal_entry"), e.get("variable_ramal_number"))
	}
}
