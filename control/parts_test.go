package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ramal/call"
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

func TestAFullInboxRefusesAndKeepsItsOrder(t *testing.T) {
	b := newInbox[int](3)
	for i := range 5 {
		if took := b.put(i); took != (i < 3) {
			t.Errorf("put %d: %v", i, took)
		}
	}
	got, err := b.take(t.Context(), nil)
	if err != nil || !slices.Equal(got, []int{0, 1, 2}) || b.len() != 0 {
		t.Errorf("took %v, %v; %d left", got, err, b.len())
	}
	b.put(7)
	if again, err := b.take(t.Context(), got); err != nil || !slices.Equal(again, []int{7}) {
		t.Errorf("after that %v, %v", again, err)
	}
}

func TestAnInboxWakesItsReaderForEveryWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newInbox[int](1000)
		var writers sync.WaitGroup
		for i := range 10 {
			writers.Go(func() {
				for j := range 50 {
					b.put(i*50 + j)
				}
			})
		}
		var all, spare []int
		for len(all) < 500 {
			got, err := b.take(t.Context(), spare) // a lost wake-up would leave the bubble deadlocked
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, got...)
			spare = got
		}
		writers.Wait()
		slices.Sort(all)
		if len(slices.Compact(all)) != 500 {
			t.Errorf("%d different values", len(slices.Compact(all)))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := b.take(ctx, nil); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("ended: %v", err)
		}
	})
}

func TestATimerThatWasStoppedOrReplacedDoesNotFire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fired := make(chan firing, 10)
		ts := newTimers(func(f firing) { fired <- f })
		ts.start("a", time.Second)
		ts.start("b", time.Second)
		ts.start("c", time.Second)
		stale := <-chanAfter(fired, time.Second) // all three have run out; what is done now must count
		ts.start("a", time.Minute)
		ts.stop("b")
		late := []firing{stale}
		for len(fired) > 0 {
			late = append(late, <-fired)
		}
		var names []string
		for _, f := range late {
			if e, ok := ts.due(f, time.Now()); ok {
				names = append(names, e.Timer)
			}
		}
		if len(late) != 3 || !slices.Equal(names, []string{"c"}) {
			t.Errorf("%d firings, of which %v were due; want only c", len(late), names)
		}
		if f := <-chanAfter(fired, time.Minute); f.name != "a" {
			t.Errorf("the replaced timer: %v", f)
		} else if _, ok := ts.due(f, time.Now()); !ok {
			t.Error("the replacement is not due")
		} else if _, ok := ts.due(f, time.Now()); ok {
			t.Error("due twice")
		}
		ts.start("d", time.Second)
		ts.stopAll()
		<-time.After(time.Hour)
		if len(fired) != 0 {
			t.Errorf("after stopAll %d fired", len(fired))
		}
	})
}

// chanAfter lets time pass and settle, then returns the channel.
func chanAfter[T any](ch chan T, d time.Duration) chan T {
	<-time.After(d)
	synctest.Wait()
	return ch
}

// fakeLog fails as it is told and remembers.
type fakeLog struct {
	mu      sync.Mutex
	down    bool
	blind   bool // stores, then says that it did not
	calls   int
	batches []Batch
}

func (l *fakeLog) set(f func(*fakeLog)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(l)
}

func (l *fakeLog) Append(_ context.Context, b Batch) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
	if l.down {
		return errors.New("no database")
	}
	l.batches = append(l.batches, b)
	if l.blind {
		l.blind = false
		return errors.New("connection lost while committing")
	}
	return nil
}

func (l *fakeLog) facts() (seqs []int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range l.batches {
		for _, f := range b.Facts {
			seqs = append(seqs, f.Fact.Seq)
		}
	}
	return seqs
}

func factEntry(seq int) entry {
	return entry{fact: &InteractionFact{Fact: call.Fact{Interaction: "i", Seq: seq}},
		summary: &Summary{Summary: call.Summary{Interaction: "i", Facts: seq}}}
}

