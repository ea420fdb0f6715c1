package media

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-audio/audio"
	"github.com/go-audio/wav"
)

// upload is an uploaded file that was found acceptable by its content.
type upload struct {
	facts AudioFacts
	data  []byte
	wav   WAVInfo
	mp3   *mp3Stream // nil: WAV
}

func reject(code RejectCode, found AudioFacts, cause error) *RejectedError {
	e := &RejectedError{Code: code, Found: found}
	if cause != nil {
		e.Detail = cause.Error()
	}
	return e
}

// inspectUpload looks at the content, never at a name. It reads headers only; nothing is decoded.
func inspectUpload(data []byte) (*upload, error) {
	found := AudioFacts{Bytes: int64(len(data))}
	if len(data) > MaxUpload {
		return nil, reject(RejectTooLarge, found, nil)
	}
	if len(data) >= 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WAVE" {
		return inspectWAV(data, found)
	}
	s, err := scanMP3(data)
	if err != nil && bytes.HasPrefix(data, []byte("ID3")) {
		found.Kind = "MP3"
		return nil, reject(RejectDamaged, found, err)
	}
	if err != nil {
		return nil, reject(RejectNotAudio, found, err)
	}
	found.Kind, found.Rate, found.Channels, found.BitrateKbps = "MP3", s.rate, s.channels, s.kbps
	found.Variable, found.Seconds = !s.constant, float64(s.sampleCount)/float64(s.rate)
	if !s.constant || s.kbps != 128 {
		return nil, reject(RejectFormat, found, nil)
	}
	return &upload{facts: found, mp3: s}, nil
}

var waveCodecs = map[int]string{wavePCM: "PCM", 2: "ADPCM", 3: "float", waveALaw: "A-law", waveMuLaw: "µ-law",
	17: "IMA ADPCM",
	49: "GSM 06.10", 85: "MP3"}

func inspectWAV(data []byte, found AudioFacts) (*upload, error) {
	found.Kind = "WAV"
	info, err := WalkWAV(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, reject(RejectDamaged, found, err)
	}
	found.Rate, found.Bits, found.Channels = info.Rate, info.Bits, info.Channels
	if found.Codec = waveCodecs[info.Format]; found.Codec == "" {
		found.Codec = fmt.Sprintf("0x%04x", info.Format)
	}
	if block := info.Channels * ((info.Bits + 7) / 8); info.Rate > 0 {
		found.Seconds = float64(info.DataSize) / float64(block*info.Rate)
	}
	if !info.Telephone() {
		return nil, reject(RejectFormat, found, nil)
	}
	if info.DataSize == 0 {
		return nil, reject(RejectEmpty, found, nil)
	}
	return &upload{facts: found, data: data, wav: info}, nil
}

// decodeWAV hands go-audio/wav a canonical stream of 44 bytes and the sound: no chunk of the stranger's reaches it.
func (u *upload) decodeWAV() ([]int16, error) {
	h := wavHeader(u.wav.Rate, u.wav.Channels, uint32(u.wav.DataSize))
	sound := u.data[u.wav.DataAt : u.wav.DataAt+u.wav.DataSize]
	dec := wav.NewDecoder(bytes.NewReader(append(h[:], sound...)))
	if !dec.IsValidFile() {
		return nil, fmt.Errorf("decode WAV: %w", errors.Join(ErrNotWAV, dec.Err()))
	}
	samples := make([]int16, 0, u.wav.DataSize/2)
	buf := &audio.IntBuffer{Data: make([]int, 1<<12)}
	for {
		n, err := dec.PCMBuffer(buf)
		for _, s := range buf.Data[:n] {
			samples = append(samples, int16(s))
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("decode WAV: %w", err)
		}
		if n == 0 {
			return samples, nil
		}
	}
}
