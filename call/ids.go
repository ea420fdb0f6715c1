package call

import (
	"log/slog"
	"strings"
)

// LegID names one channel of the switch: the channel's UUID in its text form (RFC 9562, lower case).
type LegID string

// ID names one call, which is one interaction of the queues: a UUIDv7 in text form.
type ID string

// OrgID names an organisation (tenant): a UUID in text form.
type OrgID string

// QueueID names a queue ("serviço"): a UUID in text form.
type QueueID string

// AgentID names an agent, who is a user of the organisation: a UUID in text form.
type AgentID string

// FlowID names an IVR flow: a UUID in text form. A flow has versions.
type FlowID string

// OfferID names one offer of one interaction to one agent. It is a token: an outcome that carries an older token
// than the present one is stale and ignored.
type OfferID string

// ValidUUID says whether s is a UUID in the text form of RFC 9562 section 4, in either case.
func ValidUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
				return false
			}
		}
	}
	return true
}

// Number is a telephone number or extension as the switch gave it: digits, `*`, `#` and a leading `+`.
// In logs it is masked but for its last four digits.
type Number string

// Valid says whether n matches ^\+?[0-9*#]{1,32}$, the only form that may enter a command to the switch.
func (n Number) Valid() bool {
	s := strings.TrimPrefix(string(n), "+")
	if len(s) == 0 || len(s) > 32 {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; !(c >= '0' && c <= '9' || c == '*' || c == '#') {
			return false
		}
	}
	return true
}

// LogValue implements slog.LogValuer: only the last four digits are shown.
func (n Number) LogValue() slog.Value { return slog.StringValue(maskTail(string(n), 4)) }

// Name is the display name a caller gave. It is data that a stranger controls, and personal: logs show its length only.
type Name string

// LogValue implements slog.LogValuer: the name itself is never logged.
func (n Name) LogValue() slog.Value {
	if n == "" {
		return slog.StringValue("")
	}
	return slog.StringValue("***")
}

// Digit is one key pressed on a phone: 0-9, A-D, `*` or `#`. Logs do not show which.
type Digit string

// Valid says whether d is exactly one of the sixteen DTMF keys (RFC 4733 section 3.2).
func (d Digit) Valid() bool { return len(d) == 1 && strings.Contains("0123456789*#ABCD", string(d)) }

// LogValue implements slog.LogValuer: the key is never logged.
func (d Digit) LogValue() slog.Value { return slog.StringValue("•") }

// Party is who is at the far end of a leg, as the switch told it.
type Party struct {
	Number Number
	Name   Name
}

func maskTail(s string, shown int) string {
	if len(s) <= shown {
		return strings.Repeat("*", len(s))
	}
	return strings.Repeat("*", len(s)-shown) + s[len(s)-shown:]
}
