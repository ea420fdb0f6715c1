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
// comparison of a byte or none. It is immutable and may be shared.
type Wanted struct {
	byLength [][]wantedName
	count    int
}

type wantedName struct {
	name  string
	index int
}

// NewWanted numbers the names in the order given; names are compared exactly, as FreeSWITCH writes them.
func NewWanted(names ...string) *Wanted {
	w := &Wanted{count: len(names)}
	for i, name := range names {
		for len(w.byLength) <= len(name) {
			w.byLength = append(w.byLength, nil)
		}
		w.byLength[len(name)] = append(w.byLength[len(name)], wantedName{name, i})
	}
	return w
}

// Count returns the number of names, which is the length that Select needs.
func (w *Wanted) Count() int { return w.count }

// Select stores the raw (percent-encoded) value of each wanted header at its number in values, nil where the event has
// none, and returns the event's own body. values must have Count elements and is overwritten. Where a name repeats, the
// first one counts. Nothing is allocated; the values are slices of event.
func (w *Wanted) Select(event []byte, values [][]byte) (body []byte) {
	clear(values)
	for len(event) > 0 {
		end := bytes.IndexByte(event, '\n')
		line := event
		if end < 0 {
			event = nil
		} else {
			line, event = event[:end], event[end+1:]
		}
		if len(line) == 0 || line[0] == '\r' {
			return event
		}
		colon := bytes.IndexByte(line, ':')
		if colon < 0 || colon >= len(w.byLength) {
			continue
		}
		for i := range w.byLength[colon] {
			entry := &w.byLength[colon][i]
			if string(line[:colon]) != entry.name {
				continue
			}
			if values[entry.index] == nil {
				_, value, _ := cutHeader(line)
				values[entry.index] = bytes.TrimSuffix(value, []byte{'\r'})
			}
			break
		}
	}
	return nil
}
