package load

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"ramal/esl/wire"
)

// socket is the benchmark's connection to a switch's Event Socket: commands only.
type socket struct {
	conn   net.Conn
	frames *wire.FrameReader
}

func dialESL(b *testing.B, address, password string) *socket {
	b.Helper()
	conn, err := net.Dial("tcp", address)
	must(b, err)
	b.Cleanup(func() { must(b, conn.Close()) })
	s := &socket{conn: conn, frames: wire.NewFrameReader(conn, wire.Limits{})}
	if _, err := s.frames.Next(); err != nil { // auth/request
		b.Fatal(err)
	}
	if answer, err := s.send("auth " + password); err != nil || !strings.HasPrefix(answer, "+OK") {
		b.Fatalf("the Event Socket's answer to the password: %q, %v", answer, err)
	}
	return s
}

// send gives a command and returns its answer.
func (s *socket) send(command string) (string, error) {
	if err := s.conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return "", err
	}
	if _, err := io.WriteString(s.conn, command+"\n\n"); err != nil {
		return "", err
	}
	f, err := s.frames.Next()
	if err != nil {
		return "", fmt.Errorf("%s: %w", command, err)
	}
	if f.ContentType == wire.TypeAPIResponse {
		return strings.TrimSpace(string(f.Body)), nil
	}
	return f.ReplyText, nil
}

// api gives an api command whose answer must be +OK.
func (s *socket) api(b *testing.B, command string) {
	b.Helper()
	if answer, err := s.send("api " + command); err != nil || !strings.HasPrefix(answer, "+OK") {
		b.Fatalf("%s: %q, %v", command, answer, err)
	}
}

// channels is how many legs the switch lists.
func (s *socket) channels(b *testing.B) int {
	b.Helper()
	answer, err := s.send("api show channels as json")
	must(b, err)
	var list struct {
		Count int `json:"row_count"`
	}
	must(b, json.Unmarshal([]byte(answer), &list))
	return list.Count
}
