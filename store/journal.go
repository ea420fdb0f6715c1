package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"ramal/acd"
	"ramal/call"
)

// Batch is what happened since the last one, of any number of organisations.
type Batch struct {
	Facts     []InteractionFact
	Parties   []Party
	Summaries []Summary
	Agents    []AgentFact
}

// InteractionFact is one entry of an interaction's log.
type InteractionFact struct {
	Org  call.OrgID
	Fact call.Fact
}

// Party is what is known of an interaction from its first moment: who called (personal, kept apart), what was
// dialled, which switch carries it.
type Party struct {
	Org         call.OrgID
	Interaction call.ID
	Protocol    string
	Node        string // the switch that has the caller's leg
	From        call.Party
	To          call.Number
	StartedAt   time.Time
}

// Summary is the state of an interaction after some fact.
type Summary struct {
	Org     call.OrgID
	Summary call.Summary
}

// AgentFact is one entry of an agent's log. ID is a UUIDv7, so that entries sort by time.
type AgentFact struct {
	Org  call.OrgID
	ID   string
	Fact acd.AgentFact
}

// agentFactVersion is the version of the columns of agent_event that this program writes.
const agentFactVersion = 1

// Append writes a batch, one transaction for each organisation in it. It is idempotent: an event that is there already
// is left alone, and a state only ever moves forward, so that a batch whose fate is unknown can be sent again. When
// some organisation's part fails the others are written all the same; the error names each.
func (db *DB) Append(ctx context.Context, b Batch) error {
	parts, order := split(b)
	var errs []error
	for _, org := range order {
		if err := db.appendOrg(ctx, org, parts[org]); err != nil {
			errs = append(errs, fmt.Errorf("append events of organisation %s: %w", org, err))
		}
	}
	return errors.Join(errs...)
}

func split(b Batch) (map[call.OrgID]*Batch, []call.OrgID) {
	parts := map[call.OrgID]*Batch{}
	var order []call.OrgID
	of := func(org call.OrgID) *Batch {
		p := parts[org]
		if p == nil {
			p = &Batch{}
			parts[org] = p
			order = append(order, org)
		}
		return p
	}
	for _, f := range b.Facts {
		p := of(f.Org)
		p.Facts = append(p.Facts, f)
	}
	for _, x := range b.Parties {
		p := of(x.Org)
		p.Parties = append(p.Parties, x)
	}
	for _, x := range b.Summaries {
		p := of(x.Org)
		p.Summaries = append(p.Summaries, x)
	}
	for _, x := range b.Agents {
		p := of(x.Org)
		p.Agents = append(p.Agents, x)
	}
	return parts, order
}

func (db *DB) appendOrg(ctx context.Context, org call.OrgID, b *Batch) error {
	s, err := system(org)
	if err != nil {
		return err
	}
	var q pgx.Batch
	for _, queue := range []func(*pgx.Batch, *Batch) error{queueFacts, queueAgents, queueParties, queueSummaries,
		queueRecordings} {
		if err := queue(&q, b); err != nil {
			return err
		}
	}
	return db.inOrg(ctx, s, func(tx pgx.Tx) error { return tx.SendBatch(ctx, &q).Close() })
}

func queueFacts(q *pgx.Batch, b *Batch) error {
	if len(b.Facts) == 0 {
		return nil
	}
	n := len(b.Facts)
	ids, seqs, ats := make([]string, 0, n), make([]int32, 0, n), make([]time.Time, 0, n)
	kinds, versions, datas := make([]string, 0, n), make([]int16, 0, n), make([]string, 0, n)
	for _, f := range b.Facts {
		data, err := json.Marshal(storable(f.Fact))
		if err != nil {
			return fmt.Errorf("encode fact %d of interaction %s: %w", f.Fact.Seq, f.Fact.Interaction, err)
		}
		ids, seqs, ats = append(ids, string(f.Fact.Interaction)), append(seqs, int32(f.Fact.Seq)), append(ats, f.Fact.At)
		kinds, versions = append(kinds, string(f.Fact.Kind)), append(versions, int16(f.Fact.Version))
		datas = append(datas, string(data))
	}
	q.Queue(`INSERT INTO interaction_event (org_id, interaction_id, seq, at, kind, version, data)
		SELECT ramal_org(), i::uuid, s, a, k, v, d::jsonb
		FROM unnest($1::text[], $2::int[], $3::timestamptz[], $4::text[], $5::smallint[], $6::text[])
		     AS t (i, s, a, k, v, d)
		ON CONFLICT (org_id, interaction_id, seq) DO NOTHING`, ids, seqs, ats, kinds, versions, datas)
	return nil
}

func queueAgents(q *pgx.Batch, b *Batch) error {
	if len(b.Agents) == 0 {
		return nil
	}
	n := len(b.Agents)
	agents, ids, ats := make([]string, 0, n), make([]string, 0, n), make([]time.Time, 0, n)
	states, reasons := make([]string, 0, n), make([]string, 0, n)
	interactions, queues := make([]string, 0, n), make([]string, 0, n)
	for _, a := range b.Agents {
		f := a.Fact
		agents, ids, ats = append(agents, string(f.Agent)), append(ids, a.ID), append(ats, f.At)
		states, reasons = append(states, string(f.State)), append(reasons, clean(f.Reason))
		interactions, queues = append(interactions, string(f.Interaction)), append(queues, string(f.Queue))
	}
	q.Queue(`INSERT INTO agent_event (org_id, agent_id, id, at, state, version, reason, interaction_id, queue_id)
		SELECT ramal_org(), g::uuid, i::uuid, a, st, $8, r, nullif(c, '')::uuid, nullif(q, '')::uuid
		FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[])
		     AS t (g, i, a, st, r, c, q)
		ON CONFLICT (org_id, agent_id, id) DO NOTHING`,
		agents, ids, ats, states, reasons, interactions, queues, agentFactVersion)
	return nil
}

