package control

import (
	"context"
	"time"

	"ramal/acd"
	"ramal/call"
)

// The doors for people: called by the API through cmd/ramal's adapter.

// SetAgentState asks for an agent's state on behalf of the agent or a supervisor. The error is call.NotFound,
// call.Invalid or call.Conflict, and call.Unavailable when the engine does not answer before ctx ends.
func (c *Centre) SetAgentState(ctx context.Context, org call.OrgID, w acd.Want) error {
	c.mu.RLock()
	o := c.orgs[org]
	c.mu.RUnlock()
	if o == nil {
		return call.Errorf(call.NotFound, "organisation %s", org)
	}
	w.At = time.Now().UTC()
	q := asked{w, make(chan error, 1)}
	if !o.inbox.put(q) {
		return call.Errorf(call.Unavailable, "the queue engine is overloaded")
	}
	select {
	case err := <-q.answer:
		return err
	case <-ctx.Done():
		return call.Errorf(call.Unavailable, "the queue engine did not answer: %v", ctx.Err())
	}
}

// Live returns what happens in an organisation now.
func (c *Centre) Live(org call.OrgID) (LiveView, error) {
	c.mu.RLock()
	o := c.orgs[org]
	c.mu.RUnlock()
	if o == nil {
		return LiveView{}, call.Errorf(call.NotFound, "organisation %s", org)
	}
	return o.live.view(time.Now().UTC()), nil
}

// Subscribe returns the updates of an organisation from now on. The channel is closed when the reader does not keep
// up; it then takes a new view.
func (c *Centre) Subscribe(org call.OrgID) (updates <-chan Update, cancel func(), err error) {
	c.mu.RLock()
	o := c.orgs[org]
	c.mu.RUnlock()
	if o == nil {
		return nil, nil, call.Errorf(call.NotFound, "organisation %s", org)
	}
	updates, cancel = o.live.subscribe()
	return updates, cancel, nil
}

// Health says what is wrong with the centre now.
type Health struct {
	LinkUp         bool
	JournalError   string // why facts cannot be stored now, "" when they can
	JournalWaiting int    // entries that are not stored yet
	JournalLost    int64  // entries lost for good, since start
	Calls          int    // calls with an owner
	Offered        int64
	Refused        int64
	LegsLost       int64
	OwnerOverflows int64
	QueueOverflows int64
	JournalStored  int64
}

// Health returns the present figures.
func (c *Centre) Health() Health {
	c.mu.RLock()
	calls := len(c.byCall)
	c.mu.RUnlock()
	return Health{LinkUp: c.linkUp.Load(), JournalError: c.journal.err(), JournalWaiting: c.journal.inbox.len(),
		JournalLost: c.journal.lost.Load(), Calls: calls, Offered: c.stats.Offered.Load(), Refused: c.stats.Refused.Load(),
		LegsLost: c.stats.LegsLost.Load(), OwnerOverflows: c.stats.OwnerOverflows.Load(),
		QueueOverflows: c.stats.QueueOverflows.Load(), JournalStored: c.journal.stored.Load()}
}
