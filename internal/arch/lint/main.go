// Command lint checks what gofmt, vet and staticcheck do not: the width and length of files, the licence files, that
// generated code is current, and that nothing committed points into one person's machine. It prints file:line: what
// for each finding and exits with 1 when there is one; a warning (results on FreeSWITCH that are older than the code)
// does not count.
//
// Generated code is current when the hashes in its *.gen.sum hold. Such a file lists inputs and outputs of a generator
// as sha256sum prints them, relative to the repository; whoever runs the generator writes it:
//
//	sha256sum api/openapi.yaml api/api.gen.go > api/api.gen.sum
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
)

func main() {
	root := flag.String("root", ".", "the repository")
	flag.Parse()
	code, err := run(*root, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "lint:", err)
	}
	os.Exit(code)
}

// tree is the committed part of a repository.
type tree struct {
	root  string   // absolute
	files []string // slash separated, relative
}

// check is one rule; it returns findings as "file:line: what".
type check func(tree) ([]string, error)

func run(root string, out io.Writer) (int, error) {
	t, err := committed(root)
	if err != nil {
		return 2, err
	}
	code := 0
	for _, c := range []check{shape, licence, generated, places} {
		found, err := c(t)
		if err != nil {
			return 2, err
		}
		sort.Strings(found)
		for _, f := range found {
			fmt.Fprintln(out, f)
			code = 1
		}
	}
	warnings, err := freeswitchResults(t)
	if err != nil {
		return 2, err
	}
	for _, w := range warnings {
		fmt.Fprintln(out, "warning:", w)
	}
	return code, nil
}

// committed lists what git tracks and what is in the tree: a deleted file is not looked for.
func committed(root string) (tree, error) {
	abs, err := filepath.Abs(root)
	if err != nil {
		return tree{}, err
	}
	out, err := exec.Command("git", "-C", abs, "ls-files", "-z").Output()
	if err != nil {
		return tree{}, fmt.Errorf("list committed files: %w", err)
	}
	t := tree{root: abs}
	for _, f := range strings.Split(strings.TrimRight(string(out), "\x00"), "\x00") {
		if info, err := os.Lstat(filepath.Join(abs, f)); err == nil && info.Mode().IsRegular() {
			t.files = append(t.files, f)
		}
	}
	return t, nil
}

func (t tree) read(file string) (string, error) {
	text, err := os.ReadFile(filepath.Join(t.root, filepath.FromSlash(file)))
	return string(text), err
}

func (t tree) has(file string) bool {
	for _, f := range t.files {
		if f == file {
			return true
		}
	}
	return false
}
