package recordings

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ramal/esl/wire"
)

func TestABlockIsExactlyTheBytesItAnnounces(t *testing.T) {
	text := "< 0.000 5\nA: b\n---\n> 1.250 3\nx\n\n---\n< 2.000 5\n---\nx\n---\n< 3.000 0\n\n---\n"
	got, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := []Block{
		{FromSwitch: true, Data: []byte("A: b\n")},
		{At: 1250 * time.Millisecond, Data: []byte("x\n\n")},
		{FromSwitch: true, At: 2 * time.Second, Data: []byte("---\nx")},
		{FromSwitch: true, At: 3 * time.Second, Data: []byte{}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestAMalformedRecordingIsRefused(t *testing.T) {
	for _, text := range []string{
		"x", "< 0.000 5\nA: b\n", "< 0.000 9\nA: b\n---\n", "< 0.000 -1\nA\n---\n", "* 0.000 2\nA\n---\n",
		"< a 2\nA\n---\n", "< 0.000 2 \nA\n---\n", "< 0.000 4\nA: b\n--\n", "< 0.000 2\nA\n---x\n",
	} {
		if blocks, err := Parse([]byte(text)); err == nil {
			t.Errorf("%q was read as %d blocks", text, len(blocks))
		}
	}
}

func TestEveryRecordingIsReadToItsEndInWholeFramesAndCommands(t *testing.T) {
	paths, err := filepath.Glob("../../testdata/esl/*.txt")
	if err != nil || len(paths) < 26 {
		t.Fatalf("%d recordings, %v", len(paths), err)
	}
	for _, path := range paths {
		blocks, err := Load(path)
		if err != nil {
			t.Error(err)
			continue
		}
		fromSwitch, commands := 0, 0
		frames := wire.NewFrameReader(bytes.NewReader(FromSwitch(blocks)), wire.Limits{})
		for ; err == nil; fromSwitch++ {
			_, err = frames.Next()
		}
		if !errors.Is(err, io.EOF) {
			t.Errorf("%s: switch: %v", path, err)
		}
		reader := wire.NewCommandReader(bytes.NewReader(FromClient(blocks)), wire.Limits{})
		for err = nil; err == nil; commands++ {
			_, err = reader.Next()
		}
		if !errors.Is(err, io.EOF) {
			t.Errorf("%s: client: %v", path, err)
		}
		if total := fromSwitch - 1 + commands - 1; total < len(blocks) {
			t.Errorf("%s: %d frames and commands in %d blocks", path, total, len(blocks))
		}
	}
}
