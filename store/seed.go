package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"ramal/acd"
	"ramal/call"
	"ramal/directory"
	"ramal/ivr"
)

// What the demonstration is called.
const (
	DemoSlug   = "demo"
	DemoNumber = call.Number("554830000000")
	demoDomain = "demo.ramal.local"
)

// DemoAccount is one user of the demonstration as its set-up must know it.
type DemoAccount struct {
	Email directory.Email
	Name  string
	Role  directory.Role
	SIP   string // "" for those without a telephone
}

// DemoAccounts lists the users that SeedDemo makes, in a fixed order.
func DemoAccounts() []DemoAccount {
	return []DemoAccount{
		{"admin@" + demoDomain, "Administração", directory.RoleAdministrator, ""},
		{"supervisor@" + demoDomain, "Sofia Kern", directory.RoleSupervisor, ""},
		{"ana@" + demoDomain, "Ana", directory.RoleAgent, "1001"},
		{"bruno@" + demoDomain, "Bruno", directory.RoleAgent, "1002"},
		{"carla@" + demoDomain, "Carla", directory.RoleAgent, "1003"},
	}
}

// Demo is what the demonstration's set-up must bring: secrets it made and keeps, and a way to render prompts.
type Demo struct {
	Hashes map[directory.Email]string // argon2id of each account's password
	HA1    map[string]directory.HA1   // by extension
	// Reset sets passwords and extension secrets even of users that exist, because whoever made them lost them.
	Reset bool
	// Render turns the prompt's text into a file below the media directory and returns the prompt with File set.
	Render func(context.Context, ivr.Prompt) (ivr.Prompt, error)

	flow *ivr.Flow // rendered, when there is none yet
}

// DemoResult says what there is after seeding.
type DemoResult struct {
	Org     call.OrgID
	Flow    call.FlowID
	Queues  map[string]call.QueueID
	Users   map[directory.Email]directory.UserID
	Created bool // the organisation was made by this call
}

// SeedDemo makes the demonstration: an organisation with users, queues, breaks, a flow and a number. It may be called
// at every start: what is there is left alone, so that what somebody changed stays changed.
func (db *DB) SeedDemo(ctx context.Context, d Demo) (DemoResult, error) {
	var out DemoResult
	org, err := db.OrgBySlug(ctx, DemoSlug)
	if call.CodeOf(err) == call.NotFound {
		out.Created = true
		org, err = db.AddOrg(ctx, "demo set-up", directory.Org{Slug: DemoSlug, Name: "Ramal Demonstração",
			Zone: "America/Sao_Paulo"})
	}
	if err != nil {
		return out, fmt.Errorf("seed demonstration: %w", err)
	}
	out.Org = org
	s, err := system(org)
	if err != nil {
		return out, err
	}
	if err := db.renderDemo(ctx, s, &d); err != nil {
		return out, fmt.Errorf("seed demonstration: %w", err)
	}
	err = db.inOrg(ctx, s, func(tx pgx.Tx) error {
		// One set-up at a time.
		if _, err := tx.Exec(ctx, `SELECT id FROM org WHERE id = ramal_org() FOR UPDATE`); err != nil {
			return err
		}
		for _, step := range []func(context.Context, pgx.Tx, Scope, Demo, *DemoResult) error{seedBreaks, seedQueues,
			seedUsers, seedFlow} {
			if err := step(ctx, tx, s, d, &out); err != nil {
				return err
			}
		}
		return nil
	})
	return out, mapped("seed demonstration", err)
}

func seedBreaks(ctx context.Context, tx pgx.Tx, _ Scope, _ Demo, _ *DemoResult) error {
	for i, b := range []directory.Break{{Name: "Lanche", Limit: 15}, {Name: "Refeição", Limit: 60}, {Name: "Banheiro"},
		{Name: "Treinamento", Productive: true}, {Name: "Reunião", Productive: true},
		{Name: "Feedback", Productive: true}, {Name: "NR-17", Limit: 10}} {
		id, err := newID()
		if err != nil {
			return err
		}
		// A reason that somebody deleted stays deleted.
		if _, err := tx.Exec(ctx, `INSERT INTO break_reason (org_id, id, name, productive, limit_minutes, position)
			SELECT ramal_org(), $1, $2, $3, $4, $5
			WHERE NOT EXISTS (SELECT FROM break_reason WHERE lower(name) = lower($2))`,
			id, b.Name, b.Productive, b.Limit, i); err != nil {
			return fmt.Errorf("break %q: %w", b.Name, err)
		}
	}
	return nil
}

func seedQueues(ctx context.Context, tx pgx.Tx, s Scope, _ Demo, out *DemoResult) error {
	out.Queues = map[string]call.QueueID{}
	for _, name := range []string{"Vendas", "Suporte"} {
		var id call.QueueID
		err := tx.QueryRow(ctx, `SELECT id::text FROM queue WHERE name = $1 ORDER BY deleted_at NULLS FIRST LIMIT 1`,
			name).Scan(&id)
		if errors.Is(err, pgx.ErrNoRows) {
			id, err = addQueue(ctx, tx, s, acd.Queue{Name: name})
		}
		if err != nil {
			return fmt.Errorf("queue %q: %w", name, err)
		}
		out.Queues[name] = id
	}
	return nil
}

