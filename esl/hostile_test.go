package esl

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ramal/call"
)

// tried is one hostile text at one place, and what the model understood.
type entry struct {
	name  string
	build func(text string) call.Command
	want  func(text string) []string // what the switch must understand when the command is built at all
}

const noise = "5548999990001"

func wantDial(vars map[string]string, endpoint string) []string {
	all := map[string]string{"origination_uuid": string(legA), "originate_timeout": "15", "ignore_early_media": "true",
		"playback_terminators": "none"}
	maps.Copy(all, vars)
	out := []string{"bgapi originate job " + string(legA), "endpoint " + endpoint, "then &park()"}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out = append(out, fmt.Sprintf("var %s=%q", name, all[name]))
	}
	return out
}

func only1(line string) func(string) []string { return func(string) []string { return []string{line} } }

// entries are all places of all commands that take a text; what a caller, a file, an administrator or a bug could
// put there.
var entries = []entry{
	{"leg of Answer", func(s string) call.Command { return call.Answer{Leg: call.LegID(s)} },
		func(s string) []string { return []string{"execute " + s + " answer "} }},
	{"leg of HangUp", func(s string) call.Command { return call.HangUp{Leg: call.LegID(s), Cause: call.UserBusy} },
		func(s string) []string { return []string{`api uuid_kill ["` + s + `" "USER_BUSY"]`} }},
	{"leg of Bridge", func(s string) call.Command { return call.Bridge{A: legA, B: call.LegID(s)} },
		func(s string) []string { return []string{`api uuid_bridge ["` + string(legA) + `" "` + s + `"]`} }},
	{"leg of ArmFallback", func(s string) call.Command {
		return call.ArmFallback{Leg: call.LegID(s), After: 5 * time.Second}
	}, func(s string) []string {
		return []string{`api sched_del ["` + s + `"]`,
			`api sched_transfer ["+5" "` + s + `" "ramal_fallback" "XML" "ramal"]`}
	}},
	{"cause", func(s string) call.Command { return call.HangUp{Leg: legA, Cause: call.Cause(s)} },
		func(s string) []string { return []string{`api uuid_kill ["` + string(legA) + `" "` + s + `"]`} }},
	{"file of Play", func(s string) call.Command { return call.Play{Leg: legA, Sound: call.Sound{File: s}} },
		func(s string) []string { return []string{"execute " + string(legA) + " playback /var/media/" + s} }},
	{"file of PlayLoop", func(s string) call.Command { return call.PlayLoop{Leg: legA, Sound: call.Sound{File: s}} },
		func(s string) []string {
			return []string{"execute " + string(legA) + " endless_playback /var/media/" + s}
		}},
	{"tone", func(s string) call.Command { return call.Play{Leg: legA, Sound: call.Sound{Tone: call.Tone(s)}} },
		only1("execute " + string(legA) + " playback tone_stream://%(300,0,800)")},
	{"recording", func(s string) call.Command { return call.StopRecording{Leg: legA, Path: s} },
		func(s string) []string {
			return []string{`api uuid_record ["` + string(legA) + `" "stop" "/var/recordings/` + s + `"]`}
		}},
	{"extension", func(s string) call.Command { return dialTo(call.Endpoint{Extension: s}, noise, "", nil) },
		func(s string) []string { return wantDial(shown(noise), "sofia/internal/"+s+"%ramal") }},
	{"number dialled", func(s string) call.Command {
		return dialTo(call.Endpoint{External: call.External{Number: call.Number(s), Trunk: "192.0.2.1:5060"}},
			noise, "", nil)
	}, func(s string) []string { return wantDial(shown(noise), "sofia/external/"+s+"@192.0.2.1:5060") }},
	{"trunk", func(s string) call.Command {
		return dialTo(call.Endpoint{External: call.External{Number: "190", Trunk: s + ":5060"}}, noise, "", nil)
	}, func(s string) []string { return wantDial(shown(noise), "sofia/external/190@"+s+":5060") }},
	{"caller's number", func(s string) call.Command { return dialTo(toAgent, s, "", nil) },
		func(s string) []string {
			if !call.Number(s).Valid() {
				return wantDial(nil, "sofia/internal/1001%ramal") // left out, the call goes on
			}
			return wantDial(shown(s), "sofia/internal/1001%ramal")
		}},
	{"caller's name", func(s string) call.Command { return dialTo(toAgent, noise, s, nil) },
		func(string) []string { return wantDial(shown(noise), "sofia/internal/1001%ramal") }},
	{"variable of Dial", func(s string) call.Command { return dialTo(toAgent, noise, "", call.Vars{"ramal_x": s}) },
		func(s string) []string {
			vars := shown(noise)
			if vars["ramal_x"] = s; s == "" {
				delete(vars, "ramal_x") // to the switch an empty variable is none
			}
			return wantDial(vars, "sofia/internal/1001%ramal")
		}},
	{"variable's name", func(s string) call.Command {
		return dialTo(toAgent, noise, "", call.Vars{"ramal_" + s: "1"})
	}, func(s string) []string {
		vars := shown(noise)
		vars["ramal_"+s] = "1"
		return wantDial(vars, "sofia/internal/1001%ramal")
	}},
	{"variable of SetVars", func(s string) call.Command {
		return call.SetVars{Leg: legA, Vars: call.Vars{"ramal_a": s, "ramal_b": "2"}, HoldAfterBridge: true}
	}, func(s string) []string {
		return []string{fmt.Sprintf(`setvar %s [%q %q "transfer_after_bridge=ramal_hold:XML:ramal"]`, legA,
			"ramal_a="+s, "ramal_b=2")}
	}},
	{"name in SetVars", func(s string) call.Command {
		return call.SetVars{Leg: legA,
			Vars: call.Vars{"ramal_" + s: "1"}}
	},
		func(s string) []string { return []string{fmt.Sprintf(`setvar %s [%q]`, legA, "ramal_"+s+"=1")} }},
}

