package lifecycle

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// diary notes the order in which things happen.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) note(s string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, s)
}

func untilEnd(d *diary, name string) func(context.Context) error {
	return func(ctx context.Context) error {
		<-ctx.Done()
		d.note(name)
		return ctx.Err()
	}
}

func TestStopEndsTheLastStartedFirstAndWaitsForEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		g := New(t.Context())
		g.Go("store", untilEnd(&d, "store"))
		g.Go("link", untilEnd(&d, "link"))
		g.Go("call", func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(3 * time.Second) // a slow farewell on the virtual clock
			d.note("call")
			return nil
		})
		if err := g.Stop(t.Context()); err != nil {
			t.Fatalf("Stop: %v", err)
		}
		if diff := cmp.Diff([]string{"call", "link", "store"}, d.lines); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAnErrorStopsTheOthersAndIsWhatWaitReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		boom := errors.New("no route")
		g := New(t.Context())
		g.Go("store", untilEnd(&d, "store"))
		g.Go("link", func(context.Context) error { return boom })
		err := g.Wait()
		if !errors.Is(err, boom) || !strings.HasPrefix(err.Error(), "link: ") {
			t.Errorf("Wait: %v, want link's failure", err)
		}
		if diff := cmp.Diff([]string{"store"}, d.lines); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAPanicBecomesAnOrderlyShutdownWithItsStack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		g := New(t.Context())
		g.Go("store", untilEnd(&d, "store"))
		g.Go("call", func(context.Context) error { panic("impossible leg") })
		err := g.Wait()
		var p *PanicError
		if !errors.As(err, &p) {
			t.Fatalf("Wait: %v, want a PanicError", err)
		}
		if p.Task != "call" || p.Value != "impossible leg" || !strings.Contains(string(p.Stack), "group_test.go") {
			t.Errorf("task %q, value %v, stack:\n%s", p.Task, p.Value, p.Stack)
		}
		if diff := cmp.Diff([]string{"store"}, d.lines); diff != "" {
			t.Error(diff)
		}
	})
}

func TestATaskThatReturnsNilLeavesTheOthersRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		g := New(t.Context())
		g.Go("stays", untilEnd(&d, "stays"))
		g.Go("short", func(context.Context) error { d.note("short"); return nil })
		synctest.Wait()
		select {
		case <-g.Done():
			t.Fatal("the group ended with the short task")
		default:
		}
		if err := g.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"short", "stays"}, d.lines); diff != "" {
			t.Error(diff)
		}
	})
}

func TestTheEndOfTheParentStopsInOrderToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		parent, cancel := context.WithCancel(t.Context())
		g := New(parent)
		g.Go("first", untilEnd(&d, "first"))
		g.Go("second", untilEnd(&d, "second"))
		cancel()
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"second", "first"}, d.lines); diff != "" {
			t.Error(diff)
		}
	})
}

func TestStopNamesWhatDoesNotComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		g := New(t.Context())
		g.Go("deaf", func(context.Context) error { <-release; return nil })
		g.Go("polite", func(ctx context.Context) error { <-ctx.Done(); return nil })
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		err := g.Stop(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "deaf") ||
			strings.Contains(err.Error(), "polite") {
			t.Errorf("Stop: %v, want a time-out that names deaf only", err)
		}
		close(release)
		if err := g.Wait(); err != nil {
			t.Error(err)
		}
	})
}

func TestNothingStartsInAGroupThatStops(t *testing.T) {
	g := New(t.Context())
	if err := g.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if g.Go("late", func(context.Context) error { t.Error("late ran"); return nil }) {
		t.Error("Go reports true on a stopped group")
	}
}

func TestAFailureDuringTheStopIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lost := errors.New("12 events not written")
		g := New(t.Context())
		g.Go("journal", func(ctx context.Context) error { <-ctx.Done(); return lost })
		if err := g.Stop(t.Context()); !errors.Is(err, lost) {
			t.Errorf("Stop: %v, want %v", err, lost)
		}
	})
}
