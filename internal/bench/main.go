// Command bench measures the figures of Ramal and prints one line for each, separated by tabs:
//
//	name<TAB>value<TAB>unit<TAB>how
//
// The table in table.go says which figures there are and where each comes from: a Go benchmark named BenchmarkP6… (or
// BenchmarkFigure…) and the unit that it reports, or the ratio of two others; figure and comparator are of the same
// run. A benchmark may also report a figure under its own name, as b.ReportMetric(v, "p6.ingest/events_per_s"): the
// name ([a-z0-9_.]+, with a dot), a slash, the unit. A figure of the table that nothing reports is printed with the
// value "-" and the reason.
//
// Everything else goes to standard error. It exits with 1 when a benchmark fails.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
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
	got := map[metric]string{}
	for _, b := range benches {
		if !concerns(b, only) {
			continue
		}
		if err := measure(root, b, got, stderr); err != nil {
			fmt.Fprintln(stderr, "bench:", err)
			code = 1
		}
	}
	for _, f := range figures(got, os.Getenv("RAMAL_FREESWITCH") != "") {
		if strings.HasPrefix(f.name, only) {
			fmt.Fprintf(stdout, "%s\t%s\t%s\t%s\n", f.name, f.value, f.unit, f.how)
		}
	}
	return code, nil
}
