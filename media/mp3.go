package media

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/hajimehoshi/go-mp3"
)

// errNotMP3 says that bytes are no MPEG layer III stream.
var errNotMP3 = errors.New("not an MP3 file")

// mp3Stream is an MP3 file reduced to its audio frames: no ID3, no garbage in between.
type mp3Stream struct {
	frames      []byte
	count       int
	rate        int // samples a second
	channels    int
	kbps        int // of the frames; the mean of a file with a variable rate
	constant    bool
	lowRate     bool // MPEG 2.5, which go-mp3 cannot read
	sampleCount int
}

var mp3Bitrates = [2][16]int{ // layer III, ISO 11172-3 and 13818-3
	{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, -1},
	{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, -1},
}

var mp3Rates = [3]int{44100, 48000, 32000}

type mp3Header struct {
	size, kbps, rate, channels, samples int
	version                             byte // 3: MPEG 1, 2: MPEG 2, 0: MPEG 2.5
}

// parseMP3Header reads the four bytes before a frame; false when they are none.
func parseMP3Header(b []byte) (mp3Header, bool) {
	if len(b) < 4 || b[0] != 0xFF || b[1]&0xE0 != 0xE0 {
		return mp3Header{}, false
	}
	h := mp3Header{version: b[1] >> 3 & 3, channels: 2, samples: 1152}
	layer, rateIndex, table := b[1]>>1&3, b[2]>>2&3, 0
	if layer != 1 || h.version == 1 || rateIndex == 3 {
		return mp3Header{}, false
	}
	h.rate = mp3Rates[rateIndex]
	if h.version != 3 {
		h.rate, h.samples, table = h.rate/2, 576, 1
	}
	if h.version == 0 {
		h.rate /= 2
	}
	if h.kbps = mp3Bitrates[table][b[2]>>4]; h.kbps <= 0 {
		return mp3Header{}, false // free format and the reserved value
	}
	if b[3]>>6 == 3 {
		h.channels = 1
	}
	h.size = h.samples/8*h.kbps*1000/h.rate + int(b[2]>>1&1)
	return h, true
}

// skipID3 passes over ID3v2 tags at the beginning; a tag that claims more than the file holds is an error, not an
// allocation.
func skipID3(data []byte) ([]byte, error) {
	for len(data) >= 10 && string(data[:3]) == "ID3" {
		size := 10 + (int(data[6]&0x7F)<<21 | int(data[7]&0x7F)<<14 | int(data[8]&0x7F)<<7 | int(data[9]&0x7F))
		if data[5]&0x10 != 0 {
			size += 10 // footer
		}
		if size > len(data) {
			return nil, fmt.Errorf("%w: an ID3 tag claims %d of %d bytes", errNotMP3, size, len(data))
		}
		data = data[size:]
	}
	return data, nil
}

// maxMP3Garbage is how many bytes that belong to no frame a file may have.
const maxMP3Garbage = 64 << 10

// scanMP3 walks the frames. Every frame must have the first one's rate and version, and be followed by another frame,
// a tag or the end.
func scanMP3(data []byte) (*mp3Stream, error) {
	data, err := skipID3(data)
	if err != nil {
		return nil, err
	}
	s := &mp3Stream{constant: true}
	var first mp3Header
	garbage, total := 0, 0
	for at := 0; at+4 <= len(data); {
		h, ok := parseMP3Header(data[at:])
		if ok && s.count > 0 {
			ok = h.rate == first.rate && h.version == first.version
		}
		if ok && at+h.size+4 <= len(data) && s.count == 0 {
			_, ok = parseMP3Header(data[at+h.size:]) // two in a row make a beginning
		}
		if !ok {
			if rest := data[at:]; bytes.HasPrefix(rest, []byte("TAG")) || bytes.HasPrefix(rest, []byte("APETAGEX")) {
				break
			}
			if garbage++; garbage > maxMP3Garbage {
				return nil, fmt.Errorf("%w: no frame near byte %d", errNotMP3, at)
			}
			at++
			continue
		}
		if at+h.size > len(data) {
			break // the last frame was cut off
		}
		if s.count == 0 {
			first, s.rate, s.channels, s.kbps, s.lowRate = h, h.rate, h.channels, h.kbps, h.version == 0
		}
		s.constant = s.constant && h.kbps == first.kbps
		s.frames = append(s.frames, data[at:at+h.size]...)
		s.count, total, s.sampleCount = s.count+1, total+h.kbps, s.sampleCount+h.samples
		at += h.size
	}
	if s.count < 2 {
		return nil, fmt.Errorf("%w: %d frames", errNotMP3, s.count)
	}
	s.kbps = total / s.count
	return s, nil
}

// decodeMono decodes with go-mp3, which panics on some malformed input, to one channel at the file's own rate.
func (s *mp3Stream) decodeMono() (samples []int16, err error) {
	defer func() {
		if r := recover(); r != nil {
			samples, err = nil, fmt.Errorf("decode MP3: go-mp3 panicked: %v", r)
		}
	}()
	dec, err := mp3.NewDecoder(struct{ io.Reader }{bytes.NewReader(s.frames)}) // no Seeker: it would scan the file first
	if err != nil {
		return nil, fmt.Errorf("decode MP3: %w", err)
	}
	samples = make([]int16, 0, s.sampleCount)
	var buf [4 * 1152]byte
	for len(samples) <= s.sampleCount {
		n, err := io.ReadFull(dec, buf[:])
		for i := 0; i+4 <= n; i += 4 { // always stereo, 16 bit
			left := int16(uint16(buf[i]) | uint16(buf[i+1])<<8)
			right := int16(uint16(buf[i+2]) | uint16(buf[i+3])<<8)
			samples = append(samples, int16((int32(left)+int32(right))/2))
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return samples, nil
		}
		if err != nil {
			return nil, fmt.Errorf("decode MP3: %w", err)
		}
	}
	return samples, nil
}
