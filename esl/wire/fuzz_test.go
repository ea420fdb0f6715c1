package wire

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"
)

func hostileStreams(f *testing.F) {
	f.Helper()
	for _, s := range []string{
		conversation, "Content-Length: -1\n\n", "Content-Length: 2147483648\n\nx",
		"Content-Length: 9223372036854775808\n\nx",
		"Content-Type: a\x00\n\n", "\n\n\n\n", "a", "Content-Length: 3\n\nab", "Content-Length: 3\r\n\r\nabc",
		"Content-Length: 0\nContent-Type: api/response\n\n", ": \n\n", ":\n:\n\n",
		"Content-Length: 1\nContent-Length: 1\n\nx",
	} {
		f.Add([]byte(s))
	}
	data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "esl", "01-session-basics.txt"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
}

// FuzzAnyStreamIsReadTheSameInPiecesAndNeverPanics reads any bytes as a switch's and as a client's.
func FuzzAnyStreamIsReadTheSameInPiecesAndNeverPanics(f *testing.F) {
	hostileStreams(f)
	f.Fuzz(func(t *testing.T, stream []byte) {
		whole, wholeErr := frames(bytes.NewReader(stream))
		pieces, piecesErr := frames(iotest.OneByteReader(bytes.NewReader(stream)))
		if !errors.Is(piecesErr, wholeErr) && !errors.Is(wholeErr, piecesErr) && wholeErr.Error() != piecesErr.Error() {
			t.Errorf("ended with %v at once, with %v byte by byte", wholeErr, piecesErr)
		}
		if !bytes.Equal(whole, pieces) {
			t.Errorf("%q at once, %q byte by byte", whole, pieces)
		}
		commands := NewCommandReader(iotest.HalfReader(bytes.NewReader(stream)), Limits{})
		for {
			command, err := commands.Next()
			if err != nil {
				break
			}
			if command.Line == "" || bytes.ContainsAny([]byte(command.Line), "\n\x00") {
				t.Errorf("command %q", command.Line)
			}
		}
	})
}

func frames(r io.Reader) (all []byte, err error) {
	reader := NewFrameReader(r, Limits{Header: 512, Body: 4096})
	for {
		frame, err := reader.Next()
		if err != nil {
			return all, err
		}
		all = append(append(append(append(all, frame.ContentType...), '|'), frame.Headers...), '|')
		all = append(append(all, frame.Body...), '#')
	}
}

// FuzzAnEventTravelsUnchanged writes an event as a switch does and reads it as the client does.
func FuzzAnEventTravelsUnchanged(f *testing.F) {
	f.Add("variable_x", "a: b\r\n\r\n%", "+OK\n\nraw")
	f.Add("variable_a[1]", "$%{core}", "")
	f.Fuzz(func(t *testing.T, name, value, body string) {
		if name == "" || bytes.ContainsAny([]byte(name), ":\r\n\x00") {
			t.Skip("no header's name")
		}
		stream := AppendEventPlain(nil, []Header{{"Event-Name", "X"}, {name, value}}, []byte(body))
		frame, err := NewFrameReader(bytes.NewReader(stream), Limits{}).Next()
		if err != nil {
			t.Fatalf("%q: %v", stream, err)
		}
		scan := ScanHeaders(frame.Body)
		var last []byte
		for i := 0; i < 2 && scan.Next(); i++ {
			last = scan.Value()
		}
		want := EncodeValue(value)
		if value == "" {
			want = "_undef_"
		}
		if string(last) != want {
			t.Errorf("%q arrived as %q", want, last)
		}
		for scan.Next() { // Content-Length
		}
		if string(scan.Body()) != body {
			t.Errorf("body %q arrived as %q", body, scan.Body())
		}
		if again := EncodeValue(DecodeValue([]byte(want))); value != "" &&
			DecodeValue([]byte(again)) != DecodeValue([]byte(want)) {
			t.Errorf("%q decodes and encodes to %q", want, again)
		}
	})
}
