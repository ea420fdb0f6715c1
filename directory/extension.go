package directory

import (
	"crypto/md5"
	"encoding/hex"
	"log/slog"

	"ramal/call"
)

// Extension is a SIP account of a user.
type Extension struct {
	Org  call.OrgID
	User UserID
	Name string // of the user, shown on phones
	SIP  string // user part of the SIP address, e.g. "1001"; unique on the platform, since there is one SIP domain
	HA1  HA1
}

// HA1 is the secret of SIP digest authentication as the switch keeps it: hex of MD5(user:domain:password) (RFC 2617
// section 3.2.2.2). Whoever has it can register; logs never show it.
type HA1 string

// LogValue implements slog.LogValuer.
func (HA1) LogValue() slog.Value { return slog.StringValue("***") }

// NewHA1 computes the secret of a SIP account. MD5 is what RFC 2617 and phones ask for; it is not our choice.
func NewHA1(user, domain, password string) HA1 {
	sum := md5.Sum([]byte(user + ":" + domain + ":" + password))
	return HA1(hex.EncodeToString(sum[:]))
}

// Valid says whether h has the form of such a secret: 32 lower-case hex digits.
func (h HA1) Valid() bool {
	if len(h) != 32 {
		return false
	}
	for i := 0; i < len(h); i++ {
		if c := h[i]; !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f') {
			return false
		}
	}
	return true
}

// ValidSIP says whether s may be the user part of an extension: 1 to 32 of a-z, 0-9, dot, dash, underscore, beginning
// with a letter or digit. Nothing in it means anything in a dial string, XML or a header.
func ValidSIP(s string) bool {
	if len(s) == 0 || len(s) > 32 {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		plain := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		if !plain && (i == 0 || c != '.' && c != '-' && c != '_') {
			return false
		}
	}
	return true
}