func seedUsers(ctx context.Context, tx pgx.Tx, s Scope, d Demo, out *DemoResult) error {
	out.Users = map[directory.Email]directory.UserID{}
	for _, a := range DemoAccounts() {
		var id directory.UserID
		err := tx.QueryRow(ctx, `SELECT id::text FROM app_user WHERE email = $1`, a.Email).Scan(&id)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			n := NewUser{Email: a.Email, Name: a.Name, Role: a.Role, Hash: d.Hashes[a.Email], SIP: a.SIP, HA1: d.HA1[a.SIP]}
			if a.Role == directory.RoleAgent {
				n.Queues = []call.QueueID{out.Queues["Vendas"], out.Queues["Suporte"]}
			}
			id, err = addUser(ctx, tx, s, n)
		case err == nil && d.Reset:
			err = resetUser(ctx, tx, s, d, a, id)
		}
		if err != nil {
			return fmt.Errorf("user %s: %w", a.Email, err)
		}
		out.Users[a.Email] = id
	}
	return nil
}

func resetUser(ctx context.Context, tx pgx.Tx, s Scope, d Demo, a DemoAccount, id directory.UserID) error {
	if err := setPassword(ctx, tx, id, d.Hashes[a.Email]); err != nil {
		return err
	}
	if a.SIP != "" {
		if err := setExtension(ctx, tx, id, a.SIP, d.HA1[a.SIP]); err != nil {
			return err
		}
	}
	return audit(ctx, tx, s, directory.AuditEntry{Action: "user.password_set", ObjectType: "user", ObjectID: string(id),
		Detail: map[string]string{"by": "demo set-up"}})
}

func seedFlow(ctx context.Context, tx pgx.Tx, s Scope, d Demo, out *DemoResult) error {
	err := tx.QueryRow(ctx, `SELECT flow_id::text FROM phone_number WHERE number = $1`, string(DemoNumber)).
		Scan(&out.Flow)
	if err == nil || !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	if d.flow == nil {
		return call.Errorf(call.Conflict, "the number of the demonstration was removed meanwhile")
	}
	flow := *d.flow
	for key, queue := range map[string]call.QueueID{"sales": out.Queues["Vendas"], "support": out.Queues["Suporte"]} {
		n := flow.Nodes[key]
		n.Queue = queue
		flow.Nodes[key] = n
	}
	if out.Flow, err = addFlow(ctx, tx, s, flow.Name); err != nil {
		return fmt.Errorf("flow: %w", err)
	}
	if _, err := publishFlow(ctx, tx, s, out.Flow, flow); err != nil {
		return fmt.Errorf("publish flow: %w", err)
	}
	return setNumber(ctx, tx, s, ivr.Number{Number: DemoNumber, Label: "Demonstração", Flow: out.Flow})
}

// renderDemo renders the flow's prompts before the transaction begins: speech takes seconds.
func (db *DB) renderDemo(ctx context.Context, s Scope, d *Demo) error {
	var there bool
	err := db.inOrg(ctx, s, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM phone_number WHERE number = $1)`, string(DemoNumber)).
			Scan(&there)
	})
	if err != nil || there {
		return err
	}
	flow, err := DemoFlow("", "").Prompts(func(node string, p ivr.Prompt) (ivr.Prompt, error) {
		done, err := d.Render(ctx, p)
		if err != nil {
			return p, fmt.Errorf("render prompt of node %q: %w", node, err)
		}
		return done, nil
	})
	d.flow = &flow
	return err
}

// DemoFlow is the flow of the demonstration, with prompts as text.
func DemoFlow(sales, support call.QueueID) ivr.Flow {
	say := func(text string) *ivr.Prompt { return &ivr.Prompt{Text: text, Voice: "pt-BR"} }
	return ivr.Flow{
		Schema: ivr.SchemaVersion, Name: "Principal", Start: "welcome",
		Nodes: map[string]ivr.Node{
			"welcome": {Type: ivr.Message, Label: "Boas-vindas", Next: "menu",
				Prompt: say("Olá. Você ligou para a central de demonstração do Ramal. Que bom falar com você.")},
			"menu": {Type: ivr.Menu, Label: "Menu principal",
				Prompt:  say("Para falar com vendas, tecle 1. Para falar com o suporte, tecle 2."),
				Invalid: say("Esta opção não existe."),
				NoInput: say("Não recebemos a sua escolha."),
				Options: map[string]ivr.Option{
					"1": {Label: "Vendas", Next: "sales"},
					"2": {Label: "Suporte", Next: "support"},
				},
				TimeoutS: 5, Attempts: 3, Fallback: "anyone"},
			"sales":   {Type: ivr.ToQueue, Label: "Fila de vendas", Queue: sales},
			"support": {Type: ivr.ToQueue, Label: "Fila do suporte", Queue: support},
			"anyone": {Type: ivr.Message, Label: "Sem escolha", Next: "support",
				Prompt: say("Vamos passar você para a próxima pessoa livre.")},
		},
	}
}
