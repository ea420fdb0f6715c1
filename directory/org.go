package directory

import (
	"strings"

	"ramal/call"
)

// Org is an organisation (tenant).
type Org struct {
	ID     call.OrgID
	Slug   string // short name for addresses and files: lower case, digits, dashes
	Name   string
	Zone   string // IANA name of its time zone, e.g. "America/Sao_Paulo"
	Locale Locale
}

// Locale is a language of the interface.
type Locale string

// The languages that the interface speaks.
const (
	Portuguese Locale = "pt-BR"
	English    Locale = "en"
)

// ValidSlug says whether s may name an organisation: 2 to 40 of a-z, 0-9 and inner dashes.
func ValidSlug(s string) bool {
	if len(s) < 2 || len(s) > 40 || strings.HasPrefix(s, "-") || strings.HasSuffix(s, "-") {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-') {
			return false
		}
	}
	return true
}

// Break is a reason for which an agent may pause.
type Break struct {
	ID         string // UUID
	Name       string
	Productive bool
	Limit      int // minutes after which a supervisor is told; 0: none
}
