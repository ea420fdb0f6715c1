package media

import "math"

// HoldMusic computes one of the two pieces of hold music (n is 1 or 2; others give the first). Both are original,
// free of rights, made for a telephone's 300 to 3400 Hz, and their end runs into their beginning without a seam.
func HoldMusic(n int) []int16 {
	if n == 2 {
		return waltz().render()
	}
	return drift().render()
}

// instrument is an additive voice: partials with their levels, an attack, and a decay that is faster for higher
// partials.
type instrument struct {
	partials []float64
	attack   float64 // seconds
	decay    float64 // seconds to 1/e of the first partial; 0: sustained
	release  float64 // seconds after the note's length
	detune   float64 // of a second, chorused copy, as a ratio
}

var (
	pad   = instrument{partials: []float64{1, 0.45, 0.22, 0.1, 0.05}, attack: 0.9, release: 1.4, detune: 1.0035}
	harp  = instrument{partials: []float64{1, 0.5, 0.28, 0.12, 0.06, 0.03}, attack: 0.006, decay: 0.9, release: 0.5}
	flute = instrument{partials: []float64{1, 0.22, 0.06, 0.02}, attack: 0.09, decay: 3.5, release: 0.35, detune: 1.0012}
)

// score collects notes in a loop of a fixed length: what sounds beyond the end sounds at the beginning.
type score struct {
	beat  float64 // seconds
	dry   []float64
	level float64 // dBFS (RMS) of the finished piece
}

func newScore(bpm float64, beats int, level float64) *score {
	beat := 60 / bpm
	return &score{beat: beat, dry: make([]float64, int(math.Round(beat*float64(beats)*SampleRate))), level: level}
}

// play adds a note: at and length in beats, pitch as a MIDI number (69 is 440 Hz), loud from 0 to 1.
func (s *score) play(v instrument, at, length float64, pitch int, loud float64) {
	freq := 440 * math.Pow(2, float64(pitch-69)/12)
	start := int(at * s.beat * SampleRate)
	hold := length * s.beat
	total := int((hold + v.release) * SampleRate)
	env := v.envelope(hold, total)
	for k, amp := range v.partials {
		f := freq * float64(k+1)
		if f > 3600 {
			break
		}
		tone, chorus := newOscillator(f, 0), newOscillator(f*v.detune, 1)
		fade, fadeStep := loud*amp, 1.0
		if v.decay > 0 {
			fadeStep = math.Exp(-(1 + 0.6*float64(k)) / v.decay / SampleRate)
		}
		for i, e := range env {
			wave := tone.next()
			if v.detune > 0 {
				wave = 0.5*wave + 0.5*chorus.next()
			}
			s.dry[(start+i)%len(s.dry)] += fade * e * wave
			fade *= fadeStep
		}
	}
}

// envelope is attack, hold and release; the decay is the partials' own.
func (v instrument) envelope(hold float64, total int) []float64 {
	env := make([]float64, total)
	for i := range env {
		t := float64(i) / SampleRate
		env[i] = 1
		if t < v.attack {
			env[i] = 0.5 - 0.5*math.Cos(math.Pi*t/v.attack)
		}
		if t > hold {
			env[i] *= 0.5 + 0.5*math.Cos(math.Pi*(t-hold)/v.release)
		}
	}
	return env
}

// oscillator computes a sine by recurrence, much faster than math.Sin and exact enough for a note.
type oscillator struct{ twoCos, last, cur float64 }

func newOscillator(freq, phase float64) oscillator {
	w := 2 * math.Pi * freq / SampleRate
	return oscillator{2 * math.Cos(w), math.Sin(phase - 2*w), math.Sin(phase - w)}
}

func (o *oscillator) next() float64 {
	o.last, o.cur = o.cur, o.twoCos*o.cur-o.last
	return o.cur
}

// echo adds a soft repetition after so many beats, around the loop.
func (s *score) echo(beats, amount float64) {
	wet := append([]float64(nil), s.dry...)
	for round, gain := 1, amount; round <= 4; round, gain = round+1, gain*amount {
		delay := int(float64(round) * beats * s.beat * SampleRate)
		for i := range wet {
			wet[(i+delay)%len(wet)] += gain * s.dry[i]
		}
	}
	s.dry = wet
}

// render limits the band to the telephone's and sets the level. The filters run over the loop twice and the second
// round is kept, so that their state at the end is the one at the beginning.
func (s *score) render() []int16 {
	filters := []biquad{highpass(300, 0.54), highpass(300, 1.31), lowpass(3400, 0.54), lowpass(3400, 1.31)}
	out := make([]float64, len(s.dry))
	for range 2 {
		for i, x := range s.dry {
			for f := range filters {
				x = filters[f].next(x)
			}
			out[i] = x
		}
	}
	var power float64
	for _, x := range out {
		power += x * x
	}
	gain := 32767 / math.Sqrt2 * math.Pow(10, s.level/20) / math.Sqrt(power/float64(len(out)))
	samples := make([]int16, len(out))
	for i, x := range out {
		samples[i] = int16(math.Round(softLimit(x * gain)))
	}
	return samples
}

// softLimit leaves everything below -5 dBFS alone and bends the rest so that it stays below -2 dBFS.
func softLimit(x float64) float64 {
	const knee, ceiling = 18500, 26000
	if a := math.Abs(x); a > knee {
		return math.Copysign(knee+(ceiling-knee)*math.Tanh((a-knee)/(ceiling-knee)), x)
	}
	return x
}

// biquad is a second-order filter (R. Bristow-Johnson's cookbook), normalised.
type biquad struct{ b0, b1, b2, a1, a2, x1, x2, y1, y2 float64 }

func (q *biquad) next(x float64) float64 {
	y := q.b0*x + q.b1*q.x1 + q.b2*q.x2 - q.a1*q.y1 - q.a2*q.y2
	q.x2, q.x1, q.y2, q.y1 = q.x1, x, q.y1, y
	return y
}

func newBiquad(freq, quality, sign float64) biquad {
	w := 2 * math.Pi * freq / SampleRate
	alpha, cos := math.Sin(w)/(2*quality), math.Cos(w)
	a0 := 1 + alpha
	b0 := (1 + sign*cos) / 2 / a0 // sign 1: high-pass, -1: low-pass
	return biquad{b0: b0, b1: -sign * 2 * b0, b2: b0, a1: -2 * cos / a0, a2: (1 - alpha) / a0}
}

func highpass(freq, quality float64) biquad { return newBiquad(freq, quality, 1) }

func lowpass(freq, quality float64) biquad { return newBiquad(freq, quality, -1) }
