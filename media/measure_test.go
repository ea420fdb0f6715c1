package media

import (
	"math"
	"testing"
)

func TestTheSilenceOfALawIsNoTone(t *testing.T) {
	quiet := make([]int16, SampleRate)
	for i := range quiet {
		quiet[i] = 8 // what A-law's silence decodes to
	}
	if dB := ToneOverRest(quiet, SampleRate, 440); !math.IsInf(dB, -1) {
		t.Errorf("a constant 8 counts as a tone: %.0f dB", dB)
	}
}
