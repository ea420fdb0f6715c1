package media

import (
	"encoding/binary"
	"strings"
	"time"

	"github.com/pion/rtp"
)

// The event codes 0–15 of RFC 4733 section 3.2 in their order.
const dtmfChars = "0123456789*#ABCD"

// DigitTimeout is how long a digit may last without a packet before its end is taken as lost.
const DigitTimeout = 200 * time.Millisecond

const segmentSamples = 0xFFFF // RFC 4733 section 2.5.1.3: the longest duration a packet can state

// Digit is one received DTMF digit.
type Digit struct {
	Char      byte      // 0–9 * # A–D
	Timestamp uint32    // RTP timestamp of its beginning
	Samples   int       // its duration in samples of 8 kHz, as the sender stated it
	Start     time.Time // arrival of its first packet
	End       time.Time // arrival of its first packet with the end bit, or the time it was given up
	Ended     bool      // false: the end packets were lost. FreeSWITCH drops such a digit
}

// Duration is the digit's duration as the sender stated it.
func (d Digit) Duration() time.Duration { return time.Duration(d.Samples) * time.Second / SampleRate }

// DigitReceiver turns the RFC 4733 packets of one stream into digits. A digit is reported once, at its first packet
// with the end bit, as FreeSWITCH does (switch_rtp.c, handle_rfc2833: it queues the digit at the end); retransmitted
// ends are ignored. It is pure and has one owner.
type DigitReceiver struct {
	cur      Digit
	active   bool
	base     int    // samples of the segments before the current one
	segment  uint32 // timestamp of the current segment
	seen     time.Time
	lastSeq  uint16
	seqKnown bool
	ssrc     uint32
	done     uint32 // timestamp of the last reported segment
	doneOK   bool
}

// Push takes a telephone-event packet that arrived now. It reports a digit when one ended with it, or when a new
// digit began and the end of the one before was lost (then Ended is false).
func (r *DigitReceiver) Push(p *rtp.Packet, now time.Time) (Digit, bool) {
	if len(p.Payload) < 4 || int(p.Payload[0]) >= len(dtmfChars) {
		return Digit{}, false
	}
	if p.SSRC != r.ssrc {
		*r = DigitReceiver{ssrc: p.SSRC}
	}
	if r.seqKnown && int16(p.SequenceNumber-r.lastSeq) <= 0 && int16(r.lastSeq-p.SequenceNumber) < 100 {
		return Digit{}, false // reordered or doubled by the network
	}
	r.lastSeq, r.seqKnown = p.SequenceNumber, true
	if r.doneOK && p.Timestamp == r.done {
		return Digit{}, false // retransmission of an end
	}
	char, end := dtmfChars[p.Payload[0]], p.Payload[1]&0x80 != 0
	duration := int(binary.BigEndian.Uint16(p.Payload[2:]))
	lost, hadLost := Digit{}, false
	switch {
	case r.active && p.Timestamp == r.segment:
	case r.active && char == r.cur.Char && !p.Marker && p.Timestamp == r.segment+segmentSamples:
		r.base, r.segment = r.base+segmentSamples, p.Timestamp
	default:
		if r.active {
			lost, hadLost = r.finish(now, false), true
		}
		r.cur = Digit{Char: char, Timestamp: p.Timestamp, Start: now}
		r.active, r.base, r.segment = true, 0, p.Timestamp
	}
	r.seen = now
	r.cur.Samples = max(r.cur.Samples, r.base+duration)
	if end && !hadLost {
		return r.finish(now, true), true
	}
	return lost, hadLost
}

// Expire reports the digit whose packets stopped more than DigitTimeout ago without an end.
func (r *DigitReceiver) Expire(now time.Time) (Digit, bool) {
	if !r.active || now.Sub(r.seen) < DigitTimeout {
		return Digit{}, false
	}
	return r.finish(now, false), true
}

// Active tells whether a digit is being pressed.
func (r *DigitReceiver) Active() bool { return r.active }

func (r *DigitReceiver) finish(now time.Time, ended bool) Digit {
	d := r.cur
	d.End, d.Ended = now, ended
	r.active, r.done, r.doneOK = false, r.segment, true
	return d
}

// DigitPacket is one telephone-event packet to send.
type DigitPacket struct {
	Payload   [4]byte
	Timestamp uint32 // the same for all packets of a digit up to 8.19 s
	Marker    bool   // on the first packet
	End       bool
}

// DigitSender makes the packets of one digit: one each 20 ms, the first with the marker, the last three times (RFC 4733
// sections 2.5.1.2 to 2.5.1.4). No audio is sent meanwhile.
type DigitSender struct {
	code      byte
	start     uint32
	total     int
	sent      int
	ends      int
	segment   int
	firstDone bool
}

// MinDigit is the shortest digit that is sent: FreeSWITCH's 400 samples are rounded up to whole packets.
const MinDigit = 60 * time.Millisecond

// NewDigitSender prepares a digit that begins at the RTP timestamp start and lasts duration, rounded up to whole
// frames and at least MinDigit. It is false when char is no DTMF digit.
func NewDigitSender(char byte, duration time.Duration, start uint32) (*DigitSender, bool) {
	code := strings.IndexByte(dtmfChars, upper(char))
	if code < 0 {
		return nil, false
	}
	frames := int((max(duration, MinDigit) + FrameTime - 1) / FrameTime)
	return &DigitSender{code: byte(code), start: start, total: frames * FrameSamples}, true
}

func upper(c byte) byte {
	if c >= 'a' && c <= 'd' {
		return c - 'a' + 'A'
	}
	return c
}

// Next gives the packet of the next 20 ms; false when the digit is over.
func (s *DigitSender) Next() (DigitPacket, bool) {
	if s.ends == 3 {
		return DigitPacket{}, false
	}
	if s.sent < s.total {
		s.sent += FrameSamples
		if s.sent-s.segment > segmentSamples {
			s.segment += segmentSamples
		}
	}
	p := DigitPacket{Timestamp: s.start + uint32(s.segment), Marker: !s.firstDone, End: s.sent >= s.total}
	s.firstDone = true
	p.Payload[0], p.Payload[1] = s.code, 10 // -10 dBm0, as FreeSWITCH sends
	if p.End {
		p.Payload[1] |= 0x80
		s.ends++
	}
	binary.BigEndian.PutUint16(p.Payload[2:], uint16(s.sent-s.segment))
	return p, true
}

// Samples is how far the stream's RTP timestamp has to advance for the whole digit, its repeated ends included.
func (s *DigitSender) Samples() uint32 { return uint32(s.total + 2*FrameSamples) }
