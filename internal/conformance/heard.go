package conformance

import (
	"slices"
	"time"

	"ramal/media"
)

// Heard is what an RTP end point received.
type Heard struct{ packets []Packet }

// Audio returns the audio that arrived from since on (all when zero), laid out by RTP time: what did not arrive and
// what the switch did not send is silence. A new SSRC continues where the one before ended.
func (h *Heard) Audio(since time.Time) []int16 {
	var out []int16
	var ssrc, base uint32
	start := 0
	for i, p := range h.audio(since) {
		if i == 0 || p.SSRC != ssrc {
			ssrc, base, start = p.SSRC, p.Timestamp, len(out)
		}
		at := start + int(int32(p.Timestamp-base))
		if at < 0 {
			continue // reordered before the first packet
		}
		if end := at + len(p.Payload); end > len(out) {
			out = append(out, make([]int16, end-len(out))...)
		}
		media.Codec(p.PayloadType).Decode(out[at:], p.Payload)
	}
	return out
}

// audio is the audio packets that arrived from since on, in order of arrival; Audio places them by their timestamps.
func (h *Heard) audio(since time.Time) []Packet {
	var all []Packet
	for _, p := range h.packets {
		if media.Codec(p.PayloadType).Valid() && !p.At.Before(since) {
			all = append(all, p)
		}
	}
	return all
}

// Last returns the last d of audio, fewer samples when there are fewer.
func (h *Heard) Last(d time.Duration) []int16 {
	if len(h.packets) == 0 {
		return nil
	}
	audio := h.Audio(h.packets[len(h.packets)-1].At.Add(-d))
	return audio
}

// EndOf says when, on the clock of arrival, the last packet from since on arrived that sounds louder than silence
// (−50 dB of full scale); false when there is none.
func (h *Heard) EndOf(since time.Time) (time.Time, bool) {
	for _, p := range slices.Backward(h.audio(since)) {
		samples := make([]int16, len(p.Payload))
		media.Codec(p.PayloadType).Decode(samples, p.Payload)
		if media.LevelDBFS(samples) > -50 {
			return p.At, true
		}
	}
	return time.Time{}, false
}

// Digits returns the RFC 4733 digits that arrived.
func (h *Heard) Digits() []media.Digit {
	var receiver media.DigitReceiver
	var all []media.Digit
	for _, p := range h.packets {
		if p.PayloadType != digitPayload {
			continue
		}
		if d, ok := receiver.Push(&p.Packet, p.At); ok {
			all = append(all, d)
		}
	}
	return all
}
