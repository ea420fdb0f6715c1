package arch

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const root = "../.."

func TestTheRepositoryKeepsTheRulesOfItsDesign(t *testing.T) {
	found, err := Check(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Error(f)
	}
}

func TestEveryFolderOfTheLayoutSaysWhatItIsFor(t *testing.T) {
	sources, err := read(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range layout {
		if !slices.ContainsFunc(sources, func(s *source) bool { return s.dir == dir && len(s.files) > 0 }) {
			t.Errorf("%s: has no Go file; a folder that is empty yet has its doc.go", dir)
		}
	}
}

// repository writes files below a temporary directory and checks it.
func repository(t *testing.T, files map[string]string) []string {
	t.Helper()
	dir := t.TempDir()
	files["go.mod"] = "module ramal\n\ngo 1.26.0\n"
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("GOFLAGS", "-mod=mod")
	found, err := Check(dir)
	if err != nil {
		t.Fatal(err)
	}
	lines := make([]string, len(found))
	for i, f := range found {
		lines[i] = f.String()
	}
	return lines
}

// expect compares findings by file and line and by a word of each text: "file:line word".
func expect(t *testing.T, found []string, want ...string) {
	t.Helper()
	var rest []string
	for _, f := range found {
		i := slices.IndexFunc(want, func(w string) bool {
			place, word, _ := strings.Cut(w, " ")
			return strings.HasPrefix(f, place+":") && strings.Contains(f, word)
		})
		if i < 0 {
			rest = append(rest, f)
			continue
		}
		want = slices.Delete(slices.Clone(want), i, i+1)
	}
	if diff := cmp.Diff([]string(nil), rest); diff != "" {
		t.Errorf("not expected:\n%s", diff)
	}
	if len(want) > 0 {
		t.Errorf("not found: %q", want)
	}
}

const doc = "// Package x is a fixture.\npackage x\n"

func TestAWrongImportIsNamedWithFileAndLine(t *testing.T) {
	found := repository(t, map[string]string{
		"call/doc.go":          doc,
		"media/doc.go":         doc,
		"internal/life/doc.go": doc,
		"softswitch/doc.go":    doc,
		"softswitch/sip/a.go":  "// Package sip.\npackage sip\n\nimport _ \"ramal/media\"\n",
		"softswitch/sip/doc.go": "// Package sip is below softswitch and has its rights.\npackage sip\n\n" +
			"import (\n\t_ \"ramal/softswitch\"\n\t_ \"ramal/call\"\n)\n",
		"acd/doc.go":       doc + "\nimport _ \"ramal/media\"\n",
		"acd/a_test.go":    "package x\n\nimport _ \"ramal/media\"\n",
		"elsewhere/doc.go": doc + "\nimport _ \"ramal/call\"\n",
	})
	expect(t, found, "softswitch/sip/doc.go:6 call", "acd/doc.go:4 media", "elsewhere/doc.go:4 row")
}

func TestOnlyEslSpeaksEslgoAndNothingOfTheDomainKnowsTheSimulator(t *testing.T) {
	found := repository(t, map[string]string{
		"esl/doc.go":     doc + "\nimport _ \"github.com/percipia/eslgo/command\"\n",
		"control/doc.go": doc + "\nimport _ \"github.com/percipia/eslgo\"\n",
		"sim/doc.go":     doc + "\n",
		"cmd/r/main.go":  "// Command r is a fixture.\npackage main\n\nimport _ \"ramal/sim\"\n\nfunc main() {}\n",
		"api/doc.go":     doc + "\nimport _ \"ramal/sim\"\n",
	})
	expect(t, found, "control/doc.go:4 eslgo", "api/doc.go:4 simulation")
}

func TestAPurePackageHasNoClockGoroutineOrChance(t *testing.T) {
	found := repository(t, map[string]string{
		"acd/doc.go": doc,
		"acd/a.go": `package x

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"sync/atomic"
	clock "time"
)

var _ atomic.Int32
var _ netip.Addr
var _ context.Context

func f(r *rand.Rand) clock.Time {
	events := make(chan int)
	go func() { events <- rand.IntN(3) }()
	select {
	case <-events:
	}
	slog.Info("no")
	_ = r.IntN(2)
	_ = rand.New(rand.NewPCG(1, 2))
	_ = slog.StringValue("masked")
	return clock.Now().Add(clock.Second)
}
`})
	expect(t, found, "acd/a.go:4 context", "acd/a.go:8 sync/atomic", "acd/a.go:17 channel", "acd/a.go:18 go",
		"acd/a.go:18 send", "acd/a.go:18 global", "acd/a.go:19 select", "acd/a.go:20 receive", "acd/a.go:22 log",
		"acd/a.go:26 time.Now")
}

func TestTheSameCodeOutsideThePurePackagesIsFine(t *testing.T) {
	found := repository(t, map[string]string{
		"control/doc.go": doc + "\nimport \"time\"\n\nfunc f() { go time.Sleep(1) }\n",
	})
	expect(t, found)
}

func TestAWalkOverAMapMustSortOrSayWhyNot(t *testing.T) {
	found := repository(t, map[string]string{
		"acd/doc.go": doc,
		"acd/a.go": `package x

import (
	"maps"
	"slices"
)

type agents map[string]int

func f(a agents, list []int) (n int) {
	for range a {
		n++
	}
	for range a { //arch:order-free a count
		n++
	}
	//arch:order-free a sum
	for _, v := range a {
		n += v
	}
	for range a { //arch:order-free
		n++
	}
	for range a { //arch:order-free excuses this line, not the next
		for range a {
		}
	}
	for range list {
		n++
	}
	for range slices.Sorted(maps.Keys(a)) {
		n++
	}
	for range maps.Values(a) {
		n++
	}
	return n
}

func g[M ~map[string]V, V any](m M) {
	for range m {
	}
}
`})
	expect(t, found, "acd/a.go:11 ranges", "acd/a.go:21 ranges",
		"acd/a.go:25 ranges", "acd/a.go:34 maps.Values", "acd/a.go:41 ranges")
}

func TestAFileOfAnotherBuildIsReadButNotTypeChecked(t *testing.T) {
	found := repository(t, map[string]string{
		"acd/doc.go": doc + "\nconst bug = false\n",
		"acd/bug.go": "//go:build bug\n\npackage x\n\nimport \"sync\"\n\nconst bug = true\n\nvar _ sync.Mutex\n",
	})
	expect(t, found, "acd/bug.go:5 sync")
}

func TestEachPackageSaysWhatItIsForUnderANameThatSaysSomething(t *testing.T) {
	found := repository(t, map[string]string{
		"store/a.go":            "// Package store is described in the wrong file.\npackage store\n",
		"internal/helpers/a.go": "package helpers\n",
		"api/doc.go":            "package api\n",
		"cmd/r/main.go":         "// Command r is fine.\npackage main\n\nfunc main() {}\n",
		"var/x/a.go":            "package x\n",
		"media/testdata/a.go":   "package x\n",
	})
	expect(t, found, "store doc.go", "internal/helpers doc.go", "internal/helpers/a.go:1 nothing", "api doc.go")
}
