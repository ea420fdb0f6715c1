package ivr

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ramal/call"
)

func file(name string) *Prompt { return &Prompt{File: "prompts/" + name + ".wav"} }

func testFlow(change func(n map[string]Node)) Published {
	n := map[string]Node{
		"hello": {Type: Message, Prompt: file("hello"), Next: "menu"},
		"menu": {Type: Menu, Prompt: file("menu"), Invalid: file("invalid"), NoInput: file("silence"), Attempts: 3,
			TimeoutS: 4,
			Options:  map[string]Option{"1": {"Sales", "sales"}, "2": {"More", "more"}, "0": {"Bye", "bye"}},
			Fallback: "desk"},
		"more": {Type: Menu, Prompt: file("more"), Options: map[string]Option{"7": {"Seven", "sales"}},
			Fallback: "bye"},
		"sales": {Type: ToQueue, Queue: "Q1", Priority: 3, Music: "music/a.wav"},
		"desk":  {Type: ToQueue, Queue: "Q2"},
		"bye":   {Type: HangUp, Prompt: file("bye")},
	}
	if change != nil {
		change(n)
	}
	return Published{ID: "F", Version: 1, Flow: Flow{Schema: 1, Start: "hello", Nodes: n}}
}

// play drives a session with a line of inputs and returns what it wants, in words:
// begin, a digit, done:x, break:x, missing:x, failed:x (the end of prompt x), input and stuck (timers).
func play(t *testing.T, s *Session, inputs string) string {
	t.Helper()
	var words []string
	for _, in := range strings.Fields(inputs) {
		kind, name, _ := strings.Cut(in, ":")
		f := "prompts/" + name + ".wav"
		var e call.Event
		switch kind {
		case "begin":
			e = call.LegAnswered{}
		case "done":
			e = call.PlaybackEnded{Source: "/media/" + f, Status: call.PlaybackDone}
		case "break":
			e = call.PlaybackEnded{Source: "/media/" + f, Status: call.PlaybackBroken}
		case "missing":
			e = call.PlaybackEnded{Source: "/media/" + f, Status: call.PlaybackMissing}
		case "failed":
			e = call.CommandFailed{Command: call.Play{Sound: call.Sound{File: f}}}
		case "input":
			e = call.TimerFired{Timer: timerInput}
		case "stuck":
			e = call.TimerFired{Timer: timerStuck}
		default:
			e = call.DigitPressed{Digit: call.Digit(in)}
		}
		for _, cmd := range s.Step(e) {
			words = append(words, word(cmd))
		}
	}
	return strings.Join(words, " ")
}

func word(cmd call.Command) string {
	switch c := cmd.(type) {
	case call.Play:
		return "play:" + strings.TrimSuffix(strings.TrimPrefix(c.Sound.File, "prompts/"), ".wav")
	case call.StopSound:
		return "stop"
	case call.StartTimer:
		return strings.TrimPrefix(c.Timer, call.FlowTimer) + "+" + fmt.Sprint(c.After)
	case call.StopTimer:
		return strings.TrimPrefix(c.Timer, call.FlowTimer) + "-"
	case call.Note:
		return "<" + strings.TrimPrefix(string(c.Fact.Kind), "ivr.") + ":" + c.Fact.Node + string(c.Fact.Digit) + ">"
	case call.Enqueue:
		return fmt.Sprintf("queue:%s/%d/%s", c.Queue, c.Priority, c.Music.File)
	case call.EndFlow:
		return "end:" + string(c.Cause)
	}
	return fmt.Sprintf("%T", cmd)
}

// toMenu is how a caller comes to listen to the menu's silence.
const toMenu = "begin done:hello done:menu "

