package ivr

import (
	"strings"
	"testing"

	"ramal/call"
)

const good = `{"schema":1,"name":"Main","start":"hello","nodes":{
 "hello":{"type":"message","prompt":{"text":"Olá"},"next":"menu"},
 "menu":{"type":"menu","prompt":{"file":"prompts/menu.wav"},
   "options":{"1":{"label":"Sales","next":"sales"},"#":{"label":"Again","next":"menu"}},
   "timeout_s":5,"attempts":2,"fallback":"bye"},
 "sales":{"type":"queue","queue":"00000000-0000-7000-8000-0000000000b1","priority":5,"music":"music/a.wav"},
 "bye":{"type":"hangup"}}}`

func TestAGoodFlowIsRead(t *testing.T) {
	f, err := Parse([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	if f.Start != "hello" || len(f.Nodes) != 4 || f.Nodes["menu"].Options["1"].Next != "sales" ||
		f.Nodes["sales"].Priority != 5 {
		t.Errorf("%+v", f)
	}
}

// Each edit of the good flow must be refused, with the node (or the field) that is at fault in the message.
func TestABadFlowIsRefusedAndTheNodeIsNamed(t *testing.T) {
	for _, c := range []struct{ name, old, new, names string }{
		{"no JSON", `{"schema"`, `{"schema`, "flow"},
		{"two documents", `"bye":{"type":"hangup"}}}`, `"bye":{"type":"hangup"}}} {}`, "flow"},
		{"another version", `"schema":1`, `"schema":2`, "schema"},
		{"no name", `"name":"Main",`, ``, "name"},
		{"a field nobody knows", `"name":"Main"`, `"name":"Main","colour":"red"`, "colour"},
		{"start leads nowhere", `"start":"hello"`, `"start":"nobody"`, "nobody"},
		{"a key with capitals", `"bye":{`, `"Bye":{`, "Bye"},
		{"an unknown kind of node", `"type":"hangup"`, `"type":"teleport"`, "/nodes/bye"},
		{"a node without a kind", `{"type":"hangup"}`, `{}`, "/nodes/bye"},
		{"a message without a prompt", `"prompt":{"text":"Olá"},"next"`, `"next"`, "/nodes/hello"},
		{"a message that goes nowhere", `{"text":"Olá"},"next":"menu"}`, `{"text":"Olá"}}`, "/nodes/hello"},
		{"a message that leads nowhere", `"next":"menu"},`, `"next":"lost"},`, `"hello" leads to "lost"`},
		{"an option that leads nowhere", `"next":"sales"`, `"next":"lost"`, `"menu" leads to "lost"`},
		{"a fallback that leads nowhere", `"fallback":"bye"`, `"fallback":"lost"`, `"menu" leads to "lost"`},
		{"a menu without a fallback", `,"fallback":"bye"`, ``, "/nodes/menu"},
		{"a menu without options", `{"1":{"label":"Sales","next":"sales"},"#":{"label":"Again","next":"menu"}}`, `{}`,
			"/nodes/menu"},
		{"an option of two digits", `"1":{`, `"12":{`, "/nodes/menu"},
		{"an option of a letter", `"1":{`, `"A":{`, "/nodes/menu"},
		{"no attempts", `"attempts":2`, `"attempts":0`, "/nodes/menu"},
		{"too many attempts", `"attempts":2`, `"attempts":11`, "/nodes/menu"},
		{"a time-out of an hour", `"timeout_s":5`, `"timeout_s":3600`, "/nodes/menu"},
		{"a time-out in words", `"timeout_s":5`, `"timeout_s":"5"`, "/nodes/menu"},
		{"a queue that is no UUID", `00000000-0000-7000-8000-0000000000b1`, `sales`, "/nodes/sales"},
		{"a queue with a prompt", `"priority":5`, `"prompt":{"text":"x"}`, "/nodes/sales"},
		{"a priority out of range", `"priority":5`, `"priority":101`, "/nodes/sales"},
		{"music outside the folder", `music/a.wav`, `../../etc/passwd`, "/nodes/sales"},
		{"music that climbs out of the folder", `music/a.wav`, `music/../../a.wav`, "/nodes/sales"},
		{"a prompt outside the folder", `prompts/menu.wav`, `prompts/../../menu.wav`, "menu"},
		{"a prompt that is a command", `prompts/menu.wav`, `prompts/$${x}.wav`, "/nodes/menu"},
		{"an absolute prompt", `prompts/menu.wav`, `/etc/x.wav`, "/nodes/menu"},
		{"an empty text", `{"text":"Olá"}`, `{"text":""}`, "/nodes/hello"},
		{"an unknown voice", `{"text":"Olá"}`, `{"text":"Olá","voice":"de"}`, "/nodes/hello"},
		{"a node that nobody reaches", `"bye":{`, `"island":{"type":"hangup"},"bye":{`, `"island"`},
		{"a circle without an end", `"next":"sales"},"#"`, `"next":"hello"},"#"`, `"sales"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if strings.Count(good, c.old) != 1 {
				t.Fatalf("%q stands %d times in the good flow", c.old, strings.Count(good, c.old))
			}
			_, err := Parse([]byte(strings.Replace(good, c.old, c.new, 1)))
			if call.CodeOf(err) != call.Invalid {
				t.Fatalf("error %v, want one of class invalid", err)
			}
			if !strings.Contains(err.Error(), c.names) {
				t.Errorf("%q does not name %q", err, c.names)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than a line: %q", err)
			}
		})
	}
}

func TestAFlowWhosePathsGoRoundForEverIsRefused(t *testing.T) {
	f := Flow{Schema: 1, Start: "a", Nodes: map[string]Node{"a": {Type: Message, Next: "b"}, "b": {Type: Message,
		Next: "a"}}}
	if err := f.Check(); err == nil || !strings.Contains(err.Error(), `from node "a" no path comes to an end`) {
		t.Errorf("error %v", err)
	}
}

func TestPublishingVisitsEveryPromptAndLeavesTheDraftAlone(t *testing.T) {
	f, err := Parse([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	out, err := f.Prompts(func(node string, p Prompt) (Prompt, error) {
		seen = append(seen, node+":"+p.Text+p.File)
		return Prompt{File: "prompts/" + node + ".wav"}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(seen, " "); got != "hello:Olá menu:prompts/menu.wav" {
		t.Errorf("visited %s", got)
	}
	if out.Nodes["hello"].Prompt.File != "prompts/hello.wav" || f.Nodes["hello"].Prompt.File != "" {
		t.Errorf("published %+v, draft %+v", out.Nodes["hello"].Prompt, f.Nodes["hello"].Prompt)
	}
}
