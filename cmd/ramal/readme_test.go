package main

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ramal/internal/conformance"
)

func TestMain(m *testing.M) {
	status := m.Run()
	if err := conformance.RemoveBinary(); err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		status = 1
	}
	os.Exit(status)
}

// blanks are what differs from run to run: times, and the protocol number.
var blanks = []*regexp.Regexp{
	regexp.MustCompile(`\d\d:\d\d:\d\d\.\d{3}`),
	regexp.MustCompile(`Protocol \d+`),
}

func blank(text string) []string {
	for _, re := range blanks {
		text = re.ReplaceAllString(text, "…")
	}
	return strings.Split(strings.TrimSpace(text), "\n")
}

// The README shows what `ramal try` says; a fresh run must say the same.
func TestA11_TheReadmeShowsWhatTryReallySays(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(readme), "$ bin/ramal try\n")
	shown, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatal("the README has no block that begins with `$ bin/ramal try`")
	}
	site := conformance.StartSite(t, nil)
	binary, err := conformance.RamalBinary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "try", "--state", site.Dir)
	cmd.Dir = t.TempDir()
	said, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("ramal try: %v\n%s", err, said)
	}
	if d := cmp.Diff(blank(shown), blank(string(said))); d != "" {
		t.Errorf("the README tells something else (-README +now):\n%s", d)
	}
}
