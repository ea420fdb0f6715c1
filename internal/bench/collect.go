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

// figure is one line of output.
type figure struct {
	name, value, unit, how string
}

// benchmark is a Go benchmark that reports figures.
type benchmark struct {
	pkg, name string
}

var (
	benchName  = regexp.MustCompile(`^Benchmark(P[0-9]+|Figure)_`)
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

// concerns says whether a benchmark may report figures that begin with only: BenchmarkP6_x reports p6.….
func concerns(b benchmark, only string) bool {
	if only == "" || strings.HasPrefix(b.name, "BenchmarkFigure_") {
		return true
	}
	p := strings.ToLower(benchName.FindStringSubmatch(b.name)[1])
	want, _, _ := strings.Cut(only, ".")
	return strings.HasPrefix(p, want)
}

// measure runs one benchmark alone: two at a time would measure each other.
func measure(root string, b benchmark, stderr io.Writer) ([]figure, error) {
	fmt.Fprintf(stderr, "bench: %s in %s\n", b.name, b.pkg)
	cmd := exec.Command("go", "test", "-run=^$", "-bench=^"+b.name+"$", "-benchtime=1x", "-count=1", "-timeout=30m",
		"./"+b.pkg)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "RAMAL_TIER=bench")
	cmd.Stderr = stderr
	out, err := cmd.Output()
	figures, perr := parse(string(out), b)
	if err != nil {
		return figures, fmt.Errorf("%s in %s: %w\n%s", b.name, b.pkg, err, out)
	}
	return figures, perr
}

// parse reads the benchmark format (golang.org/design/14313-benchmark-format): name, iterations, then pairs of value
// and unit. Units that name no figure (ns/op) are left out.
func parse(out string, b benchmark) ([]figure, error) {
	var figures []figure
	for _, l := range strings.Split(out, "\n") {
		f := strings.Fields(l)
		if len(f) < 4 || !strings.HasPrefix(f[0], b.name) {
			continue
		}
		for i := 2; i+1 < len(f); i += 2 {
			m := figureUnit.FindStringSubmatch(f[i+1])
			if m == nil {
				continue
			}
			if _, err := strconv.ParseFloat(f[i], 64); err != nil {
				return figures, fmt.Errorf("%s in %s reports %q for %s", b.name, b.pkg, f[i], m[1])
			}
			figures = append(figures, figure{name: m[1], value: f[i], unit: m[2],
				how: fmt.Sprintf("%s in %s", b.name, b.pkg)})
		}
	}
	return figures, nil
}
