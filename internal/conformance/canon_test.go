package conformance

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"ramal/internal/recordings"
)

const recordingsDir = "../../testdata/esl"

func load(t *testing.T, number string) Conversation {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(recordingsDir, number+"-*.txt"))
	if err != nil || len(paths) != 1 {
		t.Fatalf("recording %s: %d files, %v", number, len(paths), err)
	}
	blocks, err := recordings.Load(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	c, err := Read(blocks)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func canonical(t *testing.T, c Conversation) *Canonical {
	t.Helper()
	can, err := Canon.Canonicalize(c)
	if err != nil {
		t.Fatal(err)
	}
	return can
}

// cited returns the recording and the items that passed at the cited time.
func cited(t *testing.T, cite Cite) (Conversation, []*Item) {
	t.Helper()
	number, seconds, ok := strings.Cut(string(cite), "@")
	at, err := strconv.ParseFloat(seconds, 64)
	if !ok || err != nil {
		t.Fatalf("citation %q: want number@seconds", cite)
	}
	c := load(t, number)
	var items []*Item
	for i := range c {
		if c[i].At == time.Duration(at*1000+0.5)*time.Millisecond {
			items = append(items, &c[i])
		}
	}
	if len(items) == 0 {
		t.Fatalf("citation %q: nothing passed then", cite)
	}
	return c, items
}

func TestEveryRowOfTheTableIsShownByTheRecordingsItCites(t *testing.T) {
	for _, row := range Canon.Headers {
		checkHeaderRow(t, row)
	}
	for _, row := range Canon.Events {
		for _, cite := range row.Cites {
			if _, items := cited(t, cite); !anyItem(items, row.Event.matches) {
				t.Errorf("no event %q at %s", row.Event, cite)
			}
		}
		mustExplain(t, row.Event, row.Why, row.Cites)
	}
	for _, row := range Canon.Swaps {
		name := row.First + " / " + row.Then
		mustExplain(t, name, row.Why, []Cite{row.Forward})
		checkNeighbours(t, row.Forward, row.First, row.Then)
		checkNeighbours(t, row.Backward, row.Then, row.First)
	}
	for _, row := range Canon.Blanks {
		mustExplain(t, row.Find, row.Why, row.Cites)
		for _, cite := range row.Cites {
			if !anyText(t, cite, row.Find.MatchString) {
				t.Errorf("nothing like %s at %s", row.Find, cite)
			}
		}
	}
	for _, row := range Canon.Causes {
		mustExplain(t, row.Cause, row.Why, row.Cites)
		checkOrder(t, &Table{Causes: []CauseRow{row}}, row.Cites, row.Effect, "comes before")
	}
	for _, row := range Canon.Holds {
		mustExplain(t, row.Command, row.Why, row.Cites)
		for _, cite := range row.Cites {
			if !anyText(t, cite, row.Command.MatchString) {
				t.Errorf("no command like %s at %s", row.Command, cite)
			}
		}
	}
	for _, row := range Canon.Times {
		mustExplain(t, row.Cause, row.Why, row.Cites)
		window := fmt.Sprintf("in %v to %v", row.Min, row.Max)
		checkOrder(t, &Table{Times: []TimeRow{row}}, row.Cites, row.Effect, window)
	}
}

func mustExplain(t *testing.T, row any, why string, cites []Cite) {
	t.Helper()
	if why == "" || len(cites) == 0 {
		t.Errorf("row %v: no reason or no citation", row)
	}
}

func anyItem(items []*Item, is func(*Item) bool) bool {
	for _, item := range items {
		if item.Kind == Event && is(item) {
			return true
		}
	}
	return false
}

func checkHeaderRow(t *testing.T, row HeaderRow) {
	t.Helper()
	mustExplain(t, row.Drop, row.Why, row.Cites)
	shown := map[string]bool{}
	for _, cite := range row.Cites {
		used := false
		_, items := cited(t, cite)
		for _, item := range items {
			for _, h := range item.Headers {
				for _, pattern := range row.Drop {
					one := HeaderRow{Event: row.Event, Drop: []string{pattern}, Except: row.Except}
					if one.covers(item, h.Name) {
						shown[pattern], used = true, true
					}
				}
			}
		}
		if !used {
			t.Errorf("row %v: nothing of it at %s", row.Drop, cite)
		}
	}
	for _, pattern := range row.Drop {
		if !shown[pattern] {
			t.Errorf("row %v: no citation shows %s", row.Drop, pattern)
		}
	}
}

// checkNeighbours wants an event that matches first at the cited time, and second as the next event of its leg.
func checkNeighbours(t *testing.T, cite Cite, first, second Pattern) {
	t.Helper()
	c, items := cited(t, cite)
	for _, item := range items {
		if item.Kind != Event || !first.matches(item) {
			continue
		}
		after := false
		for i := range c {
			if &c[i] == item {
				after = true
				continue
			}
			if !after || c[i].Kind != Event || rawStream(&c[i]) != rawStream(item) || Canon.dropsEvent(&c[i]) {
				continue
			}
			if second.matches(&c[i]) {
				return
			}
			break
		}
	}
	t.Errorf("at %s no %q is followed by %q", cite, first, second)
}

func anyText(t *testing.T, cite Cite, is func(string) bool) bool {
	t.Helper()
	_, items := cited(t, cite)
	for _, item := range items {
		if is(item.Text) || is(strings.TrimSpace(item.Text)) || is(item.Body) {
			return true
		}
		for _, h := range item.Headers {
			if is(h.Value) {
				return true
			}
		}
	}
	return false
}

// checkOrder wants, for each citation, a line of order with that verdict whose effect passed at the cited time.
func checkOrder(t *testing.T, one *Table, cites []Cite, effect, verdict string) {
	t.Helper()
	groups := regexp.MustCompile(`\$\{\d\}`)
	for _, cite := range cites {
		c, items := cited(t, cite)
		names := nameUUIDs(c)
		full, err := (&Table{Causes: one.Causes, Times: one.Times}).Canonicalize(c)
		if err != nil {
			t.Fatal(err)
		}
		for i := range c { // give the same names as Canonicalize did
			names.replace(c[i].Text)
			if c[i].Kind == Event {
				eventKey(&c[i], names)
			}
		}
		like := regexp.MustCompile(groups.ReplaceAllString(effect, `\S+?`))
		found := anyItem(items, func(item *Item) bool { return like.MatchString(eventKey(item, names)) })
		if !found || !strings.Contains(strings.Join(full.Order, "\n"), verdict) {
			t.Errorf("effect %s at %s: there %v, order %q", effect, cite, found, full.Order)
		}
	}
}

func TestTheKeptOrderHoldsInEveryRecording(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(recordingsDir, "*.txt"))
	if err != nil || len(paths) < len(Plans) {
		t.Fatalf("%d recordings, %v", len(paths), err)
	}
	for _, path := range paths {
		number, _, _ := strings.Cut(filepath.Base(path), "-")
		for _, line := range canonical(t, load(t, number)).Order {
			// 14 kills a leg that has failed already, and is told so.
			known := number == "14" && line == "[> api uuid_kill leg4] comes after [leg4 CHANNEL_HANGUP]"
			if strings.Contains(line, "comes after") && !known {
				t.Errorf("recording %s: %s", number, line)
			}
		}
	}
}

