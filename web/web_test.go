package web_test

import (
	"encoding/json"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"ramal/acd"
	"ramal/call"
	"ramal/web"
)

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := fs.ReadFile(web.Files, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func words(t *testing.T, language string) map[string]string {
	t.Helper()
	var w map[string]string
	if err := json.Unmarshal([]byte(read(t, "i18n/"+language+".json")), &w); err != nil {
		t.Fatalf("%s: %v", language, err)
	}
	return w
}

var placeholder = regexp.MustCompile(`\{\w+\}`)

func TestBothLanguagesHaveTheSameKeysAndPlaceholders(t *testing.T) {
	pt, en := words(t, "pt-BR"), words(t, "en")
	for key, text := range pt {
		other, ok := en[key]
		if !ok || other == "" || text == "" {
			t.Errorf("%s: %q in Portuguese, %q in English", key, text, other)
		}
		a, b := placeholder.FindAllString(text, -1), placeholder.FindAllString(other, -1)
		slices.Sort(a)
		slices.Sort(b)
		if !slices.Equal(a, b) {
			t.Errorf("%s: placeholders %v in Portuguese, %v in English", key, a, b)
		}
	}
	for key := range en {
		if _, ok := pt[key]; !ok {
			t.Errorf("%s: in English only", key)
		}
	}
}

// used finds the keys that the page asks for: data-t in HTML, t("…"), empty("…") and tile(…, "…") in the modules.
var used = regexp.MustCompile(`data-t="([\w.]+)"|\bt\("([\w.]+)"|\bempty\("([\w.]+)"|\btile\("\w+", "([\w.]+)"`)

func TestEveryTextThatThePageUsesExists(t *testing.T) {
	pt := words(t, "pt-BR")
	n := 0
	for _, name := range []string{"index.html", "app.js", "view.js", "server.js"} {
		for _, m := range used.FindAllStringSubmatch(read(t, name), -1) {
			n++
			key := strings.Join(m[1:], "")
			if _, ok := pt[key]; !ok {
				t.Errorf("%s uses %q, which has no text", name, key)
			}
		}
	}
	if n < 40 {
		t.Errorf("only %d uses found: the pattern no longer fits", n)
	}
}

func TestEveryStatePhaseOutcomeAndFactHasWords(t *testing.T) {
	pt := words(t, "pt-BR")
	var keys []string
	for _, s := range []acd.State{acd.Offline, acd.Available, acd.Ringing, acd.Busy, acd.WrapUp, acd.OnBreak} {
		keys = append(keys, "state."+string(s))
	}
	for _, p := range []call.Phase{call.PhaseArriving, call.PhaseFlow, call.PhaseWaiting, call.PhaseRinging,
		call.PhaseTalking, call.PhaseEnded} {
		keys = append(keys, "phase."+string(p))
	}
	for _, o := range []call.Outcome{call.OutcomeAnswered, call.OutcomeAbandoned, call.OutcomeFlow, call.OutcomeFailed} {
		keys = append(keys, "outcome."+string(o))
	}
	for _, b := range []call.Actor{call.ByCaller, call.ByAgent, call.BySystem} {
		keys = append(keys, "by."+string(b))
	}
	for _, k := range []call.FactKind{call.Received, call.AnsweredBySystem, call.FlowNode, call.FlowOption,
		call.FlowInvalid, call.FlowNoInput, call.FlowPromptLost, call.QueueEntered, call.QueueLeft, call.AgentOffered,
		call.AgentRinging, call.AgentMissed, call.AgentAnswered, call.TalkStarted, call.TalkEnded, call.RecordingBegan,
		call.RecordingClosed, call.Ended} {
		keys = append(keys, "fact."+string(k))
	}
	for _, key := range keys {
		if pt[key] == "" {
			t.Errorf("%s has no words", key)
		}
	}
}

func TestNothingRunsInlineAndNothingComesFromElsewhere(t *testing.T) {
	page := read(t, "index.html")
	for what, pattern := range map[string]string{
		"script without a source": `<script(?:[^>]*)>[^<]`,
		"style element":           `<style`,
		"style attribute":         `\sstyle=`,
		"event attribute":         `\son\w+=`,
		"foreign address":         `(?:src|href)="(?:https?:)?//`,
	} {
		if found := regexp.MustCompile(pattern).FindString(page); found != "" {
			t.Errorf("%s: %s", what, found)
		}
	}
	for _, name := range []string{"app.js", "view.js", "server.js", "text.js", "theme.js"} {
		if found := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(`).
			FindString(read(t, name)); found != "" {
			t.Errorf("%s uses %s: text from outside could become HTML", name, found)
		}
	}
}
