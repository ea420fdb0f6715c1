package wire

import "bytes"

// HeaderScanner walks the headers of one event (the body of a text/event-plain frame) without allocation. Odd names
// such as variable_a[1] are names like any other.
type HeaderScanner struct {
	rest        []byte
	name, value []byte
	done        bool
}

// ScanHeaders starts at the first header of event.
func ScanHeaders(event []byte) HeaderScanner { return HeaderScanner{rest: event} }

// Next moves to the next header and reports whether there is one. Lines without a colon are skipped.
func (s *HeaderScanner) Next() bool {
	for !s.done {
		if len(s.rest) == 0 {
			s.done = true
			break
		}
		var line []byte
		line, s.rest = cutLine(s.rest)
		if len(line) == 0 { // the blank line ends the headers
			s.done = true
			break
		}
		var ok bool
		if s.name, s.value, ok = cutHeader(line); ok {
			return true
		}
	}
	s.name, s.value = nil, nil
	return false
}

// Name is the current header's name; valid as long as the event's bytes are.
func (s *HeaderScanner) Name() []byte { return s.name }

// Value is the current header's value as sent, still percent-encoded (see DecodeValue).
func (s *HeaderScanner) Value() []byte { return s.value }

// Body returns what follows the headers (the output of a BACKGROUND_JOB); call it after Next returned false.
func (s *HeaderScanner) Body() []byte {
	if !s.done {
		return nil
	}
	return s.rest
}

// Wanted is a set of header names, looked up by length first so that the many headers nobody asked for cost one
// comparison of a byte or none, and optionally a prefix. It is immutable and may be shared.
type Wanted struct {
	byLength [][]wantedName
	first    [256]bool // bytes that a wanted name begins with: most lines are skipped by their first byte
	count    int
	prefix   string
}

type wantedName struct {
	name  string
	index int
}

// RawHeader is a header as sent: its value is still percent-encoded. Both are slices of the event.
type RawHeader struct{ Name, Value []byte }

// NewWanted numbers the names in the order given; names are compared exactly, as FreeSWITCH writes them. Headers
// whose name begins with prefix are collected beside them, unless it is "".
func NewWanted(prefix string, names ...string) *Wanted {
	w := &Wanted{count: len(names), prefix: prefix}
	for i, name := range names {
		for len(w.byLength) <= len(name) {
			w.byLength = append(w.byLength, nil)
		}
		if name != "" {
			w.first[name[0]] = true
		}
		w.byLength[len(name)] = append(w.byLength[len(name)], wantedName{name, i})
	}
	return w
}

// Selected is what Select found. Its memory is used again by the next Select into it.
type Selected struct {
	Values [][]byte    // by the number of the wanted name: the raw value, nil where the event has none
	Extra  []RawHeader // those with the wanted prefix, in the event's order
	Body   []byte      // what follows the headers: the output of a BACKGROUND_JOB
}

// Select reads the wanted headers of event (the body of a text/event-plain frame) into found. Where a name repeats,
// the first one counts. Nothing is allocated once found has its size; what it holds are slices of event.
func (w *Wanted) Select(event []byte, found *Selected) {
	if cap(found.Values) < w.count {
		found.Values = make([][]byte, w.count)
	}
	found.Values, found.Extra, found.Body = found.Values[:w.count], found.Extra[:0], nil
	clear(found.Values)
	for len(event) > 0 {
		end := bytes.IndexByte(event, '\n')
		line := event
		if end < 0 {
			event = nil
		} else {
			line, event = event[:end], event[end+1:]
		}
		if len(line) == 0 || line[0] == '\r' {
			found.Body = event
			return
		}
		if n := len(w.prefix); !w.first[line[0]] && (n == 0 || len(line) <= n || string(line[:n]) != w.prefix) {
			continue
		}
		if colon := bytes.IndexByte(line, ':'); colon >= 0 {
			w.take(line, colon, found)
		}
	}
}

func (w *Wanted) take(line []byte, colon int, found *Selected) {
	if colon < len(w.byLength) {
		for i := range w.byLength[colon] {
			entry := &w.byLength[colon][i]
			if string(line[:colon]) != entry.name {
				continue
			}
			if found.Values[entry.index] == nil {
				found.Values[entry.index] = valueOf(line, colon)
			}
			return
		}
	}
	if n := len(w.prefix); n > 0 && colon > n && string(line[:n]) == w.prefix {
		found.Extra = append(found.Extra, RawHeader{line[:colon], valueOf(line, colon)})
	}
}

func valueOf(line []byte, colon int) []byte {
	value := line[colon+1:]
	for len(value) > 0 && value[0] == ' ' {
		value = value[1:]
	}
	if n := len(value); n > 0 && value[n-1] == '\r' {
		value = value[:n-1]
	}
	return value
}
