package control

import (
	"context"
	"time"

	"ramal/call"
)

// leftOpen is an interaction that an earlier life of the core did not see the end of.
type leftOpen struct {
	org     *orgOwner
	summary call.Summary
	denied  int // times in a row that the switch did not know its caller's leg
}

// leftCheck is how often the switch is asked about interactions left open.
const leftCheck = time.Second

// closeLeft asks the switch, every second, about the callers' legs of interactions that were left open, and closes
// those that it denies twice. It ends when none is left. Legs that still stand, in the fallback or in a talk, end by
// themselves; their interactions are closed then.
func (c *Centre) closeLeft(ctx context.Context) error {
	tick := time.NewTicker(leftCheck)
	defer tick.Stop()
	for {
		c.mu.RLock()
		open := c.left
		c.mu.RUnlock()
		if len(open) == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		if !c.linkUp.Load() {
			continue
		}
		var still []*leftOpen
		for _, l := range open {
			if !c.gone(ctx, l) {
				still = append(still, l)
			}
		}
		c.mu.Lock()
		c.left = still
		c.mu.Unlock()
	}
}

func (c *Centre) gone(ctx context.Context, l *leftOpen) bool {
	qctx, cancel := context.WithTimeout(ctx, existsLimit)
	defer cancel()
	known, err := false, error(nil)
	if l.summary.CallerLeg != "" { // an interaction that ended before its first fact was stored has none
		known, err = c.sw.Exists(qctx, l.summary.CallerLeg)
	}
	if err != nil || known {
		l.denied = 0
		return false
	}
	if l.denied++; l.denied < 2 {
		return false
	}
	for _, f := range call.CloseLost(&l.summary, time.Now().UTC()) {
		c.journal.add(entry{fact: &InteractionFact{Org: l.org.id, Fact: f},
			summary: &Summary{Org: l.org.id, Summary: l.summary}})
	}
	return true
}
