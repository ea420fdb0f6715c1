package control

import (
	"context"
	"log/slog"
	"testing"

	"ramal/call"
)

// pickyLog refuses every batch that holds a certain protocol number, as a database refuses a value it cannot keep.
type pickyLog struct {
	bad    string
	stored []string
}

func (l *pickyLog) Append(_ context.Context, b Batch) error {
	for _, p := range b.Parties {
		if p.Protocol == l.bad {
			return call.Errorf(call.Invalid, "protocol %s", p.Protocol)
		}
	}
	for _, p := range b.Parties {
		l.stored = append(l.stored, p.Protocol)
	}
	return nil
}

func TestAnEntryThatCanNeverBeStoredDoesNotHoldUpTheOthers(t *testing.T) {
	log := &pickyLog{bad: "c"}
	j := newJournal(log, slog.New(slog.DiscardHandler))
	var items []entry
	for _, p := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		items = append(items, entry{party: &Party{Protocol: p}})
	}
	if rest, err := j.store(t.Context(), items); err != nil || len(rest) != 0 {
		t.Fatalf("store: %d left, %v", len(rest), err)
	}
	got := ""
	for _, p := range log.stored {
		got += p
	}
	if got != "abdefg" {
		t.Errorf("stored %q, want all but c, in order", got)
	}
	if j.lost.Load() != 1 || j.stored.Load() != 6 {
		t.Errorf("counted %d lost and %d stored, want 1 and 6", j.lost.Load(), j.stored.Load())
	}
}
