package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFiguresAreReadFromWhatABenchmarkReports(t *testing.T) {
	out := `goos: linux
BenchmarkP6_ingest-2  1  4711 ns/op  120000 p6.ingest.ramal/events_per_s  2.000 p6.ingest.allocs/allocs_per_event
BenchmarkP6_ingest/part-2   	       1	  5500 p6.ingest.textproto/events_per_s
PASS
`
	got, err := parse(out, benchmark{pkg: "esl", name: "BenchmarkP6_ingest"})
	if err != nil {
		t.Fatal(err)
	}
	how := "BenchmarkP6_ingest in esl"
	want := []figure{
		{"p6.ingest.ramal", "120000", "events_per_s", how},
		{"p6.ingest.allocs", "2.000", "allocs_per_event", how},
		{"p6.ingest.textproto", "5500", "events_per_s", how},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(figure{})); diff != "" {
		t.Error(diff)
	}
}

func TestAnExpectedFigureThatNothingReportsIsPrintedWithItsReason(t *testing.T) {
	lines := map[string]figure{}
	for _, f := range merge(map[string]figure{"x.y": {name: "x.y", value: "1", unit: "ms", how: "h"}}, false) {
		lines[f.name] = f
	}
	if f := lines["p5.event_age_p50"]; f.value != "-" || f.how != "needs FREESWITCH" {
		t.Errorf("without a FreeSWITCH: %+v", f)
	}
	if f := lines["p6.ingest.ramal"]; f.value != "-" || !strings.HasPrefix(f.how, "not measured") {
		t.Errorf("without a benchmark: %+v", f)
	}
	if f := lines["x.y"]; f.value != "1" {
		t.Errorf("a figure outside the table is lost: %+v", f)
	}
}

func TestTheTablesNamesAreWellFormed(t *testing.T) {
	form := regexp.MustCompile(`^[a-z0-9_]+\.[a-z0-9_.]+$`)
	seen := map[string]bool{}
	for _, e := range table {
		if !form.MatchString(e.name) || seen[e.name] || e.unit == "" || e.how == "" || strings.Contains(e.how, "\t") {
			t.Errorf("row %+v", e)
		}
		seen[e.name] = true
	}
}

func TestABenchmarkThatFailsIsNoSilence(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module ramal\n\ngo 1.26.0\n",
		"a_test.go": `package a

import "testing"

func BenchmarkP6_good(b *testing.B) { b.ReportMetric(7, "p6.ingest.ramal/events_per_s") }
func BenchmarkP7_bad(b *testing.B)  { b.Fatal("no switch") }
func BenchmarkOther(b *testing.B)   { b.Fatal("reports no figure and is not run") }
`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var out strings.Builder
	code, err := run(dir, "", &out, io.Discard)
	if err != nil || code != 1 {
		t.Errorf("run: code %d, %v; want 1", code, err)
	}
	if !strings.Contains(out.String(), "p6.ingest.ramal\t7") {
		t.Errorf("printed:\n%s", out.String())
	}
	out.Reset()
	if code, err := run(dir, "p6.", &out, io.Discard); err != nil || code != 0 {
		t.Errorf("only p6: code %d, %v; the failing P7 must not run", code, err)
	}
}
