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
)

const selectInteraction = `
	SELECT i.id::text, coalesce(i.protocol, ''), i.media, i.direction, i.dialled, i.switch_node, i.phase,
		coalesce(i.flow_id::text, ''), i.flow_version, i.flow_node, i.path, coalesce(i.queue_id::text, ''), i.priority,
		coalesce(i.agent_id::text, ''), i.missed, i.started_at, i.answered_at, i.queued_at, i.talk_started_at,
		i.talk_ended_at, i.ended_at, i.since_at, i.ended_by, i.cause, i.outcome, i.recording, i.facts,
		coalesce(i.caller_leg::text, ''), coalesce(p.number, ''), coalesce(p.name, ''), coalesce(q.name, ''),
		coalesce(u.name, '')
	FROM interaction i
	LEFT JOIN interaction_party p ON p.org_id = i.org_id AND p.interaction_id = i.id AND p.role = 'caller'
	LEFT JOIN queue q ON q.org_id = i.org_id AND q.id = i.queue_id
	LEFT JOIN app_user u ON u.org_id = i.org_id AND u.id = i.agent_id`

func scanInteraction(r pgx.CollectableRow) (directory.Interaction, error) {
	var i directory.Interaction
	var path []byte
	var answered, queued, talking, talked, ended, since *time.Time
	err := r.Scan(&i.Interaction, &i.Protocol, &i.Media, &i.Direction, &i.Dialled, &i.Switch, &i.Phase,
		&i.Flow, &i.FlowVersion, &i.Node, &path, &i.Queue, &i.Priority,
		&i.Agent, &i.Missed, &i.Started, &answered, &queued, &talking,
		&talked, &ended, &since, &i.EndedBy, &i.Cause, &i.Outcome, &i.Recording, &i.Facts,
		&i.CallerLeg, &i.Caller.Number, &i.Caller.Name, &i.QueueName, &i.AgentName)
	if err != nil {
		return i, err
	}
	i.Started = i.Started.UTC()
	i.Answered, i.Queued, i.Talking = when(answered), when(queued), when(talking)
	i.TalkEnded, i.Ended, i.Since = when(talked), when(ended), when(since)
	if err := json.Unmarshal(path, &i.Path); err != nil {
		return i, fmt.Errorf("path of interaction %s: %w", i.Interaction, err)
	}
	if len(i.Path) == 0 {
		i.Path = nil
	}
	return i, nil
}