// queueParties writes the first facts about an interaction. Its row may exist already when a batch came twice.
func queueParties(q *pgx.Batch, b *Batch) error {
	for _, p := range b.Parties {
		q.Queue(`INSERT INTO interaction (org_id, id, protocol, dialled, switch_node, started_at, since_at)
			VALUES (ramal_org(), $1, nullif($2, ''), $3, $4, $5, $5)
			ON CONFLICT (org_id, id) DO UPDATE SET protocol = coalesce(interaction.protocol, excluded.protocol),
				dialled = excluded.dialled, switch_node = excluded.switch_node`,
			string(p.Interaction), p.Protocol, clean(string(p.To)), p.Node, p.StartedAt)
		// An erased person stays erased: DO NOTHING.
		q.Queue(`INSERT INTO interaction_party (org_id, interaction_id, role, number, name)
			VALUES (ramal_org(), $1, 'caller', $2, $3) ON CONFLICT (org_id, interaction_id, role) DO NOTHING`,
			string(p.Interaction), clean(string(p.From.Number)), clean(string(p.From.Name)))
	}
	return nil
}

// queueSummaries writes the newest state of each interaction in the batch.
func queueSummaries(q *pgx.Batch, b *Batch) error {
	newest := slices.Clone(b.Summaries)
	slices.SortStableFunc(newest, func(a, b Summary) int {
		return cmp.Or(cmp.Compare(a.Summary.Interaction, b.Summary.Interaction),
			cmp.Compare(b.Summary.Facts, a.Summary.Facts))
	})
	newest = slices.CompactFunc(newest, func(a, b Summary) bool {
		return a.Summary.Interaction == b.Summary.Interaction
	})
	for _, x := range newest {
		s := x.Summary
		path, err := json.Marshal(append([]call.Label{}, s.Path...))
		if err != nil {
			return fmt.Errorf("encode path of interaction %s: %w", s.Interaction, err)
		}
		q.Queue(upsertSummary, string(s.Interaction), string(s.Phase), string(s.Flow), s.FlowVersion, s.Node,
			string(path), string(s.Queue), s.Priority, string(s.Agent), s.Missed, s.Started, null(s.Answered),
			null(s.Queued), null(s.Talking), null(s.TalkEnded), null(s.Ended), null(s.Since), string(s.EndedBy),
			string(s.Cause), string(s.Outcome), s.Recording, s.Facts, string(s.CallerLeg))
	}
	return nil
}

const upsertSummary = `
	INSERT INTO interaction AS i (org_id, id, phase, flow_id, flow_version, flow_node, path, queue_id, priority,
		agent_id, missed, started_at, answered_at, queued_at, talk_started_at, talk_ended_at, ended_at, since_at,
		ended_by, cause, outcome, recording, facts, caller_leg)
	VALUES (ramal_org(), $1, $2, nullif($3, '')::uuid, $4, $5, $6, nullif($7, '')::uuid, $8, nullif($9, '')::uuid, $10,
		$11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
		nullif($23, '')::uuid)
	ON CONFLICT (org_id, id) DO UPDATE SET phase = excluded.phase, flow_id = excluded.flow_id,
		flow_version = excluded.flow_version, flow_node = excluded.flow_node, path = excluded.path,
		queue_id = excluded.queue_id, priority = excluded.priority, agent_id = excluded.agent_id,
		missed = excluded.missed, started_at = excluded.started_at, answered_at = excluded.answered_at,
		queued_at = excluded.queued_at, talk_started_at = excluded.talk_started_at,
		talk_ended_at = excluded.talk_ended_at, ended_at = excluded.ended_at, since_at = excluded.since_at,
		ended_by = excluded.ended_by, cause = excluded.cause, outcome = excluded.outcome,
		recording = excluded.recording, facts = excluded.facts, caller_leg = excluded.caller_leg
	WHERE i.facts < excluded.facts`

// queueRecordings derives the recordings from the facts about them.
func queueRecordings(q *pgx.Batch, b *Batch) error {
	for _, f := range b.Facts {
		switch f.Fact.Kind {
		case call.RecordingBegan:
			q.Queue(`INSERT INTO recording (org_id, interaction_id, path, started_at)
				VALUES (ramal_org(), $1, $2, $3) ON CONFLICT (org_id, interaction_id, path) DO NOTHING`,
				string(f.Fact.Interaction), f.Fact.Path, f.Fact.At)
		case call.RecordingClosed:
			q.Queue(`INSERT INTO recording AS r (org_id, interaction_id, path, started_at, closed_at)
				VALUES (ramal_org(), $1, $2, $3, $3) ON CONFLICT (org_id, interaction_id, path)
				DO UPDATE SET closed_at = coalesce(r.closed_at, excluded.closed_at)`,
				string(f.Fact.Interaction), f.Fact.Path, f.Fact.At)
		}
	}
	return nil
}

// storable is the fact without what PostgreSQL cannot keep in text. Only the words of a flow's author and of the
// switch stand in it.
func storable(f call.Fact) call.Fact {
	f.Node, f.Label, f.Cause, f.Path = clean(f.Node), clean(f.Label), call.Cause(clean(string(f.Cause))), clean(f.Path)
	return f
}

// maxText bounds, in bytes, what a stranger can make us keep of a number or a name.
const maxText = 256

// clean makes text of whatever a caller sent: no NUL, valid UTF-8, bounded. Without it a hostile display name would
// make PostgreSQL refuse the whole batch.
func clean(s string) string {
	if len(s) > maxText {
		s = s[:maxText]
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
}

// null makes SQL's NULL of a time that has not come.
func null(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
