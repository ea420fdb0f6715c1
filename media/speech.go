package media

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Voices that every Synthesizer here knows.
const (
	VoicePortuguese = "pt-BR"
	VoiceEnglish    = "en-US"
)

// MaxSpeech is the longest text of one prompt, in characters.
const MaxSpeech = 5000

// Synthesizer turns text into sound.
type Synthesizer interface {
	// Synthesize gives an 8 kHz 16-bit mono WAV file. An engine that is not installed gives a *MissingToolError.
	Synthesize(ctx context.Context, text, voice string) (wav []byte, err error)
	// Engine names the engine and every setting that changes its sound; it is part of a prompt's name.
	Engine() string
}

// ErrText is wrapped by errors about a text or voice that cannot be spoken.
var ErrText = errors.New("this text cannot be spoken")

// Espeak speaks with espeak-ng, a separate program; ffmpeg takes its rumble away and makes it 8 kHz. It sounds like a
// machine: a provisional voice until somebody records the prompts.
type Espeak struct{}

var espeakVoices = map[string]string{VoicePortuguese: "pt-br", "pt-BR-f": "pt-br+f3", VoiceEnglish: "en-us",
	"en-US-f": "en-us+f3"}

const espeakSpeed = "145" // words a minute; the default of 175 is too fast for the telephone

// Engine implements Synthesizer.
func (Espeak) Engine() string { return "espeak-ng/" + espeakSpeed + "/highpass200/-18LUFS" }

// Synthesize implements Synthesizer. The text goes through standard input: nothing in it can be an option.
func (Espeak) Synthesize(ctx context.Context, text, voice string) ([]byte, error) {
	name, ok := espeakVoices[voice]
	if !ok {
		return nil, fmt.Errorf("synthesize: %w: no voice %q", ErrText, voice)
	}
	text, err := cleanSpeech(text)
	if err != nil {
		return nil, fmt.Errorf("synthesize: %w", err)
	}
	spoken, _, err := runTool(ctx, "espeak-ng", "espeak-ng", []byte(text), "-v", name, "-s", espeakSpeed, "-b", "1",
		"--stdin", "--stdout")
	if err != nil {
		return nil, fmt.Errorf("synthesize: %w", err)
	}
	raw, _, err := ffmpeg(ctx, spoken, []string{"-f", "wav"}, append([]string{"-af", "highpass=f=200"},
		telephoneOutput...))
	if err != nil {
		return nil, fmt.Errorf("synthesize: %w", err)
	}
	samples := fromBytes(raw)
	if len(samples) == 0 {
		return nil, fmt.Errorf("synthesize: %w: it gives no sound", ErrText)
	}
	loud, err := measureLoudness(ctx, samples)
	if err != nil {
		return nil, fmt.Errorf("synthesize: %w", err)
	}
	Gain(samples, loud.gain())
	return EncodeWAV(samples, SampleRate, 1), nil
}

// cleanSpeech makes one paragraph of printable text. Square brackets would switch espeak-ng to phonemes.
func cleanSpeech(text string) (string, error) {
	if !utf8.ValidString(text) {
		return "", fmt.Errorf("%w: no UTF-8", ErrText)
	}
	if utf8.RuneCountInString(text) > MaxSpeech {
		return "", fmt.Errorf("%w: longer than %d characters", ErrText, MaxSpeech)
	}
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '[' || r == ']' {
			return ' '
		}
		return r
	}, text)
	if text = strings.Join(strings.Fields(text), " "); text == "" {
		return "", fmt.Errorf("%w: it is empty", ErrText)
	}
	return text + "\n", nil
}
