package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// goTest runs the tests and reads what they say. parts, when given, is the pattern of the parts to run. Packages run
// one after the other: a test that measures sound must not share the machine with another.
func goTest(o options, tests []test, parts func(test) string, env []string, stderr io.Writer) (results, error) {
	if len(tests) == 0 {
		return results{}, nil
	}
	var patterns, packages []string
	for _, t := range tests {
		p := "^" + t.name + "$"
		if parts != nil {
			p += parts(t)
		}
		if !slices.Contains(patterns, p) {
			patterns = append(patterns, p)
		}
		if dir := "./" + t.pkg; !slices.Contains(packages, dir) {
			packages = append(packages, dir)
		}
	}
	args := append([]string{"test", "-json", "-count=1", "-p=1", "-timeout=" + o.timeout.String(),
		"-run=" + strings.Join(patterns, "|")}, packages...)
	cmd := exec.Command("go", args...)
	cmd.Dir = o.root
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return results{}, fmt.Errorf("run tests: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return results{}, fmt.Errorf("run tests: %w", err)
	}
	res, err := read(out, newTeller(stderr).tell)
	if werr := cmd.Wait(); werr != nil && len(res.packages) == 0 {
		return res, fmt.Errorf("run tests: go test said nothing: %w", werr)
	}
	return res, err // that tests failed stands in the results
}

// teller lets a person follow: a line for each test that ends, and all of its output when it did not pass.
type teller struct {
	w      io.Writer
	output map[string][]string
}

func newTeller(w io.Writer) *teller { return &teller{w: w, output: map[string][]string{}} }

func (t *teller) tell(e event) {
	top, _, _ := strings.Cut(e.Test, "/")
	k := key(e.Package, top)
	switch e.Action {
	case "output":
		t.output[k] = append(t.output[k], e.Output)
	case "build-output":
		fmt.Fprint(t.w, e.Output)
	case "pass", "fail", "skip":
		if strings.Contains(e.Test, "/") {
			return
		}
		if e.Action != "pass" {
			fmt.Fprint(t.w, strings.Join(t.output[k], ""))
		} else if e.Test != "" {
			fmt.Fprintf(t.w, "--- PASS: %s %s (%.1fs)\n", e.Package, e.Test, e.Elapsed)
		}
		delete(t.output, k)
	}
}
