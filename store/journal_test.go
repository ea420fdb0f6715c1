package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ramal/acd"
	"ramal/call"
	"ramal/directory"
	"ramal/ivr"
	"ramal/store"
)

var noon = time.Date(2026, 11, 22, 15, 0, 0, 123456000, time.UTC)

// oneCall is a whole call of the demonstration, from the first ring to the end, as control's journal writes it.
func oneCall(t testing.TB, r store.DemoResult) store.Batch {
	t.Helper()
	id := call.ID(newID(t))
	ana := r.Users["ana@demo.ramal.local"]
	sales := r.Queues["Vendas"]
	at := func(s int) time.Time { return noon.Add(time.Duration(s) * time.Second) }
	agent, offer := call.AgentID(ana), call.OfferID("o1")
	facts := []call.Fact{
		{At: at(0), Kind: call.Received, Flow: r.Flow, FlowVer: 1},
		{At: at(0), Kind: call.AnsweredBySystem},
		{At: at(0), Kind: call.FlowNode, Node: "menu"},
		{At: at(4), Kind: call.FlowOption, Node: "menu", Digit: "1", Label: "Vendas"},
		{At: at(4), Kind: call.QueueEntered, Queue: sales, Priority: 2},
		{At: at(9), Kind: call.AgentOffered, Queue: sales, Agent: agent, Offer: offer},
		{At: at(12), Kind: call.AgentAnswered, Agent: agent, Offer: offer},
		{At: at(12), Kind: call.TalkStarted, Agent: agent, Offer: offer},
		{At: at(12), Kind: call.RecordingBegan, Path: "2026/11/22/a.wav"},
		{At: at(60), Kind: call.TalkEnded, Agent: agent, Offer: offer, By: call.ByCaller},
		{At: at(60), Kind: call.RecordingClosed, Path: "2026/11/22/a.wav"},
		{At: at(61), Kind: call.Ended, By: call.ByCaller, Cause: call.NormalClearing, Outcome: call.OutcomeAnswered},
	}
	b := store.Batch{Parties: []store.Party{{Org: r.Org, Interaction: id,
		Protocol: directory.FormatProtocol("20261122", 1), Node: "local", StartedAt: at(0), To: "554830000000",
		From: call.Party{Number: "5548999990001", Name: "Rogério\x00 \xff"}}}}
	var sum call.Summary
	for i, f := range facts {
		f.Interaction, f.Seq, f.Version = id, i+1, call.FactVersion
		sum.Apply(f)
		b.Facts = append(b.Facts, store.InteractionFact{Org: r.Org, Fact: f})
		b.Summaries = append(b.Summaries, store.Summary{Org: r.Org, Summary: sum})
	}
	b.Agents = []store.AgentFact{
		{Org: r.Org, ID: newID(t), Fact: acd.AgentFact{Agent: agent, At: at(5), State: acd.Available}},
		{Org: r.Org, ID: newID(t), Fact: acd.AgentFact{Agent: agent, At: at(12), State: acd.Busy, Interaction: id,
			Queue: sales}},
	}
	return b
}

func withDemo(t *testing.T) (*store.DB, store.DemoResult, store.Scope) {
	t.Helper()
	db, _ := open(t)
	r, err := db.SeedDemo(t.Context(), demo())
	if err != nil {
		t.Fatal(err)
	}
	s, err := directory.NewScope(r.Org, directory.System)
	if err != nil {
		t.Fatal(err)
	}
	return db, r, s
}

