package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"ramal/directory"
)

// account is how login_attempt names an address without holding it.
func account(e directory.Email) []byte {
	h := sha256.Sum256([]byte(e))
	return h[:]
}

// BeginSignIn counts an attempt before the password is looked at, so that concurrent guesses cannot pass the limit,
// and finds the account. A locked account or address gets no further. An unknown address is locked like a known one.
func (db *DB) BeginSignIn(ctx context.Context, email directory.Email, address string, at time.Time,
) (directory.SignInStart, error) {
	var out directory.SignInStart
	err := db.onPlatform(ctx, forSignIn, func(tx pgx.Tx) error {
		until, err := lockedUntil(ctx, tx, email, address, at)
		if err != nil || !until.IsZero() {
			out.Locked = until
			return err
		}
		if err := attempt(ctx, tx, email, address, at, "started"); err != nil {
			return err
		}
		u := &out.Creds.User
		err = tx.QueryRow(ctx, `SELECT u.org_id::text, u.id::text, u.email, u.name, u.role_key, u.status, u.locale, p.hash
			FROM app_user u JOIN user_password p ON p.org_id = u.org_id AND p.user_id = u.id
			WHERE u.email = $1 AND u.status = 'active' AND u.role_key IS NOT NULL`, string(email)).
			Scan(&u.Org, &u.ID, &u.Email, &u.Name, &u.Role, &u.Status, &u.Locale, &out.Creds.Hash)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		out.Found = err == nil
		return err
	})
	return out, mapped("begin sign-in", err)
}

// lockedUntil takes the account's lock for the transaction and says until when sign-in is refused; zero: it is not.
func lockedUntil(ctx context.Context, tx pgx.Tx, email directory.Email, address string, at time.Time,
) (time.Time, error) {
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('ramal.login.' || encode($1, 'hex'), 0))`,
		account(email)); err != nil {
		return time.Time{}, err
	}
	var byAccount, pending, byAddress *time.Time
	from := at.Add(-directory.LockTime)
	err := tx.QueryRow(ctx, `
		SELECT (SELECT max(at) FROM login_attempt WHERE account = $1 AND at > $3 AND outcome = 'locked'),
		       (SELECT min(at) FROM (SELECT at FROM login_attempt
		            WHERE account = $1 AND at > $3 AND outcome = 'started' AND id > `+lastVerdict+`
		            ORDER BY id DESC LIMIT $4) s HAVING count(*) >= $4),
		       (SELECT at FROM login_attempt WHERE address = $2 AND at > $3 AND outcome = 'failed'
		            ORDER BY at DESC OFFSET $5 LIMIT 1)`,
		account(email), address, from, directory.MaxFailures, directory.MaxAddressFailures-1).
		Scan(&byAccount, &pending, &byAddress)
	if err != nil {
		return time.Time{}, err
	}
	var until time.Time
	for _, t := range []*time.Time{byAccount, pending, byAddress} {
		if t != nil && t.Add(directory.LockTime).After(until) {
			until = t.Add(directory.LockTime).UTC()
		}
	}
	return until, nil
}

// lastVerdict is the ID of the account's last attempt that ended the counting of failures.
const lastVerdict = `coalesce((SELECT max(id) FROM login_attempt
	WHERE account = $1 AND outcome IN ('succeeded', 'locked')), 0)`

func attempt(ctx context.Context, tx pgx.Tx, email directory.Email, address string, at time.Time, outcome string,
) error {
	_, err := tx.Exec(ctx, `INSERT INTO login_attempt (account, address, at, outcome) VALUES ($1, $2, $3, $4)`,
		account(email), address, at, outcome)
	return err
}

// FailSignIn records that the password was wrong or the address unknown. The last failure allowed locks the account:
// then until says for how long. With a known user it stands in the organisation's audit log.
func (db *DB) FailSignIn(ctx context.Context, start directory.SignInStart, email directory.Email, address string,
	at time.Time) (until time.Time, err error) {
	err = db.onPlatform(ctx, forSignIn, func(tx pgx.Tx) error {
		if _, err := lockedUntil(ctx, tx, email, address, at); err != nil { // for its lock
			return err
		}
		if err := attempt(ctx, tx, email, address, at, "failed"); err != nil {
			return err
		}
		var started int
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM login_attempt
			WHERE account = $1 AND at > $2 AND outcome = 'started' AND id > `+lastVerdict,
			account(email), at.Add(-directory.LockTime)).Scan(&started); err != nil {
			return err
		}
		if started < directory.MaxFailures {
			return nil
		}
		until = at.Add(directory.LockTime)
		return attempt(ctx, tx, email, address, at, "locked")
	})
	if err != nil {
		return time.Time{}, mapped("record failed sign-in", err)
	}
	if !start.Found {
		return until, nil
	}
	u := start.Creds.User
	s, err := system(u.Org)
	if err != nil {
		return until, err
	}
	action := "session.refused"
	if !until.IsZero() {
		action = "session.locked"
	}
	return until, db.Audit(ctx, s, directory.AuditEntry{Action: action, ObjectType: "user", ObjectID: string(u.ID)})
}

// OpenSession records a successful sign-in and its session. Only the hash of the token's secret is kept.
func (db *DB) OpenSession(ctx context.Context, user directory.User, hash [32]byte, ses directory.Session) error {
	s, err := directory.NewScope(user.Org, string(user.ID))
	if err != nil {
		return err
	}
	err = db.onPlatform(ctx, forSignIn, func(tx pgx.Tx) error {
		return attempt(ctx, tx, user.Email, ses.Address, ses.Created, "succeeded")
	})
	if err != nil {
		return mapped("record sign-in", err)
	}
	err = db.inOrg(ctx, s, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO session (org_id, token_hash, id, user_id, created_at, last_seen_at, expires_at,
				user_agent, address) VALUES (ramal_org(), $1, $2, $3, $4, $4, $5, $6, $7)`,
			hash[:], ses.ID, string(user.ID), ses.Created, ses.Expires, clean(ses.UserAgent), clean(ses.Address))
		if err != nil {
			return err
		}
		return audit(ctx, tx, s, directory.AuditEntry{Action: "session.opened", ObjectType: "session", ObjectID: ses.ID})
	})
	return mapped(fmt.Sprintf("open session of user %s", user.ID), err)
}
