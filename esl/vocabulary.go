package esl

import (
	"fmt"
	"slices"
	"strings"

	"ramal/call"
)

// Names of the dialplan that the switch's configuration and the core share (freeswitch-conf).
const (
	contextRamal      = "ramal"
	extensionFallback = "ramal_fallback"
	extensionHold     = "ramal_hold"
	profileAgents     = "internal"
	profileTrunks     = "external"
)

// varsPerCommand keeps uuid_setvar_multi below the 64 pairs that the switch reads.
const varsPerCommand = 32

// tones are made by the switch; the durations are on and off in milliseconds, then the frequencies (teletone).
var tones = map[call.Tone]string{
	call.RingBack: "tone_stream://%(1000,4000,425)",
	call.WaitTone: "tone_stream://%(150,4850,425)",
	call.Beep:     "tone_stream://%(300,0,800)",
}

// Vocabulary says where the switch finds things; it turns commands into messages.
type Vocabulary struct {
	Domain     string // SIP domain of the agents' phones
	Media      string // absolute path of the media directory as the switch sees it
	Recordings string // absolute path of the recordings directory as the switch sees it
}

// Check reports what is wrong with the configuration.
func (v Vocabulary) Check() error {
	f := &fields{}
	f.host(v.Domain)
	if f.err != nil {
		return fmt.Errorf("SIP domain: %w", f.err)
	}
	if err := checkRoot("media", v.Media); err != nil {
		return err
	}
	return checkRoot("recordings", v.Recordings)
}

// build turns a command into the messages that carry it out, in order. An error means that nothing of it may be sent.
func (v Vocabulary) build(cmd call.Command) ([]message, error) {
	f := &fields{}
	var made []message
	add := func(m message, err error) {
		if f.err == nil {
			f.err = err
		}
		made = append(made, m)
	}
	switch c := cmd.(type) {
	case call.Answer:
		add(execute(f.leg(c.Leg), "answer", ""))
	case call.Play:
		add(executeInTurn(f.leg(c.Leg), appPlay, v.sound(f, c.Sound)))
	case call.PlayLoop:
		add(execute(f.leg(c.Leg), appPlayLoop, v.sound(f, c.Sound)))
	case call.StopSound:
		add(api("uuid_break", f.leg(c.Leg), "all"))
	case call.Dial:
		add(bgapi(f.leg(c.Leg), apiOriginate, v.dialString(f, c), "&park()"))
	case call.Bridge:
		add(api("uuid_bridge", f.leg(c.A), f.leg(c.B)))
	case call.HangUp:
		add(api("uuid_kill", f.leg(c.Leg), f.cause(c.Cause)))
	case call.StartRecording:
		// Without RECORD_MIN_SEC the switch deletes a recording of less than 3 s.
		add(api("uuid_setvar_multi", f.leg(c.Leg), "RECORD_STEREO=true;RECORD_MIN_SEC=0"))
		add(api("uuid_record", f.leg(c.Leg), "start", f.file(v.Recordings, c.Path)))
	case call.StopRecording:
		add(api("uuid_record", f.leg(c.Leg), "stop", f.file(v.Recordings, c.Path)))
	case call.SetVars:
		for pairs := range slices.Chunk(setVars(f, c), varsPerCommand) {
			add(api("uuid_setvar_multi", f.leg(c.Leg), strings.Join(pairs, ";")))
		}
	case call.ArmFallback:
		// A second sched_transfer would be one more, not a later one.
		add(api("sched_del", f.leg(c.Leg)))
		add(api("sched_transfer", "+"+f.seconds(c.After), f.leg(c.Leg), extensionFallback, "XML", contextRamal))
	case call.DisarmFallback:
		add(api("sched_del", f.leg(c.Leg)))
	case call.Park:
		add(api("uuid_transfer", f.leg(c.Leg), "park", "inline"))
	case call.ReloadDirectory: // needs no field; Link.reload makes it a job
	default:
		return nil, fmt.Errorf("%w: %T is no command of a switch", ErrUnsafe, cmd)
	}
	if f.err != nil {
		return nil, fmt.Errorf("build %T: %w", cmd, f.err)
	}
	return made, nil
}

func (v Vocabulary) sound(f *fields, s call.Sound) string {
	switch {
	case s.File != "" && s.Tone == "" && s.Silence == 0:
		return f.file(v.Media, s.File)
	case s.Tone != "" && s.File == "" && s.Silence == 0:
		if stream, ok := tones[s.Tone]; ok {
			return stream
		}
	case s.Silence != 0 && s.File == "" && s.Tone == "":
		return "silence_stream://" + f.millis(s.Silence)
	}
	return f.refuse("sound", s)
}

// dialString is the whole first argument of originate. The leg's own UUID stands first: translation relies on it.
func (v Vocabulary) dialString(f *fields, c call.Dial) string {
	vars := []string{
		"origination_uuid=" + f.leg(c.Leg),
		"originate_timeout=" + f.seconds(c.Timeout),
		"ignore_early_media=true",
		"playback_terminators=none", // otherwise a * ends what is played to the leg
	}
	if number := c.CallerID.Number; number.Valid() {
		// The name that a caller chose is free text and stays out of dial strings; the phone shows the number.
		vars = append(vars, "origination_caller_id_number="+f.number(number),
			"origination_caller_id_name="+f.number(number))
	}
	for _, pair := range pairs(f, c.Vars) {
		if !strings.HasSuffix(pair, "=") { // an empty variable is none: the switch would skip it
			vars = append(vars, pair)
		}
	}
	return "{" + strings.Join(vars, ",") + "}" + v.endpoint(f, c.To)
}

func (v Vocabulary) endpoint(f *fields, to call.Endpoint) string {
	external := to.External != call.External{}
	switch {
	case to.Extension != "" && !external:
		// user/ would need api_expansion, which is off (recording 19).
		return "sofia/" + profileAgents + "/" + f.extension(to.Extension) + "%" + f.host(v.Domain)
	case external && to.Extension == "":
		return "sofia/" + profileTrunks + "/" + f.number(to.External.Number) + "@" + f.hostPort(to.External.Trunk)
	}
	return f.refusePersonal("endpoint (an extension or a number is wanted)", to.Extension)
}

func setVars(f *fields, c call.SetVars) []string {
	all := pairs(f, c.Vars)
	if c.HoldAfterBridge {
		all = append(all, "transfer_after_bridge="+extensionHold+":XML:"+contextRamal)
	}
	if len(all) == 0 {
		f.refuse("empty SetVars for", c.Leg)
	}
	return all
}

// pairs lists variables by name, so that the same command always gives the same bytes.
func pairs(f *fields, vars call.Vars) []string {
	all := make([]string, 0, len(vars)+1)
	for name, value := range vars {
		all = append(all, f.name(name)+"="+f.value(value))
	}
	slices.Sort(all)
	return all
}

// legOfCommand is the leg a refusal is reported for.
func legOfCommand(cmd call.Command) call.LegID {
	switch c := cmd.(type) {
	case call.Answer:
		return c.Leg
	case call.Play:
		return c.Leg
	case call.PlayLoop:
		return c.Leg
	case call.StopSound:
		return c.Leg
	case call.Dial:
		return c.Leg
	case call.Bridge:
		return c.A
	case call.HangUp:
		return c.Leg
	case call.StartRecording:
		return c.Leg
	case call.StopRecording:
		return c.Leg
	case call.SetVars:
		return c.Leg
	case call.ArmFallback:
		return c.Leg
	case call.DisarmFallback:
		return c.Leg
	case call.Park:
		return c.Leg
	}
	return ""
}