func TestEveryRecordingEqualsItself(t *testing.T) {
	for _, plan := range Plans {
		if diff := Diff(canonical(t, load(t, plan.Recording)), canonical(t, load(t, plan.Recording))); diff != "" {
			t.Errorf("recording %s:\n%s", plan.Recording, diff)
		}
	}
}

// The four refusals are one scenario with four causes; the first events of a waiting caller are the same everywhere.
func TestRecordingsOfTheSameScenarioAreEqualWhereTheyOverlap(t *testing.T) {
	arrival := func(number string) *Canonical {
		can := canonical(t, load(t, number))
		return &Canonical{Streams: []Stream{{"caller", can.Find("leg1")[:10]}}}
	}
	for _, number := range []string{"04", "05", "06", "15", "22", "23"} {
		if diff := Diff(arrival("02"), arrival(number)); diff != "" {
			t.Errorf("recordings 02 and %s, from arrival to answer:\n%s", number, diff)
		}
	}
	refused := func(number, cause string) *Canonical {
		c := load(t, number)
		for i := range c {
			c[i].Body = strings.ReplaceAll(c[i].Body, cause, "CAUSE")
			for j := range c[i].Headers {
				c[i].Headers[j].Value = strings.ReplaceAll(c[i].Headers[j].Value, cause, "CAUSE")
			}
		}
		return canonical(t, c)
	}
	for number, cause := range map[string]string{"07b": "CALL_REJECTED", "07c": "UNALLOCATED_NUMBER",
		"07d": "NO_USER_RESPONSE"} {
		if diff := Diff(refused("07a", "USER_BUSY"), refused(number, cause)); diff != "" {
			t.Errorf("recordings 07a and %s but for their cause:\n%s", number, diff)
		}
		if diff := Diff(canonical(t, load(t, "07a")), canonical(t, load(t, number))); diff == "" {
			t.Errorf("recordings 07a and %s: the cause makes no difference", number)
		}
	}
}

