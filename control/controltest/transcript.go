package controltest

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"ramal/acd"
	"ramal/call"
	"ramal/control"
	"ramal/ivr"
)

// transcript is a script being played in a world.
type transcript struct {
	world  *World
	centre *control.Centre
	stop   chan struct{} // ends the present delivery of events
	out    strings.Builder
	shown  int // lines of the world that are written already
}

var (
	queueLine = regexp.MustCompile(`^queue (\w+): rings (\d+)s(?:, wrap-up (\d+)s)?$`)
	agentLine = regexp.MustCompile(`^agent (\w+) (\d+): ([\w, ]+); ` +
		`(answers after (\d+)s|rings|is busy|declines after (\d+)s)(, not registered)?$`)
	lostLine = regexp.MustCompile(`^missing: (\S+)$`)
	timeLine = regexp.MustCompile(`^(\d+):(\d\d(?:\.\d+)?) (.*)$`)
)

// recordMark begins the part of a transcript that says what was recorded.
const recordMark = "== recorded"

// RunTranscript plays the script in text and returns it with what happens under each line and, at the end, what was
// recorded. Lines that begin with two spaces, and all after the record's mark, are what happened in an earlier run
// and are not read. It must run inside a synctest bubble, whose settle function (synctest.Wait) it is given.
//
//	queue Vendas: rings 20s, wrap-up 10s
//	agent Ana 1001: Vendas; answers after 3s
//	missing: prompts/menu.wav
//	0:00 Ana goes available
//	0:01 Maria calls 554830000000
//	0:05 Maria presses 1
//	0:30 Maria hangs up
//	0:50 end
//
// The other things that can be done: "NAME takes a break REASON", "NAME goes offline", "NAME answers", "NAME
// declines", "NAME's phone registers" and "… unregisters", "NAME's phone now rings|is busy", "the link is cut", "the
// link is back", "Ramal is killed", "Ramal starts".
func RunTranscript(text string, settle func()) (string, error) {
	t := &transcript{world: NewWorld()}
	StandardFlow(t.world)
	for _, l := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		if l == recordMark {
			break
		}
		if strings.HasPrefix(l, "  ") {
			continue
		}
		if err := t.line(l, settle); err != nil {
			return "", fmt.Errorf("line %q: %w", l, err)
		}
	}
	err := t.finish(settle)
	return t.out.String(), err
}

func (t *transcript) line(l string, settle func()) error {
	m := timeLine.FindStringSubmatch(l)
	if m == nil {
		fmt.Fprintln(&t.out, l)
		if l == "" || strings.HasPrefix(l, "#") {
			return nil
		}
		return t.header(l)
	}
	if t.centre == nil {
		if err := t.startCentre(); err != nil {
			return err
		}
		settle()
	}
	minutes, _ := strconv.Atoi(m[1])
	seconds, err := strconv.ParseFloat(m[2], 64)
	if err != nil {
		return err
	}
	at := time.Duration(minutes)*time.Minute + time.Duration(seconds*float64(time.Second))
	time.Sleep(at - time.Since(t.world.start)) // virtual: the bubble's clock
	settle()
	t.show()
	fmt.Fprintln(&t.out, l)
	return t.act(m[3])
}

// show writes what the world said since the last time.
func (t *transcript) show() {
	t.world.mu.Lock()
	defer t.world.mu.Unlock()
	fresh := slices.Clone(t.world.said[t.shown:])
	slices.SortStableFunc(fresh, func(a, b line) int { return int(a.at - b.at) })
	for _, s := range fresh {
		fmt.Fprintf(&t.out, "  %s  %s\n", clock(s.at), s.text)
	}
	t.shown = len(t.world.said)
}

func clock(d time.Duration) string {
	return fmt.Sprintf("%02d:%05.2f", int(d.Minutes()), (d % time.Minute).Seconds())
}

func (t *transcript) header(l string) error {
	w := t.world
	if m := lostLine.FindStringSubmatch(l); m != nil {
		delete(w.Sounds, m[1])
		return nil
	}
	if m := queueLine.FindStringSubmatch(l); m != nil {
		ring, _ := strconv.Atoi(m[2])
		wrap, _ := strconv.Atoi(m[3])
		i := slices.IndexFunc(w.QueueList, func(q acd.Queue) bool { return q.Name == m[1] })
		if i < 0 {
			return fmt.Errorf("the flow knows the queues Vendas and Suporte")
		}
		w.QueueList[i].RingTimeout = time.Duration(ring) * time.Second
		w.QueueList[i].WrapUp = time.Duration(wrap) * time.Second
		return nil
	}
	m := agentLine.FindStringSubmatch(l)
	if m == nil {
		return fmt.Errorf("not understood")
	}
	a := acd.Agent{ID: call.AgentID("00000000-0000-7000-8000-0000000a" + m[2]), Name: m[1], Extension: m[2]}
	for _, name := range strings.Split(m[3], ", ") {
		for _, q := range w.QueueList {
			if q.Name == name {
				a.Queues = append(a.Queues, q.ID)
			}
		}
	}
	w.AgentList = append(w.AgentList, a)
	p := &Phone{Owner: m[1], Registered: m[7] == ""}
	p.Behaviour, p.After = behaviour(m[4])
	w.Phones[m[2]] = p
	return nil
}

