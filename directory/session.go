package directory

import (
	"crypto/sha256"
	"log/slog"
	"strings"
	"time"

	"ramal/call"
)

// IdleTimeout is how long a session lives without a request (specification 2.1).
const IdleTimeout = 8 * time.Hour

// The rules of sign-in (specification 2.1): so many failures lock an account, or an address, for so long.
const (
	MaxFailures        = 5
	MaxAddressFailures = 30 // a whole centre may share one address
	LockTime           = 15 * time.Minute
)

// Session is one sign-in of a user on one browser.
type Session struct {
	ID        string // UUID; names the session in the audit log
	Org       call.OrgID
	User      UserID
	Created   time.Time
	LastSeen  time.Time
	Expires   time.Time
	UserAgent string
	Address   string // network address at sign-in, without port
}

// Token is what the browser keeps: the organisation, a dot, and 43 characters of random base64url (256 bits). The
// organisation stands in it so that even the search for a session runs inside one organisation's scope.
type Token string

// LogValue implements slog.LogValuer: a token is never logged.
func (Token) LogValue() slog.Value { return slog.StringValue("***") }

// NewToken joins the parts. Secret must be 32 random bytes in unpadded base64url.
func NewToken(org call.OrgID, secret string) Token { return Token(string(org) + "." + secret) }

// Split takes the token apart; ok is false for what can be no token of ours.
func (t Token) Split() (org call.OrgID, hash [32]byte, ok bool) {
	o, secret, found := strings.Cut(string(t), ".")
	if !found || !call.ValidUUID(o) || len(secret) != 43 {
		return "", hash, false
	}
	return call.OrgID(o), sha256.Sum256([]byte(secret)), true
}

// SignInStart is the store's answer when somebody begins to sign in.
type SignInStart struct {
	Locked time.Time // when not zero: refused until then
	Found  bool      // an active user has this address
	Creds  Credentials
}