func upTo(n int) (seqs []int) {
	for i := range n {
		seqs = append(seqs, i+1)
	}
	return seqs
}

func TestTheJournalStoresInOrderThroughAnAbsenceOfTheDatabase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &fakeLog{down: true}
		j := newJournal(l, quiet)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- j.run(ctx) }()
		for i := range 5000 {
			j.add(factEntry(i + 1))
		}
		<-time.After(time.Minute)
		if j.err() != "no database" || len(l.facts()) != 0 {
			t.Errorf("while it is away: error %q, %d stored", j.err(), len(l.facts()))
		}
		if l.calls > 25 { // 100 ms, 200 ms … 5 s, then every 5 s
			t.Errorf("%d attempts in a minute", l.calls)
		}
		l.set(func(l *fakeLog) { l.down, l.calls = false, 0 })
		<-time.After(6 * time.Second)
		if got := l.facts(); !slices.Equal(got, upTo(5000)) || j.err() != "" || j.stored.Load() != 5000 {
			t.Errorf("%d facts, error %q, counted %d", len(got), j.err(), j.stored.Load())
		}
		for _, b := range l.batches {
			if last := b.Facts[len(b.Facts)-1].Fact.Seq; len(b.Facts) > journalBatch || len(b.Summaries) != 1 ||
				b.Summaries[0].Summary.Facts != last {
				t.Errorf("batch of %d facts with summaries %v", len(b.Facts), b.Summaries)
			}
		}
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("ended with %v", err)
		}
	})
}

func TestABatchThatMayHaveBeenStoredIsOfferedAgainUnchanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &fakeLog{blind: true}
		j := newJournal(l, quiet)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go j.run(ctx)
		j.add(factEntry(1))
		<-time.After(50 * time.Millisecond)
		j.add(factEntry(2))
		<-time.After(10 * time.Second)
		if got := l.facts(); !slices.Equal(got, []int{1, 1, 2}) {
			t.Errorf("offered %v", got)
		}
	})
}

func TestStopStoresWhatCameWhileTheJournalWasFailing(t *testing.T) {
	for name, back := range map[string]bool{"the database comes back in time": true, "it does not": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &fakeLog{down: true}
				j := newJournal(l, quiet)
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- j.run(ctx) }()
				j.add(factEntry(1))
				<-time.After(30 * time.Second)
				j.add(factEntry(2))
				j.add(factEntry(3))
				cancel()
				if back {
					<-time.After(time.Second)
					l.set(func(l *fakeLog) { l.down = false })
				}
				err := <-ended
				if back && (err != nil || !slices.Equal(l.facts(), []int{1, 2, 3}) || j.lost.Load() != 0) {
					t.Errorf("%v, stored %v, lost %d", err, l.facts(), j.lost.Load())
				}
				if !back && (err == nil || j.lost.Load() != 3) {
					t.Errorf("%v, lost %d; want an error and 3", err, j.lost.Load())
				}
			})
		})
	}
}

func TestAFullJournalLosesTheNewestAndCountsThem(t *testing.T) {
	j := newJournal(&fakeLog{}, quiet)
	j.inbox.limit = 3
	for i := range 5 {
		j.add(factEntry(i + 1))
	}
	if got, _ := j.inbox.take(t.Context(), nil); len(got) != 3 || got[2].fact.Fact.Seq != 3 || j.lost.Load() != 2 {
		t.Errorf("%d kept, %d lost", len(got), j.lost.Load())
	}
}

