package control

import (
	"context"
	"fmt"
	"time"

	"ramal/acd"
	"ramal/call"
	"ramal/ivr"
)

// Reload reads the settings of all organisations anew. Calls in progress keep the version of the flow they began with.
func (c *Centre) Reload(ctx context.Context) error {
	c.reloading.Lock() // what was read last must be what counts, and an organisation has one owner
	defer c.reloading.Unlock()
	ids, err := c.settings.Orgs(ctx)
	if err != nil {
		return fmt.Errorf("organisations: %w", err)
	}
	numbers, exts := map[call.Number]route{}, map[string]*orgOwner{}
	for _, id := range ids {
		if err := c.reloadOrg(ctx, id, numbers, exts); err != nil {
			return fmt.Errorf("organisation %s: %w", id, err)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.numbers, c.byExt = numbers, exts
	return nil
}

func (c *Centre) reloadOrg(ctx context.Context, id call.OrgID, numbers map[call.Number]route,
	exts map[string]*orgOwner) error {
	queues, err := c.settings.Queues(ctx, id)
	if err != nil {
		return fmt.Errorf("queues: %w", err)
	}
	agents, err := c.settings.Agents(ctx, id)
	if err != nil {
		return fmt.Errorf("agents: %w", err)
	}
	flows, err := c.settings.Flows(ctx, id)
	if err != nil {
		return fmt.Errorf("flows: %w", err)
	}
	lines, err := c.settings.Numbers(ctx, id)
	if err != nil {
		return fmt.Errorf("numbers: %w", err)
	}
	states, err := c.settings.AgentStates(ctx, id)
	if err != nil {
		return fmt.Errorf("agent states: %w", err)
	}
	o, err := c.orgOf(ctx, id)
	if err != nil {
		return err
	}
	flowSet := make(map[call.FlowID]ivr.Published, len(flows))
	for _, f := range flows {
		flowSet[f.ID] = f
	}
	o.flows.Store(&flowSet)
	queueSet := make(map[call.QueueID]acd.Queue, len(queues))
	for _, q := range queues {
		queueSet[q.ID] = q
	}
	o.queueSet.Store(&queueSet)
	for _, n := range lines {
		numbers[plain(n.Number)] = route{o, n.Flow}
	}
	for _, a := range agents {
		exts[a.Extension] = o
	}
	o.put(acd.Configure{Queues: queues, Agents: agents, Restore: states, At: time.Now().UTC()})
	return nil
}

// orgOf returns the owner of an organisation's queues, and starts it when there is none.
func (c *Centre) orgOf(ctx context.Context, id call.OrgID) (*orgOwner, error) {
	c.mu.RLock()
	o := c.orgs[id]
	c.mu.RUnlock()
	if o != nil {
		return o, nil
	}
	zone, err := c.settings.Zone(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("time zone: %w", err)
	}
	o = newOrgOwner(c, id, zone)
	if err := o.protocols.prepare(ctx, time.Now()); err != nil {
		return nil, err
	}
	open, err := c.settings.OpenInteractions(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("open interactions: %w", err)
	}
	c.mu.Lock()
	c.orgs[id] = o
	for _, s := range open {
		c.left = append(c.left, &leftOpen{org: o, summary: s})
	}
	c.mu.Unlock()
	c.base.Go("queues of "+string(id), o.run)
	return o, nil
}
