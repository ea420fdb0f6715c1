package media

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"time"
)

// maxReadWAV bounds what ReadWAV takes into memory: an hour.
const maxReadWAV = 3600 * SampleRate * 2

// NotTelephoneError is a WAV file that is sound but not 8 kHz 16-bit mono.
type NotTelephoneError struct{ Info WAVInfo }

func (e *NotTelephoneError) Error() string {
	return fmt.Sprintf("WAV is format %d, %d channels, %d Hz, %d bits; wanted linear, mono, 8000 Hz, 16 bits",
		e.Info.Format, e.Info.Channels, e.Info.Rate, e.Info.Bits)
}

// ReadWAV reads a whole 8 kHz 16-bit mono file of at most an hour. It wraps fs.ErrNotExist, ErrNotWAV or
// *NotTelephoneError.
func ReadWAV(path string) ([]int16, error) {
	src, err := OpenWAV(path)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	if src.info.DataSize > maxReadWAV {
		return nil, fmt.Errorf("read %s: %d bytes of sound are more than an hour", path, src.info.DataSize)
	}
	samples := make([]int16, src.info.DataSize/2)
	for at := 0; at < len(samples); {
		n, err := src.ReadFrame(samples[at:min(at+FrameSamples, len(samples))])
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		at += n
	}
	return samples, nil
}

// WAVSource plays a file as it is read; it holds one small buffer.
type WAVSource struct {
	file *os.File
	r    *bufio.Reader
	info WAVInfo
	left int64 // bytes of sound not read yet
	raw  [2 * FrameSamples]byte
}

// OpenWAV opens an 8 kHz 16-bit mono file for playing; errors as ReadWAV. Close it.
func OpenWAV(path string) (*WAVSource, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open sound: %w", err)
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%w: no regular file", ErrNotWAV)
	}
	var info WAVInfo
	if err == nil {
		info, err = WalkWAV(f, st.Size())
	}
	if err == nil && !info.Telephone() {
		err = &NotTelephoneError{info}
	}
	if err != nil {
		_ = f.Close() // nothing was written; the reason is err
		return nil, fmt.Errorf("open sound %s: %w", path, err)
	}
	src := &WAVSource{file: f, info: info, left: info.DataSize}
	src.r = bufio.NewReaderSize(io.NewSectionReader(f, info.DataAt, info.DataSize), 1<<13)
	return src, nil
}

// Duration is the length of the file's sound.
func (s *WAVSource) Duration() time.Duration {
	return time.Duration(s.info.DataSize/2) * time.Second / SampleRate
}

// ReadFrame reads up to len(dst), at most FrameSamples, samples. The end is io.EOF with n == 0.
func (s *WAVSource) ReadFrame(dst []int16) (int, error) {
	n := min(len(dst), FrameSamples, int(min(s.left/2, FrameSamples)))
	if n == 0 {
		return 0, io.EOF
	}
	if _, err := io.ReadFull(s.r, s.raw[:2*n]); err != nil {
		return 0, fmt.Errorf("read sound %s: %w", s.file.Name(), err)
	}
	for i := range n {
		dst[i] = int16(binary.LittleEndian.Uint16(s.raw[2*i:]))
	}
	s.left -= int64(2 * n)
	return n, nil
}

// Rewind starts the file again from its beginning.
func (s *WAVSource) Rewind() error {
	s.left = s.info.DataSize
	s.r.Reset(io.NewSectionReader(s.file, s.info.DataAt, s.info.DataSize))
	return nil
}

// Close releases the file.
func (s *WAVSource) Close() error { return s.file.Close() }

// headerEvery is how much sound passes between two updates of a growing file's header.
const headerEvery = time.Second

// WAVWriter writes a 16-bit file while it is being recorded. About once a second of sound it flushes and states the
// new size in the header, so that the file of a killed process plays up to there. It has one owner.
type WAVWriter struct {
	file     *os.File
	buf      []byte
	rate     int
	channels int
	written  int64 // bytes of sound in the file
	err      error
}

// CreateWAV creates (or empties) path for sound of rate samples a second with 1 or 2 channels. Close the writer.
func CreateWAV(path string, rate, channels int) (*WAVWriter, error) {
	if channels < 1 || channels > 2 || rate < 1 {
		return nil, fmt.Errorf("create sound %s: %d channels at %d Hz", path, channels, rate)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o640)
	if err != nil {
		return nil, fmt.Errorf("create sound: %w", err)
	}
	w := &WAVWriter{file: f, rate: rate, channels: channels}
	if err := w.flush(); err != nil {
		_ = f.Close() // the reason is err
		return nil, err
	}
	return w, nil
}

// Write appends samples, interleaved when there are two channels. After an error every further Write and Close
// returns it.
func (w *WAVWriter) Write(samples []int16) error {
	if w.err != nil {
		return w.err
	}
	if w.written+int64(len(w.buf)+2*len(samples)) > 0xFFFFFFFF-64 {
		w.err = fmt.Errorf("write sound %s: larger than 4 GB", w.file.Name())
		return w.err
	}
	for _, s := range samples {
		w.buf = binary.LittleEndian.AppendUint16(w.buf, uint16(s))
	}
	if len(w.buf) >= w.rate*w.channels*2*int(headerEvery/time.Second) {
		return w.flush()
	}
	return nil
}

// Duration is how much sound was written.
func (w *WAVWriter) Duration() time.Duration {
	frames := (w.written + int64(len(w.buf))) / int64(2*w.channels)
	return time.Duration(frames) * time.Second / time.Duration(w.rate)
}

// flush appends the buffer first and then states the size: a file cut between the two is playable.
func (w *WAVWriter) flush() error {
	if len(w.buf) > 0 {
		if _, err := w.file.WriteAt(w.buf, 44+w.written); err != nil {
			w.err = fmt.Errorf("write sound: %w", err)
			return w.err
		}
		w.written += int64(len(w.buf))
		w.buf = w.buf[:0]
	}
	h := wavHeader(w.rate, w.channels, uint32(w.written))
	if _, err := w.file.WriteAt(h[:], 0); err != nil {
		w.err = fmt.Errorf("write sound header: %w", err)
	}
	return w.err
}

// Close writes what is left and closes the file.
func (w *WAVWriter) Close() error {
	err := w.err
	if err == nil {
		err = w.flush()
	}
	if cerr := w.file.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("close sound: %w", cerr)
	}
	return err
}

// EncodeWAV makes a whole 16-bit file in memory.
func EncodeWAV(samples []int16, rate, channels int) []byte {
	h := wavHeader(rate, channels, uint32(2*len(samples)))
	out := append(make([]byte, 0, 44+2*len(samples)), h[:]...)
	for _, s := range samples {
		out = binary.LittleEndian.AppendUint16(out, uint16(s))
	}
	return out
}
