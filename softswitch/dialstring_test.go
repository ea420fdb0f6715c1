package softswitch

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func vars(pairs ...string) []variable {
	var out []variable
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, variable{pairs[i], pairs[i+1]})
	}
	return out
}

// The dial strings of recording 14, with what FreeSWITCH made of them.
func TestDialStringsOfRecording14AreReadAsFreeSWITCHReadsThem(t *testing.T) {
	const to = "sofia/external/1001@127.0.0.1:25161"
	cases := []struct {
		name, arg string
		endpoint  string
		vars      []variable
		err       error
	}{
		{"an unquoted space ends the string", "{a=1,name=Maria Silva}" + to + " &park()", "", nil, errDialString},
		{
			"the quotes go before the comma is looked at", "{a=1,name='Maria, Silva'}" + to + " &park()", to,
			vars("a", "1", "name", "Maria"), nil,
		},
		{
			"escaped comma and quote", `{a=1,name='Maria\, O\'Neil'}` + to + " &park()", to,
			vars("a", "1", "name", "Maria, O'Neil"), nil,
		},
		{
			"a brace inside quotes ends the variables", "{a=1,name='a}sofia/external/9@127.0.0.1'}" + to + " &park()",
			"sofia/external/9@127.0.0.1}" + to, vars("a", "1", "name", "a"), nil,
		},
		{
			"a delimiter of one's own works on one pair only", "{a=1,^^:name=x:y=z}" + to + " &park()", to,
			vars("a", "1", "name=x", "y=z"), nil,
		},
		{"a delimiter of one's own first", "{^^:a=1:b=2,3}" + to + " &park()", to, vars("a", "1", "b", "2,3"), nil},
		{"several blocks", "{a=1}{b=2}" + to + " &park()", to, vars("a", "1", "b", "2"), nil},
		{"variables of one leg", "{a=1}[b=2]" + to + " &park()", to, vars("a", "1", "b", "2"), nil},
		{"nested braces", "{a={b}}" + to + " &park()", to, vars("a", "{b}"), nil},
		{"nothing to dial (07f)", "{a=1} &park()", "", nil, errDialString},
		{"no end", "{a=1 &park()", "", nil, errDialString},
		{"one word", to, "", nil, errUsage},
		{"eight words", to + " 1 2 3 4 5 6 7", "", nil, errUsage},
		{"nothing", "", "", nil, errUsage},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := parseOriginate(c.arg)
			if !errors.Is(err, c.err) {
				t.Fatalf("error %v, want %v", err, c.err)
			}
			if err != nil {
				return
			}
			if got.endpoint != c.endpoint || got.app != "park" || got.arg != "" {
				t.Errorf("endpoint %q, application %q(%q)", got.endpoint, got.app, got.arg)
			}
			if diff := cmp.Diff(c.vars, got.vars, cmp.AllowUnexported(variable{}), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("variables (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnOriginateMayNameAnExtensionAndATimeout(t *testing.T) {
	got, err := parseOriginate("sofia/external/1@h 9664 XML public undef 4711 20")
	want := originateCommand{
		endpoint: "sofia/external/1@h", exten: "9664", dialplan: "XML", context: "public", cidNum: "4711", timeout: 20,
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(originateCommand{}, variable{})); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// Every originate of the recordings that FreeSWITCH accepted is read.
func TestEveryOriginateOfTheRecordingsIsRead(t *testing.T) {
	files, err := filepath.Glob("../testdata/esl/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	count := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			arg, ok := strings.CutPrefix(line, "bgapi originate ")
			if !ok || strings.Contains(arg, "name=Maria Silva") || strings.Contains(arg, "} &park") {
				continue
			}
			count++
			if got, err := parseOriginate(strings.TrimSpace(arg)); err != nil || got.endpoint == "" {
				t.Errorf("%s: %q: %v", filepath.Base(file), arg, err)
			}
		}
	}
	if count < 20 {
		t.Errorf("only %d originates found", count)
	}
}

func TestWordsAreSeparatedWithQuotesAndEscapes(t *testing.T) {
	cases := []struct {
		text  string
		delim byte
		limit int
		want  []string
	}{
		{"a b  c", ' ', 10, []string{"a", "b", "c"}},
		{"'a b' c", ' ', 10, []string{"a b", "c"}},
		{"a b c d", ' ', 3, []string{"a", "b", "c d"}},
		{`a\sb c`, ' ', 10, []string{"a b", "c"}},
		{"a,,b", ',', 10, []string{"a", "", "b"}},
		{"a,b,", ',', 10, []string{"a", "b"}},
		{"it's", ',', 10, []string{"it's"}},
		{`x\,y,z`, ',', 10, []string{"x,y", "z"}},
		{" a , b ", ',', 10, []string{"a", "b"}},
		{"a=b=c", '=', 2, []string{"a", "b=c"}},
		{"^^;a;b", ',', 10, []string{"a", "b"}},
		{"", ' ', 10, nil},
	}
	for _, c := range cases {
		got := separate(c.text, c.delim, c.limit)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%q at %q (-want +got):\n%s", c.text, c.delim, diff)
		}
	}
}

func TestInlineDestinationsAreApplications(t *testing.T) {
	cases := map[string][]App{
		"park":                             {{"park", ""}},
		"answer,playback:a.wav,hangup":     {{"answer", ""}, {"playback", "a.wav"}, {"hangup", ""}},
		"m:^:answer^playback:a,b.wav^park": {{"answer", ""}, {"playback", "a,b.wav"}, {"park", ""}},
		"'playback:tone_stream://%(1,2)'":  {{"playback", "tone_stream://%(1,2)"}},
	}
	for text, want := range cases {
		if diff := cmp.Diff(want, inlineApps(text)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func TestArgumentsAreExpandedAsInRecording14(t *testing.T) {
	l := &leg{sw: &Switch{globals: map[string]string{"core_uuid": "C-1"}}}
	l.party.destination = "5548"
	l.vars.set("a", "one")
	l.vars.set("loop", "${loop}")
	l.vars.set("name", "a")
	l.vars.push("list", "x")
	l.vars.push("list", "y")
	cases := map[string]string{
		"evil2=${core_uuid}":      "evil2=C-1",
		"$${core_uuid}":           "C-1",
		"${destination_number}":   "5548",
		"${a:1}${a:0:2}${a:-2}":   "neonne",
		"${${name}}":              "one",
		"${list[1]}":              "y",
		"${nobody}":               "",
		"${status()}":             apiDenied,
		"${system rm -rf /}":      apiDenied,
		`multi=a\nb`:              `multi=a\nb`,
		`\${a}`:                   "${a}",
		"price 5$":                "price 5$",
		"${open":                  "",
		`back\\slash and \'quote`: `back\slash and quote`,
	}
	for text, want := range cases {
		if got := l.expand(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
	if got := l.expand("${loop}"); strings.Contains(got, "one") {
		t.Errorf("a variable that names itself: %q", got)
	}
}

func TestVariablesKeepTheOrderInWhichTheyWereSetLast(t *testing.T) {
	var v varSet
	v.set("a", "1")
	v.set("b", "2")
	v.set("A", "3")
	v.set("c", "4")
	v.set("b", "")
	v.push("h", "x")
	v.push("h", "y")
	v.push("h", "z")
	want := vars("A", "3", "c", "4", "h", "ARRAY::x|:y|:z")
	if diff := cmp.Diff(want, v.list, cmp.AllowUnexported(variable{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got, ok := v.get("C"); got != "4" || !ok {
		t.Errorf("get is not blind to case: %q", got)
	}
}

func FuzzDialStringsNeverBreakTheParser(f *testing.F) {
	f.Add("{a=1,name='x y'}sofia/external/1001@127.0.0.1:25161 &park()")
	f.Add(`{^^:a=b:c}[x='\'`)
	f.Add("${a}${a}")
	f.Fuzz(func(t *testing.T, text string) {
		cmd, err := parseOriginate(text)
		if err == nil && cmd.endpoint == "" {
			t.Errorf("%q leads nowhere without an error", text)
		}
		for _, word := range separate(text, ',', 8) {
			if len(word) > len(text) {
				t.Errorf("%q grew to %q", text, word)
			}
		}
		inlineApps(text)
		l := &leg{sw: &Switch{}}
		l.vars.set("a", "${a}${a}")
		if out := l.expand(text); len(out) > maxExpansionBytes+len(text)+16 {
			t.Errorf("%q expanded to %d bytes", text, len(out))
		}
	})
}
