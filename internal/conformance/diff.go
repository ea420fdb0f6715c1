package conformance

import (
	"fmt"
	"slices"
	"strings"
)

// Diff says how got differs from want, stream by stream; "" when they are the same.
func Diff(want, got *Canonical) string {
	var out strings.Builder
	seen := map[string]bool{}
	for _, stream := range append(slices.Clone(want.Streams), got.Streams...) {
		if seen[stream.Name] {
			continue
		}
		seen[stream.Name] = true
		diffSteps(&out, stream.Name, want.Find(stream.Name), got.Find(stream.Name))
	}
	for _, line := range diffLines(want.Order, got.Order) {
		fmt.Fprintf(&out, "order: %s\n", line)
	}
	return out.String()
}

func diffLines(want, got []string) []string {
	var lines []string
	for _, line := range want {
		if !slices.Contains(got, line) {
			lines = append(lines, "- "+line)
		}
	}
	for _, line := range got {
		if !slices.Contains(want, line) {
			lines = append(lines, "+ "+line)
		}
	}
	return lines
}

// diffSteps aligns two streams by the names of their steps and compares the headers of those that belong together.
func diffSteps(out *strings.Builder, stream string, want, got []Step) {
	same := func(i, j int) bool { return want[i].Name == got[j].Name }
	pairs := align(len(want), len(got), same)
	i, j := 0, 0
	for _, pair := range append(pairs, [2]int{len(want), len(got)}) {
		for ; i < pair[0]; i++ {
			fmt.Fprintf(out, "%s: - step %d %s is missing%s\n", stream, i+1, oneLine(want[i].Name), brief(want[i]))
		}
		for ; j < pair[1]; j++ {
			fmt.Fprintf(out, "%s: + step %d %s is extra%s\n", stream, j+1, oneLine(got[j].Name), brief(got[j]))
		}
		if i < len(want) && j < len(got) {
			diffHeaders(out, fmt.Sprintf("%s: step %d %s", stream, i+1, oneLine(want[i].Name)), want[i], got[j])
		}
		i, j = i+1, j+1
	}
}

func diffHeaders(out *strings.Builder, where string, want, got Step) {
	lines := func(s Step) []string {
		var all []string
		for _, h := range s.Headers {
			all = append(all, h.Name+": "+oneLine(h.Value))
		}
		return all
	}
	for _, line := range diffLines(lines(want), lines(got)) {
		fmt.Fprintf(out, "%s: %s\n", where, line)
	}
	if w, g := lines(want), lines(got); len(diffLines(w, g)) == 0 && !slices.Equal(w, g) {
		fmt.Fprintf(out, "%s: headers repeat differently\n", where)
	}
}

// brief shows the states, which is what one looks for first.
func brief(s Step) string {
	var words []string
	for _, h := range s.Headers {
		switch h.Name {
		case "Channel-State", "Channel-Call-State", "Answer-State", "Hangup-Cause", "body", "reply":
			words = append(words, oneLine(h.Value))
		}
	}
	if len(words) == 0 {
		return ""
	}
	return " (" + strings.Join(words, " ") + ")"
}

func oneLine(text string) string {
	text = strings.ReplaceAll(text, "\n", " | ")
	if len(text) > 300 {
		text = text[:300] + "…"
	}
	return text
}

// align gives the longest common subsequence as pairs of indices.
func align(n, m int, same func(i, j int) bool) [][2]int {
	length := make([][]int, n+1)
	for i := range length {
		length[i] = make([]int, m+1)
	}
	for i := n - 1; i >= 0; i-- {
		for j := m - 1; j >= 0; j-- {
			if same(i, j) {
				length[i][j] = length[i+1][j+1] + 1
			} else {
				length[i][j] = max(length[i+1][j], length[i][j+1])
			}
		}
	}
	var pairs [][2]int
	for i, j := 0, 0; i < n && j < m; {
		switch {
		case same(i, j) && length[i][j] == length[i+1][j+1]+1:
			pairs = append(pairs, [2]int{i, j})
			i, j = i+1, j+1
		case length[i+1][j] >= length[i][j+1]:
			i++
		default:
			j++
		}
	}
	return pairs
}
