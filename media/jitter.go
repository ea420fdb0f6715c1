package media

import (
	"time"

	"github.com/pion/rtp"
)

const (
	// JitterDepth is the fixed delay of JitterBuffer.
	JitterDepth = 60 * time.Millisecond

	ringSamples  = 1 << 12 // 512 ms at 8000 Hz, a power of two
	maxAhead     = 240 * SampleRate / 1000
	maxJump      = SampleRate / 2 // a timestamp further away than this starts a new stream
	maxLateInRow = 3
	concealed    = 3 // frames that are filled by repeating the last one, ever softer
)

// FrameKind says where the samples of a popped frame come from.
type FrameKind uint8

// The kinds of a popped frame.
const (
	FrameNone      FrameKind = iota // nothing is being received, or the first 60 ms are not over: silence
	FrameAudio                      // received
	FrameConcealed                  // lost or late: a softer repetition, then silence
)

// JitterStats counts what happened to received packets and played frames.
type JitterStats struct {
	Received   uint64 // packets pushed
	Late       uint64 // packets that came after their time was played
	Duplicates uint64 // packets whose samples were there already
	Ignored    uint64 // packets with a payload that is not G.711
	Restarts   uint64 // new streams: another SSRC, a jump of the timestamp, a sender whose clock ran away
	Concealed  uint64 // frames with samples that were missing
	Played     uint64 // frames out of received samples
}

// JitterBuffer orders the G.711 packets of one RTP stream and plays them 60 ms after they were sent, as linear samples,
// whatever the sender's packet time is. It is pure and has one owner.
type JitterBuffer struct {
	ring  [ringSamples]int16
	have  [ringSamples]bool
	last  [FrameSamples]int16 // the last frame with received sound, for concealment
	stats JitterStats

	started   bool
	playing   bool
	ssrc      uint32
	next      uint32    // timestamp of the next sample to play
	end       uint32    // timestamp after the last sample received
	playAt    time.Time // when next is to be played first
	lateInRow int
	missing   int // frames without any received sample in a row
	decoded   [ringSamples]int16
}

// NewJitterBuffer makes an empty buffer.
func NewJitterBuffer() *JitterBuffer { return &JitterBuffer{missing: concealed} }

// Stats gives the counts so far.
func (j *JitterBuffer) Stats() JitterStats { return j.stats }

// Push takes a packet that arrived now. It keeps no reference to the packet.
func (j *JitterBuffer) Push(p *rtp.Packet, now time.Time) {
	codec := Codec(p.PayloadType)
	if !codec.Valid() || len(p.Payload) == 0 || len(p.Payload) > maxAhead {
		j.stats.Ignored++
		return
	}
	j.stats.Received++
	if !j.started || p.SSRC != j.ssrc || jumped(p.Timestamp, j.next) {
		j.restart(p, now)
	}
	n := len(p.Payload)
	if int32(p.Timestamp-j.next) < 0 {
		// A sender whose clock is slower than ours ends up late for good: begin again with a full buffer.
		j.stats.Late++
		if j.lateInRow++; j.lateInRow < maxLateInRow {
			return
		}
		j.restart(p, now)
	} else if int32(p.Timestamp-j.next)+int32(n) > maxAhead {
		j.restart(p, now) // the sender's clock is faster, or it sent a burst
	}
	j.lateInRow = 0
	codec.Decode(j.decoded[:n], p.Payload)
	if j.have[p.Timestamp%ringSamples] {
		j.stats.Duplicates++
	}
	for done := 0; done < n; { // once, or twice where the ring's end comes between
		at := int((p.Timestamp + uint32(done)) % ringSamples)
		part := copy(j.ring[at:], j.decoded[done:n])
		have := j.have[at : at+part]
		for i := range have {
			have[i] = true
		}
		done += part
	}
	if end := p.Timestamp + uint32(n); int32(end-j.end) > 0 {
		j.end = end
	}
}

func jumped(ts, next uint32) bool {
	d := int32(ts - next)
	return d > maxJump || d < -maxJump
}

func (j *JitterBuffer) restart(p *rtp.Packet, now time.Time) {
	if j.started {
		j.stats.Restarts++
	}
	clear(j.have[:])
	j.started, j.playing, j.lateInRow = true, false, 0
	j.ssrc, j.next, j.end = p.SSRC, p.Timestamp, p.Timestamp
	j.playAt = now.Add(JitterDepth)
}

// Pop gives the frame to play now: call it every 20 ms. dst holds FrameSamples samples and is always filled.
func (j *JitterBuffer) Pop(dst []int16, now time.Time) FrameKind {
	dst = dst[:FrameSamples]
	if !j.started {
		clear(dst)
		return FrameNone
	}
	if !j.playing {
		if now.Before(j.playAt) {
			return j.conceal(dst)
		}
		j.playing = true
	}
	got := 0
	for i := range dst {
		at := (j.next + uint32(i)) % ringSamples
		if j.have[at] {
			dst[i] = j.ring[at]
			got++
		} else if j.missing < concealed {
			dst[i] = j.last[i] >> (j.missing + 1)
		} else {
			dst[i] = 0
		}
		j.have[at] = false
	}
	j.next += FrameSamples
	switch got {
	case FrameSamples:
		j.stats.Played++
		j.missing = 0
		copy(j.last[:], dst)
		return FrameAudio
	case 0:
		return j.conceal(dst)
	}
	j.stats.Concealed++
	j.missing = 0
	copy(j.last[:], dst)
	return FrameConcealed
}

// conceal repeats the last frame, 6 dB softer each time, for 60 ms; then there is silence.
func (j *JitterBuffer) conceal(dst []int16) FrameKind {
	if j.missing >= concealed {
		clear(dst)
		return FrameNone
	}
	j.missing++
	j.stats.Concealed++
	for i := range dst {
		dst[i] = j.last[i] >> j.missing
	}
	return FrameConcealed
}
