package media

import (
	"testing"
	"time"

	"github.com/pion/rtp"
)

// BenchmarkOneFrameOfABridgedLeg is what a switch does for one leg each 20 ms: receive, order, decode, encode for the
// other.
func BenchmarkOneFrameOfABridgedLeg(b *testing.B) {
	j := NewJitterBuffer()
	p := voice(0, 1, 0)
	raw, err := p.Marshal()
	if err != nil {
		b.Fatal(err)
	}
	var frame [FrameSamples]int16
	var out [FrameSamples]byte
	now := t0
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		var in rtp.Packet
		if err := in.Unmarshal(raw); err != nil {
			b.Fatal(err)
		}
		in.Timestamp = uint32(n * FrameSamples)
		j.Push(&in, now)
		j.Pop(frame[:], now)
		PCMA.Encode(out[:], frame[:])
		now = now.Add(FrameTime)
	}
	if s := j.Stats(); b.N > 100 && s.Played < uint64(b.N)*9/10 || time.Duration(s.Restarts) > 0 {
		b.Errorf("stats %+v after %d frames", s, b.N)
	}
}
