package conformance

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// keyed is a command or an event as the rows of order and time see it.
type keyed struct {
	text string
	at   time.Duration
}

// commandKey is a command on one line: "sendmsg leg1 execute playback tone_stream://…".
func commandKey(command string) string {
	lines := strings.Split(command, "\n")
	key := lines[0]
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		if name == "call-command" || strings.HasPrefix(name, "execute-app-") {
			key += " " + value
		}
	}
	return key
}

// eventKey is an event on one line: "leg1 CHANNEL_EXECUTE playback", "leg1 CHANNEL_BRIDGE leg1 leg2",
// "job1 BACKGROUND_JOB originate leg2 +OK leg2".
func eventKey(item *Item, names *uuidNames) string {
	key := streamOf(item, names) + " " + item.Name()
	switch item.Get("Event-Name") {
	case "BACKGROUND_JOB":
		key += " " + item.Get("Job-Command")
		if m := originated.FindStringSubmatch(item.Get("Job-Command-Arg")); m != nil {
			key += " " + names.name(m[1])
		}
		key += " " + strings.TrimSpace(names.replace(item.Body))
	case "CHANNEL_BRIDGE", "CHANNEL_UNBRIDGE":
		key += " " + names.name(item.Get("Bridge-A-Unique-ID")) + " " + names.name(item.Get("Bridge-B-Unique-ID"))
	case "CHANNEL_EXECUTE", "CHANNEL_EXECUTE_COMPLETE":
		key += " " + item.Get("Application")
	case "PLAYBACK_START":
		key += " " + item.Get("Playback-File-Path")
	case "PLAYBACK_STOP":
		key += " " + item.Get("Playback-Status") + " " + item.Get("Playback-File-Path")
	}
	return key
}

// order states, for every pair of the table's rows, which came first, or whether the time was kept.
func (t *Table) order(keys []keyed) []string {
	var lines []string
	for _, row := range t.Causes {
		said := map[string]bool{}
		for i, k := range keys {
			m := row.Cause.FindStringSubmatch(k.text)
			if m == nil || said[m[0]] {
				continue
			}
			said[m[0]] = true
			effect := expand(row.Effect, m)
			for j, e := range keys {
				if !effect.MatchString(e.text) {
					continue
				}
				if i < j {
					lines = append(lines, fmt.Sprintf("[%s] comes before [%s]", m[0], effect.FindString(e.text)))
				} else {
					lines = append(lines, fmt.Sprintf("[%s] comes after [%s]", m[0], effect.FindString(e.text)))
				}
				break
			}
		}
	}
	for _, row := range t.Times {
		lines = append(lines, row.measure(keys)...)
	}
	return lines
}

// measure finds, for each cause, its effect before the next cause or cancellation.
func (row *TimeRow) measure(keys []keyed) []string {
	var lines []string
	for i, k := range keys {
		m := row.Cause.FindStringSubmatch(k.text)
		if m == nil {
			continue
		}
		effect := expand(row.Effect, m)
		for _, e := range keys[i+1:] {
			if effect.MatchString(e.text) {
				took := e.at - k.at
				verdict := fmt.Sprintf("in %v to %v", row.Min, row.Max)
				if took < row.Min || took > row.Max {
					verdict = fmt.Sprintf("in %v", took)
				}
				lines = append(lines, fmt.Sprintf("[%s] is followed by [%s] %s", m[0], effect.FindString(e.text), verdict))
				break
			}
			if row.Cause.MatchString(e.text) || row.Cancel != nil && row.Cancel.MatchString(e.text) {
				break
			}
		}
	}
	return lines
}

// expand puts the groups that a cause captured into its effect's expression.
func expand(effect string, groups []string) *regexp.Regexp {
	for i := len(groups) - 1; i > 0; i-- {
		effect = strings.ReplaceAll(effect, fmt.Sprintf("${%d}", i), regexp.QuoteMeta(groups[i]))
	}
	return regexp.MustCompile(effect)
}
