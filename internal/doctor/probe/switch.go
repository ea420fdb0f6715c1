package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"ramal/esl/wire"
	"ramal/internal/doctor"
)

// Switch asks an Event Socket. It sends three fixed commands; the password is the only text that comes from outside.
type Switch struct {
	Addr     string // host:port
	Password string
}

// Address is where it asks.
func (s Switch) Address() string { return s.Addr }

// Facts signs in and asks.
func (s Switch) Facts(ctx context.Context) (doctor.SwitchFacts, error) {
	if strings.ContainsAny(s.Password, "\r\n\x00") || s.Password == "" {
		return doctor.SwitchFacts{}, fmt.Errorf("%w: it is empty or holds a line end", doctor.ErrPassword)
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", s.Addr)
	if err != nil {
		return doctor.SwitchFacts{}, fmt.Errorf("%w: %v", doctor.ErrUnreachable, err)
	}
	defer conn.Close()
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(5 * time.Second)
	}
	if err := conn.SetDeadline(deadline); err != nil {
		return doctor.SwitchFacts{}, err
	}
	c := conversation{conn: conn, frames: wire.NewFrameReader(conn, wire.Limits{})}
	if err := c.signIn(s.Password); err != nil {
		return doctor.SwitchFacts{}, err
	}
	var facts doctor.SwitchFacts
	if facts.Version, err = c.api("version"); err != nil {
		return facts, err
	}
	// FreeSWITCH answers "+OK api_expansion is off" (recording 19); a switch that does not know the question says -ERR
	// or -USAGE.
	answer, err := c.api("fsctl api_expansion")
	if rest, ok := strings.CutPrefix(answer, "+OK api_expansion is "); ok {
		facts.APIExpansion = rest
	}
	return facts, err
}

type conversation struct {
	conn   net.Conn
	frames *wire.FrameReader
}

func (c conversation) signIn(password string) error {
	greeting, err := c.frames.Next()
	switch {
	case err != nil:
		return fmt.Errorf("no greeting: %w", err)
	case greeting.ContentType == wire.TypeRudeRejection:
		return doctor.ErrACL
	case greeting.ContentType != wire.TypeAuthRequest:
		return fmt.Errorf("greets with %q: this is no Event Socket", greeting.ContentType)
	}
	reply, err := c.ask("auth "+password, wire.TypeCommandReply)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(reply.ReplyText, "+OK") {
		return doctor.ErrPassword
	}
	return nil
}

func (c conversation) api(command string) (string, error) {
	reply, err := c.ask("api "+command, wire.TypeAPIResponse)
	return strings.TrimSpace(string(reply.Body)), err
}

// ask sends one command and returns the frame of the given type.
func (c conversation) ask(command, answer string) (wire.Frame, error) {
	if _, err := c.conn.Write([]byte(command + "\n\n")); err != nil {
		return wire.Frame{}, fmt.Errorf("ask: %w", err)
	}
	for {
		frame, err := c.frames.Next()
		switch {
		case err != nil:
			return frame, fmt.Errorf("no answer: %w", err)
		case frame.ContentType == answer:
			return frame, nil
		case frame.ContentType == wire.TypeDisconnect:
			return frame, errors.New("the switch ended the connection")
		}
	}
}
