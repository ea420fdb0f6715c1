package conformance

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	freeswitchconf "ramal/freeswitch-conf"
	"ramal/internal/freeswitchtest"
	"ramal/media"
)

const peersDir = "../../testdata/esl/peers"

func replayOne(t *testing.T, sw Switch, plan Plan) {
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	rec := load(t, plan.Recording)
	got, notes, err := Replay(ctx, sw, rec, plan, peersDir, t.TempDir())
	for _, note := range notes {
		t.Errorf("recording %s (%s): %s", plan.Recording, plan.Title, note)
	}
	if err != nil {
		t.Errorf("recording %s: %v", plan.Recording, err)
	}
	want, err := Canon.Canonicalize(rec)
	if err != nil {
		t.Fatal(err)
	}
	have, err := Canon.Canonicalize(got)
	if err != nil {
		t.Fatal(err)
	}
	if diff := Diff(want, have); diff != "" {
		t.Errorf("recording %s (%s), - recorded, + this switch:\n%s", plan.Recording, plan.Title, diff)
	}
}

// recordedFreeSWITCH starts a real FreeSWITCH that is configured as the recorded one was.
func recordedFreeSWITCH(t *testing.T) Switch {
	t.Helper()
	music := t.TempDir()
	tone := make([]int16, 10*media.SampleRate)
	if err := media.ReadFull(media.Sine(440, -10), tone); err != nil {
		t.Fatal(err)
	}
	wav := media.EncodeWAV(tone, media.SampleRate, 1)
	if err := os.WriteFile(filepath.Join(music, "moh.wav"), wav, 0o600); err != nil {
		t.Fatal(err)
	}
	var directoryFile string
	fs := freeswitchtest.Start(t, freeswitchtest.Options{
		Adjust: func(s *freeswitchconf.Settings) { s.SIPDomain, directoryFile = "127.0.0.1", s.DirectoryFile },
		Edit:   func(confDir string) error { return likeRecorded(confDir, directoryFile, music) },
	})
	return Switch{ESL: fs.Settings.ESLAddress.String(), Password: fs.Settings.ESLPassword,
		Internal: fs.Settings.InternalSIP, External: fs.Settings.ExternalSIP}
}

// The replayer and the table are right when the real thing passes.
func TestA9_RecordingsReplayedGiveTheSameEventsPerLeg_OnFreeSWITCH(t *testing.T) {
	sw := recordedFreeSWITCH(t)
	for _, plan := range Plans { // one after the other: "show channels" sees all calls of a switch
		t.Run(plan.Recording, func(t *testing.T) { replayOne(t, sw, plan) })
	}
}
