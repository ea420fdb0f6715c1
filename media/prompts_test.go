package media

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fixedVoice is a synthesizer that counts.
type fixedVoice struct {
	engine string
	calls  *int
	fail   error
}

func (v fixedVoice) Engine() string { return v.engine }

func (v fixedVoice) Synthesize(_ context.Context, text, _ string) ([]byte, error) {
	*v.calls++
	return EncodeWAV(make([]int16, 100*len(text)), SampleRate, 1), v.fail
}

func TestAPromptIsRenderedOnceAndNamedByWhatItSays(t *testing.T) {
	calls := 0
	lib := Library{Dir: t.TempDir(), Synth: fixedVoice{engine: "a", calls: &calls}}
	ctx := context.Background()
	ref, err := lib.Ensure(ctx, "Bom dia", VoicePortuguese)
	if err != nil {
		t.Fatal(err)
	}
	path, err := lib.Path(ref)
	if err != nil || path != filepath.Join(lib.Dir, "prompts", ref+".wav") {
		t.Errorf("path %s %v", path, err)
	}
	if again, err := lib.Ensure(ctx, "Bom dia", VoicePortuguese); again != ref || err != nil || calls != 1 {
		t.Errorf("again: %s %v after %d renderings", again, err, calls)
	}
	if err := os.WriteFile(path, []byte("cut off"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := lib.Ensure(ctx, "Bom dia", VoicePortuguese); err != nil || calls != 2 || !playable(path) {
		t.Errorf("a broken file was not rendered again: %v", err)
	}
	others := []string{lib.Ref("Bom dia!", VoicePortuguese), lib.Ref("Bom dia", VoiceEnglish),
		Library{Synth: fixedVoice{engine: "b"}}.Ref("Bom dia", VoicePortuguese)}
	for _, other := range others {
		if other == ref {
			t.Error("another text, voice or engine has the same name")
		}
	}
	entries, err := os.ReadDir(filepath.Join(lib.Dir, "prompts"))
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v %v", entries, err)
	}
}

func TestNoReferenceLeadsOutOfTheLibrary(t *testing.T) {
	for _, ref := range []string{"", "../../etc/passwd", strings.Repeat("a", 63), strings.Repeat("A", 64),
		strings.Repeat("a", 64) + "/x"} {
		if path, err := (Library{Dir: "/x"}).Path(ref); err == nil {
			t.Errorf("%q leads to %s", ref, path)
		}
	}
}

func TestAFailedRenderingLeavesNothing(t *testing.T) {
	calls := 0
	want := &MissingToolError{"espeak-ng", "espeak-ng"}
	lib := Library{Dir: t.TempDir(), Synth: fixedVoice{calls: &calls, fail: want}}
	_, err := lib.Ensure(context.Background(), "Bom dia", VoicePortuguese)
	var missing *MissingToolError
	if !errors.As(err, &missing) || !strings.Contains(err.Error(), "apt-get install espeak-ng") {
		t.Errorf("%v", err)
	}
	if entries, err := os.ReadDir(lib.Dir); err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v %v", entries, err)
	}
}

func TestAnUploadIsKeptUnderTheHashOfItsSound(t *testing.T) {
	needTool(t, "ffmpeg", "ffmpeg")
	lib := Library{Dir: t.TempDir()}
	upload := writeFile(t, "x", EncodeWAV(tone(440, 3000, SampleRate), SampleRate, 1))
	ref, found, err := lib.Import(context.Background(), self("decode"), upload)
	if err != nil || found.Duration() != time.Second {
		t.Fatalf("%+v %v", found, err)
	}
	if path, err := lib.Path(ref); err != nil || !playable(path) {
		t.Errorf("%s is not playable: %v", path, err)
	}
	again, _, err := lib.Import(context.Background(), self("decode"), upload)
	if again != ref || err != nil {
		t.Errorf("again: %s %v", again, err)
	}
	var refused *RejectedError
	if _, _, err := lib.Import(context.Background(), self("decode"), writeFile(t, "y", []byte("no"))); !errors.As(err,
		&refused) {
		t.Errorf("text: %v", err)
	}
	entries, err := os.ReadDir(filepath.Join(lib.Dir, "prompts"))
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v %v", entries, err)
	}
}

