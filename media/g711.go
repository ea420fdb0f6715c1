package media

import "fmt"

// Codec is a G.711 law, numbered by its static RTP payload type (RFC 3551, table 4).
type Codec uint8

// The two laws of ITU-T G.711.
const (
	PCMU Codec = 0 // µ-law
	PCMA Codec = 8 // A-law
)

// Valid tells whether c is one of the two laws.
func (c Codec) Valid() bool { return c == PCMU || c == PCMA }

// String is the codec's name in SDP (RFC 3551).
func (c Codec) String() string {
	switch c {
	case PCMU:
		return "PCMU"
	case PCMA:
		return "PCMA"
	}
	return fmt.Sprintf("Codec(%d)", uint8(c))
}

// Silence is the code word of zero (G.711 tables 1a, 2a: the smallest positive value).
func (c Codec) Silence() byte {
	if c == PCMA {
		return 0xD5
	}
	return 0xFF
}

var (
	ulawToLinear [256]int16
	alawToLinear [256]int16
	linearToUlaw [1 << 14]byte // by the 14 most significant bits, which is all that µ-law sees
	linearToAlaw [1 << 13]byte // by the 13 most significant bits
	ulawToAlaw   [256]byte
	alawToUlaw   [256]byte
)

func init() {
	for i := range 256 {
		ulawToLinear[i] = expandUlaw(byte(i))
		alawToLinear[i] = expandAlaw(byte(i))
	}
	for i := range linearToUlaw {
		linearToUlaw[i] = compressUlaw(int16(uint16(i) << 2))
	}
	for i := range linearToAlaw {
		linearToAlaw[i] = compressAlaw(int16(uint16(i) << 3))
	}
	for i := range 256 {
		ulawToAlaw[i] = linearToAlaw[uint16(ulawToLinear[i])>>3]
		alawToUlaw[i] = linearToUlaw[uint16(alawToLinear[i])>>2]
	}
}

// expandUlaw follows G.711 table 2: sign, three bits of segment, four of step, all inverted, with a bias of 33 (132
// at 16 bit).
func expandUlaw(u byte) int16 {
	u = ^u
	v := (int(u&0x0F)<<3 + 0x84) << (u >> 4 & 7)
	if u&0x80 != 0 {
		return int16(0x84 - v)
	}
	return int16(v - 0x84)
}

// expandAlaw follows G.711 table 1: sign (1 is positive), segment, step, with the even bits inverted.
func expandAlaw(a byte) int16 {
	a ^= 0x55
	v := int(a&0x0F)<<4 + 8
	if seg := a >> 4 & 7; seg > 0 {
		v = (v + 0x100) << (seg - 1)
	}
	if a&0x80 != 0 {
		return int16(v)
	}
	return int16(-v)
}

// segment is the number of the first power of two, counted from first, that v does not exceed.
func segment(v, first int) int {
	seg := 0
	for end := first; seg < 8 && v > end; seg++ {
		end = end<<1 | 1
	}
	return seg
}

func compressUlaw(s int16) byte {
	v, mask := int(s)>>2, byte(0xFF)
	if v < 0 {
		v, mask = ^v, 0x7F // one's complement, as ITU-T G.191 (ulaw_compress) does
	}
	v = min(v, 8159) + 33
	seg := segment(v, 0x3F)
	if seg >= 8 {
		return 0x7F ^ mask
	}
	return (byte(seg)<<4 | byte(v>>(seg+1))&0x0F) ^ mask
}

func compressAlaw(s int16) byte {
	v, mask := int(s)>>3, byte(0xD5)
	if v < 0 {
		v, mask = ^v, 0x55
	}
	seg := segment(v, 0x1F)
	if seg >= 8 {
		return 0x7F ^ mask
	}
	return (byte(seg)<<4 | byte(v>>max(seg, 1))&0x0F) ^ mask
}

// Decode expands code words to linear samples; as many as the shorter of both holds. It returns how many.
func (c Codec) Decode(dst []int16, src []byte) int {
	n := min(len(dst), len(src))
	table := &ulawToLinear
	if c == PCMA {
		table = &alawToLinear
	}
	for i, b := range src[:n] {
		dst[i] = table[b]
	}
	return n
}

// Encode compresses linear samples to code words; as many as the shorter of both holds. It returns how many.
func (c Codec) Encode(dst []byte, src []int16) int {
	n := min(len(dst), len(src))
	if c == PCMA {
		for i, s := range src[:n] {
			dst[i] = linearToAlaw[uint16(s)>>3]
		}
		return n
	}
	for i, s := range src[:n] {
		dst[i] = linearToUlaw[uint16(s)>>2]
	}
	return n
}

// Transcode turns code words of one law into the other's (a copy when both are the same) and returns how many.
// dst and src may be the same slice.
func Transcode(dst, src []byte, from, to Codec) int {
	n := min(len(dst), len(src))
	if from == to {
		return copy(dst, src[:n])
	}
	table := &ulawToAlaw
	if from == PCMA {
		table = &alawToUlaw
	}
	for i, b := range src[:n] {
		dst[i] = table[b]
	}
	return n
}
