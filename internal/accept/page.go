package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
)

// line is one acceptance line of the page.
type line struct {
	id     string
	freesw bool // ⓕ: also to be shown on FreeSWITCH
}

var lineForm = regexp.MustCompile(`^- \*\*([A-Z][0-9]+)\*\*( ⓕ)? \S`)

// readLines reads the identifiers, in the order of the page.
func readLines(path string) ([]line, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read acceptance lines: %w", err)
	}
	var lines []line
	seen := map[string]bool{}
	for i, l := range strings.Split(string(text), "\n") {
		m := lineForm.FindStringSubmatch(l)
		if m == nil {
			if strings.HasPrefix(l, "- **") {
				return nil, fmt.Errorf("read acceptance lines: %s:%d is none: %s", path, i+1, l)
			}
			continue
		}
		if seen[m[1]] {
			return nil, fmt.Errorf("read acceptance lines: %s:%d: %s stands twice", path, i+1, m[1])
		}
		seen[m[1]] = true
		lines = append(lines, line{id: m[1], freesw: m[2] != ""})
	}
	if len(lines) == 0 {
		return nil, errors.New("read acceptance lines: " + path + " has none")
	}
	return lines, nil
}

// choose keeps the lines that want names: "B" is every line of B, "B1" that line alone; empty is all.
func choose(lines []line, want string) ([]line, error) {
	words := strings.FieldsFunc(want, func(r rune) bool { return r == ',' || r == ' ' })
	if len(words) == 0 {
		return lines, nil
	}
	var chosen []line
	used := map[string]bool{}
	for _, l := range lines {
		for _, w := range words {
			if l.id == w || strings.TrimRight(l.id, "0123456789") == w {
				chosen, used[w] = append(chosen, l), true
				break
			}
		}
	}
	for _, w := range words {
		if !used[w] && !named(lines, w) {
			return nil, fmt.Errorf("no acceptance line is called %q", w)
		}
	}
	return chosen, nil
}

func named(lines []line, w string) bool {
	for _, l := range lines {
		if l.id == w {
			return true
		}
	}
	return false
}
