package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// runAll runs `go test -json` with further arguments and shows it for people: plain `go test` would hide what was
// skipped.
func runAll(o options, args []string, stdout, stderr io.Writer) (int, error) {
	if len(args) == 0 {
		args = []string{"./..."}
	}
	cmd := exec.Command("go", append([]string{"test", "-json", "-timeout=" + o.timeout.String()}, args...)...)
	cmd.Dir = o.root
	cmd.Env = append(os.Environ(), "RAMAL_TIER=test")
	cmd.Stderr = stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 2, fmt.Errorf("run tests: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return 2, fmt.Errorf("run tests: %w", err)
	}
	v := &viewer{w: stdout, output: map[string][]string{}, count: map[string]int{}}
	_, rerr := read(out, v.tell)
	werr := cmd.Wait()
	if rerr != nil {
		return 2, rerr
	}
	fmt.Fprintf(stdout, "%d passed, %d failed, %d skipped (tests and their parts); %d packages failed\n",
		v.count["pass"], v.count["fail"], v.count["skip"], v.packages)
	if werr != nil || v.packages > 0 || v.count["fail"] > 0 {
		return 1, nil
	}
	return 0, nil
}

// viewer prints what go test -json tells.
type viewer struct {
	w        io.Writer
	output   map[string][]string // of tests that have not ended, and of packages
	count    map[string]int      // tests and parts by pass, fail, skip
	packages int                 // that failed
}

func (v *viewer) tell(e event) {
	k := key(e.Package, e.Test)
	switch e.Action {
	case "build-output":
		fmt.Fprint(v.w, e.Output)
	case "output":
		if e.Test == "" && closing(e.Output) {
			fmt.Fprint(v.w, e.Output)
			return
		}
		if !strings.HasPrefix(e.Output, "=== ") { // RUN, PAUSE, CONT, NAME
			v.output[k] = append(v.output[k], e.Output)
		}
	case "pass", "fail", "skip":
		if e.Test == "" {
			if e.Action == "fail" {
				v.packages++
				v.failed(e.Package) // the output of a crash may belong to no test that ended
			}
			return
		}
		v.count[e.Action]++
		if e.Action == "fail" || e.Action == "skip" {
			fmt.Fprint(v.w, strings.Join(v.output[k], ""))
		}
		delete(v.output, k)
	}
}

func (v *viewer) failed(pkg string) {
	for k, lines := range v.output {
		if strings.HasPrefix(k, pkg+"\t") {
			fmt.Fprint(v.w, strings.Join(lines, ""))
			delete(v.output, k)
		}
	}
}

// closing says whether a line is the one that go test ends a package with.
func closing(line string) bool {
	for _, p := range []string{"ok  \t", "FAIL\t", "?   \t", "\t"} {
		if strings.HasPrefix(line, p) {
			return true
		}
	}
	return false
}
