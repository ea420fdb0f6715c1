package media

import (
	"math"
	"math/bits"
	"math/cmplx"
)

// Goertzel is the mean power at freq hertz, in squared sample units: a sine of amplitude A alone gives about A²/2.
func Goertzel(samples []int16, rate int, freq float64) float64 {
	n := len(samples)
	if n == 0 {
		return 0
	}
	w := 2 * math.Pi * freq / float64(rate)
	coeff := 2 * math.Cos(w)
	var s1, s2 float64
	for _, x := range samples {
		s1, s2 = float64(x)+coeff*s1-s2, s1
	}
	power := s1*s1 + s2*s2 - coeff*s1*s2
	return 2 * power / float64(n) / float64(n)
}

// ToneOverRest is the level of the tone of freq hertz over everything else but a constant offset, in dB. Silence
// gives -Inf, and so does what varies by less than one step: G.711's silence is a constant 8.
func ToneOverRest(samples []int16, rate int, freq float64) float64 {
	tone, all := Goertzel(samples, rate, freq), Power(samples)
	rest := all - tone
	if tone <= 0 || all < 1 {
		return math.Inf(-1)
	}
	if rest <= tone*1e-12 {
		rest = tone * 1e-12
	}
	return 10 * math.Log10(tone/rest)
}

// Power is the variance of the samples: their mean power without a constant offset.
func Power(samples []int16) float64 {
	if len(samples) == 0 {
		return 0
	}
	var sum, squares float64
	for _, x := range samples {
		sum += float64(x)
		squares += float64(x) * float64(x)
	}
	n := float64(len(samples))
	return squares/n - sum/n*sum/n
}

// LevelDBFS is the level of the samples against the loudest sine, in dB. Silence gives -Inf.
func LevelDBFS(samples []int16) float64 {
	return 10 * math.Log10(Power(samples)/(32767.0*32767.0/2))
}

// NormalizedCrossCorrelation looks for the shorter of a and b in the longer. It gives the largest normalised
// correlation (1: the same but for loudness) and at which sample: lag such that b[0] falls on a[lag]; negative when a
// is the shorter one. Silence correlates with nothing (0).
func NormalizedCrossCorrelation(a, b []int16) (best float64, lag int) {
	if len(a) < len(b) {
		best, lag = NormalizedCrossCorrelation(b, a)
		return best, -lag
	}
	if len(b) == 0 {
		return 0, 0
	}
	size := 1 << bits.Len(uint(len(a)+len(b)))
	fa, fb := make([]complex128, size), make([]complex128, size)
	var energyB float64
	for i, x := range a {
		fa[i] = complex(float64(x), 0)
	}
	for i, x := range b {
		fb[i] = complex(float64(x), 0)
		energyB += float64(x) * float64(x)
	}
	fft(fa, false)
	fft(fb, false)
	for i := range fa {
		fa[i] *= cmplx.Conj(fb[i])
	}
	fft(fa, true)
	// Integers: a running sum of squares stays exact. A window 60 dB below the template counts as silence.
	var energyA int64
	for _, x := range a[:len(b)] {
		energyA += int64(x) * int64(x)
	}
	for at := 0; ; at++ {
		if e := float64(energyA); e > 1e-6*energyB && energyB > 0 {
			if r := real(fa[at]) / math.Sqrt(e*energyB); r > best {
				best, lag = r, at
			}
		}
		if at+len(b) >= len(a) {
			return math.Min(best, 1), lag
		}
		out, in := int64(a[at]), int64(a[at+len(b)])
		energyA += in*in - out*out
	}
}

// fft is the radix-2 transform in place; len(x) is a power of two. The inverse is scaled by 1/n.
func fft(x []complex128, inverse bool) {
	n := len(x)
	shift := 64 - uint(bits.Len(uint(n))-1)
	for i := range x {
		if j := int(bits.Reverse64(uint64(i)) >> shift); n > 1 && j > i {
			x[i], x[j] = x[j], x[i]
		}
	}
	sign := -2 * math.Pi
	if inverse {
		sign = -sign
	}
	for half := 1; half < n; half *= 2 {
		turns := make([]complex128, half)
		for k := range turns {
			turns[k] = cmplx.Rect(1, sign*float64(k)/float64(2*half))
		}
		for base := 0; base < n; base += 2 * half {
			for k, t := range turns {
				u, v := x[base+k], x[base+k+half]*t
				x[base+k], x[base+k+half] = u+v, u-v
			}
		}
	}
	if inverse {
		for i := range x {
			x[i] /= complex(float64(n), 0)
		}
	}
}
