package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"ramal/call"
	"ramal/directory"
)

// maxReserve bounds how many protocol numbers one process may hold back.
const maxReserve = 10_000

// ReserveProtocols takes the next n numbers of an organisation's day (YYYYMMDD in its zone) and returns the first.
// Numbers that a process reserved and never used stay unused: gaps are allowed, doubles are not.
func (db *DB) ReserveProtocols(ctx context.Context, org call.OrgID, day string, n int) (first int, err error) {
	if !directory.ValidProtocolDay(day) || n < 1 || n > maxReserve {
		return 0, call.Errorf(call.Invalid, "reserve %d protocol numbers of day %q: out of bounds", n, day)
	}
	s, err := system(org)
	if err != nil {
		return 0, err
	}
	var last int
	err = db.inOrg(ctx, s, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `INSERT INTO protocol_counter AS c (org_id, day, last)
			VALUES (ramal_org(), to_date($1, 'YYYYMMDD'), $2)
			ON CONFLICT (org_id, day) DO UPDATE SET last = c.last + excluded.last RETURNING last`, day, n).Scan(&last)
	})
	return last - n + 1, mapped(fmt.Sprintf("reserve protocol numbers of organisation %s", org), err)
}
