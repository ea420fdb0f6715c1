package wire

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func TestCommandsAreReadAsTheSwitchReadsThem(t *testing.T) {
	text := "\n\nauth x\n\n" +
		"bgapi status\nJob-UUID: 7f4d\n\n\n\n" +
		"sendmsg u\r\ncall-command: execute\r\nContent-Length: 4\r\nContent-Type:   text/plain\r\n\r\na\n\nb" +
		"\napi version\n\n" +
		"sendevent E\ncontent-length: 0\n\nexit\n\n"
	want := []Command{
		{Line: "auth x"},
		{Line: "bgapi status", Headers: []Header{{"Job-UUID", "7f4d"}}},
		{Line: "sendmsg u", Headers: []Header{{"call-command", "execute"}, {"Content-Length", "4"},
			{"Content-Type", "text/plain"}}, Body: []byte("a\n\nb")},
		{Line: "api version"},
		{Line: "sendevent E", Headers: []Header{{"content-length", "0"}}},
		{Line: "exit"},
	}
	for name, r := range map[string]io.Reader{
		"at once":      strings.NewReader(text),
		"byte by byte": iotest.OneByteReader(strings.NewReader(text)),
	} {
		var got []Command
		commands := NewCommandReader(r, Limits{})
		for {
			c, err := commands.Next()
			if err != nil {
				if !errors.Is(err, io.EOF) {
					t.Errorf("%s: %v", name, err)
				}
				break
			}
			got = append(got, c)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
	if got := want[2].Get("CONTENT-TYPE"); got != "text/plain" {
		t.Errorf("Get without case: %q", got)
	}
}

func TestAHostileCommandIsAnError(t *testing.T) {
	for text, want := range map[string]error{
		"sendmsg u\nContent-Length: -1\n\n":                   ErrBadLength,
		"sendmsg u\nContent-Length: 9223372036854775808\n\n":  ErrBodyTooLong,
		"sendmsg u\nContent-Length: 1\ncontent-length: 2\n\n": ErrBadLength,
		"api \x00\n\n":                            ErrNUL,
		"sendmsg u\nContent-Length: 3\n\nab":      io.ErrUnexpectedEOF,
		strings.Repeat("a", DefaultHeaderLimit+1): ErrHeaderTooLong,
	} {
		if _, err := NewCommandReader(strings.NewReader(text), Limits{}).Next(); !errors.Is(err, want) {
			t.Errorf("%.60q gave %v, want %v", text, err, want)
		}
	}
}

func TestWhatTheServerWritesTheClientReads(t *testing.T) {
	event := AppendEventPlain(nil, []Header{
		{"Event-Name", "BACKGROUND_JOB"}, {"Event-Date-GMT", "Sun, 22 Nov 2026 09:13:26 GMT"}, {"variable_empty", ""},
		{"Caller-Caller-ID-Name", "José\r\n\r\n'a, b'"},
	}, []byte("+OK\n\nraw"))
	want := "Content-Length: 191\nContent-Type: text/event-plain\n\nEvent-Name: BACKGROUND_JOB\n" +
		"Event-Date-GMT: Sun,%2022%20Nov%202026%2009%3A13%3A26%20GMT\nvariable_empty: _undef_\n" +
		"Caller-Caller-ID-Name: Jos%C3%A9%0D%0A%0D%0A'a,%20b'\nContent-Length: 8\n\n+OK\n\nraw"
	if diff := cmp.Diff(want, string(event)); diff != "" {
		t.Errorf("event (-want +got)\n%s", diff)
	}
	stream := AppendAuthRequest(nil)
	stream = AppendReply(stream, "+OK Job-UUID: 1", Header{"Job-UUID", "1"})
	stream = AppendReply(stream, "-ERR a\n\nContent-Type: api/response")
	stream = AppendAPIResponse(stream, "-ERR No such channel!\n")
	stream = append(stream, event...)
	frames, err := readAll(t, strings.NewReader(string(stream)))
	if !errors.Is(err, io.EOF) || len(frames) != 5 {
		t.Fatalf("%d frames, %v", len(frames), err)
	}
	if frames[1].Job != "1" || frames[2].Reply != "-ERR a  Content-Type: api/response" ||
		frames[3].Body != "-ERR No such channel!\n" {
		t.Errorf("frames %+v", frames)
	}
	scan := ScanHeaders([]byte(frames[4].Body))
	values := map[string]string{}
	for scan.Next() {
		values[string(scan.Name())] = DecodeValue(scan.Value())
	}
	if values["Caller-Caller-ID-Name"] != "José\r\n\r\n'a, b'" || string(scan.Body()) != "+OK\n\nraw" {
		t.Errorf("values %q body %q", values, scan.Body())
	}
}
