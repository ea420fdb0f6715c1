package carrier

import (
	"sync"
	"time"

	"github.com/pion/rtp"

	"ramal/media"
)

// Packet is one received RTP packet and when it came.
type Packet struct {
	At          time.Time
	Timestamp   uint32
	SSRC        uint32
	Sequence    uint16
	PayloadType uint8
	Marker      bool
	Payload     []byte
}

// Sound is received audio laid out by its RTP timestamps: lost packets are silence.
type Sound struct {
	Samples []int16
	Start   time.Time // arrival of the first packet
	Packets int
	Missing int // samples that no packet brought
}

// At is when a sample would have come if every packet had taken as long as the first one.
func (s Sound) At(sample int) time.Time {
	return s.Start.Add(time.Duration(sample) * time.Second / media.SampleRate)
}

const (
	maxCaptured = 1 << 20 // packets: almost six hours
	maxGap      = 30 * media.SampleRate
)

// capture keeps everything received on one stream.
type capture struct {
	mu      sync.Mutex
	packets []Packet
	dropped int
}

func (c *capture) add(p *rtp.Packet, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.packets) >= maxCaptured {
		c.dropped++
		return
	}
	c.packets = append(c.packets, Packet{At: now, Timestamp: p.Timestamp, SSRC: p.SSRC, Sequence: p.SequenceNumber,
		PayloadType: p.PayloadType, Marker: p.Marker, Payload: append([]byte(nil), p.Payload...)})
}

func (c *capture) between(from, to time.Time) []Packet {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []Packet
	for _, p := range c.packets {
		if !p.At.Before(from) && (to.IsZero() || p.At.Before(to)) {
			out = append(out, p)
		}
	}
	return out
}

// layOut puts audio packets on one time line. A new source or a jump of the timestamp continues where the clock on
// the wall says.
func layOut(packets []Packet) Sound {
	var s Sound
	var ssrc, origin, last uint32
	var have []bool
	base := 0
	for _, p := range packets {
		codec := media.Codec(p.PayloadType)
		if !codec.Valid() {
			continue
		}
		if s.Packets++; s.Packets == 1 {
			s.Start, ssrc, origin = p.At, p.SSRC, p.Timestamp
		} else if jump := int32(p.Timestamp - last); p.SSRC != ssrc || jump > maxGap || jump < -maxGap {
			ssrc, origin = p.SSRC, p.Timestamp
			base = max(len(s.Samples), int(p.At.Sub(s.Start)*media.SampleRate/time.Second))
		}
		last = p.Timestamp
		at := base + int(int32(p.Timestamp-origin))
		if at < 0 {
			continue // overtaken by the first packet
		}
		for len(s.Samples) < at+len(p.Payload) {
			s.Samples, have = append(s.Samples, 0), append(have, false)
		}
		codec.Decode(s.Samples[at:at+len(p.Payload)], p.Payload)
		for i := range p.Payload {
			have[at+i] = true
		}
	}
	for _, h := range have {
		if !h {
			s.Missing++
		}
	}
	return s
}