func TestACallIsReadBackAsItWasWritten(t *testing.T) {
	db, r, s := withDemo(t)
	b := oneCall(t, r)
	if err := db.Append(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	id := b.Parties[0].Interaction
	got, timeline, err := db.Interaction(t.Context(), s, id)
	if err != nil {
		t.Fatal(err)
	}
	want := directory.Interaction{Summary: b.Summaries[len(b.Summaries)-1].Summary, Protocol: "20261122000001",
		Media: "voice", Direction: call.Inbound, Dialled: "554830000000", Switch: "local",
		Caller:    call.Party{Number: "5548999990001", Name: "Rogério \uFFFD"}, // no NUL, valid UTF-8
		QueueName: "Vendas", AgentName: "Ana"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("interaction (-want +got):\n%s", d)
	}
	if len(timeline) != len(b.Facts) {
		t.Fatalf("timeline has %d entries, want %d", len(timeline), len(b.Facts))
	}
	var rebuilt call.Summary
	for i, m := range timeline {
		if d := cmp.Diff(b.Facts[i].Fact, m.Fact); d != "" {
			t.Errorf("fact %d (-want +got):\n%s", i+1, d)
		}
		rebuilt.Apply(m.Fact)
	}
	if d := cmp.Diff(got.Summary, rebuilt); d != "" {
		t.Errorf("the state rebuilt from the log differs from the stored one:\n%s", d)
	}
	if m := timeline[5]; m.AgentName != "Ana" || m.QueueName != "Vendas" {
		t.Errorf("names of the offer: %q, %q", m.AgentName, m.QueueName)
	}
	recs, err := db.Recordings(t.Context(), s, id)
	if err != nil {
		t.Fatal(err)
	}
	wantRecs := []directory.Recording{{Interaction: id, Path: "2026/11/22/a.wav", Started: noon.Add(12 * time.Second),
		Closed: noon.Add(60 * time.Second)}}
	if d := cmp.Diff(wantRecs, recs); d != "" {
		t.Errorf("recordings (-want +got):\n%s", d)
	}
}

func TestTheSameBatchTwiceChangesNothing(t *testing.T) {
	db, r, s := withDemo(t)
	b := oneCall(t, r)
	read := func() (directory.Interaction, []directory.Moment) {
		t.Helper()
		if err := db.Append(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		i, m, err := db.Interaction(t.Context(), s, b.Parties[0].Interaction)
		if err != nil {
			t.Fatal(err)
		}
		return i, m
	}
	i1, m1 := read()
	// A repeated event with other content is not a new event.
	b.Facts[3].Fact.Label = "changed"
	i2, m2 := read()
	if d := cmp.Diff(i1, i2) + cmp.Diff(m1, m2); d != "" {
		t.Error(d)
	}
}

func TestAStateOnlyMovesForward(t *testing.T) {
	db, r, s := withDemo(t)
	b := oneCall(t, r)
	if err := db.Append(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	late := store.Batch{Summaries: b.Summaries[:5]}
	if err := db.Append(t.Context(), late); err != nil {
		t.Fatal(err)
	}
	i, _, err := db.Interaction(t.Context(), s, b.Parties[0].Interaction)
	if err != nil {
		t.Fatal(err)
	}
	if i.Phase != call.PhaseEnded || i.Facts != len(b.Facts) {
		t.Errorf("an older state overwrote a newer one: phase %s, %d facts", i.Phase, i.Facts)
	}
}

func TestABatchOfTwoOrganisationsReachesBoth(t *testing.T) {
	db, r, s := withDemo(t)
	other, otherScope := addOrg(t, db, "other")
	b, foreign := oneCall(t, r), oneCall(t, r)
	for i := range foreign.Facts {
		foreign.Facts[i].Org = other
		foreign.Summaries[i].Org = other
	}
	foreign.Parties[0].Org, foreign.Agents = other, nil
	b.Facts, b.Summaries = append(b.Facts, foreign.Facts...), append(b.Summaries, foreign.Summaries...)
	b.Parties = append(b.Parties, foreign.Parties...)
	if err := db.Append(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if _, _, err := db.Interaction(t.Context(), otherScope, foreign.Parties[0].Interaction); err != nil {
		t.Error(err)
	}
	_, _, err := db.Interaction(t.Context(), s, foreign.Parties[0].Interaction)
	wantCode(t, err, call.NotFound)
}

func TestAFaultInOneOrganisationDoesNotHoldUpAnother(t *testing.T) {
	db, r, s := withDemo(t)
	other, _ := addOrg(t, db, "other")
	b := oneCall(t, r)
	b.Facts = append([]store.InteractionFact{{Org: other, Fact: call.Fact{Interaction: "no uuid", Seq: 1, At: noon,
		Kind: call.Received, Version: 1}}}, b.Facts...)
	err := db.Append(t.Context(), b)
	wantCode(t, err, call.Invalid)
	if !strings.Contains(err.Error(), string(other)) {
		t.Errorf("the error does not name the organisation: %v", err)
	}
	if _, _, err := db.Interaction(t.Context(), s, b.Parties[0].Interaction); err != nil {
		t.Error(err)
	}
}

func TestRecentInteractionsComeNewestFirstInPages(t *testing.T) {
	db, r, s := withDemo(t)
	var ids []call.ID
	for i := range 5 {
		b := oneCall(t, r)
		b.Parties[0].Protocol = directory.FormatProtocol("20261122", i+1)
		if err := db.Append(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		ids = append([]call.ID{b.Parties[0].Interaction}, ids...)
	}
	var got []call.ID
	var before call.ID
	for {
		page, err := db.RecentInteractions(t.Context(), s, directory.InteractionFilter{Limit: 2, Before: before})
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, i := range page {
			got = append(got, i.Interaction)
		}
		before = got[len(got)-1]
	}
	if d := cmp.Diff(ids, got); d != "" {
		t.Errorf("pages (-want +got):\n%s", d)
	}
	bruno := call.AgentID(r.Users["bruno@demo.ramal.local"])
	page, err := db.RecentInteractions(t.Context(), s, directory.InteractionFilter{Agent: bruno})
	if err != nil || len(page) != 0 {
		t.Errorf("interactions of an agent without any: %d, %v", len(page), err)
	}
	_, err = db.RecentInteractions(t.Context(), s, directory.InteractionFilter{Limit: 1000})
	wantCode(t, err, call.Invalid)
}

func TestARestartedCoreFindsOpenInteractionsAndAgentStates(t *testing.T) {
	db, r, _ := withDemo(t)
	done, open := oneCall(t, r), oneCall(t, r)
	open.Parties[0].Protocol = "20261122000002"
	open.Facts, open.Summaries = open.Facts[:8], open.Summaries[:8]
	open.Agents = nil
	done.Agents = append(done.Agents, store.AgentFact{Org: r.Org, ID: newID(t), Fact: acd.AgentFact{
		Agent: done.Agents[0].Fact.Agent, At: noon.Add(62 * time.Second), State: acd.OnBreak, Reason: "Lanche"}})
	for _, b := range []store.Batch{done, open} {
		if err := db.Append(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	got, err := db.OpenInteractions(t.Context(), r.Org)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].Interaction != open.Parties[0].Interaction || got[0].Phase != call.PhaseTalking {
		t.Errorf("open interactions: %+v", got)
	}
	facts, err := db.Facts(t.Context(), r.Org, got[0].Interaction)
	if err != nil || len(facts) != 8 {
		t.Errorf("%d facts of the open interaction, %v", len(facts), err)
	}
	states, err := db.AgentStates(t.Context(), r.Org)
	if err != nil {
		t.Fatal(err)
	}
	ana := call.AgentID(r.Users["ana@demo.ramal.local"])
	want := []acd.Restored{{Agent: ana, State: acd.OnBreak, Break: "Lanche", Since: noon.Add(62 * time.Second)}}
	if d := cmp.Diff(want, states); d != "" {
		t.Errorf("last state of each agent (-want +got):\n%s", d)
	}
}

func TestProtocolNumbersAreNeverGivenTwice(t *testing.T) {
	db, _ := open(t)
	org, _ := addOrg(t, db, "one")
	other, _ := addOrg(t, db, "two")
	type got struct {
		first int
		err   error
	}
	results := make(chan got)
	for range 20 {
		go func() {
			first, err := db.ReserveProtocols(t.Context(), org, "20261122", 10)
			results <- got{first, err}
		}()
	}
	seen := map[int]bool{}
	for range 20 {
		g := <-results
		if g.err != nil {
			t.Fatal(g.err)
		}
		for n := g.first; n < g.first+10; n++ {
			if seen[n] || n < 1 || n > 200 {
				t.Errorf("number %d was given twice or is out of the row", n)
			}
			seen[n] = true
		}
	}
	for _, c := range []struct {
		org call.OrgID
		day string
	}{{org, "20261123"}, {other, "20261122"}} {
		if first, err := db.ReserveProtocols(t.Context(), c.org, c.day, 1); err != nil || first != 1 {
			t.Errorf("first number of %s: %d, %v", c.day, first, err)
		}
	}
	_, err := db.ReserveProtocols(t.Context(), org, "2026-11-22", 1)
	wantCode(t, err, call.Invalid)
}

func TestAFlowIsPublishedOnlyWholeAndRenderedAndEachTimeAnew(t *testing.T) {
	db, r, s := withDemo(t)
	flow := store.DemoFlow(r.Queues["Vendas"], r.Queues["Suporte"])
	_, err := db.PublishFlow(t.Context(), s, r.Flow, flow) // prompts are texts only
	wantCode(t, err, call.Invalid)
	rendered, err := flow.Prompts(func(_ string, p ivr.Prompt) (ivr.Prompt, error) {
		p.File = "prompts/other.wav"
		return p, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	for range 4 {
		go func() {
			_, err := db.PublishFlow(t.Context(), s, r.Flow, rendered)
			done <- err
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	flows, err := db.Flows(t.Context(), r.Org)
	if err != nil || len(flows) != 1 || flows[0].Version != 5 ||
		flows[0].Flow.Nodes["menu"].Prompt.File != "prompts/other.wav" {
		t.Errorf("flows after four more versions: %+v, %v", flows, err)
	}
	rendered.Start = "nowhere"
	_, err = db.PublishFlow(t.Context(), s, r.Flow, rendered)
	wantCode(t, err, call.Invalid)
}

func TestTheDemonstrationIsSeededOnceAndReadByTheCore(t *testing.T) {
	db, r, _ := withDemo(t)
	again, err := db.SeedDemo(t.Context(), demo())
	if err != nil {
		t.Fatal(err)
	}
	if !r.Created || again.Created {
		t.Errorf("created: %v, then %v", r.Created, again.Created)
	}
	if d := cmp.Diff(r, again, cmpopts.IgnoreFields(store.DemoResult{}, "Created")); d != "" {
		t.Errorf("the second seeding differs:\n%s", d)
	}
	agents, err := db.Agents(t.Context(), r.Org)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, a := range agents {
		names = append(names, a.Extension+" "+a.Name)
		if len(a.Queues) != 2 {
			t.Errorf("%s serves %d queues", a.Name, len(a.Queues))
		}
	}
	if d := cmp.Diff([]string{"1001 Ana", "1002 Bruno", "1003 Carla"}, names); d != "" {
		t.Error(d)
	}
	flows, err := db.Flows(t.Context(), r.Org)
	if err != nil || len(flows) != 1 || flows[0].Version != 1 || flows[0].Flow.Check() != nil {
		t.Fatalf("flows: %+v, %v", flows, err)
	}
	numbers, err := db.Numbers(t.Context(), r.Org)
	if err != nil || len(numbers) != 1 || numbers[0].Number != "554830000000" ||
		numbers[0].Flow != flows[0].ID {
		t.Errorf("numbers: %+v, %v", numbers, err)
	}
	queues, err := db.Queues(t.Context(), r.Org)
	if err != nil || len(queues) != 2 || queues[0].Name != "Suporte" || queues[0].RingTimeout != 20*time.Second {
		t.Errorf("queues: %+v, %v", queues, err)
	}
	ext, err := db.AllExtensions(t.Context())
	if err != nil || len(ext) != 3 || ext[0].HA1 != directory.NewHA1("1001", "ramal", "secret") {
		t.Errorf("extensions: %d, %v", len(ext), err)
	}
	breaks, err := db.Breaks(t.Context(), r.Org)
	if err != nil || len(breaks) != 7 {
		t.Errorf("breaks: %d, %v", len(breaks), err)
	}
	if zone, err := db.Zone(t.Context(), r.Org); err != nil || zone.String() != "America/Sao_Paulo" {
		t.Errorf("zone: %v, %v", zone, err)
	}
	if orgs, err := db.Orgs(t.Context()); err != nil || len(orgs) != 1 || orgs[0] != r.Org {
		t.Errorf("organisations: %v, %v", orgs, err)
	}
}
