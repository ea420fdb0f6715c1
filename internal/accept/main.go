// Command accept judges the acceptance lines of docs/acceptance.md by the tests that carry their identifiers.
//
// A Go test carries an identifier by its name: TestA4_… or TestA2_A3_…; a fuzz test's seeds count too. accept runs
// exactly those tests and prints one line for each identifier, in the order of the page, and at last "end":
//
//	A4<TAB>pass|fail|missing<TAB>tests that carry it, joined by commas, or -
//
// An identifier passes only if every test that carries it ran and passed in this run. A test that was skipped, or has
// a skipped part, makes it missing; one that could not run because its package does not compile or crashed makes it
// fail. Tests and parts whose names end in _OnFreeSWITCH are judged apart: with -freeswitch accept runs only those and
// writes docs/freeswitch-results.md. Everything but the verdicts goes to standard error.
//
// With -all accept is `make test`: it runs every test with RAMAL_TIER=test and prints go test's own closing line for
// each package, the output of what failed, each skipped test with its reason, and the totals.
//
// It exits with 1 when a line fails, 2 when it could not judge; what is missing is no failure.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

func main() {
	code, err := run(os.Args[1:], os.Stdout, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "accept:", err)
	}
	os.Exit(code)
}

type options struct {
	root       string
	doc        string
	ids        string
	freeswitch string
	out        string
	timeout    time.Duration
	all        bool
}

func run(args []string, stdout, stderr io.Writer) (int, error) {
	var o options
	flags := flag.NewFlagSet("accept", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.root, "root", ".", "the repository")
	flags.StringVar(&o.doc, "doc", "docs/acceptance.md", "the page with the identifiers")
	flags.StringVar(&o.ids, "ids", "", "only these: letters or identifiers, separated by commas or spaces")
	flags.StringVar(&o.freeswitch, "freeswitch", "", "prefix of a FreeSWITCH installation: run only what is for it")
	flags.StringVar(&o.out, "out", "docs/freeswitch-results.md", "where the results on FreeSWITCH go")
	flags.DurationVar(&o.timeout, "timeout", 90*time.Minute, "for each test binary")
	flags.BoolVar(&o.all, "all", false, "run every test and say what happened, without judging acceptance lines")
	if err := flags.Parse(args); err != nil {
		return 2, nil // flag has said it
	}
	if o.all {
		return runAll(o, flags.Args(), stdout, stderr)
	}
	lines, err := readLines(o.doc)
	if err != nil {
		return 2, err
	}
	if lines, err = choose(lines, o.ids); err != nil {
		return 2, err
	}
	tests, err := declared(o.root)
	if err != nil {
		return 2, err
	}
	if o.freeswitch != "" {
		return onFreeSWITCH(o, lines, tests, stdout, stderr)
	}
	return accept(o, lines, tests, stdout, stderr)
}

// accept is the usual mode.
func accept(o options, lines []line, tests []test, stdout, stderr io.Writer) (int, error) {
	carrying := carriers(lines, tests)
	results, err := goTest(o, carrying, nil, []string{"RAMAL_TIER=accept"}, stderr)
	if err != nil {
		return 2, err
	}
	code := 0
	for _, l := range lines {
		v := judge(l.id, carrying, results)
		if v.state == failed {
			code = 1
		}
		fmt.Fprintf(stdout, "%s\t%s\t%s\n", l.id, v.state, v.names())
	}
	fmt.Fprintln(stdout, "end")
	return code, nil
}

func (v verdict) names() string {
	if len(v.tests) == 0 {
		return "-"
	}
	return strings.Join(v.tests, ",")
}
