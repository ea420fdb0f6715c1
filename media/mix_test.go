package media

import (
	"bytes"
	"math"
	"os/exec"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMixingSaturatesAndInterleavingKeepsSidesApart(t *testing.T) {
	dst := make([]int16, 4)
	Mix(dst, []int16{100, 30000, -30000}, []int16{1, 30000, -30000, 7})
	if diff := cmp.Diff([]int16{101, 32767, -32768, 7}, dst); diff != "" {
		t.Error(diff)
	}
	stereo := make([]int16, 6)
	if n := Interleave(stereo, []int16{1, 2, 3}, []int16{9}); n != 6 {
		t.Errorf("%d samples", n)
	}
	if diff := cmp.Diff([]int16{1, 9, 2, 0, 3, 0}, stereo); diff != "" {
		t.Error(diff)
	}
	loud := []int16{1000, -30000}
	Gain(loud, 6.0206)
	if diff := cmp.Diff([]int16{2000, -32768}, loud); diff != "" {
		t.Error(diff)
	}
}

func toneAt(freq float64, rate, n int) []int16 {
	out := make([]int16, n)
	for i := range out {
		out[i] = int16(math.Round(10000 * math.Sin(2*math.Pi*freq*float64(i)/float64(rate))))
	}
	return out
}

func TestResamplingKeepsWhatFitsAndRemovesWhatDoesNot(t *testing.T) {
	for _, c := range []struct {
		from, to int
		freq     float64
		kept     bool
	}{
		{44100, 8000, 440, true}, {44100, 8000, 3300, true}, {44100, 8000, 5000, false}, {44100, 8000, 9000, false},
		{48000, 8000, 1000, true}, {48000, 8000, 7000, false}, {16000, 8000, 3400, true}, {16000, 8000, 4600, false},
		{22050, 8000, 300, true}, {8000, 16000, 3000, true}, {8000, 44100, 1000, true}, {11025, 8000, 1000, true},
	} {
		got, err := Resample(toneAt(c.freq, c.from, c.from), c.from, c.to)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != c.to {
			t.Errorf("%d to %d Hz: a second became %d samples", c.from, c.to, len(got))
		}
		mid := got[c.to/10 : c.to*9/10]
		gain := 10 * math.Log10(Power(mid)/5e7)
		if c.kept && (math.Abs(gain) > 0.1 || ToneOverRest(mid, c.to, c.freq) < 60) {
			t.Errorf("%d to %d Hz: %v Hz by %.2f dB, %.0f dB over the rest", c.from, c.to, c.freq, gain,
				ToneOverRest(mid, c.to, c.freq))
		}
		if !c.kept && gain > -60 {
			t.Errorf("%d to %d Hz: %v Hz leaves %.1f dB", c.from, c.to, c.freq, gain)
		}
	}
	if _, err := Resample(nil, 8000, 0); err == nil {
		t.Error("a rate of 0 was accepted")
	}
}

func TestResamplingAgreesWithSox(t *testing.T) {
	needTool(t, "sox", "sox")
	in := make([]int16, 44100)
	for i, f := range []float64{313, 997, 1511, 2801} {
		Mix(in, in, toneAt(f, 44100, 44100-i*5000))
	}
	Gain(in, -12)
	cmd := exec.Command("sox", "-D", "-t", "raw", "-r", "44100", "-e", "signed", "-b", "16", "-c", "1", "-",
		"-t", "raw", "-r", strconv.Itoa(SampleRate), "-")
	cmd.Stdin = bytes.NewReader(rawBytes(in))
	raw, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	want := fromBytes(raw)
	got, err := Resample(in, 44100, SampleRate)
	if err != nil {
		t.Fatal(err)
	}
	if abs(len(got)-len(want)) > 2 {
		t.Fatalf("%d samples, sox has %d", len(got), len(want))
	}
	n := min(len(got), len(want))
	diff := make([]int16, n)
	for i := range diff {
		diff[i] = got[i] - want[i]
	}
	if snr := 10 * math.Log10(Power(want[:n])/Power(diff)); snr < 35 {
		t.Errorf("the difference from sox is only %.1f dB down", snr)
	}
}
