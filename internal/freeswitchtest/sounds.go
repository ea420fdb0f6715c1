package freeswitchtest

import (
	"fmt"
	"math"
	"os"
	"path/filepath"

	"ramal/media"
)

// Frequencies of the generated sounds, in Hz, for tests that listen.
const (
	HoldTone     = 440
	FallbackTone = 880
)

// writeSounds makes a media directory with a fallback announcement of one second and hold music of two, both tones.
func writeSounds(mediaDir string) error {
	system := filepath.Join(mediaDir, "system")
	if err := os.MkdirAll(system, 0o755); err != nil {
		return fmt.Errorf("make media directory: %w", err)
	}
	for name, samples := range map[string][]int16{
		"fallback.wav": sine(FallbackTone, media.SampleRate), "hold1.wav": sine(HoldTone, 2*media.SampleRate),
	} {
		content := media.EncodeWAV(samples, media.SampleRate, 1)
		if err := os.WriteFile(filepath.Join(system, name), content, 0o644); err != nil {
			return fmt.Errorf("write sound: %w", err)
		}
	}
	return nil
}

// sine is a tone at a quarter of full scale.
func sine(hertz float64, length int) []int16 {
	samples := make([]int16, length)
	for i := range samples {
		samples[i] = int16(math.MaxInt16 / 4 * math.Sin(2*math.Pi*hertz*float64(i)/media.SampleRate))
	}
	return samples
}
