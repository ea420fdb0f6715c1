package control

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"ramal/call"
)

// journal gathers entries of all owners and stores them in batches, in the order they came.
type journal struct {
	log     Log
	logger  *slog.Logger
	inbox   *inbox[entry]
	lost    atomic.Int64
	failing atomic.Pointer[string]
	stored  atomic.Int64
}

// entry is what is stored together or not at all: an agent's fact, or an interaction's with its summary, the first one
// with the interaction's party.
type entry struct {
	party   *Party
	fact    *InteractionFact
	summary *Summary
	agent   *AgentFact
}

const (
	journalLimit  = 200_000              // entries that wait in memory while the database is away
	journalBatch  = 2_000                // entries stored together at most
	journalGather = 4 * time.Millisecond // how long the first entry of a batch waits for company
	retryFirst    = 100 * time.Millisecond
	retryMost     = 5 * time.Second
	lastStore     = 5 * time.Second // for what is left when the centre is stopped
)

func newJournal(log Log, logger *slog.Logger) *journal {
	return &journal{log: log, logger: logger, inbox: newInbox[entry](journalLimit)}
}

// add takes an entry; when the journal is full the entry is lost and counted.
func (j *journal) add(e entry) {
	if !j.inbox.put(e) {
		if j.lost.Add(1) == 1 {
			j.logger.Error("journal is full: facts are being lost", "limit", journalLimit)
		}
	}
}

// run stores until ctx ends, then stores what is left, for at most 5 s.
func (j *journal) run(ctx context.Context) error {
	var spare []entry
	for {
		items, err := j.inbox.take(ctx, spare)
		if err != nil {
			return j.flush(context.WithoutCancel(ctx), nil)
		}
		gather := time.NewTimer(journalGather)
		select {
		case <-gather.C:
		case <-ctx.Done():
		}
		if rest, err := j.store(ctx, items); err != nil {
			return j.flush(context.WithoutCancel(ctx), rest)
		}
		spare = items
	}
}

// flush stores what was taken and not stored, and what came since. What is not stored in time is lost and counted.
func (j *journal) flush(ctx context.Context, items []entry) error {
	j.inbox.poke()
	newer, err := j.inbox.take(ctx, nil)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, lastStore)
	defer cancel()
	rest, err := j.store(ctx, append(items[:len(items):len(items)], newer...))
	if err != nil {
		j.lost.Add(int64(len(rest)))
		return fmt.Errorf("journal: %d entries could not be stored: %s: %w", len(rest), j.err(), err)
	}
	return nil
}

// store offers the entries to the log, batch by batch, again and again until it takes them or ctx ends; rest is what
// was not taken then. Entries that were stored before are not stored twice: the log is idempotent.
func (j *journal) store(ctx context.Context, items []entry) (rest []entry, err error) {
	for len(items) > 0 {
		n := min(len(items), journalBatch)
		wait := retryFirst
		for {
			err := j.log.Append(ctx, batch(items[:n]))
			if err == nil {
				break
			}
			if ctx.Err() != nil {
				return items, ctx.Err()
			}
			if call.CodeOf(err) == call.Invalid {
				if n > 1 { // one of them can never be stored: close in on it, so that it does not hold up the others
					n /= 2
					continue
				}
				j.lost.Add(1)
				j.stored.Add(-1)
				j.logger.Error("an entry of the journal is invalid and is given up", "err", err)
				break
			}
			text := err.Error()
			if j.failing.Swap(&text) == nil {
				j.logger.Error("journal cannot be stored; trying again", "err", err, "entries", n)
			}
			select {
			case <-time.After(wait):
			case <-ctx.Done():
				return items, ctx.Err()
			}
			wait = min(2*wait, retryMost)
		}
		if j.failing.Swap(nil) != nil {
			j.logger.Info("journal is stored again", "waiting", j.inbox.len())
		}
		j.stored.Add(int64(n))
		items = items[n:]
	}
	return nil, nil
}

// batch sorts entries into a Batch; of several summaries of one interaction the last counts.
func batch(items []entry) Batch {
	var b Batch
	at := map[call.ID]int{}
	for _, e := range items {
		if e.party != nil {
			b.Parties = append(b.Parties, *e.party)
		}
		if e.agent != nil {
			b.Agents = append(b.Agents, *e.agent)
		}
		if e.fact != nil {
			b.Facts = append(b.Facts, *e.fact)
		}
		if e.summary == nil {
			continue
		}
		if i, ok := at[e.summary.Summary.Interaction]; ok {
			b.Summaries[i] = *e.summary
			continue
		}
		at[e.summary.Summary.Interaction] = len(b.Summaries)
		b.Summaries = append(b.Summaries, *e.summary)
	}
	return b
}

// err says why the journal cannot be stored now, "" when it can.
func (j *journal) err() string {
	if p := j.failing.Load(); p != nil {
		return *p
	}
	return ""
}
