package main

import (
	"fmt"
	"strings"
	"testing"
)

// stream turns "action package test" lines into what go test -json prints.
func stream(lines string) string {
	var b strings.Builder
	for _, l := range strings.Split(strings.TrimSpace(lines), "\n") {
		f := append(strings.Fields(l), "", "")
		fmt.Fprintf(&b, `{"Time":"2026-11-22T10:00:00Z","Action":%q,"Package":%q,"Test":%q}`+"\n", f[0], f[1], f[2])
	}
	return b.String()
}

func TestALineIsJudgedByEveryTestThatCarriesIt(t *testing.T) {
	one := []test{{pkg: "esl", name: "TestA7_x", ids: []string{"A7"}}}
	two := append(one, test{pkg: "acd", name: "TestA4_A7_y", ids: []string{"A4", "A7"}})
	for _, c := range []struct {
		name  string
		tests []test
		told  string
		want  state
	}{
		{"no test carries it", nil, "pass ramal/esl", missing},
		{"it passed", one, "run ramal/esl TestA7_x\npass ramal/esl TestA7_x\npass ramal/esl", passed},
		{"it failed", one, "run ramal/esl TestA7_x\nfail ramal/esl TestA7_x\nfail ramal/esl", failed},
		{"it was skipped", one, "run ramal/esl TestA7_x\nskip ramal/esl TestA7_x\npass ramal/esl", missing},
		{"it never ran, built for something else", one, "pass ramal/esl", missing},
		{"its package does not compile", one, "fail ramal/esl", failed},
		{"it crashed, another test's panic took it along", one, "run ramal/esl TestA7_x\nfail ramal/esl", failed},
		{"the machine ran out of time before the package", one, "start ramal/esl", missing},
		{"one of two passed, the other was skipped", two,
			"run ramal/esl TestA7_x\npass ramal/esl TestA7_x\nskip ramal/acd TestA4_A7_y\npass ramal/acd", missing},
		{"one of two failed, the other was skipped", two,
			"run ramal/esl TestA7_x\nfail ramal/esl TestA7_x\nskip ramal/acd TestA4_A7_y\npass ramal/acd", failed},
		{"both passed", two, "pass ramal/esl TestA7_x\npass ramal/acd TestA4_A7_y\npass ramal/acd", passed},
		{"the same name in another package does not help", one, "pass ramal/acd TestA7_x\npass ramal/acd", missing},
		{"a longer name does not help", one, "pass ramal/esl TestA7_x2\npass ramal/esl", missing},
		{"a part was skipped", one,
			"skip ramal/esl TestA7_x/tcp\npass ramal/esl TestA7_x\npass ramal/esl", missing},
		{"a part for FreeSWITCH was skipped", one,
			"skip ramal/esl TestA7_x/busy_OnFreeSWITCH\npass ramal/esl TestA7_x\npass ramal/esl", passed},
		{"a part below one for FreeSWITCH was skipped", one,
			"skip ramal/esl TestA7_x/busy_OnFreeSWITCH#01/udp\npass ramal/esl TestA7_x\npass ramal/esl", passed},
		{"a part for FreeSWITCH failed", one,
			"fail ramal/esl TestA7_x/busy_OnFreeSWITCH\nfail ramal/esl TestA7_x\nfail ramal/esl", failed},
		{"it failed once and passed once", one,
			"fail ramal/esl TestA7_x\npass ramal/esl TestA7_x\nfail ramal/esl", failed},
	} {
		t.Run(c.name, func(t *testing.T) {
			res, err := read(strings.NewReader(stream(c.told)), func(event) {})
			if err != nil {
				t.Fatal(err)
			}
			if v := judge("A7", c.tests, res); v.state != c.want {
				t.Errorf("judged %q, want %q", v.state, c.want)
			}
		})
	}
}

func TestWhatIsNotAResultIsAnErrorAndNotAPass(t *testing.T) {
	if _, err := read(strings.NewReader("panic: out of memory\n"), func(event) {}); err == nil {
		t.Error("read accepts text that is no event")
	}
}

func TestOnFreeSWITCHATestWhosePartsDidNotRunShowsNothing(t *testing.T) {
	tests := []test{{pkg: "esl", name: "TestA4_x", ids: []string{"A4"}, partsFS: true}}
	for told, want := range map[string]state{
		"pass ramal/esl TestA4_x\npass ramal/esl":                                            missing,
		"skip ramal/esl TestA4_x/busy_OnFreeSWITCH\npass ramal/esl TestA4_x\npass ramal/esl": missing,
		"pass ramal/esl TestA4_x/busy_OnFreeSWITCH\npass ramal/esl TestA4_x\npass ramal/esl": passed,
		"fail ramal/esl TestA4_x/busy_OnFreeSWITCH\nfail ramal/esl TestA4_x\nfail ramal/esl": failed,
		"run ramal/esl TestA4_x\nrun ramal/esl TestA4_x/busy_OnFreeSWITCH\nfail ramal/esl":   failed,
		"fail ramal/esl": failed,
	} {
		res, err := read(strings.NewReader(stream(told)), func(event) {})
		if err != nil {
			t.Fatal(err)
		}
		if v := judgeFreeSWITCH("A4", tests, res); v.state != want {
			t.Errorf("%q: judged %q, want %q", told, v.state, want)
		}
	}
}

func TestIdentifiersAreReadFromNamesCaseExactAndAtMostTwo(t *testing.T) {
	for name, want := range map[string]string{
		"TestA4_aCallerKeepsThePlace": "A4",
		"TestA2_A3_bothHear":          "A2 A3",
		"TestA2_A3_A4_x":              "A2 A3",
		"FuzzA7_builder":              "A7",
		"TestA12":                     "",
		"Testa4_x":                    "",
		"TestA4b_x":                   "",
		"TestAllA4_x":                 "",
		"TestA2_A2_x":                 "A2",
	} {
		if got := strings.Join(idsOf(name), " "); got != want {
			t.Errorf("%s carries %q, want %q", name, got, want)
		}
	}
}
