package conformance

import (
	"fmt"
	"regexp"
	"time"
)

// Plan says which peers meet the switch in a recording. Where they come in is read from the recording itself: agents
// listen from the start, a caller calls before its CHANNEL_CREATE, a phone registers before its event.
type Plan struct {
	Recording string            // number, as in 07a
	Title     string            // what happens
	Callers   []string          // scenario of each inbound leg in order
	Agents    map[string]string // recorded SIP port → scenario
	Registers []string          // scenario before each registration event (a try with its failure is one)
	Patience  time.Duration     // how long a silent switch is waited for; default 4 s beyond the recorded pause
}

// Plans are the recordings that acceptance line A9 names.
var Plans = []Plan{
	{Recording: "01", Title: "replies and error texts"},
	{Recording: "02", Title: "a caller is parked, hears a tone, presses digits and hangs up",
		Callers: []string{"caller_dtmf_bye"}},
	{Recording: "03", Title: "missing file, broadcast, silence, unknown application", Callers: []string{"caller_wait"}},
	{Recording: "04", Title: "queue to agent with recording, the agent hangs up", Callers: []string{"caller_wait"},
		Agents: map[string]string{"25071": "agent_bye"}},
	{Recording: "05", Title: "the caller hangs up while bridged", Callers: []string{"caller_bye"},
		Agents: map[string]string{"25072": "agent_wait"}},
	{Recording: "06", Title: "the caller hangs up while the agent rings", Callers: []string{"caller_bye"},
		Agents: map[string]string{"25073": "agent_noanswer"}},
	{Recording: "07a", Title: "busy", Agents: map[string]string{"25080": "agent_busy"}},
	{Recording: "07b", Title: "declined", Agents: map[string]string{"25081": "agent_reject"}},
	{Recording: "07c", Title: "not found", Agents: map[string]string{"25082": "agent_notfound"}},
	{Recording: "07d", Title: "unavailable", Agents: map[string]string{"25083": "agent_unavailable"}},
	{Recording: "07e", Title: "no answer", Agents: map[string]string{"25084": "agent_noanswer"}},
	{Recording: "07f", Title: "refused, not registered, unknown", Agents: map[string]string{}},
	{Recording: "13", Title: "a registered phone is called", Agents: map[string]string{"25151": "agent_wait"},
		Registers: []string{"register", "unregister"}},
	{Recording: "14", Title: "quoting and injection", Callers: []string{"caller_wait"},
		Agents: map[string]string{"25161": "agent_wait"}},
	{Recording: "15", Title: "dead man's switch", Callers: []string{"caller_wait"}},
	{Recording: "16", Title: "heartbeat and a wrong password", Registers: []string{"register_bad"},
		Patience: 25 * time.Second},
	{Recording: "19", Title: "a registered phone with api_expansion off", Agents: map[string]string{"25151": "agent_wait"},
		Registers: []string{"register", "unregister"}},
	{Recording: "20", Title: "show channels lags", Callers: []string{"caller_wait"}},
	{Recording: "22", Title: "transfer_after_bridge", Callers: []string{"caller_wait"},
		Agents: map[string]string{"25221": "agent_bye"}},
	{Recording: "23", Title: "park_after_bridge beats transfer_after_bridge", Callers: []string{"caller_wait"},
		Agents: map[string]string{"25231": "agent_bye"}},
}

// act is one thing that the replayer does: send a command or let a peer come in.
type act struct {
	item    int    // of the recording: the command, or the first event that the peer caused
	command string // as recorded; "" for a peer
	peer    string // scenario
	caller  bool   // the peer calls (it registers otherwise)
	pause   time.Duration
	need    map[string]int // events and replies that must have come, per stream of the recording
	gap     time.Duration  // recorded time since the act before
}

// acts reads from a recording what is done after what.
func (t *Table) acts(rec Conversation, plan Plan) ([]act, error) {
	var all []act
	seen := map[string]int{}
	var callers, registers int
	var last, before time.Duration
	add := func(a act, at time.Duration) {
		a.need = map[string]int{}
		for stream, n := range seen {
			a.need[stream] = n
		}
		a.gap, before = at-before, at
		all = append(all, a)
	}
	for i := range rec {
		item := &rec[i]
		switch {
		case item.Kind == Command:
			a := act{item: i, command: item.Text, pause: item.At - last}
			add(a, item.At)
			t.hold(rec, i, all[len(all)-1].need)
		case isInbound(item):
			if callers == len(plan.Callers) {
				return nil, fmt.Errorf("recording %s: caller %d has no scenario", plan.Recording, callers+1)
			}
			add(act{item: i, peer: plan.Callers[callers], caller: true}, item.At)
			callers++
		case startsRegistration(item):
			if registers == len(plan.Registers) {
				return nil, fmt.Errorf("recording %s: registration %d has no scenario", plan.Recording, registers+1)
			}
			add(act{item: i, peer: plan.Registers[registers]}, item.At)
			registers++
		}
		if item.Kind != Command && !(item.Kind == Event && t.dropsEvent(item)) {
			seen[rawStream(item)]++
		}
		last = item.At
	}
	return all, nil
}

// hold raises need by what the table makes the command at i wait for.
func (t *Table) hold(rec Conversation, i int, need map[string]int) {
	for _, row := range t.Holds {
		m := row.Command.FindStringSubmatch(rec[i].Text)
		if m == nil {
			continue
		}
		count := need[m[1]]
		for j := i + 1; j < len(rec) && rec[j].Name() != "CHANNEL_BRIDGE"; j++ {
			if rec[j].Kind != Event || rawStream(&rec[j]) != m[1] || t.dropsEvent(&rec[j]) {
				continue
			}
			count++
			if row.Until.matches(&rec[j]) {
				need[m[1]] = count
				break
			}
		}
	}
}

func isInbound(item *Item) bool {
	return item.Kind == Event && item.Get("Event-Name") == "CHANNEL_CREATE" && item.Get("Call-Direction") == "inbound"
}

func startsRegistration(item *Item) bool {
	switch item.Get("Event-Subclass") {
	case "sofia::register", "sofia::unregister", "sofia::pre_register":
		return true
	}
	return false
}

// rawStream is the stream that an item belongs to, by the UUIDs as they are.
func rawStream(item *Item) string {
	switch item.Kind {
	case Reply:
		return "replies"
	case Notice:
		return "notices"
	}
	if id := item.Get("Unique-ID"); id != "" {
		return id
	}
	if id := item.Get("Job-UUID"); id != "" {
		return id
	}
	if item.Get("Event-Name") == "CUSTOM" {
		return "registrations"
	}
	return "switch"
}

var agentPort = regexp.MustCompile(`@127\.0\.0\.1:(\d+)`)
