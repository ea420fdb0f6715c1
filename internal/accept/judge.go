package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

type state string

const (
	passed  state = "pass"
	failed  state = "fail"
	missing state = "missing"
)

// verdict is what is known of one acceptance line.
type verdict struct {
	state state
	tests []string
}

// event is one line of `go test -json` (go doc test2json).
type event struct {
	Action      string
	Package     string
	ImportPath  string
	Test        string
	Output      string
	Elapsed     float64 // seconds
	FailedBuild string
}

// results is what one run of `go test -json` has told.
type results struct {
	tests    map[string]string // "package\ttest" (parts too) → last of pass, fail, skip; "run" while it has no end
	packages map[string]string // package → pass, fail, skip
}

func key(pkg, name string) string { return pkg + "\t" + name }

// read takes the stream to its end. Each event is also given to tell.
func read(r io.Reader, tell func(event)) (results, error) {
	res := results{tests: map[string]string{}, packages: map[string]string{}}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return res, fmt.Errorf("read results of go test: %w: %.200s", err, lines.Bytes())
		}
		tell(e)
		switch e.Action {
		case "run":
			res.tests[key(e.Package, e.Test)] = "run"
		case "pass", "fail", "skip":
			if e.Test == "" {
				res.packages[e.Package] = e.Action
			} else if res.tests[key(e.Package, e.Test)] != "fail" { // with -count or -cpu once failed is failed
				res.tests[key(e.Package, e.Test)] = e.Action
			}
		}
	}
	if err := lines.Err(); err != nil {
		return res, fmt.Errorf("read results of go test: %w", err)
	}
	return res, nil
}

// judge holds the tests that carry an identifier against the run.
func judge(id string, carrying []test, res results) verdict {
	v := verdict{state: missing}
	for _, t := range carrying {
		if !slices.Contains(t.ids, id) {
			continue
		}
		s := res.of(t, func(part string) bool { return !forFreeSWITCH(part) })
		if len(v.tests) == 0 || worse(s, v.state) {
			v.state = s
		}
		v.tests = append(v.tests, t.name)
	}
	return v
}

// of is the state of a test with those of its parts that count. A part that failed counts always.
func (res results) of(t test, counts func(part string) bool) state {
	pkg := packagePath(t.pkg)
	top, ran := res.tests[key(pkg, t.name)]
	skipped := top == "skip"
	for k, end := range res.tests {
		part, ok := strings.CutPrefix(k, key(pkg, t.name)+"/")
		switch {
		case !ok:
		case end == "fail" || end == "run":
			return failed
		case end == "skip" && counts(part):
			skipped = true
		}
	}
	switch {
	case top == "fail" || top == "run": // begun and without an end: it crashed
		return failed
	case !ran && res.packages[pkg] == "fail": // the package does not compile, or crashed before it
		return failed
	case !ran || skipped:
		return missing
	}
	return passed
}

func worse(a, b state) bool {
	rank := map[state]int{passed: 0, missing: 1, failed: 2}
	return rank[a] > rank[b]
}

// forFreeSWITCH says whether a part, or a part that it belongs to, is for FreeSWITCH.
func forFreeSWITCH(part string) bool {
	for _, p := range strings.Split(part, "/") {
		// The testing package numbers parts of one name: x_OnFreeSWITCH#01.
		name, _, _ := strings.Cut(p, "#")
		if strings.HasSuffix(name, freeswitchMark) {
			return true
		}
	}
	return false
}

func packagePath(dir string) string {
	if dir == "." {
		return "ramal"
	}
	return "ramal/" + dir
}