func TestWhatACallerDoesInAMenu(t *testing.T) {
	const hello = "<node:hello> play:hello stuck+5m0s "
	const menu = "stuck- <node:menu> play:menu stuck+5m0s "
	const listen = "stuck- input+4s "
	const sales = "<node:sales> queue:Q1/3/music/a.wav"
	for _, c := range []struct{ name, inputs, want string }{
		{"listens and chooses", toMenu + "1", hello + menu + listen + "input- <option:menu1> " + sales},
		{"chooses during the prompt", "begin done:hello 1 break:menu",
			hello + menu + "stop stuck+2s stuck- <option:menu1> " + sales},
		{"chooses in the moment the prompt ends", "begin done:hello 1 done:menu",
			hello + menu + "stop stuck+2s stuck- <option:menu1> " + sales},
		{"types ahead in the message", "begin 1 break:hello",
			hello + "stop stuck+2s stuck- <node:menu> <option:menu1> " + sales},
		{"types two levels ahead", "begin 2 7 break:hello",
			hello + "stop stuck+2s stuck- <node:menu> <option:menu2> <node:more> <option:more7> " + sales},
		{"the break is never reported", "begin done:hello 1 stuck",
			hello + menu + "stop stuck+2s <option:menu1> " + sales},
		{"the prompt's end is never reported", "begin stuck stuck 1",
			hello + "<node:menu> play:menu stuck+5m0s input+4s input- <option:menu1> " + sales},
		{"invalid, then again", toMenu + "9 done:invalid done:menu 1", hello + menu + listen +
			"input- <invalid:menu> play:invalid stuck+5m0s stuck- play:menu stuck+5m0s " + listen + "input- " +
			"<option:menu1> " + sales},
		{"interrupts «invalid»", toMenu + "9 1 break:invalid", hello + menu + listen +
			"input- <invalid:menu> play:invalid stuck+5m0s stop stuck+2s stuck- <option:menu1> " + sales},
		{"nothing, until the fallback", toMenu + "input done:silence done:menu input done:silence done:menu input",
			hello + menu + listen +
				"<no_input:menu> play:silence stuck+5m0s stuck- play:menu stuck+5m0s " + listen +
				"<no_input:menu> play:silence stuck+5m0s stuck- play:menu stuck+5m0s " + listen +
				"<no_input:menu> <node:desk> queue:Q2/0/"},
		{"a letter is no option", toMenu + "A", hello + menu + listen + "input- <invalid:menu> play:invalid " +
			"stuck+5m0s"},
		{"says good-bye", toMenu + "0 1 done:bye", hello + menu + listen +
			"input- <option:menu0> <node:bye> play:bye stuck+5m0s stuck- end:NORMAL_CLEARING"},
		{"a prompt is missing", "begin missing:hello", hello + "<prompt_lost:hello> " + menu[:len(menu)-1]},
		{"a prompt cannot be played", "begin failed:hello", hello + "<prompt_lost:hello> " + menu[:len(menu)-1]},
		{"a prompt breaks off unasked", "begin break:hello done:hello", hello + "play:hello " + menu[:len(menu)-1]},
		{"a prompt breaks off unasked again and again", "begin break:hello break:hello break:hello",
			hello + "play:hello play:hello " + menu[:len(menu)-1]},
		{"the end of another sound", "begin done:other break:menu", hello[:len(hello)-1]},
		{"a repeated end", toMenu + "done:menu done:hello", hello + menu + listen[:len(listen)-1]},
		{"a late time-out", toMenu + "1 input stuck 1 done:menu begin",
			hello + menu + listen + "input- <option:menu1> " + sales},
		{"something that is no key", "begin 12 x", hello[:len(hello)-1]},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := play(t, NewSession(testFlow(nil), "L"), c.inputs)
			if d := cmp.Diff(strings.Fields(c.want), strings.Fields(got)); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

func TestDigitsDoNotEndAPromptThatMustBeHeard(t *testing.T) {
	flow := testFlow(func(n map[string]Node) {
		hello := n["hello"]
		hello.NoBarge = true
		n["hello"] = hello
	})
	got := play(t, NewSession(flow, "L"), "begin 1 1 done:hello")
	if want := "<node:hello> play:hello stuck+5m0s stuck- <node:menu> play:menu stuck+5m0s"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestAMenuWithoutWordsForMistakesSimplyAsksAgain(t *testing.T) {
	flow := testFlow(func(n map[string]Node) {
		m := n["menu"]
		m.Invalid, m.NoInput, m.Attempts, m.TimeoutS = nil, nil, 0, 0
		n["menu"] = m
	})
	s := NewSession(flow, "L")
	play(t, s, toMenu)
	for round := 2; round <= DefaultAttempts; round++ {
		if got, want := play(t, s, "9 done:menu"), "input- <invalid:menu> play:menu stuck+5m0s stuck- "+
			"input+5s"; got != want {
			t.Errorf("round %d: %s, want %s", round, got, want)
		}
	}
	if got, want := play(t, s, "9"), "input- <invalid:menu> <node:desk> queue:Q2/0/"; got != want {
		t.Errorf("after the last round: %s, want %s", got, want)
	}
}

func TestAFlowThatSlippedThroughTheChecksEndsTheCallInsteadOfHangingIt(t *testing.T) {
	flow := testFlow(func(n map[string]Node) { delete(n, "menu") })
	if got := play(t, NewSession(flow, "L"), "begin done:hello"); !strings.HasSuffix(got,
		"end:NORMAL_TEMPORARY_FAILURE") {
		t.Errorf("got %s", got)
	}
}

// Whatever comes, a session that is not over has a timer running or a prompt whose end it waits for under a timer; and
// time alone brings every caller to an end.
func TestNoCallerIsLeftInSilence(t *testing.T) {
	inputs := []string{"begin", "1", "2", "7", "9", "0", "A", "done:hello", "done:menu", "done:more", "done:invalid",
		"done:silence",
		"break:menu", "break:hello", "missing:menu", "failed:more", "done:bye", "input", "stuck"}
	for seed := range uint64(3000) {
		rng := rand.New(rand.NewPCG(seed, 1))
		s := NewSession(testFlow(nil), "L")
		running, over, told := map[string]bool{}, false, []string{"begin"}
		take := func(in string) {
			for _, w := range strings.Fields(play(t, s, in)) {
				name, after, on := strings.Cut(w, "+")
				if _, err := time.ParseDuration(after); on && err == nil {
					running[name] = true
				}
				if name, off := strings.CutSuffix(w, "-"); off {
					delete(running, name)
				}
				over = over || strings.HasPrefix(w, "queue:") || strings.HasPrefix(w, "end:")
			}
		}
		take("begin")
		for range rng.IntN(30) {
			in := inputs[rng.IntN(len(inputs))]
			if (in == "input" || in == "stuck") && !running[in] {
				continue
			}
			delete(running, in)
			told = append(told, in)
			take(in)
		}
		for n := 0; !over; n++ {
			in := "input"
			if s.state != listening {
				in = "stuck"
			}
			if !running[in] || n > 100 {
				t.Fatalf("seed %d: state %d at %q with timers %v after %v", seed, s.state, s.Node(), running, told)
			}
			delete(running, in)
			told = append(told, in)
			take(in)
		}
	}
}
