package wire

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

const conversation = "Content-Type: auth/request\n\n" +
	"Content-Type: command/reply\nReply-Text: +OK Job-UUID: 7f4d\nJob-UUID: 7f4d\n\n" +
	"Content-Type: api/response\nContent-Length: 5\n\nfalse" +
	"\n\r\n\n" + // stray line ends between frames
	"Content-Length: 24\nContent-Type: text/event-plain\n\nEvent-Name: HEARTBEAT\n\nx\n" +
	"Content-Type: text/disconnect-notice\r\nContent-Length: 0\r\n\r\n"

type seen struct{ Type, Reply, Job, Headers, Body string }

func readAll(t *testing.T, r io.Reader) ([]seen, error) {
	t.Helper()
	frames := NewFrameReader(r, Limits{})
	var all []seen
	for {
		f, err := frames.Next()
		if err != nil {
			return all, err
		}
		all = append(all, seen{f.ContentType, f.ReplyText, f.JobUUID, string(f.Headers), string(f.Body)})
	}
}

func TestFramesAreTheSameHoweverTheBytesArrive(t *testing.T) {
	want := []seen{
		{Type: TypeAuthRequest, Headers: "Content-Type: auth/request\n"},
		{Type: TypeCommandReply, Reply: "+OK Job-UUID: 7f4d", Job: "7f4d",
			Headers: "Content-Type: command/reply\nReply-Text: +OK Job-UUID: 7f4d\nJob-UUID: 7f4d\n"},
		{Type: TypeAPIResponse, Headers: "Content-Type: api/response\nContent-Length: 5\n", Body: "false"},
		{Type: TypeEventPlain, Headers: "Content-Length: 24\nContent-Type: text/event-plain\n",
			Body: "Event-Name: HEARTBEAT\n\nx"},
		{Type: TypeDisconnect, Headers: "Content-Type: text/disconnect-notice\r\nContent-Length: 0\r\n"},
	}
	for name, r := range map[string]io.Reader{
		"at once":      strings.NewReader(conversation),
		"byte by byte": iotest.OneByteReader(strings.NewReader(conversation)),
		"data and EOF": iotest.DataErrReader(strings.NewReader(conversation)),
	} {
		got, err := readAll(t, r)
		if !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: ended with %v, want io.EOF", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

func TestAHostileLengthIsAnErrorBeforeAnythingIsAllocatedForIt(t *testing.T) {
	for length, want := range map[string]error{
		"-1": ErrBadLength, "": ErrBadLength, " ": ErrBadLength, "12a": ErrBadLength, "+5": ErrBadLength,
		"0x10": ErrBadLength, "1e3": ErrBadLength, "2147483648": ErrBodyTooLong, "9223372036854775808": ErrBodyTooLong,
		"99999999999999999999999999": ErrBodyTooLong, "4194305": ErrBodyTooLong,
	} {
		_, err := readAll(t, strings.NewReader("Content-Type: api/response\nContent-Length: "+length+"\n\nbody"))
		if !errors.Is(err, want) {
			t.Errorf("Content-Length %q gave %v, want %v", length, err, want)
		}
	}
	for block, want := range map[string]error{
		"Content-Length: 1\nContent-Length: 2\n\nab": ErrBadLength,
		"Content-Type: a\x00b\n\n":                   ErrNUL,
	} {
		if _, err := readAll(t, strings.NewReader(block)); !errors.Is(err, want) {
			t.Errorf("%q gave %v, want %v", block, err, want)
		}
	}
}

func TestAHeaderBlockWithoutEndStopsAtTheLimit(t *testing.T) {
	for name, r := range map[string]io.Reader{
		"one endless line": endless("a"),
		"endless headers":  endless("X-A: b\n"),
		"zero bytes":       endless("\x00"),
	} {
		if _, err := readAll(t, r); !errors.Is(err, ErrHeaderTooLong) {
			t.Errorf("%s: %v, want %v", name, err, ErrHeaderTooLong)
		}
	}
}

func TestMemoryGrowsOnlyWithBytesThatArrive(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 50 {
		_, err := readAll(t, strings.NewReader("Content-Length: 4194304\n\nshort"))
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("a body cut short gave %v", err)
		}
	}
	runtime.ReadMemStats(&after)
	if grown := (after.TotalAlloc - before.TotalAlloc) / 50; grown > 512<<10 {
		t.Errorf("an announced body of 4 MiB that never came cost %d bytes", grown)
	}
}

func TestAStreamThatEndsInsideAFrameIsNotAnOrderlyEnd(t *testing.T) {
	for _, text := range []string{"Content-Type", "Content-Type: x\n", "Content-Length: 3\n\nab"} {
		if _, err := readAll(t, strings.NewReader(text)); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%q ended with %v", text, err)
		}
	}
}

func TestABodyAtTheLimitPassesAndItsBufferIsNotKept(t *testing.T) {
	body := strings.Repeat("x", DefaultBodyLimit)
	r := NewFrameReader(bytes.NewReader(AppendAPIResponse(nil, body)), Limits{})
	f, err := r.Next()
	if err != nil || string(f.Body) != body {
		t.Fatalf("a body of %d bytes: %d bytes, %v", len(body), len(f.Body), err)
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if len(r.in.buf) > keptBuffer {
		t.Errorf("%d bytes are kept after a huge body", len(r.in.buf))
	}
}

type endless string

func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = e[i%len(e)]
	}
	return len(p), nil
}