var toAgent = call.Endpoint{Extension: "1001"}

func dialTo(to call.Endpoint, number, name string, vars call.Vars) call.Dial {
	return call.Dial{Leg: legA, To: to, CallerID: call.Party{Number: call.Number(number), Name: call.Name(name)},
		Timeout: 15 * time.Second, Vars: vars}
}

func shown(number string) map[string]string {
	return map[string]string{"origination_caller_id_number": number, "origination_caller_id_name": number}
}

// understood tells what the model makes of messages, one line per fact.
func understood(messages []message) (facts []string, err error) {
	stream := ""
	for _, m := range messages {
		stream += m.text
	}
	packets, rest := readPackets(stream)
	if rest != "" || len(packets) != len(messages) {
		return nil, fmt.Errorf("%d commands and %q left of %d messages", len(packets), rest, len(messages))
	}
	for _, p := range packets {
		verb, line, _ := strings.Cut(p.command, " ")
		switch verb {
		case "sendmsg":
			allowed := []string{"call-command", "event-lock", "execute-app-arg", "execute-app-name", "loops"}
			for name := range p.headers {
				if !slices.Contains(allowed, name) {
					return nil, fmt.Errorf("header %q", name)
				}
			}
			arg := p.headers["execute-app-arg"]
			if p.headers["call-command"] != "execute" || p.headers["loops"] != "1" || expands(arg) || p.body != "" {
				return nil, fmt.Errorf("execute %q with %q", p.headers, p.body)
			}
			facts = append(facts, "execute "+line+" "+p.headers["execute-app-name"]+" "+arg)
		case "bgapi":
			if len(p.headers) != 1 || !strings.HasPrefix(line, "originate ") {
				return nil, fmt.Errorf("background %q %q", line, p.headers)
			}
			done := originate(strings.TrimPrefix(line, "originate "))
			if done.broken != "" || done.doubled || len(done.endpoints) != 1 {
				return nil, fmt.Errorf("originate %+v", done)
			}
			facts = append(facts, "bgapi originate job "+p.headers["job-uuid"], "endpoint "+done.endpoints[0],
				"then "+done.dest)
			for _, name := range slices.Sorted(maps.Keys(done.vars)) {
				value := done.vars[name]
				if expands(value) {
					return nil, fmt.Errorf("variable %s expands: %q", name, value)
				}
				if strings.HasPrefix(name, "ramal_") {
					value = decodeValue(value)
				}
				facts = append(facts, fmt.Sprintf("var %s=%q", name, value))
			}
		case "api":
			if len(p.headers) != 0 {
				return nil, fmt.Errorf("api with headers %q", p.headers)
			}
			name, args, _ := strings.Cut(line, " ")
			if name == "uuid_setvar_multi" {
				leg, pairs, _ := strings.Cut(args, " ")
				all := separate(pairs, ';', 64)
				for i := range all {
					all[i] = decodeValue(all[i])
				}
				facts = append(facts, fmt.Sprintf("setvar %s %q", leg, all))
				continue
			}
			facts = append(facts, fmt.Sprintf("api %s %q", name, separate(args, ' ', 10)))
		default:
			return nil, fmt.Errorf("command %q", p.command)
		}
	}
	return facts, nil
}

