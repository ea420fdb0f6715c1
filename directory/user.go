package directory

import (
	"log/slog"
	"strings"
	"unicode"
	"unicode/utf8"

	"ramal/call"
)

// UserID names a user: a UUID in text form. An agent is a user, under the same ID.
type UserID string

// Status says whether a user may sign in. A user with history is never deleted.
type Status string

// The states of a user's account.
const (
	Active   Status = "active"
	Inactive Status = "inactive"
)

// User is a person of an organisation. The password's hash is kept elsewhere ([Credentials]).
type User struct {
	ID     UserID
	Org    call.OrgID
	Email  Email
	Name   string
	Role   Role
	Status Status
	Locale Locale
}

// Agent is the user seen as an agent.
func (u User) Agent() call.AgentID { return call.AgentID(u.ID) }

// Credentials are what a sign-in is checked against. Hash is an argon2id string in PHC form.
type Credentials struct {
	User User
	Hash string
}

// LogValue implements slog.LogValuer: the hash is never logged.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(string(c.User.ID)) }

// Email is a normalised e-mail address: see [ParseEmail]. Logs show its first letter and its domain.
type Email string

// LogValue implements slog.LogValuer.
func (e Email) LogValue() slog.Value { return slog.StringValue(e.Masked()) }

// Masked is the address with only its first letter and its domain.
func (e Email) Masked() string {
	local, domain, ok := strings.Cut(string(e), "@")
	if !ok || local == "" {
		return "***"
	}
	_, size := utf8.DecodeRuneInString(local)
	return local[:size] + "***@" + domain
}

// ParseEmail normalises an address for comparison: blanks around it go, letters become lower case (the local part
// too: RFC 5321 section 2.4 allows case to matter there, no mail service that people use lets it). It checks the form
// that people type, `local@domain`, without quotes, comments or address literals.
func ParseEmail(s string) (Email, error) {
	s = strings.ToLower(strings.TrimSpace(s))
	local, domain, ok := strings.Cut(s, "@")
	if !ok || local == "" || len(local) > 64 || len(s) > 254 || !validLocal(local) || !validDomain(domain) {
		return "", call.Errorf(call.Invalid, "the e-mail address must have the form name@company.com")
	}
	return Email(s), nil
}

func validLocal(local string) bool {
	if strings.HasPrefix(local, ".") || strings.HasSuffix(local, ".") || strings.Contains(local, "..") {
		return false
	}
	for _, r := range local {
		if r == utf8.RuneError || r <= ' ' || r == 0x7f || unicode.IsSpace(r) || unicode.IsControl(r) ||
			strings.ContainsRune(`"(),:;<>@[\]`, r) {
			return false
		}
	}
	return true
}

// validDomain checks the letters-digits-hyphen rule of RFC 1123 section 2.1, with at least two labels.
func validDomain(domain string) bool {
	labels := strings.Split(domain, ".")
	if len(labels) < 2 || len(domain) > 253 {
		return false
	}
	for _, l := range labels {
		if len(l) == 0 || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' {
			return false
		}
		for i := 0; i < len(l); i++ {
			if c := l[i]; !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-') {
				return false
			}
		}
	}
	return true
}

// ValidName says whether s can be a person's or thing's name: 1 to 120 characters, no control characters.
func ValidName(s string) bool {
	if strings.TrimSpace(s) == "" || !utf8.ValidString(s) || utf8.RuneCountInString(s) > 120 {
		return false
	}
	for _, r := range s {
		if unicode.IsControl(r) {
			return false
		}
	}
	return true
}
