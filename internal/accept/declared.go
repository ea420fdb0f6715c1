package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
)

// freeswitchMark ends the names of tests and of parts of tests that need a real FreeSWITCH.
const freeswitchMark = "_OnFreeSWITCH"

// test is a top-level test function in the source. What the source declares is the measure: a test that a crash kept
// from running must not go unnoticed.
type test struct {
	pkg     string // directory relative to the repository, slash separated
	name    string
	ids     []string
	freesw  bool // needs FreeSWITCH as a whole
	partsFS bool // has, or may have, parts that do
}

// carrierForm: at most two identifiers, case-exact, each ended by an underscore.
var carrierForm = regexp.MustCompile(`^(?:Test|Fuzz)([A-Z][0-9]+)_(?:([A-Z][0-9]+)_)?`)

func idsOf(name string) []string {
	m := carrierForm.FindStringSubmatch(name)
	if m == nil {
		return nil
	}
	if m[2] == "" || m[2] == m[1] {
		return m[1:2]
	}
	return m[1:3]
}

// declared finds the test functions of the repository that carry an identifier or are for FreeSWITCH.
func declared(root string) ([]test, error) {
	var tests []test
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if n := d.Name(); rel != "." && (strings.HasPrefix(n, ".") || strings.HasPrefix(n, "_") ||
				slices.Contains([]string{"testdata", "node_modules"}, n) || slices.Contains([]string{"var", "bin", "tools"}, rel)) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		found, err := declaredIn(path, filepath.ToSlash(filepath.Dir(rel)))
		tests = append(tests, found...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for tests: %w", err)
	}
	sort.SliceStable(tests, func(i, j int) bool { return tests[i].name < tests[j].name })
	return tests, nil
}

func declaredIn(path, pkg string) ([]test, error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if file == nil {
		return nil, err
	}
	// A file with a syntax error still declares tests; its package will not compile, and they will fail for that.
	var tests []test
	shared := false // a helper of this file names parts for FreeSWITCH
	for _, decl := range file.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok || fn.Recv != nil || !isTestName(fn.Name.Name) {
			shared = shared || mentionsFreeSWITCH(decl)
			continue
		}
		t := test{pkg: pkg, name: fn.Name.Name, ids: idsOf(fn.Name.Name),
			freesw: strings.HasSuffix(fn.Name.Name, freeswitchMark), partsFS: mentionsFreeSWITCH(fn.Body)}
		tests = append(tests, t)
	}
	for i := range tests {
		tests[i].partsFS = tests[i].partsFS || shared
	}
	return slices.DeleteFunc(tests, func(t test) bool { return len(t.ids) == 0 && !t.freesw }), nil
}

func isTestName(name string) bool {
	return strings.HasPrefix(name, "Test") && name != "TestMain" || strings.HasPrefix(name, "Fuzz")
}

func mentionsFreeSWITCH(n ast.Node) (found bool) {
	ast.Inspect(n, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING && strings.Contains(lit.Value, "OnFreeSWITCH") {
			found = true
		}
		return !found
	})
	return found
}

// carriers are the tests that carry one of the lines and do not need FreeSWITCH as a whole.
func carriers(lines []line, tests []test) []test {
	var list []test
	for _, t := range tests {
		if t.freesw {
			continue
		}
		if slices.ContainsFunc(lines, func(l line) bool { return slices.Contains(t.ids, l.id) }) {
			list = append(list, t)
		}
	}
	return list
}
