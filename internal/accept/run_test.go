package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fixture is a repository with tests of every kind.
func fixture(t *testing.T) options {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module ramal\n\ngo 1.26.0\n",
		"page.md": "# Page\n\n- **A1** One.\n- **A2** ⓕ Two.\n- **A3** Three.\n- **A4** Four.\n- **A10** Ten.\n" +
			"- **B1** None.\n",
		"good/good_test.go": `package good

import (
	"os"
	"testing"
)

func TestA1_aTierIsSet(t *testing.T) {
	if os.Getenv("RAMAL_TIER") != "accept" {
		t.Error("no tier")
	}
}
func TestA2_A3_bothCarry(t *testing.T) {
	t.Run("busy_OnFreeSWITCH", func(t *testing.T) {
		if os.Getenv("RAMAL_FREESWITCH") == "" {
			t.Skip("no FreeSWITCH")
		}
	})
}
func TestA3_skipped(t *testing.T)         { t.Skip("needs a phone") }
func TestNothing(t *testing.T)            { t.Error("carries nothing, must not run") }
func TestA10_elsewhere_OnFreeSWITCH(t *testing.T) {
	if os.Getenv("RAMAL_FREESWITCH") == "" {
		t.Error("must not run without one")
	}
}
func FuzzA10_seeds(f *testing.F) {
	f.Add(1)
	f.Fuzz(func(t *testing.T, n int) {})
}
`,
		"broken/broken_test.go": "package broken\n\nimport \"testing\"\n\nfunc TestA4_x(t *testing.T) { undefined() }\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return options{root: dir, doc: filepath.Join(dir, "page.md")}
}

func TestEveryLineOfThePageGetsAVerdictAndTheLastLineIsEnd(t *testing.T) {
	o := fixture(t)
	var out strings.Builder
	code, err := run([]string{"-root", o.root, "-doc", o.doc}, &out, io.Discard)
	if err != nil || code != 1 {
		t.Errorf("run: code %d, %v; want 1, because A4 fails", code, err)
	}
	want := "A1\tpass\tTestA1_aTierIsSet\n" +
		"A2\tpass\tTestA2_A3_bothCarry\n" +
		"A3\tmissing\tTestA2_A3_bothCarry,TestA3_skipped\n" +
		"A4\tfail\tTestA4_x\n" +
		"A10\tpass\tFuzzA10_seeds\n" +
		"B1\tmissing\t-\n" +
		"end\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestALetterChoosesItsLinesAndANumberOnlyItself(t *testing.T) {
	lines := []line{{id: "A1"}, {id: "A10"}, {id: "B1"}}
	for want, ids := range map[string]string{"": "A1 A10 B1", "A": "A1 A10", "A1": "A1", "B,A10": "A10 B1"} {
		chosen, err := choose(lines, want)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, l := range chosen {
			got = append(got, l.id)
		}
		if diff := cmp.Diff(ids, strings.Join(got, " ")); diff != "" {
			t.Errorf("%q: %s", want, diff)
		}
	}
	if _, err := choose(lines, "Z"); err == nil {
		t.Error("Z is accepted")
	}
}

func TestAPageThatCannotBeReadIsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"no lines": "# Page\n",
		"twice":    "- **A1** One.\n- **A1** Again.\n",
		"typo":     "- **A1**: One.\n",
	} {
		path := filepath.Join(t.TempDir(), "page.md")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := readLines(path); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestThePageOfThisRepositoryIsReadable(t *testing.T) {
	lines, err := readLines("../../docs/acceptance.md")
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, l := range lines {
		count[l.id[:1]]++
	}
	if diff := cmp.Diff(map[string]int{"A": 11, "B": 11, "C": 14, "D": 16, "E": 11, "F": 11, "G": 11}, count); diff != "" {
		t.Error(diff)
	}
}

func TestTheResultsOnFreeSWITCHAreAPageWithSwitchCommitAndLines(t *testing.T) {
	o := fixture(t)
	bin := filepath.Join(o.root, "fs", "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\necho FreeSWITCH version: 1.10.12-release\n"
	if err := os.WriteFile(filepath.Join(bin, "freeswitch"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "go.mod"},
		{"-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "-q", "-m", "t"}} {
		if _, err := command("git", append([]string{"-C", o.root}, args...)...); err != nil {
			t.Fatalf("git %v: %v", args, err)
		}
	}
	page := filepath.Join(o.root, "results.md")
	code, err := run([]string{"-root", o.root, "-doc", o.doc, "-freeswitch", filepath.Join(o.root, "fs"), "-out", page},
		io.Discard, io.Discard)
	if err != nil || code != 0 {
		t.Fatalf("run: code %d, %v", code, err)
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"- switch: FreeSWITCH version: 1.10.12-release\n", "- commit: ",
		"| A2 | pass | TestA2_A3_bothCarry |\n", "| A10 | pass | TestA10_elsewhere_OnFreeSWITCH |\n"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
}

func TestARunOfEverythingShowsFailuresSkipsAndGoTestsOwnClosingLines(t *testing.T) {
	o := fixture(t)
	var out strings.Builder
	code, err := run([]string{"-root", o.root, "-all"}, &out, io.Discard)
	if err != nil || code != 1 {
		t.Errorf("run: code %d, %v; want 1", code, err)
	}
	for _, want := range []string{"needs a phone", "--- SKIP: TestA3_skipped", "carries nothing, must not run",
		"FAIL\tramal/good", "FAIL\tramal/broken [build failed]", "undefined: undefined", "2 packages failed"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("not shown: %q in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "TestA2_A3_bothCarry (") {
		t.Errorf("a test that passed is shown in full:\n%s", out.String())
	}
}
