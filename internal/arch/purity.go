package arch

import (
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// impureImports are packages (with all below them) that a pure package has no use for.
var impureImports = []string{"sync", "context", "net", "os", "syscall", "io/fs", "io/ioutil", "log", "unsafe",
	"crypto/rand", "database/sql", "runtime", "testing"}

// pureAfterAll are exceptions to impureImports: net/netip and net/url are values, log/slog is needed for LogValue.
var pureAfterAll = []string{"log/slog", "net/netip", "net/url"}

// impureCalls are the functions of otherwise harmless packages that read a clock, chance or the world.
var impureCalls = map[string]struct {
	names []string
	why   string
}{
	"time": {[]string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick"},
		"time comes with the event, a deadline is a command"},
	"log/slog": {[]string{"Debug", "DebugContext", "Info", "InfoContext", "Warn", "WarnContext", "Error", "ErrorContext",
		"Log", "LogAttrs", "Default", "SetDefault", "With", "New"}, "a pure package does not log"},
	"github.com/google/uuid": {[]string{"New", "NewString", "NewRandom", "NewUUID", "NewV6", "NewV7", "NewDCEGroup",
		"NewDCEPerson", "NewDCESecurity"}, "an identifier comes with the event"},
	"fmt": {[]string{"Print", "Printf", "Println", "Scan", "Scanf", "Scanln"}, "a pure package does no I/O"},
}

// seeded are the functions of math/rand and math/rand/v2 that do not touch the global source.
var seeded = []string{"New", "NewSource", "NewPCG", "NewChaCha8", "NewZipf", "Rand", "Source", "Source64", "PCG",
	"ChaCha8", "Zipf"}

// version is the last element of the path of a module from its second major version on.
var version = regexp.MustCompile(`^v[0-9]+$`)

// impurities finds what makes a package depend on anything but its events.
func impurities(s *source) []Finding {
	var found []Finding
	for _, file := range s.files {
		names, bad := fileImports(s, file)
		found = append(found, bad...)
		ast.Inspect(file, func(n ast.Node) bool {
			if f, ok := s.impure(n, names); ok {
				found = append(found, f)
			}
			return true
		})
	}
	return found
}

// fileImports maps the names that a file uses for its imports to their paths, and reports those that are impure.
func fileImports(s *source, file *ast.File) (map[string]string, []Finding) {
	names := map[string]string{}
	var found []Finding
	for _, spec := range file.Imports {
		target, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		name := path.Base(target)
		if version.MatchString(name) {
			name = path.Base(path.Dir(target))
		}
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names[name] = target
		if name == "." {
			found = append(found, s.finding(spec.Pos(), "a dot import hides what is used of %s", target))
		}
		if impureImport(target) {
			found = append(found, s.finding(spec.Pos(), "imports %s: pure packages have no I/O, clock, lock or goroutine",
				target))
		}
	}
	return names, found
}

func impureImport(target string) bool {
	if slices.Contains(pureAfterAll, target) {
		return false
	}
	return slices.ContainsFunc(impureImports, func(p string) bool { return below(target, p) })
}

func (s *source) impure(n ast.Node, names map[string]string) (Finding, bool) {
	switch n := n.(type) {
	case *ast.GoStmt:
		return s.finding(n.Pos(), "go statement: a pure package has no goroutine"), true
	case *ast.ChanType:
		return s.finding(n.Pos(), "channel type: a pure package has no goroutine to talk to"), true
	case *ast.SendStmt:
		return s.finding(n.Pos(), "send on a channel"), true
	case *ast.SelectStmt:
		return s.finding(n.Pos(), "select statement"), true
	case *ast.UnaryExpr:
		if n.Op == token.ARROW {
			return s.finding(n.Pos(), "receive from a channel"), true
		}
	case *ast.SelectorExpr:
		if pkg, ok := n.X.(*ast.Ident); ok {
			return s.impureCall(n, names[pkg.Name], n.Sel.Name)
		}
	}
	return Finding{}, false
}

func (s *source) impureCall(n ast.Node, target, name string) (Finding, bool) {
	if strings.HasPrefix(target, "math/rand") && !slices.Contains(seeded, name) {
		return s.finding(n.Pos(), "%s.%s: the global random source; take a *rand.Rand", path.Base(target), name), true
	}
	if c, ok := impureCalls[target]; ok && slices.Contains(c.names, name) {
		return s.finding(n.Pos(), "%s.%s: %s", path.Base(target), name, c.why), true
	}
	return Finding{}, false
}
