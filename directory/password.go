package directory

import (
	"unicode"
	"unicode/utf8"

	"ramal/call"
)

// Bounds of a password, in characters. The upper one keeps hashing from being used as a weapon.
const (
	MinPassword = 10
	MaxPassword = 128
)

// CheckPassword says what is wrong with a password that somebody wants to set: at least ten characters of at least
// three of the four classes lower case, upper case, digits, others (specification 2.2).
func CheckPassword(password string) error {
	n := utf8.RuneCountInString(password)
	switch {
	case !utf8.ValidString(password):
		return call.Errorf(call.Invalid, "the password contains characters that cannot be read")
	case n < MinPassword:
		return call.Errorf(call.Invalid, "the password needs at least %d characters, it has %d", MinPassword, n)
	case n > MaxPassword:
		return call.Errorf(call.Invalid, "the password may have at most %d characters", MaxPassword)
	case classes(password) < 3:
		return call.Errorf(call.Invalid,
			"the password needs three of these four: lower case letters, capitals, digits, other characters")
	}
	return nil
}

func classes(s string) int {
	var seen [4]bool
	for _, r := range s {
		switch {
		case unicode.IsLower(r):
			seen[0] = true
		case unicode.IsUpper(r):
			seen[1] = true
		case unicode.IsDigit(r):
			seen[2] = true
		default:
			seen[3] = true
		}
	}
	n := 0
	for _, s := range seen {
		if s {
			n++
		}
	}
	return n
}
