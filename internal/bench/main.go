// Command bench measures the figures of Ramal and prints one line for each, separated by tabs:
//
//	name<TAB>value<TAB>unit<TAB>how
//
// A figure is what a Go benchmark named BenchmarkP6_… or BenchmarkFigure_… reports with
// b.ReportMetric(value, "p6.ingest.ramal/events_per_s"): the name ([a-z0-9_.]+, with a dot), a slash, the unit. Figure
// and comparator are reported by the same benchmark, so that they are of the same run. The table in table.go says which
// figures are expected and how each is measured; one that nothing reports is printed with the value "-" and the reason.
// A benchmark runs once (-benchtime 1x) unless its table row says otherwise; it decides itself how long it measures.
//
// Everything else goes to standard error. It exits with 1 when a benchmark fails.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"sort"
)

func main() {
	root := flag.String("root", ".", "the repository")
	only := flag.String("only", "", "only figures whose name begins with this")
	flag.Parse()
	code, err := run(*root, *only, os.Stdout, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
	os.Exit(code)
}

func run(root, only string, stdout, stderr io.Writer) (int, error) {
	benches, err := declared(root)
	if err != nil {
		return 2, err
	}
	code := 0
	got := map[string]figure{}
	for _, b := range benches {
		if !concerns(b, only) {
			continue
		}
		figures, err := measure(root, b, stderr)
		if err != nil {
			fmt.Fprintln(stderr, "bench:", err)
			code = 1
		}
		for _, f := range figures {
			got[f.name] = f
		}
	}
	for _, f := range merge(got, os.Getenv("RAMAL_FREESWITCH") != "") {
		if len(f.name) >= len(only) && f.name[:len(only)] == only {
			fmt.Fprintf(stdout, "%s\t%s\t%s\t%s\n", f.name, f.value, f.unit, f.how)
		}
	}
	return code, nil
}

// merge puts the figures in the order of the table, with a line for each that was expected and not reported; figures
// that the table does not know follow by name.
func merge(got map[string]figure, freeswitch bool) []figure {
	var all []figure
	for _, want := range table {
		f, ok := got[want.name]
		delete(got, want.name)
		switch {
		case ok && f.unit != want.unit:
			f.how = fmt.Sprintf("unit differs from the table's %s; %s", want.unit, f.how)
		case ok:
			f.how = want.how
		case want.freeswitch && !freeswitch:
			f = figure{name: want.name, value: "-", unit: want.unit, how: "needs FREESWITCH"}
		default:
			f = figure{name: want.name, value: "-", unit: want.unit, how: "not measured: no benchmark reported it"}
		}
		all = append(all, f)
	}
	rest := make([]figure, 0, len(got))
	for _, f := range got {
		rest = append(rest, f)
	}
	sort.Slice(rest, func(i, j int) bool { return rest[i].name < rest[j].name })
	return append(all, rest...)
}
