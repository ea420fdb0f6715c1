package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Format numbers of WAVE files (RFC 2361, mmreg.h).
const (
	wavePCM        = 1
	waveALaw       = 6
	waveMuLaw      = 7
	waveExtensible = 0xFFFE
)

// ErrNotWAV is wrapped by every error about the structure of a WAV file.
var ErrNotWAV = errors.New("not a valid WAV file")

// WAVInfo is what a WAV file says about itself, after every chunk size was held against the file.
type WAVInfo struct {
	Format   int // wavePCM, … ; the sub-format of an extensible file
	Channels int
	Rate     int // samples a second
	Bits     int // per sample
	DataAt   int64
	DataSize int64 // bytes, whole sample frames only
}

// Telephone tells whether the file is linear 16 bit mono at 8000 samples a second, which is what the switch plays.
func (w WAVInfo) Telephone() bool {
	return w.Format == wavePCM && w.Channels == 1 && w.Rate == SampleRate && w.Bits == 16
}

// maxChunks bounds the walk over a file of many empty chunks.
const maxChunks = 1000

// WalkWAV reads the chunk headers of a WAV file of size bytes and trusts none of them: a chunk that ends outside the
// file, a missing or repeated fmt chunk, a block size that contradicts the rest are errors. The only tolerance is a
// data chunk whose writer did not come to state its size (0, 0xFFFFFFFF): it ends with the file. Other chunks are
// skipped unread.
func WalkWAV(r io.ReaderAt, size int64) (WAVInfo, error) {
	var head [12]byte
	if _, err := r.ReadAt(head[:], 0); err != nil || string(head[:4]) != "RIFF" || string(head[8:]) != "WAVE" {
		return WAVInfo{}, fmt.Errorf("%w: no RIFF/WAVE header", ErrNotWAV)
	}
	var info WAVInfo
	at, haveFormat := int64(12), false
	for range maxChunks {
		var chunk [8]byte
		if at+8 > size {
			return WAVInfo{}, fmt.Errorf("%w: no data chunk", ErrNotWAV)
		}
		if _, err := r.ReadAt(chunk[:], at); err != nil {
			return WAVInfo{}, fmt.Errorf("read chunk header at byte %d: %w", at, err)
		}
		id, length := string(chunk[:4]), int64(binary.LittleEndian.Uint32(chunk[4:]))
		at += 8
		rest := size - at
		if id == "data" {
			if !haveFormat {
				return WAVInfo{}, fmt.Errorf("%w: data before fmt", ErrNotWAV)
			}
			if length == 0 || length == 0xFFFFFFFF {
				length = rest
			}
			if length > rest {
				return WAVInfo{}, fmt.Errorf("%w: data chunk claims %d bytes, the file has %d", ErrNotWAV, length, rest)
			}
			frame := int64(info.Channels * ((info.Bits + 7) / 8))
			info.DataAt, info.DataSize = at, length-length%frame
			return info, nil
		}
		if length > rest {
			return WAVInfo{}, fmt.Errorf("%w: chunk %q claims %d bytes, the file has %d", ErrNotWAV, id, length, rest)
		}
		if id == "fmt " {
			if haveFormat {
				return WAVInfo{}, fmt.Errorf("%w: two fmt chunks", ErrNotWAV)
			}
			var err error
			if info, err = readFormat(r, at, length); err != nil {
				return WAVInfo{}, err
			}
			haveFormat = true
		}
		at += length + length&1 // chunks are padded to even lengths
	}
	return WAVInfo{}, fmt.Errorf("%w: more than %d chunks", ErrNotWAV, maxChunks)
}

func readFormat(r io.ReaderAt, at, length int64) (WAVInfo, error) {
	if length < 16 || length > 1024 {
		return WAVInfo{}, fmt.Errorf("%w: fmt chunk of %d bytes", ErrNotWAV, length)
	}
	b := make([]byte, length)
	if _, err := r.ReadAt(b, at); err != nil && !errors.Is(err, io.EOF) {
		return WAVInfo{}, fmt.Errorf("read fmt chunk: %w", err)
	}
	info := WAVInfo{
		Format:   int(binary.LittleEndian.Uint16(b)),
		Channels: int(binary.LittleEndian.Uint16(b[2:])),
		Rate:     int(binary.LittleEndian.Uint32(b[4:])),
		Bits:     int(binary.LittleEndian.Uint16(b[14:])),
	}
	if info.Format == waveExtensible && length >= 26 {
		info.Format = int(binary.LittleEndian.Uint16(b[24:])) // the GUID begins with the format number
	}
	if info.Channels < 1 || info.Channels > 16 || info.Bits < 1 || info.Bits > 64 || info.Rate < 1 || info.Rate > 768000 {
		return WAVInfo{}, fmt.Errorf("%w: %d channels, %d bits, %d Hz", ErrNotWAV, info.Channels, info.Bits, info.Rate)
	}
	if block := int(binary.LittleEndian.Uint16(b[12:])); block != info.Channels*((info.Bits+7)/8) {
		return WAVInfo{}, fmt.Errorf("%w: block of %d bytes for %d channels of %d bits", ErrNotWAV, block, info.Channels,
			info.Bits)
	}
	return info, nil
}

// wavHeader is the canonical 44-byte header of a linear 16-bit file.
func wavHeader(rate, channels int, dataSize uint32) [44]byte {
	var h [44]byte
	copy(h[:], "RIFF")
	binary.LittleEndian.PutUint32(h[4:], 36+dataSize)
	copy(h[8:], "WAVEfmt ")
	h[16], h[20], h[22] = 16, wavePCM, byte(channels)
	binary.LittleEndian.PutUint32(h[24:], uint32(rate))
	binary.LittleEndian.PutUint32(h[28:], uint32(rate*channels*2))
	h[32], h[34] = byte(2*channels), 16
	copy(h[36:], "data")
	binary.LittleEndian.PutUint32(h[40:], dataSize)
	return h
}
