package carrier

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// Cause is a Reason header (RFC 3326), such as Q.850;cause=16;text="NORMAL_CLEARING".
type Cause struct {
	Protocol string // Q.850, SIP; empty: there was no such header
	Code     int
	Text     string
}

func (c Cause) String() string {
	if c.Protocol == "" {
		return "no cause"
	}
	return fmt.Sprintf("%s %d %s", c.Protocol, c.Code, c.Text)
}

func (c Cause) header() sip.Header {
	value := fmt.Sprintf("%s;cause=%d", c.Protocol, c.Code)
	if c.Text != "" {
		value += `;text="` + quoteName(c.Text) + `"`
	}
	return sip.NewHeader("Reason", value)
}

// causeOf reads the first Reason header; what cannot be read is left out.
func causeOf(msg interface{ GetHeader(string) sip.Header }) Cause {
	h := msg.GetHeader("Reason")
	if h == nil {
		return Cause{}
	}
	parts := strings.Split(h.Value(), ";")
	c := Cause{Protocol: strings.TrimSpace(parts[0])}
	for _, part := range parts[1:] {
		name, value, _ := strings.Cut(part, "=")
		value = strings.TrimSpace(value)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "cause":
			if n, err := strconv.Atoi(value); err == nil {
				c.Code = n
			}
		case "text":
			c.Text = unquoteName(strings.TrimSuffix(strings.TrimPrefix(value, `"`), `"`))
		}
	}
	return c
}

// RefusedError is a final answer other than success.
type RefusedError struct {
	Status int
	Phrase string
	Cause  Cause
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("refused: %d %s (%s)", e.Status, e.Phrase, e.Cause)
}

func refused(res *sip.Response) *RefusedError {
	return &RefusedError{Status: res.StatusCode, Phrase: res.Reason, Cause: causeOf(res)}
}
