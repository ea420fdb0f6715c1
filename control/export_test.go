package control

import "ramal/call"

// Left behind: what tests look at after Stop, when no goroutine of the centre runs any more.

// OwnedLegs returns how many legs have an owner.
func (c *Centre) OwnedLegs() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.byLeg)
}

// EngineWaits returns the interactions that an organisation's queue engine holds. Only after Stop.
func (c *Centre) EngineWaits(org call.OrgID) []call.ID { return c.orgs[org].engine.Waiting() }

// LimitEngineInbox sets how much the inbox of an organisation's queue engine holds.
func (c *Centre) LimitEngineInbox(org call.OrgID, engine int) {
	b := c.orgs[org].inbox
	b.mu.Lock()
	defer b.mu.Unlock()
	b.limit = engine
}
