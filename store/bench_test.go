package store_test

import (
	"context"
	"testing"

	"ramal/call"
	"ramal/directory"
	"ramal/internal/pgcluster"
	"ramal/store"
)

// BenchmarkAppend writes batches of a hundred whole calls (twelve facts each), as a busy journal does.
func BenchmarkAppend(b *testing.B) {
	const calls = 100
	_, app := pgcluster.ForTestWith(b, "append", func(ctx context.Context, ownerURL string) error {
		return store.Migrate(ctx, ownerURL, pgcluster.AppRole)
	})
	db, err := store.Open(b.Context(), app)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(db.Close)
	r, err := db.SeedDemo(b.Context(), demo())
	if err != nil {
		b.Fatal(err)
	}
	n, facts := 0, 0
	for b.Loop() {
		b.StopTimer()
		var batch store.Batch
		for range calls {
			one := oneCall(b, r)
			n++
			one.Parties[0].Protocol = directory.FormatProtocol("20261122", n)
			batch.Facts, batch.Parties = append(batch.Facts, one.Facts...), append(batch.Parties, one.Parties...)
			batch.Summaries = append(batch.Summaries, one.Summaries[len(one.Summaries)-1])
			batch.Agents = append(batch.Agents, one.Agents...)
		}
		facts += len(batch.Facts)
		b.StartTimer()
		if err := db.Append(b.Context(), batch); err != nil {
			b.Fatalf("%s: %v", call.CodeOf(err), err)
		}
	}
	b.ReportMetric(float64(facts)/b.Elapsed().Seconds(), "facts/s")
}
