package arch

import (
	"go/ast"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Check reads the repository at root and returns what breaks the rules, in the order of the files.
func Check(root string) ([]Finding, error) {
	sources, err := read(root)
	if err != nil {
		return nil, err
	}
	var found []Finding
	for _, s := range sources {
		found = append(found, imports(s)...)
		found = append(found, naming(s)...)
		if isPure(s.dir) {
			found = append(found, impurities(s)...)
		}
	}
	ranges, err := mapRanges(root, sources)
	return append(found, ranges...), err
}

// imports holds a package against the table. Tests may import what they need.
func imports(s *source) []Finding {
	var found []Finding
	r, known := rowFor(s.dir)
	for _, file := range s.files {
		for _, spec := range file.Imports {
			target, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				continue // the parser has accepted it, so this cannot be
			}
			if cause, no := reserved(s.dir, target); no {
				found = append(found, s.finding(spec.Pos(), "%s must not import %s: %s", s.dir, target, cause))
				continue
			}
			own, ours := strings.CutPrefix(target, module+"/")
			switch {
			case !ours:
			case !known:
				found = append(found, s.finding(spec.Pos(), "%s is in no row of the import table, so it may import "+
					"nothing of ours", s.dir))
			case !r.allows(own):
				found = append(found, s.finding(spec.Pos(), "%s may not import %s (allowed: %s)", s.dir, own,
					strings.Join(append(slices.Clone(r.may), r.dir+"/…"), " ")))
			}
		}
	}
	return found
}

func reserved(dir, target string) (cause string, no bool) {
	for _, n := range notFor {
		if !below(target, n.path) {
			continue
		}
		if !slices.ContainsFunc(n.only, func(d string) bool { return below(dir, d) }) {
			return n.cause, true
		}
	}
	return "", false
}

// naming: a package says what it is for, under a name that says something.
func naming(s *source) []Finding {
	if len(s.files) == 0 {
		return nil
	}
	var found []Finding
	name := s.files[0].Name.Name
	if last := path.Base(s.dir); slices.Contains(forbiddenNames, name) || slices.Contains(forbiddenNames, last) {
		found = append(found, s.finding(s.files[0].Package, "package %s in %s: a name that says nothing", name, s.dir))
	}
	for _, file := range s.files {
		base := path.Base(s.fset.Position(file.Package).Filename)
		if documented(file) && (base == "doc.go" || name == "main") {
			return found
		}
	}
	return append(found, Finding{File: s.dir, What: "has no doc.go with a package comment"})
}

func documented(file *ast.File) bool {
	return file.Doc != nil && strings.TrimSpace(file.Doc.Text()) != ""
}

func readText(path string) ([]byte, error) { return os.ReadFile(path) }
