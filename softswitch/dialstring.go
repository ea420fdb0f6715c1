package softswitch

import (
	"errors"
	"strconv"
	"strings"
)

// separate splits as FreeSWITCH's switch_separate_string does: ' quotes (also in the middle of a word), \ escapes,
// spaces around a word go, a leading ^^x changes the delimiter to x; at most limit words, the last one being the
// whole rest with its delimiters (recording 14 shows most of it).
func separate(s string, delim byte, limit int) []string {
	if len(s) > 2 && s[0] == '^' && s[1] == '^' {
		delim, s = s[2], s[3:]
	}
	if delim == ' ' {
		return separateBlank(s, limit)
	}
	var words []string
	start, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
		case s[i] == '\'' && (quoted || strings.IndexByte(s[i+1:], '\'') >= 0):
			quoted = !quoted
		case s[i] == delim && !quoted && len(words) < limit-1:
			words = append(words, cleanWord(s[start:i], delim))
			start = i + 1
		}
	}
	if start < len(s) {
		words = append(words, cleanWord(s[start:], delim))
	}
	return words
}

func separateBlank(s string, limit int) []string {
	var words []string
	for i := 0; i < len(s) && len(words) < limit; {
		start, quoted := i, false
		for i < len(s) && s[i] == ' ' {
			i++
		}
		for i < len(s) && (s[i] != ' ' || quoted) {
			switch s[i] {
			case '\\':
				i++
			case '\'':
				quoted = !quoted
			}
			i++
		}
		end := min(i, len(s))
		if len(words) == limit-1 {
			end = len(s)
		}
		words = append(words, cleanWord(s[start:end], 0))
		for i < len(s) && s[i] == ' ' {
			i++
		}
	}
	return words
}

// cleanWord takes quotes, escapes and outer spaces off one word. A backslash before a character it does not escape
// stays.
func cleanWord(s string, delim byte) string {
	s = strings.TrimLeft(s, " ")
	out := make([]byte, 0, len(s))
	end, quoted := 0, false
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			if c, ok := unescape(s[i+1], delim); ok {
				out = append(out, c)
				end = len(out)
				i++
				continue
			}
		}
		if s[i] == '\'' && (quoted || strings.IndexByte(s[i+1:], '\'') >= 0) {
			if quoted = !quoted; quoted {
				end = len(out)
			}
			continue
		}
		out = append(out, s[i])
		if s[i] != ' ' || quoted {
			end = len(out)
		}
	}
	if end == 0 {
		return string(out)
	}
	return string(out[:end])
}

func unescape(c, delim byte) (byte, bool) {
	switch {
	case c == '\'' || c == '"' || c == '\\' || delim != 0 && c == delim:
		return c, true
	case c == 'n':
		return '\n', true
	case c == 'r':
		return '\r', true
	case c == 't':
		return '\t', true
	case c == 's':
		return ' ', true
	}
	return c, false
}

// errDialString is what FreeSWITCH answers with DESTINATION_OUT_OF_ORDER.
var errDialString = errors.New("dial string without an end of its variables or without a destination")

// closing finds the bracket that closes the one s begins with, counting nested ones; quotes protect nothing
// (recording 14).
func closing(s string, open, shut byte) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case open:
			depth++
		case shut:
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// cutVars takes the variable blocks {a=b,c=d}{e=f} off the front of s.
func cutVars(s string, open, shut byte) (vars []variable, rest string, err error) {
	s = strings.TrimLeft(s, " ")
	for len(s) > 0 && s[0] == open {
		end := closing(s, open, shut)
		if end < 0 {
			return nil, "", errDialString
		}
		vars = append(vars, parseVars(s[1:end], ',')...)
		s = strings.TrimLeft(s[end+1:], " ")
	}
	return vars, s, nil
}

func parseVars(block string, delim byte) []variable {
	var vars []variable
	for _, word := range separate(block, delim, 1024) {
		if pair := separate(word, '=', 2); len(pair) == 2 {
			vars = append(vars, variable{pair[0], pair[1]})
		}
	}
	return vars
}

// originateCommand is a parsed "originate".
type originateCommand struct {
	vars     []variable
	endpoint string // what follows the variables, e.g. sofia/external/1001@127.0.0.1:5071
	app, arg string // of &app(arg)
	exten    string // without &: extension, dialplan and context to transfer the answered leg to
	dialplan string
	context  string
	cidName  string
	cidNum   string
	timeout  int // seconds
}

const originateUsage = "-USAGE: <call url> <exten>|&<application_name>(<app_args>) [<dialplan>] [<context>]" +
	" [<cid_name>] [<cid_num>] [<timeout_sec>]\n"

var errUsage = errors.New("usage")

// parseOriginate reads the argument of "originate". errUsage and errDialString say what FreeSWITCH answers.
func parseOriginate(arg string) (originateCommand, error) {
	argv := separate(arg, ' ', 10)
	if len(argv) < 2 || len(argv) > 7 {
		return originateCommand{}, errUsage
	}
	for i := range argv {
		if strings.EqualFold(argv[i], "undef") {
			argv[i] = ""
		}
	}
	argv = append(argv, "", "", "", "", "")
	c := originateCommand{timeout: 60, dialplan: argv[2], context: argv[3], cidName: argv[4], cidNum: argv[5]}
	if n, err := strconv.Atoi(argv[6]); err == nil && n > 0 {
		c.timeout = n
	}
	if c.dialplan == "" {
		c.dialplan = "XML"
	}
	if c.context == "" {
		c.context = "default"
	}
	if exten := argv[1]; len(exten) > 1 && exten[0] == '&' {
		c.app, c.arg, _ = strings.Cut(strings.SplitN(exten[1:], ")", 2)[0], "(")
	} else {
		c.exten = exten
	}
	vars, rest, err := cutVars(argv[0], '{', '}')
	if err != nil {
		return c, err
	}
	own, rest, err := cutVars(rest, '[', ']')
	if err != nil || rest == "" {
		return c, errDialString
	}
	c.vars, c.endpoint = append(vars, own...), rest
	return c, nil
}