// What esl reads (the list in esl/translate.go) is compared, but for clock, counter and the figures of a heartbeat.
func TestNothingThatTheCoreReadsIsDropped(t *testing.T) {
	read := strings.Fields("Unique-ID Call-Direction Answer-State Channel-Name Caller-Caller-ID-Name " +
		"Caller-Caller-ID-Number " +
		"Caller-Destination-Number Bridge-A-Unique-ID Bridge-B-Unique-ID Hangup-Cause Playback-Status Playback-File-Path " +
		"DTMF-Digit DTMF-Duration Record-File-Path Application Application-Data Application-Response Job-UUID Job-Command " +
		"Job-Command-Arg from-user from-host to-user contact expires network-ip variable_ramal_call variable_ramal_org")
	for _, plan := range Plans {
		c := load(t, plan.Recording)
		for i := range c {
			for _, name := range read {
				if c[i].Kind == Event && Canon.dropsHeader(&c[i], Header{Name: name}) {
					t.Fatalf("%s of %s is dropped", name, c[i].Name())
				}
			}
			if c[i].Kind == Event && Canon.dropsEvent(&c[i]) {
				t.Errorf("recording %s: event %s is dropped", plan.Recording, c[i].Name())
			}
		}
	}
}

func TestARowOfTheTableForgivesItsSwapAndItsEventAndNothingElse(t *testing.T) {
	table := &Table{Headers: Canon.Headers, Blanks: Canon.Blanks, Causes: Canon.Causes, Times: Canon.Times,
		Events: []EventRow{{Event: "CALL_UPDATE Direction=RECV"}},
		Swaps:  []SwapRow{{First: "CHANNEL_ANSWER", Then: "CHANNEL_CALLSTATE Channel-Call-State=ACTIVE"}}}
	differ := func(change func(Conversation) (Conversation, bool)) string {
		t.Helper()
		want, err := table.Canonicalize(load(t, "04"))
		if err != nil {
			t.Fatal(err)
		}
		changed, found := change(load(t, "04"))
		if !found {
			t.Fatal("nothing to change")
		}
		got, err := table.Canonicalize(changed)
		if err != nil {
			t.Fatal(err)
		}
		return Diff(want, got)
	}
	if diff := differ(swapWithNext("CHANNEL_ANSWER Call-Direction=outbound")); diff != "" {
		t.Errorf("the row's swap is not forgiven:\n%s", diff)
	}
	if differ(swapWithNext("CHANNEL_PROGRESS")) == "" {
		t.Error("another swap is forgiven")
	}
	if diff := differ(remove(1, "CALL_UPDATE Direction=RECV")); diff != "" {
		t.Errorf("the row's event is not dropped:\n%s", diff)
	}
	if differ(remove(1, "CALL_UPDATE Direction=SEND")) == "" {
		t.Error("another event is dropped")
	}
}
