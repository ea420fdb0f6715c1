package media

import (
	"io"
	"math"
	"math/rand/v2"
	"testing"
)

func drain(t *testing.T, s Source, limit int) []int16 {
	t.Helper()
	var out []int16
	var frame [FrameSamples]int16
	for len(out) < limit {
		n, err := s.ReadFrame(frame[:])
		out = append(out, frame[:n]...)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func TestToneStreamPlaysWhatItsSpecificationSays(t *testing.T) {
	for _, c := range []struct {
		spec  string
		total int // samples; a limit of 100000 means endless
		freqs []float64
		on    int // samples of the first tone
	}{
		{"%(500,0,440)", 4000, []float64{440}, 4000},
		{"%(2000,4000,440,480)", 48000, []float64{440, 480}, 16000},
		{"%(300,0,800);loops=3", 7200, []float64{800}, 2400},
		{"%(300,100,800);loops=-1", 100000, []float64{800}, 2400},
		{"L=2;v=-13;%(100,100,425)", 3200, []float64{425}, 800},
		{"v=-20;%(100,50,350,440);%(200,0,600)", 2800, []float64{350, 440}, 800},
		{"d=100;w=50;15", 2400, []float64{697, 1209}, 800},
		{"l=3;%(100,0,500)", 2400, []float64{500}, 2400},
	} {
		src, err := ParseTones(c.spec)
		if err != nil {
			t.Errorf("%s: %v", c.spec, err)
			continue
		}
		got := drain(t, src, 100000)
		if len(got) != c.total {
			t.Errorf("%s: %d samples, want %d", c.spec, len(got), c.total)
		}
		power := 0.0
		for _, f := range c.freqs {
			power += Goertzel(got[:c.on], SampleRate, f)
		}
		if share := power / Power(got[:c.on]); share < 0.97 || share > 1.03 {
			t.Errorf("%s: %v Hz carry %.2f of the power", c.spec, c.freqs, share)
		}
	}
}

func TestToneVolumeAndDecayAreThoseOfLibteletone(t *testing.T) {
	level := func(spec string, from, to int) float64 {
		src, err := ParseTones(spec)
		if err != nil {
			t.Fatal(err)
		}
		return LevelDBFS(drain(t, src, 16000)[from:to])
	}
	// v=-7 gives an amplitude of 10185 in libteletone, which is 10.15 dB below the loudest sine.
	if got := level("%(1000,0,440)", 0, 8000); math.Abs(got+10.15) > 0.05 {
		t.Errorf("default level %.2f dBFS, want -10.15", got)
	}
	if d := level("v=-13;%(1000,0,440)", 0, 8000) - level("%(1000,0,440)", 0, 8000); math.Abs(d+6) > 0.05 {
		t.Errorf("v=-13 is %.2f dB from v=-7, want -6", d)
	}
	spec := ">=100;+=3;%(1000,0,440)" // 3 dB down every 100 ms
	if d := level(spec, 5*800, 6*800) - level(spec, 0, 800); math.Abs(d+15) > 0.3 {
		t.Errorf("after 500 ms of decay %.2f dB, want -15", d)
	}
}

func TestToneStreamRefusesWhatItCannotRead(t *testing.T) {
	for _, spec := range []string{"", "%", "%(", "%(500)", "%(500,0)", "%(-1,0,440)", "%(1,0,NaN)", "%(1,0,9000)",
		"x(1,2,3)",
		"%(1,0,440);loops=x", "q=3;%(1,0,440)", "L=1001;%(1,0,440)", "l=999;%(1,0,440);l=999;%(1,0,440)", "v=-7"} {
		if _, err := ParseTones(spec); err == nil {
			t.Errorf("%q was accepted", spec)
		}
	}
	src, err := ParseTones("%(0,0,440);loops=-1")
	if err != nil {
		t.Fatal(err)
	}
	if got := drain(t, src, 1000); len(got) != 0 {
		t.Errorf("an endless tone of no length gave %d samples", len(got))
	}
}

func TestSilenceStreamLastsAsLongAsItSays(t *testing.T) {
	src, err := OpenSource("", "silence_stream://500,1400")
	if err != nil {
		t.Fatal(err)
	}
	if got := drain(t, src, 100000); len(got) != 4000 {
		t.Errorf("%d samples, want 4000", len(got))
	}
	if src, err = OpenSource("", "silence_stream://-1"); err != nil || len(drain(t, src, 100000)) < 100000 {
		t.Errorf("endless silence ended: %v", err)
	}
	for _, name := range []string{"silence_stream://0", "silence_stream://x", "http://x/y.wav", "/nonexistent.wav"} {
		if _, err := OpenSource("", name); err == nil {
			t.Errorf("%s was opened", name)
		}
	}
}

func FuzzParseTones(f *testing.F) {
	f.Add("v=-7;%(2000,4000,440,480);loops=2")
	f.Fuzz(func(t *testing.T, spec string) {
		src, err := ParseTones(spec)
		if err != nil {
			return
		}
		var frame [FrameSamples]int16
		for range 100 {
			if _, err := src.ReadFrame(frame[:]); err == io.EOF {
				return
			} else if err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestToneOverRestTellsATonesLevelAgainstNoise(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	mixed := tone(440, 8000, 8000)
	var noise float64
	for i := range mixed {
		n := rng.NormFloat64() * 400
		noise += n * n
		mixed[i] += int16(n)
	}
	want := 10 * math.Log10(8000*8000/2/(noise/8000))
	if got := ToneOverRest(mixed, SampleRate, 440); math.Abs(got-want) > 0.2 {
		t.Errorf("%.2f dB, want %.2f", got, want)
	}
	if got := ToneOverRest(mixed, SampleRate, 1000); got > -20 {
		t.Errorf("an absent tone is at %.1f dB", got)
	}
	if got := ToneOverRest(make([]int16, 100), SampleRate, 440); !math.IsInf(got, -1) {
		t.Errorf("silence gives %v", got)
	}
}

func TestCrossCorrelationFindsASoundInsideAnother(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	b := make([]int16, 5000)
	for i := range b {
		b[i] = int16(rng.IntN(16000) - 8000)
	}
	a := make([]int16, 20000)
	for i := range b {
		a[7321+i] = b[i]/4 + int16(rng.IntN(200)-100)
	}
	if r, lag := NormalizedCrossCorrelation(a, b); r < 0.97 || lag != 7321 {
		t.Errorf("correlation %.3f at %d, want 1 at 7321", r, lag)
	}
	if r, lag := NormalizedCrossCorrelation(b, a); r < 0.97 || lag != -7321 {
		t.Errorf("other way round: %.3f at %d", r, lag)
	}
	other := make([]int16, 20000)
	for i := range other {
		other[i] = int16(rng.IntN(16000) - 8000)
	}
	if r, _ := NormalizedCrossCorrelation(other, b); r > 0.2 {
		t.Errorf("different noise correlates with %.3f", r)
	}
	if r, _ := NormalizedCrossCorrelation(make([]int16, 100), b); r != 0 {
		t.Errorf("silence correlates with %.3f", r)
	}
}
