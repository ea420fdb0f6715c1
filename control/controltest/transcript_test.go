package controltest

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write what happens now into the transcripts")

// The transcripts in testdata/transcripts tell every path of a call in words; this test replays each.
func TestA10_TranscriptsTellWhatHappens(t *testing.T) {
	files, err := filepath.Glob("../../testdata/transcripts/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 15 {
		t.Fatalf("found %d transcripts, there should be at least 15", len(files))
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) {
			got := play(t, string(text))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if d := cmp.Diff(strings.Split(string(text), "\n"), strings.Split(got, "\n")); d != "" {
				t.Errorf("not what the transcript tells (-transcript +now); -update rewrites it:\n%s", d)
			}
			for _, line := range strings.Split(got, "\n") {
				if strings.HasPrefix(line, "left behind:") && line != "left behind: 0 legs on the switch, 0 calls in Ramal" {
					t.Errorf("%s", line)
				}
			}
		})
	}
}

func play(t *testing.T, text string) string {
	t.Helper()
	var got string
	var err error
	synctest.Test(t, func(*testing.T) { got, err = RunTranscript(text, synctest.Wait) })
	if err != nil {
		t.Fatal(err)
	}
	return got
}
