package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"ramal/acd"
	"ramal/call"
	"ramal/directory"
)

// newID makes a UUIDv7 (PostgreSQL 15 has no function for it).
func newID() (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("make an identifier: %w", err)
	}
	return id.String(), nil
}

// AddOrg makes an organisation with the default roles. The ID of o is chosen here. Actor is who asks: a user's ID,
// [directory.System] or the name of a set-up program; it stands in the platform's audit log.
func (db *DB) AddOrg(ctx context.Context, actor string, o directory.Org) (call.OrgID, error) {
	if !directory.ValidSlug(o.Slug) || !directory.ValidName(o.Name) {
		return "", call.Errorf(call.Invalid, "add organisation: slug %q or name is not valid", o.Slug)
	}
	id, err := newID()
	if err != nil {
		return "", err
	}
	if o.Locale == "" {
		o.Locale = directory.Portuguese
	}
	err = db.asOperator(ctx, actor, "org.added", id, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO org (id, slug, name, zone, locale) VALUES ($1, $2, $3, $4, $5)`,
			id, o.Slug, o.Name, o.Zone, o.Locale); err != nil {
			return err
		}
		// From here on the transaction works for the new organisation as well.
		if _, err := tx.Exec(ctx, `SELECT set_config('ramal.org', $1, true)`, id); err != nil {
			return err
		}
		return addRoles(ctx, tx)
	})
	return call.OrgID(id), mapped(fmt.Sprintf("add organisation %q", o.Slug), err)
}

func addRoles(ctx context.Context, tx pgx.Tx) error {
	for _, g := range directory.DefaultRoles() {
		if g.Role == directory.RolePlatform {
			continue // belongs to no organisation
		}
		if _, err := tx.Exec(ctx, `INSERT INTO role (org_id, key, system) VALUES (ramal_org(), $1, true)`,
			g.Role); err != nil {
			return fmt.Errorf("add role %s: %w", g.Role, err)
		}
		for _, p := range g.Permissions {
			if _, err := tx.Exec(ctx, `INSERT INTO role_permission (org_id, role_key, permission)
				VALUES (ramal_org(), $1, $2)`, g.Role, p); err != nil {
				return fmt.Errorf("add permission %s to role %s: %w", p, g.Role, err)
			}
		}
	}
	return nil
}

// OrgBySlug finds an organisation for a program that sets things up.
func (db *DB) OrgBySlug(ctx context.Context, slug string) (call.OrgID, error) {
	var id call.OrgID
	err := db.onPlatform(ctx, forCore, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT id::text FROM org WHERE slug = $1`, slug).Scan(&id)
	})
	return id, mapped(fmt.Sprintf("find organisation %q", slug), err)
}

// NewUser is a user to be made.
type NewUser struct {
	Email  directory.Email
	Name   string
	Role   directory.Role
	Hash   string        // argon2id of the password, PHC form; "" makes a user who cannot sign in yet
	SIP    string        // user part of the extension; "" makes none
	HA1    directory.HA1 // of the extension
	Queues []call.QueueID
}

// AddUser makes a user, with password, extension and queues as given.
func (db *DB) AddUser(ctx context.Context, s Scope, n NewUser) (directory.UserID, error) {
	var id directory.UserID
	err := db.inOrg(ctx, s, func(tx pgx.Tx) error {
		var err error
		id, err = addUser(ctx, tx, s, n)
		return err
	})
	return id, mapped("add user", err)
}

func addUser(ctx context.Context, tx pgx.Tx, s Scope, n NewUser) (directory.UserID, error) {
	if !directory.ValidName(n.Name) {
		return "", call.Errorf(call.Invalid, "the user's name is empty or too long")
	}
	id, err := newID()
	if err != nil {
		return "", err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO app_user (org_id, id, email, name, role_key)
		VALUES (ramal_org(), $1, $2, $3, nullif($4, ''))`, id, n.Email, n.Name, n.Role); err != nil {
		return "", err
	}
	user := directory.UserID(id)
	if n.Hash != "" {
		if err := setPassword(ctx, tx, user, n.Hash); err != nil {
			return "", err
		}
	}
	if n.SIP != "" {
		if err := setExtension(ctx, tx, user, n.SIP, n.HA1); err != nil {
			return "", err
		}
	}
	for _, q := range n.Queues {
		if err := linkQueue(ctx, tx, user, q); err != nil {
			return "", err
		}
	}
	return user, audit(ctx, tx, s, directory.AuditEntry{Action: "user.added", ObjectType: "user", ObjectID: id,
		Detail: map[string]string{"role": string(n.Role), "extension": n.SIP}})
}

func setPassword(ctx context.Context, tx pgx.Tx, user directory.UserID, hash string) error {
	_, err := tx.Exec(ctx, `INSERT INTO user_password (org_id, user_id, hash) VALUES (ramal_org(), $1, $2)
		ON CONFLICT (org_id, user_id) DO UPDATE SET hash = excluded.hash, set_at = now()`, user, hash)
	return err
}

func setExtension(ctx context.Context, tx pgx.Tx, user directory.UserID, sip string, ha1 directory.HA1) error {
	if !directory.ValidSIP(sip) || !ha1.Valid() {
		return call.Errorf(call.Invalid, "extension %q or its secret does not have the right form", sip)
	}
	_, err := tx.Exec(ctx, `INSERT INTO extension (org_id, user_id, sip, ha1) VALUES (ramal_org(), $1, $2, $3)
		ON CONFLICT (org_id, user_id) DO UPDATE SET sip = excluded.sip, ha1 = excluded.ha1, rotated_at = now()`,
		user, sip, ha1)
	return err
}

func linkQueue(ctx context.Context, tx pgx.Tx, user directory.UserID, queue call.QueueID) error {
	_, err := tx.Exec(ctx, `INSERT INTO user_queue (org_id, user_id, queue_id) VALUES (ramal_org(), $1, $2)
		ON CONFLICT DO NOTHING`, user, queue)
	return err
}

// SetPassword replaces a user's password and ends the user's sessions.
func (db *DB) SetPassword(ctx context.Context, s Scope, user directory.UserID, hash string) error {
	return mapped(fmt.Sprintf("set password of user %s", user), db.inOrg(ctx, s, func(tx pgx.Tx) error {
		if err := setPassword(ctx, tx, user, hash); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE session SET ended_at = now() WHERE user_id = $1 AND ended_at IS NULL`,
			user); err != nil {
			return err
		}
		return audit(ctx, tx, s, directory.AuditEntry{Action: "user.password_set", ObjectType: "user",
			ObjectID: string(user)})
	}))
}

