package conformance

import (
	"slices"
	"strings"
	"testing"
)

// edit changes a recording so that another switch is recorded; it reports whether it found what to change.
type edit struct {
	name      string
	recording string
	change    func(Conversation) (Conversation, bool)
}

// find returns the index of the nth event that matches, -1 when there is none.
func find(c Conversation, nth int, pattern Pattern) int {
	for i := range c {
		if c[i].Kind == Event && pattern.matches(&c[i]) {
			if nth--; nth == 0 {
				return i
			}
		}
	}
	return -1
}

func setHeader(pattern Pattern, header, value string) func(Conversation) (Conversation, bool) {
	return func(c Conversation) (Conversation, bool) {
		i := find(c, 1, pattern)
		if i < 0 {
			return c, false
		}
		for j, h := range c[i].Headers {
			if h.Name == header && h.Value != value {
				c[i].Headers[j].Value = value
				return c, true
			}
		}
		return c, false
	}
}

func remove(nth int, pattern Pattern) func(Conversation) (Conversation, bool) {
	return func(c Conversation) (Conversation, bool) {
		i := find(c, nth, pattern)
		if i < 0 {
			return c, false
		}
		return slices.Delete(c, i, i+1), true
	}
}

// swapWithNext exchanges an event with the next one of its own leg.
func swapWithNext(pattern Pattern) func(Conversation) (Conversation, bool) {
	return func(c Conversation) (Conversation, bool) {
		i := find(c, 1, pattern)
		if i < 0 {
			return c, false
		}
		for j := i + 1; j < len(c); j++ {
			if c[j].Kind == Event && rawStream(&c[j]) == rawStream(&c[i]) {
				c[i], c[j] = c[j], c[i]
				c[i].At, c[j].At = c[j].At, c[i].At
				return c, true
			}
		}
		return c, false
	}
}

func setReply(command, text string) func(Conversation) (Conversation, bool) {
	return func(c Conversation) (Conversation, bool) {
		sent, answered := 0, 0
		nth := -1
		for i := range c {
			switch c[i].Kind {
			case Command:
				if nth < 0 && strings.HasPrefix(c[i].Text, command) {
					nth = sent
				}
				sent++
			case Reply:
				if answered == nth {
					c[i].Text = text
					return c, true
				}
				answered++
			}
		}
		return c, false
	}
}

var edits = []edit{
	{"two events of one leg are swapped", "02", swapWithNext("CHANNEL_ANSWER")},
	{"two events at the end of a leg are swapped", "05", swapWithNext("CHANNEL_UNBRIDGE")},
	{"an event is missing", "04", remove(1, "CHANNEL_BRIDGE")},
	{"the survivor is not parked again", "23", remove(3, "CHANNEL_PARK")},
	{"an event is extra", "06", func(c Conversation) (Conversation, bool) {
		i := find(c, 1, "CHANNEL_HANGUP_COMPLETE")
		return slices.Insert(c, i+1, c[i]), i >= 0
	}},
	{"the cause is wrong", "07a", setHeader("CHANNEL_HANGUP", "Hangup-Cause", "NORMAL_CLEARING")},
	{"the state is wrong", "23", setHeader("CHANNEL_PARK Channel-State=CS_PARK", "Channel-State", "CS_EXECUTE")},
	{"the call state is wrong", "02", setHeader("CHANNEL_ANSWER", "Answer-State", "early")},
	{"a reply's text is changed", "01", setReply("nosuchcommand", "-ERR unknown command")},
	{"a reply says what no switch knows yet", "20", setReply("api uuid_exists", "false")},
	{"the bridge partner is wrong", "22", func(c Conversation) (Conversation, bool) {
		i := find(c, 1, "CHANNEL_BRIDGE")
		return setHeader("CHANNEL_BRIDGE", "Bridge-B-Unique-ID", c[i].Get("Bridge-A-Unique-ID"))(c)
	}},
	{"the job's result is missing", "13", remove(1, "BACKGROUND_JOB")},
	{"the job's result is another", "06", func(c Conversation) (Conversation, bool) {
		i := find(c, 1, "BACKGROUND_JOB")
		c[i].Body = "-ERR NO_ANSWER\n"
		return c, true
	}},
	{"the playback's status is changed", "02", setHeader("PLAYBACK_STOP", "Playback-Status", "done")},
	{"the digit is changed", "02", setHeader("DTMF", "DTMF-Digit", "3")},
	{"the recording's file is another", "04", setHeader("RECORD_START", "Record-File-Path", "/tmp/other.wav")},
	{"the application's argument is another", "15", setHeader("CHANNEL_EXECUTE Application=playback", "Application-Data",
		"x.wav")},
	{"a variable is not set", "14", func(c Conversation) (Conversation, bool) {
		i := find(c, 1, "CHANNEL_HANGUP variable_evil=*")
		if i < 0 {
			return c, false
		}
		c[i].Headers = slices.DeleteFunc(c[i].Headers, func(h Header) bool { return h.Name == "variable_evil" })
		return c, true
	}},
	{"another user registers", "16", setHeader("CUSTOM sofia::register_failure", "to-user", "1002")},
	{"the leg ends before it is killed", "20", func(c Conversation) (Conversation, bool) {
		kill := slices.IndexFunc(c, func(i Item) bool { return strings.HasPrefix(i.Text, "api uuid_kill") })
		hangup := find(c, 1, "CHANNEL_HANGUP")
		event := c[hangup]
		return slices.Insert(slices.Delete(c, hangup, hangup+1), kill, event), kill >= 0 && kill < hangup
	}},
	{"the dead man's switch fires at once", "15", func(c Conversation) (Conversation, bool) {
		i := find(c, 1, "CHANNEL_UNPARK")
		c[i].At = c[i-1].At
		return c, i > 0
	}},
	{"the leg bridges before its partner runs uuid_bridge", "04", func(c Conversation) (Conversation, bool) {
		bridge := find(c, 1, "CHANNEL_BRIDGE")
		execute := find(c, 2, "CHANNEL_EXECUTE Application=uuid_bridge")
		event := c[execute]
		return slices.Insert(slices.Delete(c, execute, execute+1), bridge, event), execute < bridge
	}},
}

func TestA9_EveryEditedRecordingFailsTheComparison(t *testing.T) {
	if len(edits) < 10 {
		t.Fatalf("%d edited recordings, want at least ten", len(edits))
	}
	for _, e := range edits {
		t.Run(e.name, func(t *testing.T) {
			want := canonical(t, load(t, e.recording))
			changed, found := e.change(load(t, e.recording))
			if !found {
				t.Fatalf("recording %s has nothing to change", e.recording)
			}
			diff := Diff(want, canonical(t, changed))
			if diff == "" {
				t.Fatalf("recording %s: the comparison does not see it", e.recording)
			}
			t.Logf("recording %s:\n%s", e.recording, diff)
		})
	}
}
