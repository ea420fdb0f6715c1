package freeswitchtest

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"

	"ramal/media"
)

const (
	callerTone = 1000 // Hz
	agentTone  = 1500
)

func TestAStereoRecordingHasTheCallerOnTheLeftAndTheAgentOnTheRight(t *testing.T) {
	instance := startWithUsers(t, "1001")
	c := converse(t, instance)
	phone := agent(t, "agent_wait.xml")
	register(t, instance.Settings.InternalSIP, "1001", password, phone.port).succeeds()
	caller := sipp(t, "caller_wait.xml", "-s", "4002", instance.Settings.ExternalSIP.String())
	leg := c.event("CHANNEL_PARK").get("Unique-ID")
	c.replies("uuid_answer "+leg, "+OK")
	c.event("CHANNEL_ANSWER", "Unique-ID", leg)
	c.execute(leg, "endless_playback", instance.Settings.MediaDir+"/system/hold1.wav")
	caller.media.hears(t, HoldTone, waitLimit)
	caller.media.speak(t, callerTone)
	phone.media.speak(t, agentTone)

	agentLeg := c.parkedAgent("1001")
	c.replies("uuid_bridge "+leg+" "+agentLeg, "+OK "+agentLeg)
	c.event("CHANNEL_BRIDGE", "Unique-ID", leg)
	// The agent's socket learns the switch's port from what the caller says.
	phone.media.hears(t, callerTone, waitLimit)
	caller.media.hears(t, agentTone, waitLimit)

	path := filepath.Join(instance.Settings.RecordingsDir, "2026", "talk.wav")
	c.command("event plain RECORD_START RECORD_STOP")
	c.replies("uuid_setvar "+leg+" RECORD_STEREO true", "+OK")
	c.replies("uuid_record "+leg+" start "+path, "+OK Success")
	c.event("RECORD_START", "Unique-ID", leg, "Record-File-Path", path)
	c.replies("sched_hangup +2 "+leg+" NORMAL_CLEARING", "+OK")
	c.event("RECORD_STOP", "Unique-ID", leg, "Record-File-Path", path)
	c.event("CHANNEL_DESTROY", "Unique-ID", leg)

	left, right := channels(t, path)
	if len(left) < media.SampleRate {
		t.Fatalf("the recording has %d samples", len(left))
	}
	if level := louder(left, callerTone, agentTone); level < 20 {
		t.Errorf("left: the caller is %.1f dB over the agent", level)
	}
	if level := louder(right, agentTone, callerTone); level < 20 {
		t.Errorf("right: the agent is %.1f dB over the caller", level)
	}
}

// louder is how much one tone is over another, in dB, in the middle half of a recording.
func louder(samples []int16, wanted, other float64) float64 {
	middle := samples[len(samples)/4 : len(samples)*3/4]
	return 10 * math.Log10(media.Goertzel(middle, media.SampleRate, wanted)/media.Goertzel(middle, media.SampleRate,
		other))
}

// channels reads a 16-bit stereo WAV of the telephone's rate.
func channels(t *testing.T, path string) (left, right []int16) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := media.WalkWAV(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	if info.Channels != 2 || info.Bits != 16 || info.Rate != media.SampleRate {
		t.Fatalf("the recording is %+v", info)
	}
	data := content[info.DataAt : info.DataAt+info.DataSize]
	for ; len(data) >= 4; data = data[4:] {
		left = append(left, int16(binary.LittleEndian.Uint16(data)))
		right = append(right, int16(binary.LittleEndian.Uint16(data[2:])))
	}
	return left, right
}
