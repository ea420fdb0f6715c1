package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"ramal/call"
	"ramal/directory"
	"ramal/ivr"
)

// AddFlow makes a flow without any version.
func (db *DB) AddFlow(ctx context.Context, s Scope, name string) (call.FlowID, error) {
	var id call.FlowID
	err := db.inOrg(ctx, s, func(tx pgx.Tx) error {
		var err error
		id, err = addFlow(ctx, tx, s, name)
		return err
	})
	return id, mapped("add flow", err)
}

func addFlow(ctx context.Context, tx pgx.Tx, s Scope, name string) (call.FlowID, error) {
	if !directory.ValidName(name) {
		return "", call.Errorf(call.Invalid, "the flow's name is empty or too long")
	}
	id, err := newID()
	if err != nil {
		return "", err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO ivr_flow (org_id, id, name) VALUES (ramal_org(), $1, $2)`,
		id, name); err != nil {
		return "", err
	}
	return call.FlowID(id), audit(ctx, tx, s, directory.AuditEntry{Action: "flow.added", ObjectType: "flow",
		ObjectID: id, Detail: map[string]string{"name": name}})
}

// PublishFlow stores a new version of a flow, which calls use from then on, and returns its number. Every prompt must
// have been rendered to a file.
func (db *DB) PublishFlow(ctx context.Context, s Scope, id call.FlowID, f ivr.Flow) (int, error) {
	var version int
	err := db.inOrg(ctx, s, func(tx pgx.Tx) error {
		var err error
		version, err = publishFlow(ctx, tx, s, id, f)
		return err
	})
	return version, mapped(fmt.Sprintf("publish flow %s", id), err)
}

func publishFlow(ctx context.Context, tx pgx.Tx, s Scope, id call.FlowID, f ivr.Flow) (int, error) {
	if err := f.Check(); err != nil {
		return 0, err
	}
	if _, err := f.Prompts(func(node string, p ivr.Prompt) (ivr.Prompt, error) {
		if p.File == "" {
			return p, call.Errorf(call.Invalid, "node %q has a prompt that was not rendered", node)
		}
		return p, nil
	}); err != nil {
		return 0, err
	}
	doc, err := json.Marshal(f)
	if err != nil {
		return 0, fmt.Errorf("encode flow: %w", err)
	}
	// The flow's row is locked, so that two who publish at once get two numbers.
	if err := tx.QueryRow(ctx, `SELECT id::text FROM ivr_flow WHERE id = $1 AND deleted_at IS NULL FOR UPDATE`,
		id).Scan(&id); err != nil {
		return 0, err
	}
	var version int
	if err := tx.QueryRow(ctx, `INSERT INTO ivr_flow_version (org_id, flow_id, version, status, document, created_by,
			published_at)
		SELECT ramal_org(), $1::uuid, coalesce(max(version), 0) + 1, 'published', $2::text::jsonb, $3, now()
		FROM ivr_flow_version WHERE flow_id = $1::uuid RETURNING version`, string(id), string(doc), s.Actor()).
		Scan(&version); err != nil {
		return 0, err
	}
	return version, audit(ctx, tx, s, directory.AuditEntry{Action: "flow.published", ObjectType: "flow",
		ObjectID: string(id), Detail: map[string]string{"version": fmt.Sprint(version)}})
}

// SetNumber binds a telephone number (digits only) to a flow.
func (db *DB) SetNumber(ctx context.Context, s Scope, n ivr.Number) error {
	return mapped(fmt.Sprintf("bind number to flow %s", n.Flow), db.inOrg(ctx, s, func(tx pgx.Tx) error {
		return setNumber(ctx, tx, s, n)
	}))
}

func setNumber(ctx context.Context, tx pgx.Tx, s Scope, n ivr.Number) error {
	if _, err := tx.Exec(ctx, `INSERT INTO phone_number (org_id, number, label, flow_id)
		VALUES (ramal_org(), $1, $2, $3)
		ON CONFLICT (org_id, number) DO UPDATE SET label = excluded.label, flow_id = excluded.flow_id`,
		string(n.Number), n.Label, string(n.Flow)); err != nil {
		return err
	}
	return audit(ctx, tx, s, directory.AuditEntry{Action: "number.bound", ObjectType: "number",
		ObjectID: string(n.Number), Detail: map[string]string{"flow": string(n.Flow)}})
}
