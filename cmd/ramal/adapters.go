package main

import (
	"context"

	"ramal/control"
	"ramal/store"
)

// storePorts lets control use the store. Most of the store's methods fit control's ports as they are; the batch is the
// same under two names, since neither package may import the other.
type storePorts struct{ *store.DB }

// Append implements control.Log.
func (s storePorts) Append(ctx context.Context, b control.Batch) error {
	var out store.Batch
	for _, p := range b.Parties {
		out.Parties = append(out.Parties, store.Party(p))
	}
	for _, f := range b.Facts {
		out.Facts = append(out.Facts, store.InteractionFact(f))
	}
	for _, f := range b.Agents {
		out.Agents = append(out.Agents, store.AgentFact(f))
	}
	for _, f := range b.Summaries {
		out.Summaries = append(out.Summaries, store.Summary(f))
	}
	return s.DB.Append(ctx, out)
}
