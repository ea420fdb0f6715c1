package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestFiguresComeFromABenchmarksUnitsFromItsOwnNamesAndFromRatios(t *testing.T) {
	out := `goos: linux
BenchmarkP6Ingest   	   9000	  4711 ns/op	 3500 MB/s	    120000 events/s	 0 B/op	 1 allocs/op
BenchmarkP6IngestTextproto   	 90	  4711 ns/op	    6000 events/s	 0 B/op	 300 allocs/op
BenchmarkP5EventAge/poke-2   	 1	  1 ns/op	 1.5 p50_ms
BenchmarkFigureCalls-2  	 1	 5500 calls.invite_to_queue/calls_per_s	 7 x.y/ms
Benchmark says nothing here
PASS
`
	got := map[metric]string{}
	if err := parse(out, got); err != nil {
		t.Fatal(err)
	}
	lines := map[string]figure{}
	for _, f := range figures(got, false) {
		lines[f.name] = f
	}
	for name, want := range map[string]string{"p6.ingest": "120000", "p6.ingest.allocs": "1", "p6.textproto": "6000",
		"p6.ratio_textproto": "20.00", "p5.event_age_p50": "1.5", "calls.invite_to_queue": "5500", "x.y": "7",
		"p6.ratio_json": "-", "p1.ratio_p50": "-"} {
		if got := lines[name].value; got != want {
			t.Errorf("%s = %q (%s), want %q", name, got, lines[name].how, want)
		}
	}
}

func TestOnlyTheBenchmarksThatMayReportAFigureAreRun(t *testing.T) {
	for name, want := range map[string][3]bool{ // for "", "calls.bridged" and "p1."
		"BenchmarkP1_OfferOnSoftswitch": {true, false, true},
		"BenchmarkFigureCalls_Bridged":  {true, true, false},
		"BenchmarkFigureCalls":          {true, true, true},
	} {
		b := benchmark{name: name}
		if got := [3]bool{concerns(b, ""), concerns(b, "calls.bridged"), concerns(b, "p1.")}; got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

func TestAFigureThatNothingReportsIsPrintedWithItsReason(t *testing.T) {
	lines := map[string]figure{}
	for _, f := range figures(map[metric]string{{"BenchmarkX", "calls.bridged_g711/pairs"}: "3"}, false) {
		lines[f.name] = f
	}
	for name, want := range map[string]string{"p5.event_age_p50": "needs FREESWITCH", "p6.ingest": "not measured",
		"calls.bridged_g711": "reported in pairs"} {
		if f := lines[name]; f.value != "-" || !strings.HasPrefix(f.how, want) {
			t.Errorf("%s: %+v, want %q", name, f, want)
		}
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

func BenchmarkP6_good(b *testing.B) { b.ReportMetric(7, "p6.ingest/events_per_s") }
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
	if !strings.Contains(out.String(), "p6.ingest\t7") {
		t.Errorf("printed:\n%s", out.String())
	}
	out.Reset()
	if code, err := run(dir, "p6.", &out, io.Discard); err != nil || code != 0 {
		t.Errorf("only p6: code %d, %v; the failing P7 must not run", code, err)
	}
}
