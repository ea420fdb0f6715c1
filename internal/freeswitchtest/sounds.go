package freeswitchtest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
)

const sampleRate = 8000 // Hz

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
	for name, sound := range map[string][]byte{
		"fallback.wav": toneWAV(FallbackTone, 1), "hold1.wav": toneWAV(HoldTone, 2),
	} {
		if err := os.WriteFile(filepath.Join(system, name), sound, 0o644); err != nil {
			return fmt.Errorf("write sound: %w", err)
		}
	}
	return nil
}

// toneWAV is a WAV file, 8 kHz 16-bit mono, of a sine at a quarter of full scale.
func toneWAV(hertz float64, seconds int) []byte {
	samples := make([]int16, sampleRate*seconds)
	for i := range samples {
		samples[i] = int16(math.MaxInt16 / 4 * math.Sin(2*math.Pi*hertz*float64(i)/sampleRate))
	}
	size := uint32(2 * len(samples))
	var out bytes.Buffer
	for _, part := range []any{
		[]byte("RIFF"), 36 + size, []byte("WAVEfmt "), uint32(16), uint16(1), uint16(1),
		uint32(sampleRate), uint32(2 * sampleRate), uint16(2), uint16(16), []byte("data"), size, samples,
	} {
		if err := binary.Write(&out, binary.LittleEndian, part); err != nil {
			panic(err) // fixed-size values into memory
		}
	}
	return out.Bytes()
}
