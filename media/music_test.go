package media

import (
	"context"
	"math"
	"slices"
	"testing"
)

func TestHoldMusicIsBearableOnATelephone(t *testing.T) {
	needTool(t, "ffmpeg", "ffmpeg")
	for n := 1; n <= 2; n++ {
		s := HoldMusic(n)
		if seconds := len(s) / SampleRate; seconds < 45 || seconds > 60 {
			t.Errorf("piece %d lasts %d s", n, seconds)
		}
		loud, err := measureLoudness(context.Background(), s)
		if err != nil || math.Abs(loud.integrated+18) > 1 || loud.peak > -1 {
			t.Errorf("piece %d: %.1f LUFS, peak %.1f dB, %v", n, loud.integrated, loud.peak, err)
		}
		if peak := slices.Max(s); peak > 26000 {
			t.Errorf("piece %d: peak %d", n, peak)
		}
		// No second is silent or jumps out by more than 9 dB.
		for at := 0; at+SampleRate <= len(s); at += SampleRate {
			if d := LevelDBFS(s[at:at+SampleRate]) - LevelDBFS(s); math.Abs(d) > 9 {
				t.Errorf("piece %d: second %d is %.1f dB from the mean", n, at/SampleRate, d)
			}
		}
		outside := bandShare(s, 0, 250) + bandShare(s, 3650, 4000)
		if outside > 0.02 {
			t.Errorf("piece %d: %.1f %% of the power is outside of the telephone's band", n, 100*outside)
		}
	}
	if slices.Equal(HoldMusic(1)[:SampleRate], HoldMusic(2)[:SampleRate]) {
		t.Error("both pieces are the same")
	}
	if !slices.Equal(HoldMusic(1), HoldMusic(1)) {
		t.Error("a piece differs from one time to the next")
	}
}

func TestHoldMusicLoopsWithoutASeam(t *testing.T) {
	for n := 1; n <= 2; n++ {
		s := HoldMusic(n)
		// What follows the last samples has to continue them: predict over the seam as well as elsewhere.
		miss := func(at int) float64 {
			get := func(i int) float64 { return float64(s[(at+i+len(s))%len(s)]) }
			return math.Abs(get(0) - 3*get(-1) + 3*get(-2) - get(-3))
		}
		var usual float64
		for at := 3; at < len(s); at += 101 {
			usual = max(usual, miss(at))
		}
		for at := range 3 {
			if m := miss(at); m > usual {
				t.Errorf("piece %d breaks at its seam: %.0f, elsewhere at most %.0f", n, m, usual)
			}
		}
	}
}

// bandShare is the share of the power between two frequencies.
func bandShare(s []int16, from, to float64) float64 {
	x := make([]complex128, 1<<18)
	for i := range x {
		x[i] = complex(float64(s[i%len(s)]), 0)
	}
	fft(x, false)
	var in, all float64
	for k := 1; k < len(x)/2; k++ {
		p := real(x[k])*real(x[k]) + imag(x[k])*imag(x[k])
		all += p
		if f := float64(k) * SampleRate / float64(len(x)); f >= from && f <= to {
			in += p
		}
	}
	return in / all
}
