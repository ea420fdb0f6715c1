package conformance

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Canonical is a conversation in the form in which two switches are compared: what any run may say differently is
// removed by the rows of the table (canon.go) and by nothing else.
type Canonical struct {
	Streams []Stream // in order of appearance
	Order   []string // what came before what, and how long it took, for the pairs that the table names
}

// Stream is a sequence whose order counts: the connection's commands with their replies, one leg's events, one job's
// result, one user's registration events, the switch's own events. Between streams the order is free but for Order.
type Stream struct {
	Name  string
	Steps []Step
}

// Step is one event or one command with its reply.
type Step struct {
	Name    string   // event name with application, or the command
	Headers []Header // what is compared, sorted by name; of a command: its reply
}

// Find returns the steps of a stream, nil when there is none.
func (c *Canonical) Find(stream string) []Step {
	for _, s := range c.Streams {
		if s.Name == stream {
			return s.Steps
		}
	}
	return nil
}

const connection = "connection"

// Canonicalize brings a conversation into canonical form. An error means that replies and commands do not pair up.
func (t *Table) Canonicalize(c Conversation) (*Canonical, error) {
	names := nameUUIDs(c)
	out := &Canonical{}
	var keys []keyed
	var waiting []string
	for i := range c {
		item := &c[i]
		switch item.Kind {
		case Command:
			command := names.replace(t.blankText("command", "", item.Text))
			waiting = append(waiting, command)
			keys = append(keys, keyed{"> " + commandKey(command), item.At})
		case Notice:
			out.add(connection, Step{Name: item.Text})
		case Reply:
			if len(waiting) == 0 {
				return nil, fmt.Errorf("reply %q without a command", item.Text)
			}
			text := t.blankText("reply", waiting[0], names.replace(item.Text))
			out.add(connection, Step{waiting[0], []Header{{"reply", text}}})
			waiting = waiting[1:]
		case Event:
			if t.dropsEvent(item) {
				continue
			}
			step := t.step(item, names)
			out.add(streamOf(item, names), step)
			keys = append(keys, keyed{eventKey(item, names), item.At})
		}
	}
	for _, command := range waiting {
		out.add(connection, Step{command, []Header{{"reply", "(none)"}}})
	}
	for i := range out.Streams {
		if out.Streams[i].Name != connection {
			t.sortSwapped(out.Streams[i].Steps)
		}
	}
	out.Order = t.order(keys)
	return out, nil
}

func (c *Canonical) add(stream string, step Step) {
	for i := range c.Streams {
		if c.Streams[i].Name == stream {
			c.Streams[i].Steps = append(c.Streams[i].Steps, step)
			return
		}
	}
	c.Streams = append(c.Streams, Stream{stream, []Step{step}})
}

func streamOf(item *Item, names *uuidNames) string {
	if id := item.Get("Unique-ID"); id != "" {
		return names.replace(id)
	}
	if id := item.Get("Job-UUID"); id != "" {
		return names.replace(id)
	}
	if item.Get("Event-Name") == "CUSTOM" {
		user := item.Get("from-user")
		if user == "" {
			user = item.Get("to-user")
		}
		return "registration of " + user
	}
	return "switch"
}

// step keeps what the table does not drop.
func (t *Table) step(item *Item, names *uuidNames) Step {
	step := Step{Name: item.Name()}
	if app := item.Get("Application"); app != "" {
		step.Name += " " + app
	}
	for _, h := range item.Headers {
		if h.Name == "Event-Name" || h.Name == "Event-Subclass" || t.dropsHeader(item, h) {
			continue
		}
		value := t.blankText("header", h.Name, names.replace(h.Value))
		step.Headers = append(step.Headers, Header{h.Name, value})
	}
	if body := strings.TrimRight(item.Body, "\n"); body != "" {
		body = t.blankText("reply", "api "+item.Get("Job-Command"), names.replace(body))
		step.Headers = append(step.Headers, Header{"body", body})
	}
	slices.SortStableFunc(step.Headers, func(a, b Header) int { return strings.Compare(a.Name, b.Name) })
	return step
}

// sortSwapped brings neighbours that the table lets come in either order into the order of its row.
func (t *Table) sortSwapped(steps []Step) {
	for again := true; again; {
		again = false
		for i := 0; i+1 < len(steps); i++ {
			if t.mustSwap(steps[i], steps[i+1]) {
				steps[i], steps[i+1] = steps[i+1], steps[i]
				again = true
			}
		}
	}
}

func (t *Table) mustSwap(a, b Step) bool {
	for _, row := range t.Swaps {
		if row.Then.matchesStep(a) && row.First.matchesStep(b) {
			return true
		}
	}
	return false
}

func (t *Table) dropsEvent(item *Item) bool {
	for _, row := range t.Events {
		if row.Event.matches(item) {
			return true
		}
	}
	return false
}

func (t *Table) dropsHeader(item *Item, h Header) bool {
	for _, row := range t.Headers {
		if row.covers(item, h.Name) {
			return true
		}
	}
	return false
}

func (r *HeaderRow) covers(item *Item, name string) bool {
	if r.Event != "" && !r.Event.matches(item) {
		return false
	}
	for _, pattern := range r.Except {
		if glob(pattern, name) {
			return false
		}
	}
	for _, pattern := range r.Drop {
		if glob(pattern, name) {
			return true
		}
	}
	return false
}

func (t *Table) blankText(where, of, text string) string {
	for i := range t.Blanks {
		row := &t.Blanks[i]
		if row.In == where && (row.Of == "" || glob(row.Of, of)) {
			text = row.Find.ReplaceAllString(text, row.With)
		}
	}
	return text
}

// glob matches with * for any text, slashes included.
func glob(pattern, text string) bool {
	ok, err := path.Match(strings.ReplaceAll(pattern, "/", "\x00"), strings.ReplaceAll(text, "/", "\x00"))
	return ok && err == nil
}

// Pattern is an event's name and conditions on its headers: "CUSTOM sofia::register", "DTMF", "CHANNEL_EXECUTE
// Application=park Hangup-Cause=*". A condition with an empty value wants the header to be absent.
type Pattern string

func (p Pattern) split() (name string, conditions []string) {
	fields := strings.Fields(string(p))
	n := len(fields)
	for n > 0 && strings.Contains(fields[n-1], "=") {
		n--
	}
	return strings.Join(fields[:n], " "), fields[n:]
}

func (p Pattern) matchesWith(name string, get func(string) string) bool {
	want, conditions := p.split()
	if !glob(want, name) {
		return false
	}
	for _, condition := range conditions {
		header, value, _ := strings.Cut(condition, "=")
		if got := get(header); value == "" && got != "" || value != "" && (got == "" || !glob(value, got)) {
			return false
		}
	}
	return true
}

func (p Pattern) matches(item *Item) bool { return p.matchesWith(item.Name(), item.Get) }

func (p Pattern) matchesStep(s Step) bool {
	get := func(name string) string {
		for _, h := range s.Headers {
			if h.Name == name {
				return h.Value
			}
		}
		return ""
	}
	name := s.Name
	if app := get("Application"); app != "" {
		name = strings.TrimSuffix(name, " "+app)
	}
	return p.matchesWith(name, get)
}
