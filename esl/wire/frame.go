package wire

import (
	"bytes"
	"fmt"
	"io"
)

// Content types of frames that a switch sends.
const (
	TypeAuthRequest   = "auth/request"
	TypeCommandReply  = "command/reply"
	TypeAPIResponse   = "api/response"
	TypeEventPlain    = "text/event-plain"
	TypeDisconnect    = "text/disconnect-notice"
	TypeRudeRejection = "text/rude-rejection" // the switch's access list refuses us; it closes afterwards
	TypeLog           = "log/data"
)

var knownTypes = [...]string{
	TypeEventPlain, TypeAPIResponse, TypeCommandReply, TypeAuthRequest, TypeDisconnect, TypeRudeRejection, TypeLog,
}

// Frame is one message of the switch: a header block and, when it carries a Content-Length, a body.
type Frame struct {
	ContentType string
	ReplyText   string // Reply-Text of a command/reply, not percent-encoded by FreeSWITCH
	JobUUID     string // Job-UUID of the reply to bgapi
	Headers     []byte // the whole block without its blank line; valid until the next call of Next
	Body        []byte // nil when the frame has none; valid until the next call of Next
}

// FrameReader reads what a switch sends. It is for one goroutine.
type FrameReader struct {
	in     buffer
	limits Limits
}

// NewFrameReader reads frames from r, which should be unbuffered (the reader buffers by itself).
func NewFrameReader(r io.Reader, limits Limits) *FrameReader {
	return &FrameReader{in: buffer{src: r}, limits: limits.orDefaults()}
}

// Buffered returns how many bytes have arrived that Next has not returned yet.
func (r *FrameReader) Buffered() int { return r.in.end - r.in.start }

// Next returns the next frame. io.EOF means that the stream ended between two frames; every other error leaves the
// stream out of step. Reading an event allocates nothing once the buffer has its size.
func (r *FrameReader) Next() (Frame, error) {
	in := &r.in
	in.release()
	for in.skipNewlines(); in.start == in.end; in.skipNewlines() {
		if err := in.fill(); err != nil {
			return Frame{}, err
		}
	}
	size, err := in.block(r.limits.Header)
	if err != nil {
		return Frame{}, err
	}
	frame, length, err := parseFrame(in.buf[in.start:in.start+size], r.limits.Body)
	if err != nil {
		return Frame{}, err
	}
	if length < 0 {
		in.start += size
		return frame, nil
	}
	if err := in.need(size + length); err != nil {
		return Frame{}, err
	}
	// The bytes may have moved while the body arrived.
	whole := in.buf[in.start : in.start+size+length]
	frame.Headers, frame.Body = trimBlank(whole[:size]), whole[size:]
	in.start += size + length
	return frame, nil
}

// parseFrame reads the block of a frame. length is -1 when there is no Content-Length.
func parseFrame(block []byte, limit int) (frame Frame, length int, err error) {
	if bytes.IndexByte(block, 0) >= 0 {
		return Frame{}, 0, ErrNUL
	}
	frame.Headers, length = trimBlank(block), -1
	for rest := frame.Headers; len(rest) > 0; {
		var line []byte
		line, rest = cutLine(rest)
		name, value, ok := cutHeader(line)
		if !ok {
			continue
		}
		switch {
		case equalFold(name, "Content-Type"):
			frame.ContentType = internType(value)
		case equalFold(name, "Content-Length"):
			n, err := parseLength(value, limit)
			if err != nil {
				return Frame{}, 0, err
			}
			if length >= 0 && n != length {
				return Frame{}, 0, fmt.Errorf("%w: %d and %d in one block", ErrBadLength, length, n)
			}
			length = n
		case equalFold(name, "Reply-Text"):
			frame.ReplyText = string(value)
		case equalFold(name, "Job-UUID"):
			frame.JobUUID = string(value)
		}
	}
	return frame, length, nil
}

func internType(value []byte) string {
	for _, known := range knownTypes {
		if string(value) == known {
			return known
		}
	}
	return string(value)
}

func trimBlank(block []byte) []byte {
	for n := len(block); n > 1 && block[n-1] == '\n'; n = len(block) {
		previous := block[:n-1]
		if m := len(previous); previous[m-1] == '\r' {
			previous = previous[:m-1]
		}
		if m := len(previous); m == 0 || previous[m-1] != '\n' {
			break
		}
		block = previous
	}
	return block
}

// equalFold compares ASCII names without case and without allocation.
func equalFold(name []byte, want string) bool {
	if len(name) != len(want) {
		return false
	}
	for i, c := range name {
		w := want[i]
		if c != w && (c|0x20 != w|0x20 || w|0x20 < 'a' || w|0x20 > 'z') {
			return false
		}
	}
	return true
}
