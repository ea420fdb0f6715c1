package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Limits bounds what the other side can make a reader hold. A zero field takes the default.
type Limits struct {
	Header int // bytes of one header block, its blank line included; default 64 KiB
	Body   int // bytes of one counted body; default 4 MiB
}

// Defaults of Limits.
const (
	DefaultHeaderLimit = 64 << 10
	DefaultBodyLimit   = 4 << 20
)

func (l Limits) orDefaults() Limits {
	if l.Header <= 0 {
		l.Header = DefaultHeaderLimit
	}
	if l.Body <= 0 {
		l.Body = DefaultBodyLimit
	}
	return l
}

// Errors of the readers. All of them mean that the stream is out of step: close the connection.
var (
	ErrHeaderTooLong = errors.New("esl: header block exceeds the limit")
	ErrBodyTooLong   = errors.New("esl: Content-Length exceeds the limit")
	ErrBadLength     = errors.New("esl: malformed Content-Length")
	ErrNUL           = errors.New("esl: NUL byte in a header block")
)

const (
	firstBuffer = 64 << 10 // holds several usual events (16 kB), so that most reads move no bytes
	keptBuffer  = 256 << 10
	maxNoReads  = 100 // empty reads in a row before io.ErrNoProgress, as bufio does
)

// buffer is a reading window over a stream: buf[start:end] is read and not yet taken.
type buffer struct {
	src        io.Reader
	buf        []byte
	start, end int
}

// fill reads once more from the stream, behind what is there. The buffer grows only when it is full of bytes that
// arrived, so an announced length alone costs nothing.
func (b *buffer) fill() error {
	if b.start > 0 && (b.start == b.end || b.end == len(b.buf)) {
		copy(b.buf, b.buf[b.start:b.end])
		b.start, b.end = 0, b.end-b.start
	}
	if b.end == len(b.buf) {
		grown := make([]byte, max(firstBuffer, 2*len(b.buf)))
		copy(grown, b.buf[:b.end])
		b.buf = grown
	}
	for range maxNoReads {
		n, err := b.src.Read(b.buf[b.end:])
		if n < 0 || n > len(b.buf)-b.end {
			return fmt.Errorf("esl: the stream reported %d bytes read", n)
		}
		b.end += n
		if n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// skipNewlines drops CR and LF before a block: a poke, or the line feed that ends some texts.
func (b *buffer) skipNewlines() {
	for b.start < b.end && (b.buf[b.start] == '\n' || b.buf[b.start] == '\r') {
		b.start++
	}
}

// block returns the size of the header block that begins at start, its blank line included, reading as needed. Lines
// end with LF or CR LF.
func (b *buffer) block(limit int) (int, error) {
	scanned := 0
	for {
		window := b.buf[b.start:b.end]
		for {
			i := bytes.IndexByte(window[scanned:], '\n')
			if i < 0 {
				break
			}
			scanned += i + 1
			if scanned > limit {
				return 0, ErrHeaderTooLong
			}
			if blankFollows(window[:scanned]) {
				return scanned, nil
			}
		}
		if len(window) > limit {
			return 0, ErrHeaderTooLong
		}
		if err := b.fill(); err != nil {
			return 0, midway(err, b.end > b.start)
		}
	}
}

// blankFollows tells whether the line that ends text is empty, that is, whether text ends with two line ends.
func blankFollows(text []byte) bool {
	text = text[:len(text)-1]
	if n := len(text); n > 0 && text[n-1] == '\r' {
		text = text[:n-1]
	}
	return len(text) > 0 && text[len(text)-1] == '\n'
}

// need makes at least n bytes available from start on.
func (b *buffer) need(n int) error {
	for b.end-b.start < n {
		if err := b.fill(); err != nil {
			return midway(err, true)
		}
	}
	return nil
}

// release gives a buffer that one huge body made back to the collector once it is empty.
func (b *buffer) release() {
	if b.start == b.end && len(b.buf) > keptBuffer {
		b.buf, b.start, b.end = nil, 0, 0
	}
}

// midway turns the end of the stream inside a frame into io.ErrUnexpectedEOF.
func midway(err error, inside bool) error {
	if inside && errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// parseLength reads a Content-Length strictly: decimal digits only, at most limit.
func parseLength(text []byte, limit int) (int, error) {
	if len(text) == 0 {
		return 0, fmt.Errorf("%w: empty", ErrBadLength)
	}
	n := 0
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, fmt.Errorf("%w: %q", ErrBadLength, clip(text))
		}
		n = n*10 + int(c-'0')
		if n > limit {
			return 0, fmt.Errorf("%w: %q", ErrBodyTooLong, clip(text))
		}
	}
	return n, nil
}

func clip(text []byte) []byte { return text[:min(len(text), 40)] }

// cutLine splits the first line off text, without its line end.
func cutLine(text []byte) (line, rest []byte) {
	i := bytes.IndexByte(text, '\n')
	if i < 0 {
		line = text
	} else {
		line, rest = text[:i], text[i+1:]
	}
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line, rest
}

// cutHeader splits "Name: value"; ok is false without a colon. Spaces after the colon are dropped, as the switch
// does.
func cutHeader(line []byte) (name, value []byte, ok bool) {
	i := bytes.IndexByte(line, ':')
	if i < 0 {
		return nil, nil, false
	}
	name, value = line[:i], line[i+1:]
	for len(value) > 0 && value[0] == ' ' {
		value = value[1:]
	}
	return name, value, true
}
