package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ramal/carrier"
	"ramal/ivr"
	"ramal/media"
	"ramal/store"
)

// tryCmd is a caller and an agent in one: it places a real SIP call with sound to a running demonstration centre.
type tryCmd struct {
	State    string        `help:"Directory of this installation." default:"var"`
	External string        `help:"Where calls come in (host:port); without it what serve wrote down."`
	Internal string        `help:"Where agents' phones register (host:port); without it what serve wrote down."`
	JSON     bool          `name:"json" help:"Print the result as JSON."`
	Patience time.Duration `help:"How long the whole may take." default:"60s"`
}

// trial is one run of try.
type trial struct {
	cmd     *tryCmd
	places  places
	state   running
	secrets *secrets
	texts   map[string]string // what a sound file says, by its path below the media directory
	report  trialReport
	quiet   bool
}

// trialReport is what try found out.
type trialReport struct {
	OK          bool     `json:"ok"`
	Interaction string   `json:"interaction"`
	Protocol    string   `json:"protocol"`
	Problems    []string `json:"problems,omitempty"`
}

const (
	tryAgent      = "1001"
	tryAgentEmail = "ana@demo.ramal.local"
	callerTone    = 620.0 // Hz: not in the hold music's scale, and apart from the agent's
	agentTone     = 1130.0
	toneLevel     = -12.0 // dB below the loudest sine
	likeness      = 0.8   // correlation from which a sound counts as recognised
	clarity       = 20    // dB of a tone over the rest from which it counts as heard
)

// Run places the call; a side that does not hear what it should is status 1.
func (c *tryCmd) Run() error {
	p, err := placesIn(c.State)
	if err != nil {
		return err
	}
	t := &trial{cmd: c, places: p, quiet: c.JSON}
	ctx, cancel := context.WithTimeout(context.Background(), c.Patience)
	defer cancel()
	if err := t.prepare(); err != nil {
		return err
	}
	if err := t.run(ctx); err != nil {
		return err
	}
	t.report.OK = len(t.report.Problems) == 0
	if c.JSON {
		if err := json.NewEncoder(os.Stdout).Encode(t.report); err != nil {
			return err
		}
	}
	if !t.report.OK {
		return exitError(1)
	}
	return nil
}

func (t *trial) prepare() error {
	state, alive, err := readRunning(t.places.serveState(), "serve")
	if err != nil {
		return err
	}
	if !alive {
		return errors.New("the centre does not run; `make run` starts it")
	}
	t.state = state
	if t.cmd.External != "" {
		t.state.External = t.cmd.External
	}
	if t.cmd.Internal != "" {
		t.state.Internal = t.cmd.Internal
	}
	if t.state.External == "" || t.state.Internal == "" {
		return errors.New("on a FreeSWITCH say where it listens: --external HOST:PORT --internal HOST:PORT")
	}
	if t.secrets, err = loadSecrets(t.places.secrets()); err != nil {
		return err
	}
	if t.secrets.SIP[tryAgent] == "" {
		return errors.New("this is no demonstration centre (serve --demo): there is no agent whose password is known")
	}
	t.texts = map[string]string{media.SystemHold1: "the hold music", media.SystemHold2: "the hold music",
		media.SystemFallback: "the fallback announcement"}
	lib := media.Library{Dir: t.places.media(), Synth: media.Espeak{}}
	_, err = store.DemoFlow("", "").Prompts(func(_ string, q ivr.Prompt) (ivr.Prompt, error) {
		t.texts[promptFile(lib.Ref(q.Text, spoken(q.Voice)))] = "“" + q.Text + "”"
		return q, nil
	})
	return err
}

func (t *trial) run(ctx context.Context) error {
	agent, err := t.agentPhone(ctx)
	if err != nil {
		return err
	}
	defer agent.Close()
	api, err := signIn(ctx, t.state.HTTP, tryAgentEmail, t.secrets.Passwords[tryAgentEmail])
	if err != nil {
		return err
	}
	if err := api.post(ctx, "/api/agents/me/state", map[string]string{"state": "available"}); err != nil {
		return err
	}
	t.say("Agent     Ana signs in, her phone %s is registered, she is available", tryAgent)
	caller, err := carrier.NewPhone(carrier.Config{User: "5548999990001", DisplayName: "Maria Silva"})
	if err != nil {
		return err
	}
	defer caller.Close()
	call, err := caller.CallAddr(ctx, string(store.DemoNumber), t.state.External, carrier.CallOptions{
		Audio: media.Sine(callerTone, toneLevel)})
	if err != nil {
		return err
	}
	t.say("Caller    dials %s", store.DemoNumber)
	if err := t.talk(ctx, call, agent); err != nil {
		return errors.Join(err, call.Hangup(context.WithoutCancel(ctx)))
	}
	if err := call.Hangup(ctx); err != nil {
		return err
	}
	t.say("Caller    hangs up")
	return t.record(ctx, api)
}

