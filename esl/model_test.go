package esl

import (
	"fmt"
	"strings"
)

// This file is a model of how FreeSWITCH reads commands, written from its C sources and sharing nothing with the
// builder: mod_event_socket.c read_packet, switch_utils.c switch_separate_string, switch_event.c
// switch_event_create_brackets, mod_commands.c originate_function, switch_ivr_originate.c, switch_channel.c
// switch_channel_expand_variables. It reads any bytes; the tests look at what it understood.

// packet is what the listener makes of one command.
type packet struct {
	command string
	headers map[string]string // names in lower case
	body    string
}

// readPackets is read_packet, again and again, over all that a client wrote. rest is what did not end.
func readPackets(stream string) (packets []packet, rest string) {
	for {
		stream = strings.TrimLeft(stream, "\r\n")
		end, newlines := -1, 0
		for i := 0; i < len(stream); i++ {
			if stream[i] == '\n' {
				newlines++
			} else if stream[i] != '\r' {
				newlines = 0
			}
			if newlines == 2 {
				end = i + 1
				break
			}
		}
		if end < 0 {
			return packets, stream
		}
		block := stream[:end]
		stream = stream[end:]
		if i := strings.IndexByte(block, 0); i >= 0 {
			block = block[:i] // a C string ends here
		}
		one := packet{headers: map[string]string{}}
		for count := 1; ; count++ {
			// The end of a line is the first CR of all that is left, or, without any, the first LF.
			line, next := block, ""
			at := strings.IndexByte(block, '\r')
			if at < 0 {
				at = strings.IndexByte(block, '\n')
			}
			if at >= 0 {
				line, next = block[:at], strings.TrimLeft(block[at:], "\r\n")
			}
			if count == 1 {
				one.command = line
			} else if name, value, ok := strings.Cut(line, ":"); ok {
				name, value = strings.ToLower(name), strings.TrimLeft(value, " ")
				one.headers[name] = value
				if name == "content-length" {
					n := 0
					fmt.Sscanf(value, "%d", &n)
					n = min(max(n, 0), len(stream))
					one.body, stream = stream[:n], stream[n:]
				}
			}
			if at < 0 || next == "" {
				break
			}
			block = next
		}
		packets = append(packets, one)
	}
}

// separate is switch_separate_string.
func separate(text string, delim byte, most int) []string {
	if strings.HasPrefix(text, "^^") && len(text) > 3 {
		delim, text = text[2], text[3:]
	}
	var parts []string
	if delim == ' ' {
		parts = separateBlank(text, most)
		delim = 0
	} else {
		parts = separateChar(text, delim, most)
	}
	for i := range parts {
		parts[i] = cleanup(parts[i], delim)
	}
	return parts
}

func separateChar(text string, delim byte, most int) (parts []string) {
	for i := 0; i < len(text) && len(parts) < most; {
		start, quoted := i, false
		for ; i < len(text); i++ {
			if text[i] == '\\' {
				i++
			} else if text[i] == '\'' && (quoted || strings.IndexByte(text[i+1:], '\'') >= 0) {
				quoted = !quoted
			} else if text[i] == delim && !quoted && i > start {
				break
			} else if text[i] == delim && !quoted {
				break
			}
		}
		end := min(i, len(text))
		parts = append(parts, text[start:end])
		i = end + 1
	}
	return parts
}

func separateBlank(text string, most int) (parts []string) {
	for i := 0; i < len(text) && len(parts) < most; {
		for i < len(text) && text[i] == ' ' {
			i++
		}
		start, quoted := i, false
		for ; i < len(text); i++ {
			if text[i] == '\\' {
				i++
			} else if text[i] == '\'' {
				quoted = !quoted
			} else if text[i] == ' ' && !quoted {
				break
			}
		}
		end := min(i, len(text))
		parts = append(parts, text[start:end])
		for i = end; i < len(text) && text[i] == ' '; i++ {
		}
	}
	return parts
}

// cleanup is cleanup_separated_string: quotes and escapes are taken away.
func cleanup(text string, delim byte) string {
	text = strings.TrimLeft(text, " ")
	var out []byte
	end, quoted := -1, false
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '\\' && i+1 < len(text) {
			e, known := text[i+1], true
			switch {
			case e == '\'' || e == '"' || e == '\\' || delim != 0 && e == delim:
			case e == 'n':
				e = '\n'
			case e == 'r':
				e = '\r'
			case e == 't':
				e = '\t'
			case e == 's':
				e = ' '
			default:
				known = false
			}
			if known {
				i++
				out = append(out, e)
				end = len(out)
				continue
			}
		}
		if c == '\'' && (quoted || strings.IndexByte(text[i+1:], '\'') >= 0) {
			if quoted = !quoted; quoted {
				end = len(out)
			}
			continue
		}
		out = append(out, c)
		if c != ' ' || quoted {
			end = len(out)
		}
	}
	if end >= 0 {
		out = out[:end]
	}
	return string(out)
}

// brackets is switch_event_create_brackets: the variables of one {...}, [...] or <...> and what follows it. Quotes
// do not protect the closing bracket (recording 14).
func brackets(text string, open, close byte) (vars [][2]string, rest string, ok bool) {
	depth, end := 0, -1
	for i := 0; i < len(text); i++ {
		if text[i] == open {
			depth++
		} else if text[i] == close {
			if depth--; depth == 0 {
				end = i
				break
			}
		}
	}
	if end < 0 {
		return nil, text, false
	}
	inner, delim := text[1:end], byte(',')
	if strings.HasPrefix(inner, "^^") && len(inner) > 2 {
		delim, inner = inner[2], inner[3:]
	}
	for _, pair := range separate(inner, delim, 1024) {
		if two := separate(pair, '=', 2); len(two) == 2 {
			vars = append(vars, [2]string{two[0], two[1]})
		}
	}
	return vars, text[end+1:], true
}

// placed is what originate would do.
type placed struct {
	vars      map[string]string
	doubled   bool // a variable was given twice
	endpoints []string
	dest      string // what the leg runs when it is answered
	broken    string // why it fails instead
}

// originate is originate_function with switch_ivr_originate.
func originate(arguments string) placed {
	p := placed{vars: map[string]string{}}
	argv := separate(arguments, ' ', 10)
	if len(argv) != 2 {
		p.broken = fmt.Sprintf("%d arguments", len(argv))
		return p
	}
	data, dest := argv[0], argv[1]
	p.dest = dest
	if strings.Contains(data, ":_:") {
		p.broken = "enterprise originate"
		return p
	}
	for len(data) > 0 && (data[0] == '<' || data[0] == '{') {
		close := byte('}')
		if data[0] == '<' {
			close = '>'
		}
		vars, rest, ok := brackets(data, data[0], close)
		if !ok {
			p.broken = "brackets"
			return p
		}
		for _, v := range vars {
			if _, twice := p.vars[v[0]]; twice {
				p.doubled = true
			}
			p.vars[v[0]] = v[1]
		}
		data = rest
	}
	for _, sequential := range separate(strings.TrimLeft(data, " "), '|', 128) {
		p.endpoints = append(p.endpoints, separate(sequential, ',', 128)...)
	}
	return p
}

// expands tells whether an application's argument would be changed before the application sees it, by a variable,
// an API call or an escape.
func expands(argument string) bool {
	return strings.Contains(argument, "${") || strings.Contains(argument, "$$") || strings.Contains(argument, "\\")
}
