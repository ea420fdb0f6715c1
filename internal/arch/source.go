package arch

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"sort"
	"strings"
)

// Finding is one breach of a rule.
type Finding struct {
	File string // slash separated, relative to the repository
	Line int    // 0 when it is about the file or directory as a whole
	What string
}

// String is "file:line: what".
func (f Finding) String() string {
	if f.Line == 0 {
		return f.File + ": " + f.What
	}
	return fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.What)
}

// source is one directory's Go files.
type source struct {
	dir   string // slash separated, relative to the repository
	fset  *token.FileSet
	files []*ast.File // without tests
	tests []*ast.File
	other map[*ast.File]bool // files of another system or build tag: not to be type-checked with the rest
}

// read parses every Go file of the repository but those of other modules, testdata and what is not ours.
func read(root string) ([]*source, error) {
	byDir := map[string]*source{}
	fset := token.NewFileSet()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if rel != "." && skipped(rel, d.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") {
			return nil
		}
		// A finding names the file as the repository does, so it is parsed under that name.
		file, err := parseAs(fset, path, rel)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(rel))
		if byDir[dir] == nil {
			byDir[dir] = &source{dir: dir, fset: fset, other: map[*ast.File]bool{}}
		}
		built, err := build.Default.MatchFile(filepath.Dir(path), d.Name())
		if err != nil {
			return err
		}
		byDir[dir].other[file] = !built
		if strings.HasSuffix(rel, "_test.go") {
			byDir[dir].tests = append(byDir[dir].tests, file)
		} else {
			byDir[dir].files = append(byDir[dir].files, file)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the repository: %w", err)
	}
	all := make([]*source, 0, len(byDir))
	for _, s := range byDir {
		all = append(all, s)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].dir < all[j].dir })
	return all, nil
}

// skipped says which directories hold nothing that the rules are about.
func skipped(rel, name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || name == "node_modules" ||
		rel == "var" || rel == "bin" || rel == "tools"
}

func (s *source) finding(pos token.Pos, format string, args ...any) Finding {
	p := s.fset.Position(pos)
	return Finding{File: p.Filename, Line: p.Line, What: fmt.Sprintf(format, args...)}
}

func parseAs(fset *token.FileSet, path, name string) (*ast.File, error) {
	text, err := readText(path)
	if err != nil {
		return nil, err
	}
	return parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
}

// built are the files that are compiled here.
func (s *source) built() []*ast.File {
	var files []*ast.File
	for _, f := range s.files {
		if !s.other[f] {
			files = append(files, f)
		}
	}
	return files
}