// check builds a command with text at one place: it is either refused or understood exactly as meant.
func check(t *testing.T, e entry, text string) (built bool) {
	t.Helper()
	messages, err := testVocabulary().build(e.build(text))
	if err != nil {
		if len(messages) != 0 {
			t.Errorf("%s %q: refused, but %d messages were handed out", e.name, text, len(messages))
		}
		return false
	}
	got, err := understood(messages)
	if err != nil {
		t.Errorf("%s %q: %v\n%s", e.name, text, err, messages[0].text)
		return true
	}
	if diff := cmp.Diff(e.want(text), got); diff != "" {
		t.Errorf("%s %q (-meant +understood)\n%s", e.name, text, diff)
	}
	return true
}

// hostileTexts are those of recording 14 and of the advisories, each alone and around something harmless.
func hostileTexts() []string {
	cores := []string{
		"Maria Silva", "'Maria, Silva'", `'Maria\, O\'Neil'`, "a}sofia/external/9@127.0.0.1",
		"'a}sofia/external/9@127.0.0.1'",
		"^^:origination_caller_id_name=x:y=z", "${core_uuid}", "evil2=${core_uuid}", "multi=a\\nb", "a=1;b=x;y=2",
		"\n\napi system touch /tmp/pwned\n\n", "\r\n\r\napi fsctl shutdown\r\n\r\n", "\napi status", "\r", "\n",
		"\x00", "a\x00b",
		"${system touch /tmp/pwned}", "${system(touch /tmp/pwned)}", "$${base_dir}", "$$", "%[x]", "{", "}", "[",
		"]", "<", ">", "{}",
		"[a=b]", "<a=b>", ",", ",sofia/external/9@192.0.2.9", "|", "|sofia/external/9@192.0.2.9", ":_:",
		":_:sofia/external/9@192.0.2.9",
		"^^", "^^;a=b", "'", "''", `"`, `""`, `\`, `\\`, `\'`, `\n`, `\s`, ";", "=", "&",
		"&system(touch /tmp/pwned)", "(", ")", "()", " ", "  ",
		"\t", "a b", "a  b", " a", "a ", "../../etc/passwd", "..", ".", "./a", "a/../../b", "/etc/passwd", "//",
		"a//b", "~root",
		"http_cache://192.0.2.9/x.wav", "tone_stream://%(1,1,1)", "say:hello", "file_string://a!b",
		"shout://192.0.2.9/a", "vlc://x",
		"a!b", "a@@b", "{loops=9}a.wav", "a.wav@@8000", "-start", "--", "sip:9@192.0.2.9", "9@192.0.2.9", "1001%25",
		"%", "%0A", "%0d%0a",
		"%7D", "1001%evil", "1001/../9", "9;fs_path=sip:192.0.2.9", "Ｍaria", "José", "\u202egnp.exe", "\u0085",
		"\u2028", "\xff\xfe", "é}",
		"undef", "_undef_", "Content-Length: 5", "\nContent-Length: 99999999\n\n", "\nevent plain all\n\n",
		"\nexit\n\n", "\nJob-UUID: x", "1'2",
		"ramal_b=3", "a,origination_uuid=22222222-2222-4222-8222-222222222222", "' ", " '", "'a b",
		"11111111-1111-4111-8111-11111111111}",
		string(legB) + "\n", string(legB) + " all", strings.Repeat("9", 33), strings.Repeat("a",
			600), strings.Repeat("{", 300),
		strings.Repeat("../", 50),
	}
	var all []string
	for _, c := range cores {
		all = append(all, c, "1001"+c, c+"1001", "a"+c+"z", "'"+c+"'")
	}
	return all
}

