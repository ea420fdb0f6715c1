package wire

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
)

// Header is one header of a command or an event.
type Header struct {
	Name  string
	Value string
}

// Command is what a client sent: a line, headers (sendmsg, sendevent, the Job-UUID of bgapi) and a counted body.
type Command struct {
	Line    string
	Headers []Header
	Body    []byte // nil without Content-Length; a copy, the caller may keep it
}

// Get returns the first header of that name, compared without case as the switch does, or "".
func (c Command) Get(name string) string {
	for _, h := range c.Headers {
		if equalFold([]byte(h.Name), name) {
			return h.Value
		}
	}
	return ""
}

// CommandReader reads what a client sends. It is for one goroutine.
type CommandReader struct {
	in     buffer
	limits Limits
}

// NewCommandReader reads commands from r, which should be unbuffered (the reader buffers by itself).
func NewCommandReader(r io.Reader, limits Limits) *CommandReader {
	return &CommandReader{in: buffer{src: r}, limits: limits.orDefaults()}
}

// Next returns the next command. A command ends at a blank line; any command with a Content-Length header takes
// that many bytes behind the blank line as its body (mod_event_socket.c read_packet). Newlines between commands are
// ignored: clients write them to wake the switch's listener. io.EOF means that the stream ended between commands.
func (r *CommandReader) Next() (Command, error) {
	in := &r.in
	in.release()
	for in.skipNewlines(); in.start == in.end; in.skipNewlines() {
		if err := in.fill(); err != nil {
			return Command{}, err
		}
	}
	size, err := in.block(r.limits.Header)
	if err != nil {
		return Command{}, err
	}
	command, length, err := parseCommand(in.buf[in.start:in.start+size], r.limits.Body)
	if err != nil {
		return Command{}, err
	}
	if length > 0 {
		if err := in.need(size + length); err != nil {
			return Command{}, err
		}
		command.Body = bytes.Clone(in.buf[in.start+size : in.start+size+length])
		size += length
	}
	in.start += size
	return command, nil
}

func parseCommand(block []byte, limit int) (Command, int, error) {
	if bytes.IndexByte(block, 0) >= 0 {
		return Command{}, 0, ErrNUL
	}
	line, rest := cutLine(trimBlank(block))
	command, length, seen := Command{Line: string(line)}, 0, false
	for len(rest) > 0 {
		line, rest = cutLine(rest)
		name, value, ok := cutHeader(line)
		if !ok {
			continue
		}
		command.Headers = append(command.Headers, Header{string(name), string(value)})
		if !equalFold(name, "Content-Length") {
			continue
		}
		n, err := parseLength(value, limit)
		if err != nil {
			return Command{}, 0, err
		}
		if seen && n != length {
			return Command{}, 0, fmt.Errorf("%w: %d and %d in one command", ErrBadLength, length, n)
		}
		length, seen = n, true
	}
	return command, length, nil
}

// AppendReply appends a command/reply frame. Neither the text nor the extra headers are encoded by FreeSWITCH; the
// caller must not let a line end into them (it is replaced by a space here, so that a frame stays one frame).
func AppendReply(dst []byte, replyText string, extra ...Header) []byte {
	dst = append(dst, "Content-Type: "+TypeCommandReply+"\nReply-Text: "...)
	dst = appendLine(dst, replyText)
	for _, h := range extra {
		dst = append(appendWithoutLineEnds(dst, h.Name), ": "...)
		dst = appendLine(dst, h.Value)
	}
	return append(dst, '\n')
}

// AppendAuthRequest appends the greeting of a listener.
func AppendAuthRequest(dst []byte) []byte {
	return append(dst, "Content-Type: "+TypeAuthRequest+"\n\n"...)
}

// AppendAPIResponse appends the output of an API command, byte for byte.
func AppendAPIResponse(dst []byte, body string) []byte {
	return AppendFrame(dst, TypeAPIResponse, body)
}

// AppendFrame appends a frame with Content-Type first and a counted body, as for api/response, the disconnect notice
// and the rude rejection.
func AppendFrame(dst []byte, contentType, body string) []byte {
	dst = append(dst, "Content-Type: "...)
	dst = appendLine(dst, contentType)
	dst = append(dst, "Content-Length: "...)
	dst = strconv.AppendInt(dst, int64(len(body)), 10)
	dst = append(dst, "\n\n"...)
	return append(dst, body...)
}

// AppendEventPlain appends an event as FreeSWITCH serialises it for "event plain" (switch_event_serialize): the
// frame's length first, values percent-encoded, an empty value as _undef_, and a Content-Length of its own before a
// body that is not encoded.
func AppendEventPlain(dst []byte, headers []Header, body []byte) []byte {
	inner := make([]byte, 0, 256+48*len(headers)+len(body))
	for _, h := range headers {
		inner = append(appendWithoutLineEnds(inner, h.Name), ": "...)
		if h.Value == "" {
			inner = append(inner, "_undef_"...)
		} else {
			inner = AppendEncoded(inner, h.Value)
		}
		inner = append(inner, '\n')
	}
	if len(body) > 0 {
		inner = append(inner, "Content-Length: "...)
		inner = strconv.AppendInt(inner, int64(len(body)), 10)
		inner = append(inner, '\n')
	}
	inner = append(inner, '\n')
	inner = append(inner, body...)
	dst = append(dst, "Content-Length: "...)
	dst = strconv.AppendInt(dst, int64(len(inner)), 10)
	dst = append(dst, "\nContent-Type: "+TypeEventPlain+"\n\n"...)
	return append(dst, inner...)
}

func appendLine(dst []byte, text string) []byte {
	return append(appendWithoutLineEnds(dst, text), '\n')
}

func appendWithoutLineEnds(dst []byte, text string) []byte {
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '\n' || c == '\r' || c == 0 {
			c = ' '
		}
		dst = append(dst, c)
	}
	return dst
}
