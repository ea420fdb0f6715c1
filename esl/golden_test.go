package esl

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ramal/call"
	"ramal/esl/wire"
	"ramal/internal/recordings"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const fixtures = "../testdata/esl"

// acceptedRecordings are those of acceptance line A9, and a few more that later work stands on.
var acceptedRecordings = []string{"01", "02", "03", "04", "05", "06", "07a", "07b", "07c", "07d", "07e", "07f", "08a",
	"08c", "11", "13", "14", "15", "16", "17a", "17b", "19", "20", "22", "23"}

func TestA9_RecordedConversationsGiveTheGoldenCallEvents(t *testing.T) {
	for _, number := range acceptedRecordings {
		t.Run(number, func(t *testing.T) {
			path := recordingPath(t, number)
			got := "# Call events of " + filepath.Base(path) + ", read by package esl. " +
				"Rewritten by go test ./esl -update.\n" +
				story(t, path)
			golden := filepath.Join(fixtures, "golden", filepath.Base(path))
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s (-golden +got)\n%s", golden, diff)
			}
		})
	}
}

func recordingPath(t testing.TB, number string) string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(fixtures, number+"-*.txt"))
	if err != nil || len(paths) != 1 {
		t.Fatalf("recording %s: %q, %v", number, paths, err)
	}
	return paths[0]
}

// story tells the call events of a recording, one line each.
func story(t *testing.T, path string) string {
	var out strings.Builder
	var start time.Time
	for _, event := range eventsOf(t, path) {
		if start.IsZero() {
			start = event.When()
		}
		fmt.Fprintf(&out, "%7.3f %s\n", event.When().Sub(start).Seconds(), tell(event))
	}
	return out.String()
}

// eventsOf reads what the switch sent, through the same reader and table as a link.
func eventsOf(t *testing.T, path string) []call.Event {
	t.Helper()
	blocks, err := recordings.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	var events []call.Event
	var h headers
	frames := wire.NewFrameReader(bytes.NewReader(recordings.FromSwitch(blocks)), wire.Limits{})
	for {
		frame, err := frames.Next()
		if errors.Is(err, io.EOF) {
			return events
		}
		if err != nil {
			t.Fatal(err)
		}
		if frame.ContentType != wire.TypeEventPlain {
			continue
		}
		if event := h.translate(frame.Body); event != nil {
			events = append(events, event)
		}
	}
}

// tell writes an event as its type, its leg (first eight digits) and its non-empty fields.
func tell(event call.Event) string {
	v := reflect.ValueOf(event)
	out := []string{v.Type().Name()}
	if leg := event.Subject(); leg != "" {
		out = append(out, short(string(leg)))
	}
	for i := range v.NumField() {
		field, name := v.Field(i), v.Type().Field(i).Name
		if name == "Stamp" || field.IsZero() {
			continue
		}
		switch value := field.Interface().(type) {
		case call.Party:
			out = append(out, fmt.Sprintf("%s=%q %s", name, string(value.Name), string(value.Number)))
		case call.LegID:
			out = append(out, name+"="+short(string(value)))
		case string:
			out = append(out, fmt.Sprintf("%s=%q", name, value))
		default:
			out = append(out, fmt.Sprintf("%s=%v", name, value))
		}
	}
	return strings.Join(out, " ")
}

func short(id string) string { return id[:min(8, len(id))] }
