package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// benchmark is a Go benchmark that reports figures.
type benchmark struct {
	pkg, name string
}

// metric is one value of a benchmark's line: the benchmark with its part (BenchmarkP5EventAge/poke) and the unit.
type metric struct {
	bench, unit string
}

var (
	benchName  = regexp.MustCompile(`^Benchmark(P[0-9]+|Figure)(?:[A-Z_]|$)`)
	cores      = regexp.MustCompile(`-[0-9]+$`) // how many a line was measured on, left out for one
	figureUnit = regexp.MustCompile(`^([a-z0-9_]+\.[a-z0-9_.]+)/([a-z0-9_%]+)$`)
)

// declared finds the benchmarks by their names in the source.
func declared(root string) ([]benchmark, error) {
	var found []benchmark
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			n := d.Name()
			if rel != "." && (strings.HasPrefix(n, ".") || slices.Contains([]string{"testdata", "node_modules"}, n) ||
				slices.Contains([]string{"var", "bin", "tools"}, rel)) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && benchName.MatchString(fn.Name.Name) {
				found = append(found, benchmark{pkg: filepath.ToSlash(filepath.Dir(rel)), name: fn.Name.Name})
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look for benchmarks: %w", err)
	}
	return found, nil
}

// concerns says whether a benchmark may report figures that begin with only: BenchmarkP6Ingest reports p6.…, and
// BenchmarkFigureCalls_Bridged calls.…; one named BenchmarkFigure… without an underscore may report any.
func concerns(b benchmark, only string) bool {
	p := strings.ToLower(benchName.FindStringSubmatch(b.name)[1])
	if p == "figure" {
		group, _, one := strings.Cut(strings.TrimPrefix(b.name, "BenchmarkFigure"), "_")
		if !one {
			return true
		}
		p = strings.ToLower(group)
	}
	if only == "" {
		return true
	}
	want, _, _ := strings.Cut(only, ".")
	return strings.HasPrefix(p, want)
}

// measure runs one benchmark alone: two at a time would measure each other.
func measure(root string, b benchmark, got map[metric]string, stderr io.Writer) error {
	fmt.Fprintf(stderr, "bench: %s in %s\n", b.name, b.pkg)
	args := []string{"test", "-run=^$", "-bench=^" + b.name + "$", "-count=1", "-timeout=30m"}
	if slices.Contains(oneCore, b.name) {
		args = append(args, "-cpu=1")
	}
	cmd := exec.Command("go", append(args, "./"+b.pkg)...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "RAMAL_TIER=bench")
	cmd.Stderr = stderr
	out, err := cmd.Output()
	perr := parse(string(out), got)
	if err != nil {
		return fmt.Errorf("%s in %s: %w\n%s", b.name, b.pkg, err, out)
	}
	return perr
}

// parse reads the benchmark format (golang.org/design/14313-benchmark-format): name, iterations, then pairs of value
// and unit.
func parse(out string, got map[metric]string) error {
	for _, l := range strings.Split(out, "\n") {
		f := strings.Fields(l)
		if len(f) < 4 || !strings.HasPrefix(f[0], "Benchmark") {
			continue
		}
		if _, err := strconv.Atoi(f[1]); err != nil {
			continue // a log line that begins like a result
		}
		for i := 2; i+1 < len(f); i += 2 {
			if _, err := strconv.ParseFloat(f[i], 64); err != nil {
				return fmt.Errorf("%s reports %q for %s", f[0], f[i], f[i+1])
			}
			got[metric{cores.ReplaceAllString(f[0], ""), f[i+1]}] = f[i]
		}
	}
	return nil
}