func TestEspeakSaysDifferentTextsInBothLanguages(t *testing.T) {
	needTool(t, "ffmpeg", "ffmpeg")
	needTool(t, "espeak-ng", "espeak-ng")
	spoken := map[string][]int16{}
	for _, c := range []struct{ voice, text string }{
		{VoicePortuguese, "Para falar com um atendente, digite um."}, {VoiceEnglish, "To talk to an agent, press one."},
		{VoicePortuguese, "-f /etc/passwd $(id) `id` [[h@l'oU]] \n <b>"},
	} {
		data, err := Espeak{}.Synthesize(context.Background(), c.text, c.voice)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		samples, err := ReadWAV(writeFile(t, "a.wav", data))
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if s := float64(len(samples)) / SampleRate; s < 1 || s > 15 {
			t.Errorf("%s takes %.1f s", c.text, s)
		}
		if l := LevelDBFS(samples); l < -30 || l > -8 {
			t.Errorf("%s is at %.1f dBFS", c.text, l)
		}
		spoken[c.text] = samples
	}
	if len(spoken) != 3 {
		t.Errorf("%d texts were spoken, want 3", len(spoken))
	}
	again, err := Espeak{}.Synthesize(context.Background(), "To talk to an agent, press one.", VoiceEnglish)
	if err != nil {
		t.Fatal(err)
	}
	samples, err := ReadWAV(writeFile(t, "b.wav", again))
	if err != nil {
		t.Fatal(err)
	}
	if r, lag := NormalizedCrossCorrelation(samples, spoken["To talk to an agent, press one."]); r < 0.999 || lag != 0 {
		t.Errorf("the same text correlates with itself by %.3f at %d", r, lag)
	}
	for _, c := range []struct{ voice, text string }{{"xx", "a"}, {VoiceEnglish, " \n "}, {VoiceEnglish, "\xff"},
		{VoiceEnglish, strings.Repeat("a", MaxSpeech+1)}} {
		if _, err := (Espeak{}).Synthesize(context.Background(), c.text, c.voice); !errors.Is(err, ErrText) {
			t.Errorf("voice %s: %v, want ErrText", c.voice, err)
		}
	}
}

func TestAMissingSpeechEngineSaysWhatToInstall(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Espeak{}.Synthesize(context.Background(), "Bom dia", VoicePortuguese)
	var missing *MissingToolError
	if !errors.As(err, &missing) || missing.Package != "espeak-ng" || !strings.Contains(err.Error(),
		"apt-get install espeak-ng") {
		t.Errorf("%v", err)
	}
}

func TestSystemSoundsAreWrittenOnceAndReplacementsAreKept(t *testing.T) {
	calls := 0
	dir, ctx := t.TempDir(), context.Background()
	synth := fixedVoice{engine: "a", calls: &calls}
	if err := EnsureSystemSounds(ctx, dir, fixedVoice{calls: &calls, fail: &MissingToolError{"espeak-ng",
		"espeak-ng"}}); err == nil ||
		!strings.Contains(err.Error(), "apt-get install espeak-ng") {
		t.Errorf("without a speech engine: %v", err)
	}
	own := EncodeWAV(tone(500, 1000, 800), SampleRate, 1)
	if err := os.WriteFile(filepath.Join(dir, SystemHold2), own, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := EnsureSystemSounds(ctx, dir, synth); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{SystemHold1, SystemHold2, SystemFallback, SystemRing, SystemBusy, SystemBeep} {
		if !playable(filepath.Join(dir, file)) {
			t.Errorf("%s is not playable", file)
		}
	}
	before, err := os.Stat(filepath.Join(dir, SystemHold1))
	if err != nil {
		t.Fatal(err)
	}
	if err := EnsureSystemSounds(ctx, dir, synth); err != nil || calls != 2 {
		t.Errorf("again: %v, %d texts spoken", err, calls)
	}
	after, err := os.Stat(filepath.Join(dir, SystemHold1))
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("hold1 was written again: %v", err)
	}
	if kept, err := os.ReadFile(filepath.Join(dir, SystemHold2)); err != nil || string(kept) != string(own) {
		t.Errorf("a replaced file was overwritten: %v", err)
	}
}
