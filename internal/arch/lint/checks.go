package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	maxWidth = 120 // characters, a tab is one
	maxLines = 600
)

// exempt begins a file whose lines are a table (or generated): it may be long and wide.
var exempt = regexp.MustCompile(`(?m)^(// Code generated .* DO NOT EDIT\.|//arch:table .+)$`)

// shape holds files written by hand to the design's width and length.
func shape(t tree) ([]string, error) {
	var found []string
	for _, f := range t.files {
		if !slices.Contains([]string{".go", ".sh", ".sql"}, path.Ext(f)) || strings.Contains(f, "testdata/") {
			continue
		}
		text, err := t.read(f)
		if err != nil {
			return nil, err
		}
		if exempt.MatchString(text) {
			continue
		}
		lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		if len(lines) > maxLines {
			found = append(found, fmt.Sprintf("%s: %d lines, at most %d", f, len(lines), maxLines))
		}
		for i, l := range lines {
			if n := utf8.RuneCountInString(l); n > maxWidth {
				found = append(found, fmt.Sprintf("%s:%d: %d characters, at most %d", f, i+1, n, maxWidth))
			}
		}
	}
	return found, nil
}

// copyleft are modules under MPL-2.0 whose use NOTICE must name.
var copyleft = []string{"github.com/percipia/eslgo", "github.com/riverqueue/river", "pgregory.net/rapid",
	"github.com/hashicorp/"}

// licence: the text of the licence is there, and NOTICE names what is used under another kind.
func licence(t tree) ([]string, error) {
	var found []string
	for _, f := range []string{"LICENSE", "NOTICE"} {
		if !t.has(f) {
			found = append(found, f+": is missing")
		}
	}
	if len(found) > 0 {
		return found, nil
	}
	text, err := t.read("LICENSE")
	if err != nil {
		return nil, err
	}
	if !strings.Contains(text, "Apache License") {
		found = append(found, "LICENSE: is not the Apache License")
	}
	notice, err := t.read("NOTICE")
	if err != nil {
		return nil, err
	}
	mod, err := t.read("go.mod")
	if err != nil {
		return nil, err
	}
	for _, m := range copyleft {
		if strings.Contains(mod, "\t"+m) && !strings.Contains(notice, strings.TrimSuffix(m, "/")) {
			found = append(found, "NOTICE: does not name "+m)
		}
	}
	return found, nil
}

// generated compares the recorded hashes, and asks every generated Go file to be recorded.
func generated(t tree) ([]string, error) {
	var found []string
	recorded := map[string]bool{}
	for _, f := range t.files {
		if !strings.HasSuffix(f, ".gen.sum") {
			continue
		}
		text, err := t.read(f)
		if err != nil {
			return nil, err
		}
		for i, l := range strings.Split(strings.TrimSpace(text), "\n") {
			want, name, ok := strings.Cut(l, "  ")
			if !ok {
				found = append(found, fmt.Sprintf("%s:%d: is not a line of sha256sum", f, i+1))
				continue
			}
			recorded[name] = true
			body, err := t.read(name)
			if err != nil {
				found = append(found, fmt.Sprintf("%s:%d: %v", f, i+1, err))
				continue
			}
			if sum := sha256.Sum256([]byte(body)); hex.EncodeToString(sum[:]) != want {
				found = append(found, fmt.Sprintf("%s:%d: %s has changed since the code was generated: run the generator "+
					"(make generate)", f, i+1, name))
			}
		}
	}
	for _, f := range t.files {
		if path.Ext(f) != ".go" || recorded[f] {
			continue
		}
		text, err := t.read(f)
		if err != nil {
			return nil, err
		}
		if regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`).MatchString(text) {
			found = append(found, f+": is generated, but no *.gen.sum records it")
		}
	}
	return found, nil
}

// places: nothing committed names a package registry, this checkout's path, or what lies beside it.
func places(t tree) ([]string, error) {
	bad := []string{"registry." + "npmjs.org", "proxy." + "golang.org", "sum." + "golang.org", "../" + "shared/"}
	for _, env := range []string{"GOPROXY", "npm_config_registry", "PIP_INDEX_URL"} {
		for _, part := range strings.FieldsFunc(os.Getenv(env), func(r rune) bool { return r == ',' || r == '|' }) {
			if u, err := url.Parse(part); err == nil && u.Hostname() != "" {
				bad = append(bad, u.Hostname())
			}
		}
	}
	bad = append(bad, t.root)
	ordinary := []string{"/", "/tmp", "/root", "/home", "/srv", "/opt", "/usr/src", "/usr/local/src", "/var/tmp"}
	if parent := filepath.Dir(t.root); !slices.Contains(ordinary, parent) {
		bad = append(bad, parent+"/")
	}
	var found []string
	for _, f := range t.files {
		text, err := t.read(f)
		if err != nil {
			return nil, err
		}
		for _, b := range bad {
			if at := strings.Index(text, b); at >= 0 {
				found = append(found, fmt.Sprintf("%s:%d: names %q", f, 1+strings.Count(text[:at], "\n"), b))
			}
		}
	}
	return found, nil
}

var testedCommit = regexp.MustCompile(`(?m)^- commit: ([0-9a-f]{40})`)

// freeswitchResults warns when what talks to the switch has changed since somebody ran it on a FreeSWITCH.
func freeswitchResults(t tree) ([]string, error) {
	const page = "docs/freeswitch-results.md"
	if !t.has(page) {
		return []string{page + " is not there: nobody has run make test-freeswitch yet"}, nil
	}
	text, err := t.read(page)
	if err != nil {
		return nil, err
	}
	m := testedCommit.FindStringSubmatch(text)
	if m == nil {
		return []string{page + ": names no commit"}, nil
	}
	out, err := exec.Command("git", "-C", t.root, "diff", "--name-only", m[1], "--", "esl", "control", "softswitch",
		"freeswitch-conf").Output()
	if err != nil {
		return []string{fmt.Sprintf("%s: commit %s is not in this repository", page, m[1])}, nil
	}
	if changed := strings.Fields(string(out)); len(changed) > 0 {
		return []string{fmt.Sprintf("%d files of esl, control, softswitch or freeswitch-conf have changed since the results "+
			"of %s on FreeSWITCH: run make test-freeswitch", len(changed), m[1][:12])}, nil
	}
	return nil, nil
}
