package media

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"testing"
)

func TestG711DecodesEveryCodeWordAsFfmpegAndSoxDo(t *testing.T) {
	// SHA-256 of the 256 code words decoded to s16le by ffmpeg (-f mulaw, -f alaw) and, identically, by sox.
	want := map[Codec]string{PCMU: "3dab54339e520bb2c924826e3b72a917a2b612e9fd12fc867500f1d983a75827",
		PCMA: "e04788d110e58ff8c70c93b8480190d973e3b67876b6119abbaec766cc75c174"}
	for codec, sum := range want {
		var codes [256]byte
		var linear [256]int16
		for i := range codes {
			codes[i] = byte(i)
		}
		codec.Decode(linear[:], codes[:])
		var raw []byte
		for _, s := range linear {
			raw = binary.LittleEndian.AppendUint16(raw, uint16(s))
		}
		if got := sha256.Sum256(raw); hex.EncodeToString(got[:]) != sum {
			t.Errorf("%v: decoded code words hash to %x, want %s", codec, got, sum)
		}
	}
}

func TestG711DecodesTheStandardsOwnValues(t *testing.T) {
	for _, c := range []struct {
		codec Codec
		code  byte
		want  int16
	}{ // G.711 tables 1 and 2, scaled to 16 bits
		{PCMU, 0xFF, 0}, {PCMU, 0x7F, 0}, {PCMU, 0x80, 32124}, {PCMU, 0x00, -32124}, {PCMU, 0xFE, 8}, {PCMU, 0x8F, 16764},
		{PCMA, 0xD5, 8}, {PCMA, 0x55, -8}, {PCMA, 0xAA, 32256}, {PCMA, 0x2A, -32256}, {PCMA, 0xD4, 24}, {PCMA, 0xA5, 16896},
	} {
		var got [1]int16
		c.codec.Decode(got[:], []byte{c.code})
		if got[0] != c.want {
			t.Errorf("%v %#02x = %d, want %d", c.codec, c.code, got[0], c.want)
		}
	}
}

func TestG711EncodesEverySampleWithinHalfAStep(t *testing.T) {
	for _, codec := range []Codec{PCMU, PCMA} {
		var codes [256]byte
		var linear [256]int16
		for i := range codes {
			codes[i] = byte(i)
		}
		codec.Decode(linear[:], codes[:])
		slices.Sort(linear[:])
		last := int16(-32768)
		for s := -32768; s <= 32767; s++ {
			var code [1]byte
			var back [1]int16
			codec.Encode(code[:], []int16{int16(s)})
			codec.Decode(back[:], code[:])
			at, _ := slices.BinarySearch(linear[:], back[0])
			step := int(max(linear[min(at+1, 255)]-linear[at], linear[at]-linear[max(at-1, 0)]))
			// G.711's decision values lie on 14 (13) bits; beyond the last one every sample becomes the largest word.
			if miss := abs(int(back[0]) - s); miss > step/2+4 && abs(s) < 32300 {
				t.Fatalf("%v: sample %d became %d, with steps of %d there", codec, s, back[0], step)
			}
			if back[0] < last {
				t.Fatalf("%v: sample %d became %d, less than the sample before", codec, s, back[0])
			}
			last = back[0]
		}
	}
}

func TestG711CodeWordsSurviveDecodingAndEncoding(t *testing.T) {
	for _, codec := range []Codec{PCMU, PCMA} {
		for i := range 256 {
			var linear [1]int16
			var code [1]byte
			codec.Decode(linear[:], []byte{byte(i)})
			codec.Encode(code[:], linear[:])
			if code[0] != byte(i) && !(codec == PCMU && i == 0x7F) { // µ-law has two zeros
				t.Errorf("%v: %#02x became %#02x", codec, i, code[0])
			}
		}
	}
}

func TestTranscodingEqualsDecodingAndEncoding(t *testing.T) {
	for _, way := range [][2]Codec{{PCMU, PCMA}, {PCMA, PCMU}, {PCMU, PCMU}} {
		for i := range 256 {
			var linear [1]int16
			var want, got [1]byte
			way[0].Decode(linear[:], []byte{byte(i)})
			way[1].Encode(want[:], linear[:])
			Transcode(got[:], []byte{byte(i)}, way[0], way[1])
			if way[0] == way[1] {
				want[0] = byte(i)
			}
			if got != want {
				t.Errorf("%v to %v: %#02x became %#02x, want %#02x", way[0], way[1], i, got[0], want[0])
			}
		}
	}
}

func abs(v int) int {
	if v < 0 {
		return -v
	}
	return v
}
