package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"ramal/call"
	"ramal/directory"
)

// touchEvery bounds how often a session's row is written.
const touchEvery = time.Minute

// FindSession returns who a session belongs to and what they may do now; not found when there is none, it ran out,
// was ended, or its user may no longer sign in. It keeps the session alive.
func (db *DB) FindSession(ctx context.Context, org call.OrgID, hash [32]byte, at time.Time,
) (directory.Identity, directory.Session, error) {
	return db.findSession(ctx, org, hash, at, true)
}

// PeekSession is FindSession for a page that merely stands open: it does not keep the session alive.
func (db *DB) PeekSession(ctx context.Context, org call.OrgID, hash [32]byte, at time.Time,
) (directory.Identity, directory.Session, error) {
	return db.findSession(ctx, org, hash, at, false)
}

func (db *DB) findSession(ctx context.Context, org call.OrgID, hash [32]byte, at time.Time, touch bool,
) (directory.Identity, directory.Session, error) {
	var id directory.Identity
	var ses directory.Session
	s, err := system(org)
	if err != nil {
		return id, ses, err
	}
	err = db.inOrg(ctx, s, func(tx pgx.Tx) error {
		u := &id.User
		err := tx.QueryRow(ctx, `
			SELECT s.id::text, s.org_id::text, s.user_id::text, s.created_at, s.last_seen_at, s.expires_at, s.user_agent,
			       s.address, u.org_id::text, u.id::text, u.email, u.name, u.role_key, u.status, u.locale,
			       ARRAY(SELECT permission FROM role_permission p
			             WHERE p.org_id = u.org_id AND p.role_key = u.role_key ORDER BY permission)
			FROM session s JOIN app_user u ON u.org_id = s.org_id AND u.id = s.user_id
			WHERE s.token_hash = $1 AND s.ended_at IS NULL AND s.expires_at > $2
			  AND u.status = 'active' AND u.role_key IS NOT NULL`, hash[:], at).
			Scan(&ses.ID, &ses.Org, &ses.User, &ses.Created, &ses.LastSeen, &ses.Expires, &ses.UserAgent,
				&ses.Address, &u.Org, &u.ID, &u.Email, &u.Name, &u.Role, &u.Status, &u.Locale, &id.Permissions)
		if err != nil {
			return err
		}
		if !touch || at.Sub(ses.LastSeen) < touchEvery {
			return nil
		}
		ses.LastSeen, ses.Expires = at, at.Add(directory.IdleTimeout)
		_, err = tx.Exec(ctx, `UPDATE session SET last_seen_at = $2, expires_at = $3 WHERE token_hash = $1`,
			hash[:], ses.LastSeen, ses.Expires)
		return err
	})
	return id, ses, mapped("find session", err)
}

// EndSession ends a session of the scope's actor. One that has ended already is no error.
func (db *DB) EndSession(ctx context.Context, s Scope, sessionID string, at time.Time) error {
	return mapped("end session", db.inOrg(ctx, s, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE session SET ended_at = $3
			WHERE id = $1 AND user_id = $2 AND ended_at IS NULL`, sessionID, s.Actor(), at)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		return audit(ctx, tx, s, directory.AuditEntry{Action: "session.closed", ObjectType: "session", ObjectID: sessionID})
	}))
}
