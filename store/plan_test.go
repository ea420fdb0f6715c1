package store_test

import (
	"strings"
	"testing"
)

// Row-level security must not cost the index: its condition has to be part of the search, not a filter after it.
func TestTheNewestInteractionsAreFoundByIndexUnderRowSecurity(t *testing.T) {
	mine, _, url := seeded(t)
	tx := asApp(t, url, `SET LOCAL ramal.org = '`+mine+`'`, `SET LOCAL enable_seqscan = off`)
	for name, where := range map[string]string{
		"interaction_pkey": `i.id < 'ffffffff-ffff-ffff-ffff-ffffffffffff'`,
		"interaction_agent": `i.id < 'ffffffff-ffff-ffff-ffff-ffffffffffff'
			AND i.agent_id = '00000000-0000-0000-0000-000000000000'`,
	} {
		r, err := tx.Query(t.Context(), `EXPLAIN SELECT * FROM interaction i WHERE `+where+` ORDER BY i.id DESC LIMIT 20`)
		if err != nil {
			t.Fatal(err)
		}
		var plan strings.Builder
		for r.Next() {
			var line string
			if err := r.Scan(&line); err != nil {
				t.Fatal(err)
			}
			plan.WriteString(line + "\n")
		}
		if err := r.Err(); err != nil {
			t.Fatal(err)
		}
		text := plan.String()
		cond := text[strings.Index(text+"Index Cond", "Index Cond"):]
		if !strings.Contains(text, "using "+name) || !strings.Contains(cond, "org_id = ") || strings.Contains(text, "Sort") {
			t.Errorf("%s is not used as it should:\n%s", name, text)
		}
	}
}