func (t *trial) agentPhone(ctx context.Context) (*carrier.Phone, error) {
	tone := func() media.Source { return media.Sine(agentTone, toneLevel) }
	phone, err := carrier.NewPhone(carrier.Config{User: tryAgent, Password: t.secrets.SIP[tryAgent], Domain: "ramal",
		Proxy: t.state.Internal, Behaviour: carrier.AnswerWith(4*time.Second, tone)})
	if err != nil {
		return nil, err
	}
	if _, err := phone.Register(ctx, 10*time.Minute); err != nil {
		return nil, errors.Join(fmt.Errorf("register %s: %w", tryAgent, err), phone.Close())
	}
	return phone, nil
}

// talk goes through the call: welcome, digit, music, agent.
func (t *trial) talk(ctx context.Context, call *carrier.Call, agent *carrier.Phone) error {
	if err := call.WaitAnswer(ctx); err != nil {
		return err
	}
	answered := call.Times().Answered
	sound, err := call.WaitSound(ctx, answered, 2500*time.Millisecond)
	if err != nil {
		return err
	}
	t.recognise("Caller    hears ", sound.Samples, "prompts/*.wav")
	digits, err := call.SendDigits(ctx, "1", 120*time.Millisecond)
	if err != nil {
		return err
	}
	t.say("Caller    presses 1")
	waiting := digits[0].Start.Add(700 * time.Millisecond)
	if sound, err = call.WaitSound(ctx, waiting, 2500*time.Millisecond); err != nil {
		return err
	}
	t.recognise("Caller    hears ", sound.Samples, "system/hold*.wav")
	atAgent, err := agent.NextCall(ctx)
	if err != nil {
		return fmt.Errorf("the agent's phone does not ring: %w", err)
	}
	if err := atAgent.WaitAnswer(ctx); err != nil {
		return err
	}
	t.say("Agent     answers the call of %s", atAgent.RemoteUser)
	joined := atAgent.Times().Answered.Add(500 * time.Millisecond)
	callerHears, err := call.WaitSound(ctx, joined, 2*time.Second)
	if err != nil {
		return err
	}
	agentHears, err := atAgent.WaitSound(ctx, joined, 2*time.Second)
	if err != nil {
		return err
	}
	t.tone("Caller    hears the agent's tone", callerHears.Samples, agentTone)
	t.tone("Agent     hears the caller's tone", agentHears.Samples, callerTone)
	return nil
}

// recognise says which of the files is being heard.
func (t *trial) recognise(who string, heard []int16, pattern string) {
	files, err := filepath.Glob(filepath.Join(t.places.media(), pattern))
	best, name := 0.0, ""
	for _, file := range files {
		samples, readErr := media.ReadWAV(file)
		if readErr != nil {
			err = errors.Join(err, readErr)
			continue
		}
		if like, _ := media.NormalizedCrossCorrelation(heard, samples); like > best {
			best = like
			if rel, relErr := filepath.Rel(t.places.media(), file); relErr == nil {
				name = filepath.ToSlash(rel)
			}
		}
	}
	if best < likeness || err != nil {
		t.problem("%snothing that can be recognised (most like %s, %.2f; level %.0f dB) %v", who, name, best,
			media.LevelDBFS(heard), err)
		return
	}
	text := t.texts[name]
	if text == "" {
		text = name
	}
	t.say("%s%s", who, text)
}

// tone looks for the tone in each quarter of a second: on a busy machine a packet may come late, which is no fault of
// the path.
func (t *trial) tone(what string, heard []int16, freq float64) {
	dB := math.Inf(-1)
	for part := range slices.Chunk(heard, media.SampleRate/4) {
		if len(part) == media.SampleRate/4 {
			dB = max(dB, media.ToneOverRest(part, media.SampleRate, freq))
		}
	}
	if dB < clarity {
		t.problem("%s: only %.0f dB over the rest, wanted %d", what, dB, clarity)
		return
	}
	t.say("%s", what)
}

func (t *trial) say(format string, args ...any) {
	if !t.quiet {
		fmt.Printf(format+"\n", args...)
	}
}

func (t *trial) problem(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	t.report.Problems = append(t.report.Problems, text)
	t.say("PROBLEM   %s", strings.TrimSpace(text))
}
