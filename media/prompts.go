package media

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
)

// Library keeps prompts in the media directory that switch and core share. A prompt is named by what it says and how,
// so it is rendered once, when it is published, and never changes. It is safe for concurrent use, by several
// processes too.
type Library struct {
	Dir   string // the media directory; prompts are in prompts/ below it
	Synth Synthesizer
}

var promptRef = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Ref is the name of the prompt that says text with voice.
func (l Library) Ref(text, voice string) string {
	h := sha256.New()
	for _, part := range []string{l.Synth.Engine(), voice, text, strconv.Itoa(SampleRate)} {
		fmt.Fprintf(h, "%d:%s", len(part), part) // a hash does not fail
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Path is the file of a prompt, which may not exist. It fails for what is no reference, so that no reference leads
// elsewhere.
func (l Library) Path(ref string) (string, error) {
	if !promptRef.MatchString(ref) {
		return "", fmt.Errorf("prompt %q: no reference", ref)
	}
	return filepath.Join(l.Dir, "prompts", ref+".wav"), nil
}

// Ensure renders the prompt unless it is there and playable, and gives its reference.
func (l Library) Ensure(ctx context.Context, text, voice string) (ref string, err error) {
	ref = l.Ref(text, voice)
	path, err := l.Path(ref)
	if err != nil {
		return "", err
	}
	if playable(path) {
		return ref, nil
	}
	wav, err := l.Synth.Synthesize(ctx, text, voice)
	if err != nil {
		return "", fmt.Errorf("render prompt: %w", err)
	}
	if err := writeAtomic(path, wav); err != nil {
		return "", fmt.Errorf("render prompt: %w", err)
	}
	return ref, nil
}

// Import checks an uploaded file, decodes it and keeps it under the hash of its sound.
func (l Library) Import(ctx context.Context, d Decoder, upload string) (ref string, found Decoded, err error) {
	dir := filepath.Join(l.Dir, "prompts")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", Decoded{}, fmt.Errorf("import sound: %w", err)
	}
	tmp, err := os.MkdirTemp(dir, ".import-")
	if err != nil {
		return "", Decoded{}, fmt.Errorf("import sound: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	out := filepath.Join(tmp, "out.wav")
	if found, err = d.Decode(ctx, upload, out); err != nil {
		return "", found, fmt.Errorf("import sound: %w", err)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		return "", found, fmt.Errorf("import sound: %w", err)
	}
	sum := sha256.Sum256(data)
	ref = hex.EncodeToString(sum[:])
	path, err := l.Path(ref)
	if err != nil {
		return "", found, err
	}
	return ref, found, writeAtomic(path, data)
}

func playable(path string) bool {
	src, err := OpenWAV(path)
	if err != nil {
		return false
	}
	return src.Close() == nil && src.info.DataSize > 0
}

// writeAtomic writes a file beside its place and renames it, so that nobody ever reads half of it. The switch may run
// as another user: the file is readable by all.
func writeAtomic(path string, data []byte) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(tmp.Name()))
		}
	}()
	_, err = tmp.Write(data)
	err = errors.Join(err, tmp.Chmod(0o644), tmp.Sync(), tmp.Close())
	if err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
