package media

import (
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Source is sound to be played frame by frame.
type Source interface {
	// ReadFrame fills at most FrameSamples samples of dst and says how many. The end is io.EOF with n == 0; a last short
	// frame comes before it without an error.
	ReadFrame(dst []int16) (n int, err error)
}

// OpenSource opens what an application of the switch names: tone_stream://…, silence_stream://…, or the path of a WAV
// file. A relative path is taken below dir. The result may be an io.Closer. A missing file wraps fs.ErrNotExist.
func OpenSource(dir, name string) (Source, error) {
	if spec, ok := strings.CutPrefix(name, "tone_stream://"); ok {
		return ParseTones(spec)
	}
	if spec, ok := strings.CutPrefix(name, "silence_stream://"); ok {
		return ParseSilence(spec)
	}
	if scheme, _, ok := strings.Cut(name, "://"); ok {
		return nil, fmt.Errorf("open sound: unknown kind %q", scheme)
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(dir, name)
	}
	return OpenWAV(name)
}

// CloseSource closes a source that has to be closed.
func CloseSource(s Source) error {
	if c, ok := s.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// ReadFull fills one whole frame, the missing end of the last one with silence. The end is io.EOF.
func ReadFull(s Source, dst []int16) error {
	got := 0
	for got < len(dst) {
		n, err := s.ReadFrame(dst[got:])
		got += n
		if err == nil {
			continue
		}
		if err == io.EOF && got > 0 {
			clear(dst[got:])
			return nil
		}
		return err
	}
	return nil
}

// Silence is a source of silence; zero or less never ends.
func Silence(d time.Duration) Source {
	if d <= 0 {
		return &silence{forever: true}
	}
	return &silence{left: int64(d) * SampleRate / int64(time.Second)}
}

type silence struct {
	left    int64
	forever bool
}

func (s *silence) ReadFrame(dst []int16) (int, error) {
	n := min(len(dst), FrameSamples)
	if !s.forever {
		n = int(min(int64(n), s.left))
		s.left -= int64(n)
	}
	if n == 0 {
		return 0, io.EOF
	}
	clear(dst[:n])
	return n, nil
}

// ParseSilence reads silence_stream's argument, <ms>[,<noise>]: a negative number never ends, 0 is an error
// (mod_tone_stream.c). The noise factor is accepted and left out: the silence is digital.
func ParseSilence(spec string) (Source, error) {
	head, _, _ := strings.Cut(spec, ",")
	ms, err := strconv.ParseInt(strings.TrimSpace(head), 10, 32)
	if err != nil || ms == 0 {
		return nil, fmt.Errorf("silence_stream %q: want <ms>[,<factor>]", spec)
	}
	return Silence(time.Duration(ms) * time.Millisecond), nil
}

// Samples is a source of sound in memory.
func Samples(samples []int16) Source { return &memory{all: samples, left: samples} }

type memory struct{ all, left []int16 }

func (m *memory) ReadFrame(dst []int16) (int, error) {
	if len(m.left) == 0 {
		return 0, io.EOF
	}
	n := copy(dst[:min(len(dst), FrameSamples)], m.left)
	m.left = m.left[n:]
	return n, nil
}

func (m *memory) Rewind() error {
	m.left = m.all
	return nil
}

// Rewinder is a source that can start again.
type Rewinder interface {
	Source
	Rewind() error
}

// Loop repeats a source for ever, without a gap. A source without sound ends it.
func Loop(s Rewinder) Source { return &loop{s} }

type loop struct{ Rewinder }

func (l *loop) ReadFrame(dst []int16) (int, error) {
	dst = dst[:min(len(dst), FrameSamples)]
	got, ends := 0, 0
	for got < len(dst) {
		n, err := l.Rewinder.ReadFrame(dst[got:])
		got += n
		if n > 0 {
			ends = 0
		}
		if err == nil {
			continue
		}
		if ends++; err != io.EOF || ends > 1 {
			return got, err
		}
		if err := l.Rewind(); err != nil {
			return got, err
		}
	}
	return got, nil
}

func (l *loop) Close() error { return CloseSource(l.Rewinder) }

// Sine is an endless tone of freq hertz at level dBFS (0 is the loudest sine).
func Sine(freq, level float64) Source {
	return &sine{step: freq / SampleRate, amp: 32767 * math.Pow(10, level/20)}
}

type sine struct{ phase, step, amp float64 }

func (s *sine) ReadFrame(dst []int16) (int, error) {
	n := min(len(dst), FrameSamples)
	for i := range dst[:n] {
		dst[i] = int16(math.Round(s.amp * math.Sin(2*math.Pi*s.phase)))
		_, s.phase = math.Modf(s.phase + s.step)
	}
	return n, nil
}
