package esl

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"ramal/call"
)

// dumpsInFlight bounds how many uuid_dump commands are on their way at the same time.
const dumpsInFlight = 32

var (
	statusVersion = regexp.MustCompile(`FreeSWITCH \(Version ([^ )]+)`)
	statusPerSec  = regexp.MustCompile(`per Sec out of max (\d+)`)
	statusMax     = regexp.MustCompile(`(?m)^(\d+) session\(s\) max`)
)

// inquire asks the switch for its state and limits.
func (s *session) inquire() (Info, error) {
	timeout := s.link.config.CommandTimeout
	status, err := s.output(s.ctx, timeout, "status")
	if err != nil {
		return Info{}, err
	}
	core, err := s.output(s.ctx, timeout, "global_getvar", "core_uuid")
	if err != nil {
		return Info{}, err
	}
	first := func(pattern *regexp.Regexp) string {
		if found := pattern.FindStringSubmatch(status); found != nil {
			return found[1]
		}
		return ""
	}
	info := Info{Version: first(statusVersion), CoreUUID: strings.TrimSpace(core),
		PerSecond: atoi(first(statusPerSec)), MaxSessions: atoi(first(statusMax))}
	info.Problems = posture(s.link.config, info)
	return info, nil
}

func (s *session) output(ctx context.Context, timeout time.Duration, name string, args ...string) (string, error) {
	m, err := api(name, args...)
	if err != nil {
		return "", err
	}
	return s.commands.ask(ctx, m, timeout)
}

// legs lists the switch's channels. Each row is only a hint, so each is dumped; one that is gone by then is left out.
func (s *session) legs(ctx context.Context, timeout time.Duration) ([]call.LegSnapshot, error) {
	listing, err := s.output(ctx, timeout, "show", "channels", "as", "json")
	if err != nil {
		return nil, err
	}
	var list struct {
		Rows []struct {
			UUID string `json:"uuid"`
		} `json:"rows"`
	}
	if err := json.Unmarshal([]byte(listing), &list); err != nil {
		return nil, fmt.Errorf("read show channels: %w", err)
	}
	type dump struct {
		text string
		err  error
	}
	dumps := make([]chan dump, len(list.Rows))
	tokens := make(chan struct{}, dumpsInFlight)
	for i, row := range list.Rows {
		dumps[i] = make(chan dump, 1)
		f := &fields{}
		m, err := api("uuid_dump", f.leg(call.LegID(row.UUID)), "json")
		if err != nil || f.err != nil {
			dumps[i] <- dump{} // a row without a channel's UUID
			continue
		}
		select {
		case tokens <- struct{}{}:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		err = s.commands.send(&exchange{message: m, timeout: timeout, done: func(text string, err error) {
			dumps[i] <- dump{text, err}
			<-tokens
		}})
		if err != nil {
			return nil, err
		}
	}
	var legs []call.LegSnapshot
	for _, one := range dumps {
		var d dump
		select {
		case d = <-one:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		if d.err != nil {
			return nil, d.err
		}
		if leg, ok := snapshot(d.text); ok {
			legs = append(legs, leg)
		}
	}
	return legs, nil
}

// snapshot reads a channel's dump. ok is false for a leg that is gone or ending.
func snapshot(dump string) (leg call.LegSnapshot, ok bool) {
	var all map[string]any
	if !strings.HasPrefix(dump, "{") || json.Unmarshal([]byte(dump), &all) != nil {
		return call.LegSnapshot{}, false
	}
	text := func(name string) string { value, _ := all[name].(string); return value }
	state, answer := text("Channel-State"), text("Answer-State")
	leg.Leg = legOf([]byte(text("Unique-ID")))
	if leg.Leg == "" || answer == "hangup" || state == "CS_HANGUP" || state == "CS_REPORTING" || state == "CS_DESTROY" {
		return call.LegSnapshot{}, false
	}
	leg.Direction = call.Inbound
	if text("Call-Direction") == string(call.Outbound) {
		leg.Direction = call.Outbound
	}
	leg.From = call.Party{Number: call.Number(text("Caller-Caller-ID-Number")),
		Name: call.Name(text("Caller-Caller-ID-Name"))}
	leg.To = call.Number(text("Caller-Destination-Number"))
	leg.Profile = profileOf(text("Channel-Name"))
	leg.Answered = answer == "answered"
	// signal_bond stays on a leg whose bridge has ended (recordings 04, 05); the state does not.
	if state == "CS_EXCHANGE_MEDIA" || state == "CS_SOFT_EXECUTE" {
		leg.Bridged = legOf([]byte(text("variable_signal_bond")))
	}
	// In CS_EXECUTE a leg runs the dialplan: park, or the hold extension's music; both take our commands. The
	// fallback announcement is the one that must not be disturbed.
	leg.Parked = leg.Bridged == "" && (state == "CS_PARK" ||
		state == "CS_EXECUTE" && text("Caller-Destination-Number") != extensionFallback)
	if micros, err := strconv.ParseInt(text("Caller-Channel-Created-Time"), 10, 64); err == nil {
		leg.Created = time.UnixMicro(micros).UTC()
	}
	for name, value := range all {
		if v, ok := value.(string); ok && strings.HasPrefix(name, ramalPrefix) {
			if leg.Vars == nil {
				leg.Vars = call.Vars{}
			}
			leg.Vars[strings.TrimPrefix(name, "variable_")] = decodeValue(v)
		}
	}
	// A transfer (to the hold extension) replaces the destination; the dialplan kept what was dialled.
	if dialled := leg.Vars["ramal_number"]; dialled != "" {
		leg.To = call.Number(dialled)
	}
	return leg, true
}

// lostDials looks for the legs whose originate ran when the link was lost: the end of its job may have been missed.
func (s *session) lostDials(legs []call.LegSnapshot) ([]call.Event, error) {
	l := s.link
	answered := map[call.LegID]bool{}
	for _, leg := range legs {
		answered[leg.Leg] = leg.Answered
	}
	l.mu.Lock()
	var running []call.LegID
	for leg := range l.dials.legs {
		running = append(running, leg)
	}
	l.mu.Unlock()
	var events []call.Event
	for _, leg := range running {
		reply, err := s.output(s.ctx, l.config.CommandTimeout, "uuid_exists", string(leg))
		if err != nil {
			return nil, fmt.Errorf("ask the switch for leg %s: %w", leg, err)
		}
		at := call.Stamp{Leg: leg, At: time.Now().UTC()}
		switch {
		case reply != "true":
			events = append(events, call.DialDone{Stamp: at, Cause: call.SwitchLost})
		case answered[leg]:
			events = append(events, call.DialDone{Stamp: at, OK: true})
		default: // it still rings, its job is yet to end
			events = append(events, call.LegProgress{Stamp: at})
		}
	}
	return events, nil
}
