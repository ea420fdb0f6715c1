package conformance

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"ramal/media"
	"ramal/softswitch"
)

// recordedExtensions is the dialplan of the recordings (testdata/esl/peers/README.md).
func recordedExtensions(_, destination string) ([]softswitch.App, bool) {
	if destination == "9664" {
		return []softswitch.App{{Name: "answer"}, {Name: "playback", Arg: "local_stream://moh"}}, true
	}
	return []softswitch.App{{Name: "park"}}, true
}

// recordedSoftswitch runs the softswitch with the dialplan, the user and the music of the recordings until ctx ends.
func recordedSoftswitch(ctx context.Context, dir string) (sw Switch, ended <-chan error, err error) {
	mediaDir, directory := filepath.Join(dir, "media"), filepath.Join(dir, "directory.xml")
	tone := make([]int16, 2*media.SampleRate)
	if err := media.ReadFull(media.Sine(440, -10), tone); err != nil {
		return Switch{}, nil, err
	}
	if err := os.MkdirAll(filepath.Join(mediaDir, "system"), 0o755); err != nil {
		return Switch{}, nil, err
	}
	wav := media.EncodeWAV(tone, media.SampleRate, 1)
	if err := os.WriteFile(filepath.Join(mediaDir, "system", "hold1.wav"), wav, 0o600); err != nil {
		return Switch{}, nil, err
	}
	if err := os.WriteFile(directory, []byte(recordedDirectory), 0o600); err != nil {
		return Switch{}, nil, err
	}
	first := rtpRange()
	server, err := softswitch.New(softswitch.Config{ESLAddr: "127.0.0.1:0", ESLPassword: "ClueCon",
		InternalAddr: "127.0.0.1:0",
		ExternalAddr: "127.0.0.1:0", RTPPortMin: first, RTPPortMax: first + 398, SIPDomain: "127.0.0.1", Directory: directory,
		MediaDir: mediaDir, Heartbeat: 3 * time.Second, MinExpires: time.Minute, APIExpansion: true,
		Dialplan: recordedExtensions})
	if err != nil {
		return Switch{}, nil, err
	}
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	return Switch{ESL: server.ESLAddr(), Password: "ClueCon", Internal: netip.MustParseAddrPort(server.InternalAddr()),
		External: netip.MustParseAddrPort(server.ExternalAddr())}, done, nil
}

// Replays wait most of the time, so several run at once, each on a switch of its own.
func TestA9_RecordingsReplayedGiveTheSameEventsPerLeg(t *testing.T) {
	results := make([]string, len(Plans))
	dirs := make([]string, len(Plans))
	recorded := make([]Conversation, len(Plans))
	for i, plan := range Plans {
		dirs[i], recorded[i] = t.TempDir(), load(t, plan.Recording)
	}
	places := make(chan struct{}, 6)
	var all sync.WaitGroup
	for i, plan := range Plans {
		all.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			results[i] = replayOnSoftswitch(t.Context(), recorded[i], plan, dirs[i])
		})
	}
	all.Wait()
	for i, plan := range Plans {
		t.Run(plan.Recording, func(t *testing.T) {
			if results[i] != "" {
				t.Errorf("%s; - recorded, + softswitch:\n%s", plan.Title, results[i])
			}
		})
	}
}

// replayOnSoftswitch says what differs, "" when nothing does.
func replayOnSoftswitch(ctx context.Context, rec Conversation, plan Plan, dir string) string {
	ctx, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	sw, ended, err := recordedSoftswitch(ctx, dir)
	if err != nil {
		return err.Error()
	}
	out := compareReplay(ctx, sw, rec, plan, dir)
	cancel()
	if err := <-ended; err != nil {
		out += fmt.Sprintf("the softswitch ended with %v\n", err)
	}
	return strings.TrimSpace(out)
}