func behaviour(s string) (Behaviour, time.Duration) {
	var n int
	switch {
	case strings.HasPrefix(s, "answers after"):
		fmt.Sscanf(s, "answers after %ds", &n)
		return Answers, time.Duration(n) * time.Second
	case strings.HasPrefix(s, "declines after"):
		fmt.Sscanf(s, "declines after %ds", &n)
		return Declines, time.Duration(n) * time.Second
	}
	return Behaviour(s), 0
}

func (t *transcript) startCentre() error {
	w := t.world
	t.centre = control.New(control.Config{Node: "world", Switch: w, Settings: w, Protocols: w, Log: w,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), NewID: w.NewID})
	if err := t.centre.Start(context.Background()); err != nil {
		return err
	}
	t.stop = make(chan struct{})
	w.Connect(t.centre.Event, t.stop)
	return nil
}

func (t *transcript) stopCentre() error {
	close(t.stop)
	t.world.mu.Lock()
	t.world.linkUp, t.world.sink = false, nil
	t.world.mu.Unlock()
	return t.centre.Stop(context.Background())
}

// numberOf gives every caller a number of their own, the same in every run.
func numberOf(who string) call.Number {
	sum := 0
	for _, r := range who {
		sum = sum*31 + int(r)
	}
	return call.Number(fmt.Sprintf("5548999%06d", sum%1_000_000))
}

func (t *transcript) act(what string) error {
	w := t.world
	switch what {
	case "end":
		return nil
	case "the link is cut":
		w.Cut()
		return nil
	case "the link is back":
		w.Mend()
		return nil
	case "Ramal is killed":
		return t.stopCentre()
	case "Ramal starts":
		return t.startCentre()
	}
	who, verb, _ := strings.Cut(what, " ")
	if name, ok := strings.CutSuffix(who, "'s"); ok {
		return t.phone(name, verb)
	}
	var did bool
	switch first, rest, _ := strings.Cut(verb, " "); {
	case first == "calls":
		w.Calls(who, numberOf(who), call.Number(rest))
		did = true
	case first == "presses":
		did = w.Presses(who, call.Digit(rest))
	case verb == "hangs up":
		did = w.HangsUp(who)
	case verb == "answers":
		did = w.AnswersNow(who)
	case verb == "declines":
		did = w.DeclinesNow(who)
	case verb == "goes available":
		return t.want(who, acd.Want{State: acd.Available})
	case verb == "goes offline":
		return t.want(who, acd.Want{State: acd.Offline})
	case strings.HasPrefix(verb, "takes a break "):
		return t.want(who, acd.Want{State: acd.OnBreak, Break: strings.TrimPrefix(verb, "takes a break ")})
	default:
		return fmt.Errorf("not understood")
	}
	if !did {
		return fmt.Errorf("%s has no call", who)
	}
	return nil
}

func (t *transcript) phone(name, verb string) error {
	i := slices.IndexFunc(t.world.AgentList, func(a acd.Agent) bool { return a.Name == name })
	if i < 0 {
		return fmt.Errorf("there is no agent %s", name)
	}
	ext := t.world.AgentList[i].Extension
	switch verb {
	case "phone registers":
		t.world.Registers(ext, true)
	case "phone unregisters":
		t.world.Registers(ext, false)
	default:
		b, ok := strings.CutPrefix(verb, "phone now ")
		if !ok {
			return fmt.Errorf("not understood")
		}
		p := t.world.Phones[ext]
		p.Behaviour, p.After = behaviour(b)
	}
	return nil
}

// want asks for an agent's state and writes down a refusal: it is part of the story.
func (t *transcript) want(name string, w acd.Want) error {
	i := slices.IndexFunc(t.world.AgentList, func(a acd.Agent) bool { return a.Name == name })
	if i < 0 {
		return fmt.Errorf("there is no agent %s", name)
	}
	w.Agent = t.world.AgentList[i].ID
	if err := t.centre.SetAgentState(context.Background(), t.world.Org, w); err != nil {
		t.world.Say("refused: %v", err)
	}
	return nil
}

