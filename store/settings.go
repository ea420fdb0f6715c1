package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"ramal/acd"
	"ramal/call"
	"ramal/directory"
	"ramal/ivr"
)

// rows runs a query in a transaction of its own and collects what scan makes of each row.
func rows[T any](ctx context.Context, db *DB, s Scope, what string, scan pgx.RowToFunc[T], sql string, args ...any,
) ([]T, error) {
	var out []T
	err := db.inOrg(ctx, s, func(tx pgx.Tx) error {
		var err error
		out, err = collect(ctx, tx, scan, sql, args...)
		return err
	})
	return out, mapped(what, err)
}

func collect[T any](ctx context.Context, tx pgx.Tx, scan pgx.RowToFunc[T], sql string, args ...any) ([]T, error) {
	r, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(r, scan)
}

// Orgs lists the active organisations.
func (db *DB) Orgs(ctx context.Context) ([]call.OrgID, error) {
	var out []call.OrgID
	err := db.onPlatform(ctx, forCore, func(tx pgx.Tx) error {
		var err error
		out, err = collect(ctx, tx, pgx.RowTo[call.OrgID], `SELECT id::text FROM org WHERE active ORDER BY id`)
		return err
	})
	return out, mapped("list organisations", err)
}

// Org returns an organisation.
func (db *DB) Org(ctx context.Context, org call.OrgID) (directory.Org, error) {
	s, err := system(org)
	if err != nil {
		return directory.Org{}, err
	}
	var o directory.Org
	err = db.inOrg(ctx, s, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT id::text, slug, name, zone, locale FROM org WHERE id = $1`, org).
			Scan(&o.ID, &o.Slug, &o.Name, &o.Zone, &o.Locale)
	})
	return o, mapped(fmt.Sprintf("read organisation %s", org), err)
}

// Zone returns the organisation's time zone.
func (db *DB) Zone(ctx context.Context, org call.OrgID) (*time.Location, error) {
	o, err := db.Org(ctx, org)
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(o.Zone)
	if err != nil {
		return nil, fmt.Errorf("time zone of organisation %s: %w", org, err)
	}
	return zone, nil
}

// Queues lists the active voice queues as routing needs them.
func (db *DB) Queues(ctx context.Context, org call.OrgID) ([]acd.Queue, error) {
	s, err := system(org)
	if err != nil {
		return nil, err
	}
	return rows(ctx, db, s, "list queues", func(r pgx.CollectableRow) (acd.Queue, error) {
		var q acd.Queue
		var ring, wrap int
		err := r.Scan(&q.ID, &q.Name, &ring, &wrap, &q.Music)
		q.RingTimeout, q.WrapUp = time.Duration(ring)*time.Second, time.Duration(wrap)*time.Second
		return q, err
	}, `SELECT id::text, name, ring_timeout_s, wrapup_s, music FROM queue
	    WHERE active AND deleted_at IS NULL AND media = 'voice' ORDER BY name, id`)
}

// Agents lists the active users who have an extension and whose role lets them take calls.
func (db *DB) Agents(ctx context.Context, org call.OrgID) ([]acd.Agent, error) {
	s, err := system(org)
	if err != nil {
		return nil, err
	}
	return rows(ctx, db, s, "list agents", func(r pgx.CollectableRow) (acd.Agent, error) {
		var a acd.Agent
		err := r.Scan(&a.ID, &a.Name, &a.Extension, &a.Queues)
		return a, err
	}, `SELECT u.id::text, u.name, e.sip,
	           ARRAY(SELECT uq.queue_id::text FROM user_queue uq
	                 JOIN queue q ON q.org_id = uq.org_id AND q.id = uq.queue_id
	                 WHERE uq.org_id = u.org_id AND uq.user_id = u.id
	                   AND q.active AND q.deleted_at IS NULL AND q.media = 'voice'
	                 ORDER BY uq.queue_id)
	    FROM app_user u
	    JOIN extension e ON e.org_id = u.org_id AND e.user_id = u.id
	    JOIN role_permission p ON p.org_id = u.org_id AND p.role_key = u.role_key AND p.permission = $1
	    WHERE u.status = 'active' ORDER BY e.sip`, directory.TakeCalls)
}

// Numbers lists the numbers that lead into flows, without the plus sign of E.164.
func (db *DB) Numbers(ctx context.Context, org call.OrgID) ([]ivr.Number, error) {
	s, err := system(org)
	if err != nil {
		return nil, err
	}
	return rows(ctx, db, s, "list numbers", func(r pgx.CollectableRow) (ivr.Number, error) {
		var n ivr.Number
		err := r.Scan(&n.Number, &n.Label, &n.Flow)
		return n, err
	}, `SELECT number, label, flow_id::text FROM phone_number ORDER BY number`)
}

// Flows lists the latest published version of each active flow.
func (db *DB) Flows(ctx context.Context, org call.OrgID) ([]ivr.Published, error) {
	s, err := system(org)
	if err != nil {
		return nil, err
	}
	return rows(ctx, db, s, "list flows", func(r pgx.CollectableRow) (ivr.Published, error) {
		var p ivr.Published
		var doc []byte
		if err := r.Scan(&p.ID, &p.Version, &doc); err != nil {
			return p, err
		}
		if err := json.Unmarshal(doc, &p.Flow); err != nil {
			return p, fmt.Errorf("flow %s version %d: %w", p.ID, p.Version, err)
		}
		return p, nil
	}, `SELECT DISTINCT ON (v.flow_id) v.flow_id::text, v.version, v.document
	    FROM ivr_flow_version v JOIN ivr_flow f ON f.org_id = v.org_id AND f.id = v.flow_id
	    WHERE v.status = 'published' AND f.active AND f.deleted_at IS NULL
	    ORDER BY v.flow_id, v.version DESC`)
}

// Breaks lists the reasons for which agents may pause, in their order.
func (db *DB) Breaks(ctx context.Context, org call.OrgID) ([]directory.Break, error) {
	s, err := system(org)
	if err != nil {
		return nil, err
	}
	return rows(ctx, db, s, "list break reasons", func(r pgx.CollectableRow) (directory.Break, error) {
		var b directory.Break
		err := r.Scan(&b.ID, &b.Name, &b.Productive, &b.Limit)
		return b, err
	}, `SELECT id::text, name, productive, limit_minutes FROM break_reason
	    WHERE deleted_at IS NULL ORDER BY position, name`)
}

// Extensions lists the SIP accounts of an organisation's active users.
func (db *DB) Extensions(ctx context.Context, org call.OrgID) ([]directory.Extension, error) {
	s, err := system(org)
	if err != nil {
		return nil, err
	}
	return rows(ctx, db, s, "list extensions", func(r pgx.CollectableRow) (directory.Extension, error) {
		var e directory.Extension
		err := r.Scan(&e.Org, &e.User, &e.Name, &e.SIP, &e.HA1)
		return e, err
	}, `SELECT e.org_id::text, e.user_id::text, u.name, e.sip, e.ha1
	    FROM extension e JOIN app_user u ON u.org_id = e.org_id AND u.id = e.user_id
	    WHERE u.status = 'active' ORDER BY e.sip`)
}

// AllExtensions lists the SIP accounts of every organisation, for the switch's directory.
func (db *DB) AllExtensions(ctx context.Context) ([]directory.Extension, error) {
	orgs, err := db.Orgs(ctx)
	if err != nil {
		return nil, err
	}
	var all []directory.Extension
	for _, org := range orgs {
		e, err := db.Extensions(ctx, org)
		if err != nil {
			return nil, err
		}
		all = append(all, e...)
	}
	return all, nil
}
