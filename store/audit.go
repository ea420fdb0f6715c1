package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"ramal/call"
	"ramal/directory"
)

// Audit appends an entry to the organisation's audit log.
func (db *DB) Audit(ctx context.Context, s Scope, e directory.AuditEntry) error {
	return mapped("write audit log", db.inOrg(ctx, s, func(tx pgx.Tx) error { return audit(ctx, tx, s, e) }))
}

// audit appends an entry in the transaction of what it tells of: both happen or neither.
func audit(ctx context.Context, tx pgx.Tx, s Scope, e directory.AuditEntry) error {
	if e.Detail == nil {
		e.Detail = map[string]string{}
	}
	detail, err := json.Marshal(e.Detail) // sorts its keys
	if err != nil {
		return fmt.Errorf("audit %s: %w", e.Action, err)
	}
	// One writer at a time for each organisation's chain, until the transaction ends.
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('ramal.audit.' || $1, 0))`,
		string(s.Org())); err != nil {
		return fmt.Errorf("audit %s: %w", e.Action, err)
	}
	l := link{actor: s.Actor(), entry: e, detail: detail}
	err = tx.QueryRow(ctx, `SELECT seq, hash, clock_timestamp() FROM audit_log ORDER BY seq DESC LIMIT 1`).
		Scan(&l.seq, &l.prev, &l.at)
	if errors.Is(err, pgx.ErrNoRows) {
		l.prev = []byte{}
		err = tx.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&l.at)
	}
	if err != nil {
		return fmt.Errorf("audit %s: %w", e.Action, err)
	}
	l.seq++
	_, err = tx.Exec(ctx, `INSERT INTO audit_log (org_id, seq, at, actor, action, object_type, object_id, detail,
			prev, hash) VALUES (ramal_org(), $1, $2, $3, $4, $5, $6, $7::text::json, $8, $9)`,
		l.seq, l.at, l.actor, e.Action, e.ObjectType, e.ObjectID, string(detail), l.prev, l.sum())
	if err != nil {
		return fmt.Errorf("audit %s: %w", e.Action, err)
	}
	return nil
}

// link is one entry of the chain.
type link struct {
	seq    int64
	at     time.Time
	actor  string
	entry  directory.AuditEntry
	detail []byte
	prev   []byte
}

// sum is the entry's hash: SHA-256 over the previous hash and a JSON array of the fields, which is unambiguous.
func (l link) sum() []byte {
	fields, err := json.Marshal([]any{l.seq, l.at.UTC().Format(time.RFC3339Nano), l.actor, l.entry.Action,
		l.entry.ObjectType, l.entry.ObjectID, string(l.detail)})
	if err != nil {
		panic(err) // strings and a number always marshal
	}
	h := sha256.Sum256(append(bytes.Clone(l.prev), fields...))
	return h[:]
}

// VerifyAudit recomputes the chain of an organisation's audit log and returns its length. An error with code conflict
// names the first entry that is not what was written.
func (db *DB) VerifyAudit(ctx context.Context, s Scope) (int64, error) {
	var n int64
	prev := []byte{}
	err := db.inOrg(ctx, s, func(tx pgx.Tx) error {
		r, err := tx.Query(ctx, `SELECT seq, at, actor, action, object_type, object_id, detail::text, prev, hash
			FROM audit_log ORDER BY seq`)
		if err != nil {
			return err
		}
		var l link
		var detail string
		var hash []byte
		_, err = pgx.ForEachRow(r, []any{&l.seq, &l.at, &l.actor, &l.entry.Action, &l.entry.ObjectType,
			&l.entry.ObjectID, &detail, &l.prev, &hash}, func() error {
			l.detail = []byte(detail)
			n++
			if l.seq != n || !bytes.Equal(l.prev, prev) || !bytes.Equal(l.sum(), hash) {
				return call.Errorf(call.Conflict, "audit log: entry %d was changed or one before it is missing", l.seq)
			}
			prev = bytes.Clone(hash)
			return nil
		})
		return err
	})
	return n, mapped("verify audit log", err)
}
