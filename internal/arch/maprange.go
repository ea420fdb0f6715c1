package arch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// orderFree begins the comment that excuses an iteration; a reason follows it.
const orderFree = "//arch:order-free"

// mapRanges finds iterations over maps in the pure packages. It needs types, which the compiler's export data give.
func mapRanges(root string, sources []*source) ([]Finding, error) {
	var list []*source
	for _, s := range sources {
		if isPure(s.dir) && len(s.built()) > 0 {
			list = append(list, s)
		}
	}
	if len(list) == 0 {
		return nil, nil
	}
	lookup, err := exports(root, list)
	if err != nil {
		return nil, err
	}
	imp := importer.ForCompiler(list[0].fset, "gc", lookup)
	var found []Finding
	for _, s := range list {
		info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
		conf := types.Config{Importer: imp}
		if _, err := conf.Check(module+"/"+s.dir, s.fset, s.built(), info); err != nil {
			return nil, fmt.Errorf("type-check %s: %w", s.dir, err)
		}
		for _, file := range s.built() {
			found = append(found, unordered(s, file, info)...)
		}
	}
	return found, nil
}

// unordered reports range statements over maps, and maps.Keys, Values and All whose result is not sorted at once.
func unordered(s *source, file *ast.File, info *types.Info) []Finding {
	excused := excuses(s, file)
	names, _ := fileImports(s, file)
	sorted := map[ast.Expr]bool{}
	var found []Finding
	report := func(pos token.Pos, what string) {
		if line := s.fset.Position(pos).Line; !excused[line] {
			found = append(found, s.finding(pos, "%s in random order; sort, or say why not: %s <reason>", what, orderFree))
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.RangeStmt:
			if isMap(info.TypeOf(n.X)) {
				report(n.Pos(), "ranges over a map")
			}
		case *ast.CallExpr:
			switch target, name := called(n, names); {
			case target == "slices" && strings.HasPrefix(name, "Sorted") && len(n.Args) > 0:
				sorted[n.Args[0]] = true
			case target == "maps" && (name == "Keys" || name == "Values" || name == "All") && !sorted[n]:
				report(n.Pos(), "walks a map with maps."+name)
			}
		}
		return true
	})
	return found
}

// isMap sees through names, and through a type parameter whose every type is a map.
func isMap(t types.Type) bool {
	if t == nil {
		return false
	}
	if p, ok := t.(*types.TypeParam); ok {
		t = p.Constraint()
		if i, ok := t.Underlying().(*types.Interface); ok && i.NumEmbeddeds() == 1 {
			if u, ok := i.EmbeddedType(0).(*types.Union); ok && u.Len() == 1 {
				t = u.Term(0).Type()
			}
		}
	}
	_, ok := t.Underlying().(*types.Map)
	return ok
}

func called(call *ast.CallExpr, names map[string]string) (target, name string) {
	fun := call.Fun
	if x, ok := fun.(*ast.IndexExpr); ok {
		fun = x.X
	}
	sel, ok := fun.(*ast.SelectorExpr)
	if !ok {
		return "", ""
	}
	pkg, ok := sel.X.(*ast.Ident)
	if !ok {
		return "", ""
	}
	return names[pkg.Name], sel.Sel.Name
}

// excuses are the lines that an order-free comment with a reason speaks of: its own, or the next one when it stands
// alone.
func excuses(s *source, file *ast.File) map[int]bool {
	code, lines := map[int]bool{}, map[int]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n.(type) {
		case nil, *ast.CommentGroup, *ast.Comment:
			return false
		}
		code[s.fset.Position(n.Pos()).Line] = true
		return true
	})
	for _, group := range file.Comments {
		for _, c := range group.List {
			reason, ok := strings.CutPrefix(c.Text, orderFree)
			if !ok || strings.TrimSpace(reason) == "" {
				continue
			}
			line := s.fset.Position(c.Pos()).Line
			if !code[line] {
				line++
			}
			lines[line] = true
		}
	}
	return lines
}

// exports asks the go command for the compiled types of all that the packages import.
func exports(root string, list []*source) (importer.Lookup, error) {
	args := []string{"list", "-export", "-deps", "-json=ImportPath,Export"}
	for _, s := range list {
		args = append(args, "./"+s.dir)
	}
	cmd := exec.Command("go", args...)
	cmd.Dir = root
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list -export: %w\n%s", err, problems.Bytes())
	}
	files := map[string]string{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct{ ImportPath, Export string }
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("go list -export: %w", err)
		}
		files[p.ImportPath] = p.Export
	}
	return func(path string) (io.ReadCloser, error) {
		if files[path] == "" {
			return nil, fmt.Errorf("no compiled types for %s", path)
		}
		return os.Open(filepath.Clean(files[path]))
	}, nil
}
