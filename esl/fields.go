package esl

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"ramal/call"
	"ramal/esl/wire"
)

// ErrUnsafe is wrapped by every refusal of the builder.
var ErrUnsafe = errors.New("esl: refused to build")

// fields turns typed values into words of a command. Each kind of word has its own closed alphabet, none of which
// holds a character that the switch gives a meaning: a line end or NUL, { } [ ] < > , ' " \ ^ $ | ; = & ( ) space,
// or a colon (two of them with an underscore between split a dial string). The first refusal sticks and spoils the
// whole command.
type fields struct{ err error }

func (f *fields) refuse(what string, value any) string {
	if f.err == nil {
		f.err = fmt.Errorf("%w: %s %.60q", ErrUnsafe, what, fmt.Sprint(value))
	}
	return "refused"
}

// refusePersonal is refuse for what errors and logs must not show.
func (f *fields) refusePersonal(what, value string) string {
	if f.err == nil {
		f.err = fmt.Errorf("%w: %s of %d bytes", ErrUnsafe, what, len(value))
	}
	return "refused"
}

func (f *fields) leg(id call.LegID) string {
	if !call.ValidUUID(string(id)) {
		return f.refuse("leg", id)
	}
	return string(id)
}

func (f *fields) number(n call.Number) string {
	if !n.Valid() {
		return f.refusePersonal("number", string(n))
	}
	return string(n)
}

func (f *fields) cause(c call.Cause) string {
	if !c.Valid() {
		return f.refuse("cause", c)
	}
	return string(c)
}

// extension is the user part of an agent's phone.
func (f *fields) extension(user string) string {
	if len(user) == 0 || len(user) > 64 || !only(user, isWord) {
		return f.refuse("extension", user)
	}
	return user
}

// host is a domain name or an IPv4 address.
func (f *fields) host(name string) string {
	if len(name) == 0 || len(name) > 253 || !only(name, isWord) || name[0] == '-' {
		return f.refuse("host", name)
	}
	return name
}

// hostPort is host:port.
func (f *fields) hostPort(address string) string {
	host, port, ok := strings.Cut(address, ":")
	n, err := strconv.ParseUint(port, 10, 16)
	if !ok || err != nil || n == 0 {
		return f.refuse("trunk", address)
	}
	return f.host(host) + ":" + strconv.FormatUint(n, 10)
}

// name is a channel variable of ours: ramal_ and small letters, digits, underscores.
func (f *fields) name(variable string) string {
	rest, ours := strings.CutPrefix(variable, "ramal_")
	if !ours || len(rest) == 0 || len(variable) > 48 || !only(rest, isLowerWord) {
		return f.refuse("variable", variable)
	}
	return variable
}

// value percent-encodes what is outside letters, digits, dot, minus and underscore; line ends, other control
// characters and invalid UTF-8 are refused. The switch keeps the escapes; translation and snapshots decode them.
func (f *fields) value(text string) string {
	if len(text) > 512 || !utf8.ValidString(text) {
		return f.refusePersonal("variable's value", text)
	}
	const hex = "0123456789ABCDEF"
	encoded := make([]byte, 0, len(text)+8)
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case isWord(c):
			encoded = append(encoded, c)
		case c < ' ' || c == 0x7f:
			return f.refusePersonal("variable's value", text)
		default:
			encoded = append(encoded, '%', hex[c>>4], hex[c&15])
		}
	}
	return string(encoded)
}

// decodeValue undoes value for a source that has no encoding of its own. (A plain event needs nothing more than its
// own decoding: the switch leaves our escapes alone, see wire.EncodeValue.)
func decodeValue(text string) string { return wire.DecodeValue([]byte(text)) }

// file is a path below root, which the configuration has checked.
func (f *fields) file(root, below string) string {
	safe := len(below) > 0 && len(below) <= 512 && only(below, isPathByte) && path.Clean(below) == below
	outside := below == "." || below == ".." || strings.HasPrefix(below, "../") || strings.HasPrefix(below, "/")
	if root == "" || !safe || outside || strings.HasPrefix(below, "-") {
		return f.refuse("path", below)
	}
	return root + "/" + below
}

// checkRoot accepts an absolute, clean directory that can stand in a command as it is.
func checkRoot(what, dir string) error {
	if !strings.HasPrefix(dir, "/") || path.Clean(dir) != dir || dir == "/" || !safePath(dir) {
		return fmt.Errorf("%s directory %q: must be an absolute path of letters, digits and . _ - + = @ only, without "+
			"spaces: the switch reads it out of a command", what, dir)
	}
	return nil
}

func safePath(p string) bool {
	// "@@" would set a sampling rate.
	return len(p) <= 512 && utf8.ValidString(p) && !strings.Contains(p, "@@") && strings.IndexFunc(p,
		func(r rune) bool {
			return !(r == '@' || r == '=' || r < 0x80 && isPathByte(byte(r)) || r >= 0x80 && (unicode.IsLetter(r) ||
				unicode.IsDigit(r)))
		}) < 0
}

func isPathByte(c byte) bool { return isWord(c) || c == '/' || c == '+' }

// seconds rounds up to whole seconds within 1 s and 24 h.
func (f *fields) seconds(d time.Duration) string {
	if d <= 0 || d > 24*time.Hour {
		return f.refuse("time", d)
	}
	return strconv.Itoa(int((d + time.Second - 1) / time.Second))
}

// millis is a time in whole milliseconds within 1 ms and 1 h.
func (f *fields) millis(d time.Duration) string {
	if d < time.Millisecond || d > time.Hour {
		return f.refuse("time", d)
	}
	return strconv.Itoa(int(d / time.Millisecond))
}

func only(text string, allowed func(byte) bool) bool {
	for i := 0; i < len(text); i++ {
		if !allowed(text[i]) {
			return false
		}
	}
	return true
}

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-'
}

func isLowerWord(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' }
