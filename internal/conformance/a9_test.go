package conformance

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	freeswitchconf "ramal/freeswitch-conf"
	"ramal/internal/freeswitchtest"
	"ramal/media"
)

const peersDir = "../../testdata/esl/peers"

// compareReplay replays a recording and says what differs, "" when nothing does.
func compareReplay(ctx context.Context, sw Switch, rec Conversation, plan Plan, dir string) string {
	var out strings.Builder
	got, notes, err := Replay(ctx, sw, rec, plan, peersDir, dir)
	for _, note := range notes {
		fmt.Fprintln(&out, note)
	}
	if err != nil {
		fmt.Fprintln(&out, err)
	}
	want, err := Canon.Canonicalize(rec)
	if err != nil {
		return err.Error()
	}
	have, err := Canon.Canonicalize(got)
	if err != nil {
		return out.String() + err.Error()
	}
	return out.String() + Diff(want, have)
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

// raceTries is how often a recording may be replayed on the real switch, which has races of its own that no table row
// should excuse on ours: "show calls" lags by some tenths of a second (recording 20), and two events of one instant,
// such as CHANNEL_CALLSTATE and CALL_UPDATE, change places now and then.
const raceTries = 3

// The replayer and the table are right when the real thing passes.
func TestA9_RecordingsReplayedGiveTheSameEventsPerLeg_OnFreeSWITCH(t *testing.T) {
	sw := recordedFreeSWITCH(t)
	for _, plan := range Plans { // one after the other: "show channels" sees all calls of a switch
		t.Run(plan.Recording, func(t *testing.T) {
			for try := 1; ; try++ {
				ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
				diff := compareReplay(ctx, sw, load(t, plan.Recording), plan, t.TempDir())
				cancel()
				if diff == "" {
					return
				}
				t.Logf("try %d: %s; - recorded, + this switch:\n%s", try, plan.Title, diff)
				if try == raceTries {
					t.Fatalf("%s: differs in each of %d tries", plan.Title, raceTries)
				}
			}
		})
	}
}
