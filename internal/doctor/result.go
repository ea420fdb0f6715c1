package doctor

import (
	"context"
	"fmt"
	"io"
	"time"
)

// Status orders results by how bad they are.
type Status int

const (
	OK   Status = iota
	Warn        // works now, or for a newcomer, and will hurt later
	Fail        // does not work
)

// String is a word of fixed meaning in both languages.
func (s Status) String() string {
	return [...]string{"ok", "warn", "FAIL"}[s]
}

// Text is one sentence in both languages.
type Text struct{ PT, EN string }

// In returns the sentence in "en", or in Portuguese, which is the default.
func (t Text) In(lang string) string {
	if lang == "en" {
		return t.EN
	}
	return t.PT
}

// both formats the same arguments into both languages.
func both(pt, en string, args ...any) Text {
	if len(args) == 0 {
		return Text{pt, en}
	}
	return Text{fmt.Sprintf(pt, args...), fmt.Sprintf(en, args...)}
}

// Result is one thing that was looked at.
type Result struct {
	Subject Text // what was looked at
	Status  Status
	What    Text // what was found
	Do      Text // what to do about it; empty when all is well
}

// Check looks at one subject. It may find several things.
type Check func(ctx context.Context) []Result

// checkDeadline bounds each check.
const checkDeadline = 10 * time.Second

// Run makes the checks one after the other.
func Run(ctx context.Context, checks ...Check) []Result {
	var all []Result
	for _, check := range checks {
		one, cancel := context.WithTimeout(ctx, checkDeadline)
		all = append(all, check(one)...)
		cancel()
	}
	return all
}

// Worst is the worst status among the results.
func Worst(results []Result) Status {
	worst := OK
	for _, r := range results {
		worst = max(worst, r.Status)
	}
	return worst
}

// Print writes the results for people, one or two lines each.
func Print(w io.Writer, results []Result, lang string) error {
	for _, r := range results {
		if _, err := fmt.Fprintf(w, "%-4s  %s: %s\n", r.Status, r.Subject.In(lang), r.What.In(lang)); err != nil {
			return err
		}
		if do := r.Do.In(lang); do != "" {
			if _, err := fmt.Fprintf(w, "      → %s\n", do); err != nil {
				return err
			}
		}
	}
	return nil
}

func good(subject, what Text) Result { return Result{Subject: subject, Status: OK, What: what} }

func warn(subject, what, do Text) Result { return Result{subject, Warn, what, do} }

func fail(subject, what, do Text) Result { return Result{subject, Fail, what, do} }
