package media

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
)

// FallbackText is what a caller hears when no core takes the call.
const FallbackText = "No momento não conseguimos completar sua ligação. Por favor, ligue novamente em alguns minutos."

// Files below the media directory that the switch's dialplan and the core's defaults name.
const (
	SystemHold1    = "system/hold1.wav"
	SystemHold2    = "system/hold2.wav"
	SystemFallback = "system/fallback.wav"
	SystemRing     = "system/ring.wav" // one cycle of the Brazilian ring-back tone
	SystemBusy     = "system/busy.wav" // four seconds of the Brazilian busy tone
	SystemBeep     = "system/beep.wav" // before a recording
)

// Tones of Brazil's network (ITU-T E.180 supplement 2): 425 Hz; ring-back 1 s on, 4 s off; busy 250 ms on, 250 ms off.
var systemTones = []struct{ file, spec string }{
	{SystemRing, "v=-13;%(1000,4000,425)"},
	{SystemBusy, "v=-13;L=8;%(250,250,425)"},
	{SystemBeep, "v=-13;%(300,100,1000)"},
}

// EnsureSystemSounds writes the sounds that every installation has below dir (system/…), unless a playable file is
// there: one that somebody replaced is kept. What can be written is written; the error joins what could not, such as
// a fallback announcement without a speech engine.
func EnsureSystemSounds(ctx context.Context, dir string, synth Synthesizer) error {
	var errs []error
	ensure := func(file string, make func() ([]byte, error)) {
		path := filepath.Join(dir, filepath.FromSlash(file))
		if playable(path) {
			return
		}
		data, err := make()
		if err == nil {
			err = writeAtomic(path, data)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("system sound %s: %w", file, err))
		}
	}
	for _, tone := range systemTones {
		ensure(tone.file, func() ([]byte, error) { return renderTone(tone.spec) })
	}
	for i, file := range []string{SystemHold1, SystemHold2} {
		ensure(file, func() ([]byte, error) { return EncodeWAV(HoldMusic(i+1), SampleRate, 1), nil })
	}
	ensure(SystemFallback, func() ([]byte, error) { return synth.Synthesize(ctx, FallbackText, VoicePortuguese) })
	return errors.Join(errs...)
}

func renderTone(spec string) ([]byte, error) {
	src, err := ParseTones(spec)
	if err != nil {
		return nil, err
	}
	var samples []int16
	var frame [FrameSamples]int16
	for {
		n, err := src.ReadFrame(frame[:])
		if samples = append(samples, frame[:n]...); err != nil {
			return EncodeWAV(samples, SampleRate, 1), nil // a tone's only error is its end
		}
	}
}
