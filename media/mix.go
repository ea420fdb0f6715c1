package media

import (
	"fmt"
	"math"
)

func saturate(v int32) int16 { return int16(max(min(v, math.MaxInt16), math.MinInt16)) }

// Mix adds sources sample by sample into dst, with saturation; a source that is shorter counts as silence at its end.
// dst is overwritten and may be one of the sources.
func Mix(dst []int16, sources ...[]int16) {
	for i := range dst {
		var sum int32
		for _, s := range sources {
			if i < len(s) {
				sum += int32(s[i])
			}
		}
		dst[i] = saturate(sum)
	}
}

// Interleave makes stereo frames of two mono legs: left is the caller, right the agent. dst has room for twice the
// longer of them; the shorter one is silent at its end. It returns how many samples of dst were written.
func Interleave(dst, left, right []int16) int {
	n := max(len(left), len(right))
	for i := range n {
		var l, r int16
		if i < len(left) {
			l = left[i]
		}
		if i < len(right) {
			r = right[i]
		}
		dst[2*i], dst[2*i+1] = l, r
	}
	return 2 * n
}

// Gain changes the level of samples by dB in place, with saturation.
func Gain(samples []int16, dB float64) {
	factor := math.Pow(10, dB/20)
	for i, s := range samples {
		samples[i] = int16(math.Round(max(min(float64(s)*factor, math.MaxInt16), math.MinInt16)))
	}
}

const (
	sincZeros  = 32   // zero crossings of the kernel on each side
	kaiserBeta = 8.6  // about 85 dB of attenuation outside
	passband   = 0.94 // of the lower Nyquist frequency; the rest is the transition
	maxKernel  = 1 << 22
)

// Resample converts mono sound from one rate to another with a windowed-sinc low-pass, so that what the lower rate
// cannot carry is removed and not folded. The result is aligned with the input (no delay).
func Resample(samples []int16, from, to int) ([]int16, error) {
	if from < 1000 || to < 1000 || from > 768000 || to > 768000 {
		return nil, fmt.Errorf("resample from %d to %d Hz: out of range", from, to)
	}
	if from == to {
		return append([]int16(nil), samples...), nil
	}
	g := gcd(from, to)
	up, down := to/g, from/g
	kernel, half := sincKernel(up, down)
	if kernel == nil {
		return nil, fmt.Errorf("resample from %d to %d Hz: no small ratio", from, to)
	}
	taps := 2 * half
	out := make([]int16, (len(samples)*up+down-1)/down)
	for i := range out {
		first := i*down/up - half + 1
		phase := kernel[i*down%up*taps:][:taps]
		var sum float64
		for k, c := range phase {
			if at := first + k; at >= 0 && at < len(samples) {
				sum += c * float64(samples[at])
			}
		}
		out[i] = int16(math.Round(max(min(sum, math.MaxInt16), math.MinInt16)))
	}
	return out, nil
}

// sincKernel computes the taps of each of the up phases; each phase sums to one.
func sincKernel(up, down int) (kernel []float64, half int) {
	cutoff := passband * min(1, float64(up)/float64(down)) // of the input's Nyquist frequency
	half = int(math.Ceil(sincZeros / cutoff))
	if up*2*half > maxKernel {
		return nil, 0
	}
	kernel = make([]float64, up*2*half)
	for phase := range up {
		taps, sum := kernel[phase*2*half:][:2*half], 0.0
		for k := range taps {
			x := float64(k-half+1) - float64(phase)/float64(up)
			taps[k] = sinc(x*cutoff) * kaiser(x/float64(half))
			sum += taps[k]
		}
		for k := range taps {
			taps[k] /= sum
		}
	}
	return kernel, half
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

func kaiser(x float64) float64 {
	if x <= -1 || x >= 1 {
		return 0
	}
	return besselI0(kaiserBeta*math.Sqrt(1-x*x)) / besselI0(kaiserBeta)
}

func besselI0(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > sum*1e-16; k++ {
		term *= x / 2 / k * x / 2 / k
		sum += term
	}
	return sum
}
