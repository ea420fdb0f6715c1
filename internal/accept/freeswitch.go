package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// onFreeSWITCH runs what needs a FreeSWITCH and writes the page of results.
func onFreeSWITCH(o options, lines []line, tests []test, stdout, stderr io.Writer) (int, error) {
	version, err := command(filepath.Join(o.freeswitch, "bin", "freeswitch"), "-version")
	if err != nil {
		return 2, fmt.Errorf("ask FreeSWITCH for its version: %w (FREESWITCH must be the prefix of an installation)", err)
	}
	commit, err := commitOf(o.root)
	if err != nil {
		return 2, err
	}
	tests = slices.DeleteFunc(slices.Clone(tests), func(t test) bool { return !t.freesw && !t.partsFS })
	if len(tests) == 0 {
		return 2, errors.New("no test is for FreeSWITCH (names end in " + freeswitchMark + ")")
	}
	parts := func(t test) string {
		if t.freesw {
			return ""
		}
		return "/" + freeswitchMark + "$"
	}
	env := []string{"RAMAL_TIER=test", "RAMAL_FREESWITCH=" + o.freeswitch}
	res, err := goTest(o, tests, parts, env, stderr)
	if err != nil {
		return 2, err
	}
	page, code := resultsPage(lines, tests, res, version, commit, time.Now())
	if err := os.WriteFile(o.out, page, 0o644); err != nil {
		return 2, fmt.Errorf("write results: %w", err)
	}
	fmt.Fprintf(stdout, "%s", page)
	return code, nil
}

// resultsPage is docs/freeswitch-results.md: every line marked ⓕ, and others that a test showed all the same. "commit:"
// is read by `make lint`.
func resultsPage(lines []line, tests []test, res results, version, commit string, at time.Time) ([]byte, int) {
	var page bytes.Buffer
	fmt.Fprintf(&page, "# Results on FreeSWITCH\n\nWritten by `make test-freeswitch`; not to be edited by hand.\n\n")
	date := at.UTC().Format("2006-01-02 15:04 UTC")
	fmt.Fprintf(&page, "- switch: %s\n- commit: %s\n- date: %s\n\n", version, commit, date)
	fmt.Fprintf(&page, "| line | result | tests |\n|---|---|---|\n")
	code := 0
	for _, l := range lines {
		v := judgeFreeSWITCH(l.id, tests, res)
		if !l.freesw && len(v.tests) == 0 {
			continue
		}
		if v.state == failed {
			code = 1
		}
		fmt.Fprintf(&page, "| %s | %s | %s |\n", l.id, v.state, strings.Join(v.tests, ", "))
	}
	return page.Bytes(), code
}

// judgeFreeSWITCH counts the tests that are for FreeSWITCH and the parts that are; a test none of whose parts for
// FreeSWITCH ran has shown nothing.
func judgeFreeSWITCH(id string, tests []test, res results) verdict {
	v := verdict{state: missing}
	for _, t := range tests {
		if !slices.Contains(t.ids, id) {
			continue
		}
		if !t.freesw && !res.ranPart(t) {
			if res.of(t, forFreeSWITCH) != failed {
				continue
			}
		}
		s := res.of(t, func(part string) bool { return t.freesw || forFreeSWITCH(part) })
		if len(v.tests) == 0 || worse(s, v.state) {
			v.state = s
		}
		v.tests = append(v.tests, t.name)
	}
	return v
}

func (res results) ranPart(t test) bool {
	for k := range res.tests {
		if part, ok := strings.CutPrefix(k, key(packagePath(t.pkg), t.name)+"/"); ok && forFreeSWITCH(part) {
			return true
		}
	}
	return false
}

// commitOf names the commit that was tested, and says so when the tree differs from it.
func commitOf(root string) (string, error) {
	commit, err := command("git", "-C", root, "rev-parse", "HEAD")
	if err != nil {
		return "", fmt.Errorf("name the commit: %w", err)
	}
	changed, err := command("git", "-C", root, "status", "--porcelain", "--untracked-files=no")
	if err != nil {
		return "", fmt.Errorf("name the commit: %w", err)
	}
	if changed != "" {
		commit += " (with changes)"
	}
	return commit, nil
}

func command(name string, args ...string) (string, error) {
	out, err := exec.Command(name, args...).Output()
	return strings.TrimSpace(string(out)), err
}