// when undoes null.
func when(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// newest is a UUID that comes after all others.
const newest = "ffffffff-ffff-ffff-ffff-ffffffffffff"

// RecentInteractions lists interactions, newest first.
func (db *DB) RecentInteractions(ctx context.Context, s Scope, f directory.InteractionFilter,
) ([]directory.Interaction, error) {
	if f.Limit == 0 {
		f.Limit = 50
	}
	if f.Limit < 1 || f.Limit > 200 || f.Before != "" && !call.ValidUUID(string(f.Before)) ||
		f.Agent != "" && !call.ValidUUID(string(f.Agent)) {
		return nil, call.Errorf(call.Invalid, "list interactions: limit 1 to 200, and IDs of interaction and agent")
	}
	if f.Before == "" {
		f.Before = newest
	}
	// Two texts rather than one with OR, so that each is a walk down an index.
	if f.Agent != "" {
		return rows(ctx, db, s, "list interactions", scanInteraction, selectInteraction+`
			WHERE i.id < $1 AND i.agent_id = $2 ORDER BY i.id DESC LIMIT $3`, string(f.Before), string(f.Agent), f.Limit)
	}
	return rows(ctx, db, s, "list interactions", scanInteraction, selectInteraction+`
		WHERE i.id < $1 ORDER BY i.id DESC LIMIT $2`, string(f.Before), f.Limit)
}

// OpenInteractions returns the state of those that have no end in the log, so that a restarted core can go on with
// them or close them.
func (db *DB) OpenInteractions(ctx context.Context, org call.OrgID) ([]call.Summary, error) {
	s, err := system(org)
	if err != nil {
		return nil, err
	}
	return rows(ctx, db, s, "list open interactions", func(r pgx.CollectableRow) (call.Summary, error) {
		i, err := scanInteraction(r)
		return i.Summary, err
	}, selectInteraction+` WHERE i.phase <> 'ended' ORDER BY i.id`)
}

// Interaction returns one interaction and its timeline, oldest fact first.
func (db *DB) Interaction(ctx context.Context, s Scope, id call.ID,
) (directory.Interaction, []directory.Moment, error) {
	var i directory.Interaction
	var timeline []directory.Moment
	if !call.ValidUUID(string(id)) {
		return i, nil, call.Errorf(call.NotFound, "there is no interaction %q", id)
	}
	err := db.inOrg(ctx, s, func(tx pgx.Tx) error {
		r, err := tx.Query(ctx, selectInteraction+` WHERE i.id = $1`, string(id))
		if err != nil {
			return err
		}
		if i, err = pgx.CollectExactlyOneRow(r, scanInteraction); err != nil {
			return err
		}
		timeline, err = collect(ctx, tx, scanMoment, `
			SELECT e.interaction_id::text, e.seq, e.at, e.kind, e.version, e.data,
				coalesce(q.name, ''), coalesce(u.name, '')
			FROM interaction_event e
			LEFT JOIN queue q ON q.org_id = e.org_id AND q.id = nullif(e.data->>'queue', '')::uuid
			LEFT JOIN app_user u ON u.org_id = e.org_id AND u.id = nullif(e.data->>'agent', '')::uuid
			WHERE e.interaction_id = $1 ORDER BY e.seq`, string(id))
		return err
	})
	return i, timeline, mapped(fmt.Sprintf("read interaction %s", id), err)
}

// Facts returns an interaction's log, so that its state can be rebuilt.
func (db *DB) Facts(ctx context.Context, org call.OrgID, id call.ID) ([]call.Fact, error) {
	s, err := system(org)
	if err != nil {
		return nil, err
	}
	return rows(ctx, db, s, fmt.Sprintf("read facts of interaction %s", id),
		func(r pgx.CollectableRow) (call.Fact, error) {
			m, err := scanMoment(r)
			return m.Fact, err
		}, `SELECT interaction_id::text, seq, at, kind, version, data, '', ''
		    FROM interaction_event WHERE interaction_id = $1 ORDER BY seq`, string(id))
}

func scanMoment(r pgx.CollectableRow) (directory.Moment, error) {
	var m directory.Moment
	var f call.Fact
	var data []byte
	if err := r.Scan(&f.Interaction, &f.Seq, &f.At, &f.Kind, &f.Version, &data, &m.QueueName, &m.AgentName); err != nil {
		return m, err
	}
	f.At = f.At.UTC()
	if err := upcast(&f, data); err != nil {
		return m, fmt.Errorf("fact %d of interaction %s: %w", f.Seq, f.Interaction, err)
	}
	m.Fact = f
	return m, nil
}

// upcast is the one place that knows how older programs wrote facts. It fills f from the stored data and leaves it in
// the present version. A version that this program does not know is an error: it must not be guessed at.
func upcast(f *call.Fact, data []byte) error {
	if f.Version != call.FactVersion {
		return fmt.Errorf("version %d of %s is not known to this program, which writes %d",
			f.Version, f.Kind, call.FactVersion)
	}
	return json.Unmarshal(data, f)
}

// AgentStates returns the last entry of each agent's log, so that a restarted core goes on where it was.
func (db *DB) AgentStates(ctx context.Context, org call.OrgID) ([]acd.Restored, error) {
	s, err := system(org)
	if err != nil {
		return nil, err
	}
	return rows(ctx, db, s, "read agent states", func(r pgx.CollectableRow) (acd.Restored, error) {
		var a acd.Restored
		var reason string
		err := r.Scan(&a.Agent, &a.State, &reason, &a.Since)
		a.Since = a.Since.UTC()
		if a.State == acd.OnBreak {
			a.Break = reason
		}
		return a, err
	}, `SELECT u.id::text, e.state, e.reason, e.at
	    FROM app_user u CROSS JOIN LATERAL (
	        SELECT state, reason, at FROM agent_event
	        WHERE org_id = u.org_id AND agent_id = u.id ORDER BY id DESC LIMIT 1) e
	    ORDER BY u.id`)
}

// Recordings lists the recordings of one interaction, oldest first.
func (db *DB) Recordings(ctx context.Context, s Scope, id call.ID) ([]directory.Recording, error) {
	if !call.ValidUUID(string(id)) {
		return nil, call.Errorf(call.NotFound, "there is no interaction %q", id)
	}
	return rows(ctx, db, s, fmt.Sprintf("list recordings of interaction %s", id),
		func(r pgx.CollectableRow) (directory.Recording, error) {
			var rec directory.Recording
			var closed *time.Time
			err := r.Scan(&rec.Interaction, &rec.Path, &rec.Started, &closed)
			rec.Started, rec.Closed = rec.Started.UTC(), when(closed)
			return rec, err
		}, `SELECT interaction_id::text, path, started_at, closed_at FROM recording
		    WHERE interaction_id = $1 ORDER BY started_at`, string(id))
}
