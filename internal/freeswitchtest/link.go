package freeswitchtest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// event is one event of the switch: its headers, decoded, and its body.
type event struct {
	headers map[string]string
	body    string
}

func (e event) get(name string) string { return e.headers[name] }

// link is a bare conversation on the Event Socket, without the esl package, which is tested against the instances that
// are started here. Commands and waits are made by one goroutine.
type link struct {
	conn   net.Conn
	reader *bufio.Reader
	limit  time.Duration // for the reply to a command
	events []event       // received and not yet taken
}

func dialLink(ctx context.Context, address, password string, limit time.Duration) (*link, error) {
	dialer := net.Dialer{Timeout: limit}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	l := &link{conn: conn, reader: bufio.NewReader(conn), limit: limit}
	if _, _, err := l.frame(time.Now().Add(limit)); err != nil {
		return nil, fmt.Errorf("read greeting: %w", joinClose(err, conn))
	}
	reply, err := l.send("auth " + password)
	if err == nil && !strings.HasPrefix(reply, "+OK") {
		err = fmt.Errorf("authenticate: %s", reply)
	}
	if err != nil {
		return nil, joinClose(err, conn)
	}
	return l, nil
}

func joinClose(err error, conn net.Conn) error {
	if closeErr := conn.Close(); closeErr != nil {
		return fmt.Errorf("%w (and close: %w)", err, closeErr)
	}
	return err
}

func (l *link) close() error { return l.conn.Close() }

// frame reads one frame: its headers and its body.
func (l *link) frame(deadline time.Time) (textproto.MIMEHeader, string, error) {
	if err := l.conn.SetReadDeadline(deadline); err != nil {
		return nil, "", err
	}
	header, err := textproto.NewReader(l.reader).ReadMIMEHeader()
	if err != nil {
		return nil, "", err
	}
	length := 0
	if text := header.Get("Content-Length"); text != "" {
		if length, err = strconv.Atoi(text); err != nil || length < 0 || length > 4<<20 {
			return nil, "", fmt.Errorf("content length %q", text)
		}
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(l.reader, body); err != nil {
		return nil, "", err
	}
	return header, string(body), nil
}

// send writes a command (without the blank line at its end) and returns the reply; events that come first are kept.
func (l *link) send(command string) (string, error) {
	deadline := time.Now().Add(l.limit)
	if err := l.conn.SetWriteDeadline(deadline); err != nil {
		return "", err
	}
	if _, err := io.WriteString(l.conn, command+"\n\n"); err != nil {
		return "", fmt.Errorf("send %q: %w", command, err)
	}
	for {
		header, body, err := l.frame(deadline)
		if err != nil {
			return "", fmt.Errorf("wait for the reply to %q: %w", command, err)
		}
		switch header.Get("Content-Type") {
		case "text/event-plain":
			l.events = append(l.events, parseEvent(body))
		case "api/response":
			return body, nil
		case "command/reply":
			return header.Get("Reply-Text"), nil
		default:
			return "", fmt.Errorf("unexpected frame %q after %q", header.Get("Content-Type"), command)
		}
	}
}

func (l *link) api(command string) (string, error) { return l.send("api " + command) }

// await takes the first event, kept or coming, that matches; events before it stay. It fails at the deadline.
func (l *link) await(deadline time.Time, matches func(event) bool) (event, error) {
	for seen := 0; ; {
		for ; seen < len(l.events); seen++ {
			if found := l.events[seen]; matches(found) {
				l.events = append(l.events[:seen:seen], l.events[seen+1:]...)
				return found, nil
			}
		}
		header, body, err := l.frame(deadline)
		if err != nil {
			return event{}, err
		}
		if header.Get("Content-Type") == "text/event-plain" {
			l.events = append(l.events, parseEvent(body))
		}
	}
}

// parseEvent reads a plain event: headers are %-encoded, except those of a nested body.
func parseEvent(text string) event {
	head, body, _ := strings.Cut(text, "\n\n")
	headers := map[string]string{}
	for line := range strings.Lines(head) {
		name, value, found := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		if !found {
			continue
		}
		if decoded, err := url.PathUnescape(value); err == nil {
			value = decoded
		}
		headers[name] = value
	}
	return event{headers: headers, body: body}
}
