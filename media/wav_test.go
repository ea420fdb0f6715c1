package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func tone(freq float64, amp float64, n int) []int16 {
	out := make([]int16, n)
	src := &sine{step: freq / SampleRate, amp: amp}
	for at := 0; at < n; {
		k, _ := src.ReadFrame(out[at:]) // a sine never fails
		at += k
	}
	return out
}

func writeFile(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWrittenSoundIsReadBackAsItWas(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.wav")
	want := tone(440, 9000, 3*SampleRate+77)
	w, err := CreateWAV(path, SampleRate, 1)
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; at < len(want); at += FrameSamples {
		if err := w.Write(want[at:min(at+FrameSamples, len(want))]); err != nil {
			t.Fatal(err)
		}
	}
	if w.Duration() != 3*time.Second+77*time.Second/SampleRate {
		t.Errorf("duration %v", w.Duration())
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := ReadWAV(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestARecordingOfAKilledProcessIsPlayable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.wav")
	w, err := CreateWAV(path, SampleRate, 2)
	if err != nil {
		t.Fatal(err)
	}
	frame := make([]int16, 2*FrameSamples)
	for range 124 { // 2.48 s, never closed
		if err := w.Write(frame); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := WalkWAV(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if seconds := info.DataSize / (4 * SampleRate); seconds != 2 || info.Channels != 2 {
		t.Errorf("%d seconds, %d channels are playable, want 2 and 2", seconds, info.Channels)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestReadWAVRefusesWhatATelephoneCannotPlay(t *testing.T) {
	good := EncodeWAV(tone(300, 5000, 800), SampleRate, 1)
	edit := func(at int, b ...byte) []byte {
		out := append([]byte(nil), good...)
		copy(out[at:], b)
		return out
	}
	hang, err := os.ReadFile("testdata/hang.wav")
	if err != nil {
		t.Fatal(err)
	}
	var kind *NotTelephoneError
	for name, data := range map[string][]byte{
		"stereo": EncodeWAV(make([]int16, 64), SampleRate, 2), "16 kHz": EncodeWAV(make([]int16, 64), 16000, 1),
		"A-law": edit(20, waveALaw, 0, 1, 0, 0x40, 0x1F, 0, 0, 0x40, 0x1F, 0, 0, 1, 0, 8, 0),
	} {
		if _, err := ReadWAV(writeFile(t, "x.wav", data)); !errors.As(err, &kind) {
			t.Errorf("%s: %v, want a NotTelephoneError", name, err)
		}
	}
	for name, data := range map[string][]byte{
		"empty": {}, "text": []byte("hello, this is no sound at all"), "no data": good[:36], "data too long": good[:200],
		"fmt too long": edit(16, 0xFF, 0xFF, 0xFF, 0x7F), "no channel": edit(22, 0, 0), "block size": edit(32, 3),
		"two fmt":         append(append([]byte(nil), good[:36]...), good[12:]...),
		"LIST that hangs": hang,
	} {
		if _, err := ReadWAV(writeFile(t, "x.wav", data)); !errors.Is(err, ErrNotWAV) {
			t.Errorf("%s: %v, want ErrNotWAV", name, err)
		}
	}
	if _, err := ReadWAV(filepath.Join(t.TempDir(), "none.wav")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	if _, err := ReadWAV(t.TempDir()); err == nil {
		t.Error("a directory was read as sound")
	}
}

func TestReadWAVPassesOverOtherChunksAndAnUnstatedLength(t *testing.T) {
	want := tone(300, 5000, 801)
	plain := EncodeWAV(want, SampleRate, 1)
	listed := append(append([]byte(nil), plain[:36]...), "LIST\x03\x00\x00\x00abc\x00"...) // odd length, padded
	listed = append(listed, plain[36:]...)
	streamed := append([]byte(nil), plain...)
	binary.LittleEndian.PutUint32(streamed[40:], 0xFFFFFFFF)
	for name, data := range map[string][]byte{"LIST": listed, "streamed": streamed} {
		got, err := ReadWAV(writeFile(t, "x.wav", data))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestSourcesEndAndBeginAgain(t *testing.T) {
	path := writeFile(t, "x.wav", EncodeWAV(tone(300, 5000, 500), SampleRate, 1))
	src, err := OpenWAV(path)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	var frame [FrameSamples]int16
	for _, want := range []int{160, 160, 160, 20} {
		if n, err := src.ReadFrame(frame[:]); n != want || err != nil {
			t.Fatalf("read %d %v, want %d", n, err, want)
		}
	}
	if n, err := src.ReadFrame(frame[:]); n != 0 || err != io.EOF {
		t.Fatalf("read %d %v at the end", n, err)
	}
	if err := src.Rewind(); err != nil {
		t.Fatal(err)
	}
	endless := Loop(src)
	want := tone(300, 5000, 500)
	for i := range 40 {
		if err := ReadFull(endless, frame[:]); err != nil {
			t.Fatal(err)
		}
		for k, s := range frame {
			if s != want[(i*FrameSamples+k)%500] {
				t.Fatalf("frame %d sample %d differs", i, k)
			}
		}
	}
	if _, err := Loop(Samples(nil).(Rewinder)).ReadFrame(frame[:]); err != io.EOF {
		t.Errorf("an endless loop of nothing: %v, want EOF", err)
	}
}

func FuzzWalkWAV(f *testing.F) {
	f.Add(EncodeWAV(make([]int16, 20), SampleRate, 1))
	f.Add([]byte("RIFF\x00\x00\x00\x00WAVELIST"))
	f.Fuzz(func(t *testing.T, data []byte) {
		info, err := WalkWAV(bytes.NewReader(data), int64(len(data)))
		if err == nil && (info.DataAt < 0 || info.DataSize < 0 || info.DataAt+info.DataSize > int64(len(data))) {
			t.Errorf("sound outside of the file: %+v of %d bytes", info, len(data))
		}
	})
}