// SetExtension gives a user an extension, or the extension a new secret.
func (db *DB) SetExtension(ctx context.Context, s Scope, user directory.UserID, sip string, ha1 directory.HA1) error {
	return mapped(fmt.Sprintf("set extension of user %s", user), db.inOrg(ctx, s, func(tx pgx.Tx) error {
		if err := setExtension(ctx, tx, user, sip, ha1); err != nil {
			return err
		}
		return audit(ctx, tx, s, directory.AuditEntry{Action: "extension.set", ObjectType: "user",
			ObjectID: string(user), Detail: map[string]string{"extension": sip}})
	}))
}

// SetUserStatus lets a user sign in or not. Inactivating ends the user's sessions.
func (db *DB) SetUserStatus(ctx context.Context, s Scope, user directory.UserID, status directory.Status) error {
	return mapped(fmt.Sprintf("set status of user %s", user), db.inOrg(ctx, s, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE app_user SET status = $2, version = version + 1, updated_at = now()
			WHERE id = $1`, user, status)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return call.Errorf(call.NotFound, "there is no user %s", user)
		}
		if status != directory.Active {
			if _, err := tx.Exec(ctx, `UPDATE session SET ended_at = now() WHERE user_id = $1 AND ended_at IS NULL`,
				user); err != nil {
				return err
			}
		}
		return audit(ctx, tx, s, directory.AuditEntry{Action: "user.status_set", ObjectType: "user",
			ObjectID: string(user), Detail: map[string]string{"status": string(status)}})
	}))
}

// AddQueue makes a queue of the medium voice; what is not in q gets its default. The ID of q is chosen here.
func (db *DB) AddQueue(ctx context.Context, s Scope, q acd.Queue) (call.QueueID, error) {
	var id call.QueueID
	err := db.inOrg(ctx, s, func(tx pgx.Tx) error {
		var err error
		id, err = addQueue(ctx, tx, s, q)
		return err
	})
	return id, mapped("add queue", err)
}

func addQueue(ctx context.Context, tx pgx.Tx, s Scope, q acd.Queue) (call.QueueID, error) {
	if !directory.ValidName(q.Name) {
		return "", call.Errorf(call.Invalid, "the queue's name is empty or too long")
	}
	if q.RingTimeout == 0 {
		q.RingTimeout = acd.DefaultRingTimeout
	}
	id, err := newID()
	if err != nil {
		return "", err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO queue (org_id, id, name, ring_timeout_s, wrapup_s, music)
		VALUES (ramal_org(), $1, $2, $3, $4, $5)`, id, q.Name, int(q.RingTimeout.Seconds()), int(q.WrapUp.Seconds()),
		q.Music); err != nil {
		return "", err
	}
	return call.QueueID(id), audit(ctx, tx, s, directory.AuditEntry{Action: "queue.added", ObjectType: "queue",
		ObjectID: id, Detail: map[string]string{"name": q.Name}})
}

// LinkQueue makes a user serve a queue.
func (db *DB) LinkQueue(ctx context.Context, s Scope, user directory.UserID, queue call.QueueID) error {
	return mapped(fmt.Sprintf("link user %s to queue %s", user, queue), db.inOrg(ctx, s, func(tx pgx.Tx) error {
		if err := linkQueue(ctx, tx, user, queue); err != nil {
			return err
		}
		return audit(ctx, tx, s, directory.AuditEntry{Action: "queue.user_linked", ObjectType: "queue",
			ObjectID: string(queue), Detail: map[string]string{"user": string(user)}})
	}))
}