func TestA7_NothingThatStrangersControlChangesACommandOfTheSwitch(t *testing.T) {
	texts := hostileTexts()
	if len(texts) < 500 {
		t.Errorf("only %d hostile texts", len(texts))
	}
	built := map[string]int{}
	for _, e := range entries {
		for _, text := range texts {
			if check(t, e, text) {
				built[e.name]++
			}
		}
	}
	// What must be refused outright was never built; what is left out or encoded was.
	for _, name := range []string{"leg of Answer", "leg of HangUp", "leg of Bridge", "leg of ArmFallback"} {
		if built[name] != 0 {
			t.Errorf("%s: %d hostile texts were built", name, built[name])
		}
	}
	if built["caller's name"] != len(texts) || built["caller's number"] != len(texts) {
		t.Error("a hostile caller id stopped a call")
	}
	if built["variable of Dial"] < 300 {
		t.Errorf("only %d texts survive as a variable's value", built["variable of Dial"])
	}
}

func TestA7_HarmlessValuesAreBuiltAtEveryPlace(t *testing.T) {
	harmless := map[string]string{
		"cause": "NO_ANSWER", "file of Play": "prompts/0a1b.wav", "file of PlayLoop": "system/hold1.wav",
		"tone":      string(call.Beep),
		"recording": "2026/11/22/a-b.wav", "extension": "1001", "number dialled": "+554830000000",
		"trunk":           "sip.example.com",
		"caller's number": "*9#", "caller's name": "José da Silva", "variable of Dial": "a, b; c",
		"variable's name":     "call",
		"variable of SetVars": "São José {1}", "name in SetVars": "queue",
	}
	for _, e := range entries {
		text, ok := harmless[e.name]
		if !ok {
			text = string(legB)
		}
		if !check(t, e, text) {
			t.Errorf("%s: %q is refused", e.name, text)
		}
	}
}

func TestA7_TheModelReadsRecordingFourteenAsTheSwitchDid(t *testing.T) {
	// An unquoted blank ends the dial string.
	if p := originate("{origination_uuid=u,n=Maria Silva}sofia/external/1001@127.0.0.1:25161 &park()"); p.broken == "" {
		t.Errorf("blank: %+v", p)
	}
	// Quotes protect the comma ...
	p := originate(`{origination_uuid=u,n='Maria\, O\'Neil'}sofia/external/1001@127.0.0.1 &park()`)
	if p.broken != "" || len(p.endpoints) != 1 || p.endpoints[0] != "sofia/external/1001@127.0.0.1" {
		t.Errorf("quotes: %+v", p)
	}
	// ... and not the brace: the switch dialled 9.
	p = originate("{origination_uuid=u,n='a}sofia/external/9@127.0.0.1'}sofia/external/1001@127.0.0.1 &park()")
	if p.broken != "" || len(p.endpoints) == 0 || !strings.HasPrefix(p.endpoints[0], "sofia/external/9@127.0.0.1") {
		t.Errorf("brace: %+v", p)
	}
	// A blank line ends the command, the rest is a second one.
	packets, _ := readPackets("api uuid_kill x\n\napi system y\n\nsendmsg u\nContent-Length: 4\n\na\n\nbapi z\n\n")
	if len(packets) != 4 || packets[1].command != "api system y" || packets[2].body != "a\n\nb" {
		t.Errorf("packets: %q", packets)
	}
	if got := separate("a=1;b='x;y';c=3", ';', 64); len(got) != 3 || got[1] != "b=x;y" {
		t.Errorf("setvar_multi: %q", got)
	}
	if !expands("x${y}") || !expands(`a\nb`) || expands("%(300,0,800)") {
		t.Error("expansion")
	}
}

func FuzzA7_ACommandIsRefusedOrUnderstoodAsMeant(f *testing.F) {
	for i, text := range hostileTexts() {
		f.Add(uint(i), text)
	}
	f.Fuzz(func(t *testing.T, place uint, text string) {
		check(t, entries[place%uint(len(entries))], text)
	})
}