func TestAReaderWhoDoesNotKeepUpIsCutOffAndTheOthersAreNot(t *testing.T) {
	l := newLive()
	slow, cancelSlow := l.subscribe()
	fast, cancelFast := l.subscribe()
	next := uint64(1)
	read := func() {
		for len(fast) > 0 {
			if u := <-fast; u.Seq != next {
				t.Fatalf("update %d came as number %d", u.Seq, next)
			}
			next++
		}
	}
	for i := range subscriberBacklog + 10 {
		l.call(LiveCall{Summary: call.Summary{Interaction: call.ID(strconv.Itoa(i)), Phase: call.PhaseFlow}},
			time.Now())
		read()
	}
	if next != subscriberBacklog+11 {
		t.Errorf("the fast reader got %d updates", next-1)
	}
	n := 0
	for range slow { // ends: the channel is closed
		n++
	}
	if n != subscriberBacklog {
		t.Errorf("the slow reader got %d updates", n)
	}
	cancelSlow()
	cancelSlow()
	cancelFast()
	if _, open := <-fast; open || len(l.subs) != 0 {
		t.Errorf("after cancel: open %v, %d subscribers", open, len(l.subs))
	}
	if v := l.view(time.Now()); v.Seq != next-1 || len(v.Calls) != subscriberBacklog+10 {
		t.Errorf("view %d with %d calls", v.Seq, len(v.Calls))
	}
	l.call(LiveCall{Summary: call.Summary{Interaction: "0", Phase: call.PhaseEnded}}, time.Now())
	if v := l.view(time.Now()); len(v.Calls) != subscriberBacklog+9 {
		t.Errorf("an ended call is still in the view: %d", len(v.Calls))
	}
}

// fakeProtocols counts by day, as a table does.
type fakeProtocols struct {
	mu   sync.Mutex
	next map[string]int
	down bool
	slow time.Duration
}

func (p *fakeProtocols) ReserveProtocols(ctx context.Context, _ call.OrgID, day string, n int) (int, error) {
	p.mu.Lock()
	slow, down := p.slow, p.down
	p.mu.Unlock()
	select {
	case <-time.After(slow):
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	if down {
		return 0, errors.New("no database")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	first := p.next[day] + 1
	p.next[day] += n
	return first, nil
}

func TestProtocolNumbersAreUniqueOverMidnightAndWithoutADatabase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		zone := time.FixedZone("BRT", -3*3600)
		source := &fakeProtocols{next: map[string]int{}}
		var async sync.WaitGroup
		p := newProtocols(source, "o", zone, quiet, async.Go)
		now := time.Date(2026, 11, 23, 2, 59, 0, 0, time.UTC) // 23:59 of the 22nd in Brazil
		if err := p.prepare(t.Context(), now); err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		next := func() string {
			n := p.next(t.Context(), now)
			if seen[n] {
				t.Fatalf("number %s twice", n)
			}
			seen[n] = true
			return n
		}
		if n := next(); n != "20261122000001" {
			t.Errorf("first number %s", n)
		}
		for range 3000 {
			next()
			synctest.Wait() // blocks are reserved meanwhile
		}
		if got := fmt.Sprint(len(seen)); next() != "20261122003002" {
			t.Errorf("after %s numbers there is a gap or a jump", got)
		}
		now = now.Add(2 * time.Minute)
		source.slow = time.Second
		for range 10 { // the first of the new day do not wait for a block
			if n := next(); n[:8] != "20261123" {
				t.Errorf("after midnight %s", n)
			}
		}
		async.Wait()
		if n := next(); n != "20261123000001" {
			t.Errorf("with the new day's block %s", n)
		}
		source.down = true
		for range 2000 { // all in one millisecond
			next()
		}
		async.Wait()
		if n := next(); len(n) != 8+9 {
			t.Errorf("without a database %s", n)
		}
	})
}

func TestAPrepareWithoutADatabaseIsAnErrorThatNamesTheDay(t *testing.T) {
	p := newProtocols(&fakeProtocols{down: true}, "o", time.UTC, quiet, nil)
	err := p.prepare(t.Context(), time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC))
	if err == nil || err.Error() != "reserve protocol numbers of 20260102: no database" {
		t.Errorf("%v", err)
	}
}
