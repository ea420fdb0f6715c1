package softswitch

import (
	"strconv"
	"strings"
)

const (
	maxExpansionDepth = 100
	maxExpansionBytes = 64 << 10
	maxExpansions     = 2000 // a variable that names itself twice would double with each level
	apiDenied         = "<API Execute Permission Denied>"
)

// expand replaces ${name}, ${name:offset:length} and $${name} in an application's argument (recording 14).
// ${api(args)} is answered as with api_expansion off, always. Call with mu held.
func (l *leg) expand(s string) string {
	e := expander{leg: l}
	return e.expand(s, 0)
}

// expander is one expansion with its budget.
type expander struct {
	leg   *leg
	count int
}

func (e *expander) expand(s string, depth int) string {
	if e.count++; e.count > maxExpansions {
		return ""
	}
	if depth > maxExpansionDepth || !carriesExpansion(s) && !hasEscapes(s) {
		return s
	}
	var out strings.Builder
	for i := 0; i < len(s) && out.Len() < maxExpansionBytes; i++ {
		next := byte(0)
		if i+1 < len(s) {
			next = s[i+1]
		}
		switch {
		case s[i] == '\\' && next == '$':
			i++
			out.WriteByte('$')
		case s[i] == '\\' && next == '\'':
			// The backslash goes, and so does the quote: FreeSWITCH skips both.
			i++
		case s[i] == '\\' && next == '\\':
			i++
			out.WriteByte('\\')
		case s[i] == '$' && (next == '{' || next == '$' && i+2 < len(s) && s[i+2] == '{'):
			if next == '$' {
				i++
			}
			end := closing(s[i+1:], '{', '}')
			if end < 0 {
				return out.String()
			}
			out.WriteString(e.variable(s[i+2:i+1+end], depth+1))
			i += 1 + end
		default:
			out.WriteByte(s[i])
		}
	}
	return out.String()
}

func (e *expander) variable(name string, depth int) string {
	if strings.ContainsAny(name, " (") {
		return apiDenied
	}
	name = e.expand(name, depth)
	name, slice, _ := strings.Cut(name, ":")
	index := -1
	if bracket := strings.IndexByte(name, '['); bracket >= 0 && strings.IndexByte(name[bracket:], ']') > 0 {
		index, _ = strconv.Atoi(strings.TrimRight(name[bracket+1:], "]"))
		name = name[:bracket]
	}
	value, ok := e.leg.getVar(name)
	if !ok {
		return ""
	}
	if items, isArray := strings.CutPrefix(value, "ARRAY::"); isArray && index >= 0 {
		parts := strings.Split(items, "|:")
		if index >= len(parts) {
			return ""
		}
		value = parts[index]
	}
	return substring(e.expand(value, depth), slice)
}

// substring cuts offset:length out of a value; a negative offset counts from the end.
func substring(value, slice string) string {
	if slice == "" {
		return value
	}
	first, second, _ := strings.Cut(slice, ":")
	offset, _ := strconv.Atoi(first) // FreeSWITCH reads what is no number as 0
	length, _ := strconv.Atoi(second)
	switch {
	case offset > len(value):
		return ""
	case offset >= 0:
		value = value[offset:]
	case -offset <= len(value):
		value = value[len(value)+offset:]
	}
	if length > 0 && length < len(value) {
		value = value[:length]
	}
	return value
}

// hasEscapes is FreeSWITCH's switch_string_has_escaped_data: without it a backslash stays what it is.
func hasEscapes(s string) bool {
	for i := 0; i+1 < len(s); i++ {
		if s[i] == '\\' && strings.IndexByte(`\ns'`, s[i+1]) >= 0 {
			return true
		}
	}
	return false
}

func itoa(n int) string { return strconv.Itoa(n) }