func (t *transcript) finish(settle func()) error {
	settle()
	t.show()
	health := t.centre.Health()
	view, err := t.centre.Live(t.world.Org)
	if err != nil {
		return err
	}
	if err := t.stopCentre(); err != nil {
		return err
	}
	t.show()
	fmt.Fprintln(&t.out, recordMark)
	for _, p := range t.world.Stored.Parties {
		t.record(p)
	}
	for _, a := range view.Agents {
		fmt.Fprintf(&t.out, "%s is %s", a.Name, a.State)
		if a.Break != "" {
			fmt.Fprintf(&t.out, " (%s)", a.Break)
		}
		fmt.Fprintln(&t.out)
	}
	fmt.Fprintf(&t.out, "left behind: %d legs on the switch, %d calls in Ramal\n", t.world.Legs(), health.Calls)
	return nil
}

// record writes one interaction's facts and summary.
func (t *transcript) record(p control.Party) {
	var s call.Summary
	var lines []string
	for _, f := range t.world.Stored.Facts {
		if f.Fact.Interaction == p.Interaction {
			s.Apply(f.Fact)
			lines = append(lines, fmt.Sprintf("  %s  %s", clock(f.Fact.At.Sub(t.world.start)), t.factWords(f.Fact)))
		}
	}
	fmt.Fprintf(&t.out, "%s, protocol %s: %s", p.From.Name, p.Protocol, s.Phase)
	if s.Phase == call.PhaseEnded {
		fmt.Fprintf(&t.out, ", %s, by %s (%s)", s.Outcome, s.EndedBy, s.Cause)
	}
	fmt.Fprintf(&t.out, "\n%s\n", strings.Join(lines, "\n"))
}

func (t *transcript) factWords(f call.Fact) string {
	words := []string{string(f.Kind)}
	for _, q := range t.world.QueueList {
		if q.ID == f.Queue {
			words = append(words, q.Name)
		}
	}
	if f.Agent != "" {
		words = append(words, t.world.agentName(f.Agent))
	}
	for _, s := range []string{f.Node, string(f.Digit), f.Label, string(f.Cause), string(f.Outcome)} {
		if s != "" {
			words = append(words, s)
		}
	}
	if f.By != "" {
		words = append(words, "by "+string(f.By))
	}
	return strings.Join(words, " ")
}

// StandardFlow gives the world the flow of the transcripts: a welcome, then a menu with two queues.
func StandardFlow(w *World) {
	vendas, suporte := call.QueueID("00000000-0000-7000-8000-0000000000b1"),
		call.QueueID("00000000-0000-7000-8000-0000000000b2")
	w.QueueList = []acd.Queue{{ID: vendas, Name: "Vendas"}, {ID: suporte, Name: "Suporte"}}
	p := func(name string) *ivr.Prompt { return &ivr.Prompt{File: "prompts/" + name + ".wav"} }
	flow := ivr.Published{ID: "00000000-0000-7000-8000-0000000000f1", Version: 1, Flow: ivr.Flow{
		Schema: 1, Name: "Principal",
		Start: "welcome", Nodes: map[string]ivr.Node{
			"welcome": {Type: ivr.Message, Prompt: p("welcome"), Next: "menu"},
			"menu": {Type: ivr.Menu, Prompt: p("menu"), Invalid: p("invalid"), NoInput: p("no_input"), Attempts: 3,
				Options: map[string]ivr.Option{"1": {Label: "Vendas", Next: "sales"},
					"2": {Label: "Suporte", Next: "support"},
					"9": {Label: "Encerrar", Next: "bye"}}, Fallback: "support"},
			"sales":   {Type: ivr.ToQueue, Queue: vendas},
			"support": {Type: ivr.ToQueue, Queue: suporte},
			"bye":     {Type: ivr.HangUp, Prompt: p("bye")},
		}}}
	w.FlowList = []ivr.Published{flow}
	w.Lines = []ivr.Number{{Number: "554830000000", Flow: flow.ID}}
	for name, s := range map[string]Sound{"welcome": {"the welcome", 3 * time.Second},
		"menu":    {"the menu", 4 * time.Second},
		"invalid": {"«that is not an option»", time.Second}, "no_input": {"«nothing was pressed»", time.Second},
		"bye": {"a good-bye", time.Second}} { //arch:order-free fills a map
		w.Sounds["prompts/"+name+".wav"] = s
	}
	w.Sounds[control.SystemMusic] = Sound{"hold music", time.Minute}
}
