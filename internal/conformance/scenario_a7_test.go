package conformance

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtp"

	"ramal/call"
	"ramal/carrier"
	"ramal/media"
	"ramal/store"
)

func TestA7_WhateverCallersSendIsDataEndToEnd(t *testing.T) {
	t.Parallel()
	OnSoftswitch(t, hostileCallers)
}

func TestA7_WhateverCallersSendIsDataEndToEnd_OnFreeSWITCH(t *testing.T) {
	OnFreeSWITCH(t, hostileCallers)
}

// attack is what a scenario knows of its hostile calls.
type attack struct {
	*stage
	trap   *carrier.Phone
	canary string
	events *socket

	mu      sync.Mutex
	reached map[string]bool // texts whose call reached an agent
	refused map[string]int  // texts whose call was refused, with the status
	lost    []string        // texts whose call was answered and reached nobody
}

func hostileCallers(t *testing.T, site *Site) {
	s := enter(t, site, 4*time.Minute)
	a := &attack{stage: s, trap: s.phone(carrier.Config{User: "9"}), canary: filepath.Join(s.TempDir(), "canary"),
		events: s.listen("CHANNEL_CREATE", "DTMF"), reached: map[string]bool{}, refused: map[string]int{}}
	// Two who talk while all this happens.
	bystander := s.agentPhone("1003", answers(0))
	s.signIn("carla").state("available")
	calm := s.dial("5548999990700")
	s.press(calm, "1")
	s.must(s.rung(bystander).WaitAnswer(s.ctx))
	s.wantTone("the bystander", calm, agentTone)
	quiet := time.Now()

	var phones []*carrier.Phone
	for _, extension := range []string{"1001", "1002"} {
		phones = append(phones, s.agentPhone(extension, answers(0)))
		s.signIn(mailOf(extension)).state("available")
	}
	texts := hostileTexts(a.trap, a.canary)
	a.asCallers(texts)
	a.asNumbers(texts)
	a.asDigits()

	s.until("only the bystanders are left", patience, func() bool { return s.channels(a.events) == 2 })
	a.nothingHappened(len(texts))
	a.storedAsData(texts)
	a.shown(phones...)
	s.undisturbed(calm, quiet)
	s.wantTone("the bystander, in the end", calm, agentTone)
	s.must(calm.Hangup(s.ctx))
	s.leftovers(a.events, "5548999990700", "5548999990701")
}

// asCallers calls with each text as number and name, two calls at a time, until the agent is heard.
func (a *attack) asCallers(texts []string) {
	a.Helper()
	work := make(chan string)
	var all sync.WaitGroup
	errs := make([]error, 2)
	for i := range errs {
		phone := a.phone(carrier.Config{User: "attacker"})
		all.Go(func() {
			for text := range work {
				errs[i] = errors.Join(errs[i], a.callAs(phone, text))
			}
		})
	}
	for _, text := range texts {
		work <- text
	}
	close(work)
	all.Wait()
	for _, text := range a.lost {
		a.Logf("the log of %q: %v", text, a.facts(text))
	}
	a.must(errors.Join(errs...))
	if len(a.reached) < len(texts)*9/10 {
		a.Errorf("only %d of %d hostile callers reached an agent; refused: %v", len(a.reached), len(texts), a.refused)
	}
	a.Logf("%d hostile callers reached an agent, %d were refused: %v", len(a.reached), len(a.refused), a.refused)
}

// callAs places one call and ends it when the agent's tone is heard.
func (a *attack) callAs(phone *carrier.Phone, text string) error {
	ctx, cancel := context.WithTimeout(a.ctx, 2*patience)
	defer cancel()
	o := carrier.CallOptions{CallerID: text, Name: text}
	if len(text) < 60 && !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f || r > 0x7e }) {
		quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text)
		escaped := strings.ToUpper(hex.EncodeToString([]byte(text)))
		escaped = regexp.MustCompile("..").ReplaceAllString(escaped, "%$0")
		o.Headers = map[string]string{"P-Asserted-Identity": `"` + quoted + `" <sip:` + escaped + `@127.0.0.1>`,
			"Diversion": `"` + quoted + `" <sip:` + escaped + `@127.0.0.1>;reason=unknown`}
	}
	c, err := phone.CallAddr(ctx, string(store.DemoNumber), a.site.External.String(), o)
	if err != nil {
		return fmt.Errorf("call as %q: %w", text, err)
	}
	var no *carrier.RefusedError
	switch err := c.WaitAnswer(ctx); {
	case errors.As(err, &no) && no.Status >= 400:
		a.mu.Lock()
		a.refused[text] = no.Status
		a.mu.Unlock()
		return nil
	case err != nil:
		return fmt.Errorf("call as %q: %w", text, err)
	}
	from := time.Now()
	if _, err := c.SendDigits(ctx, "1", keyTime); err != nil {
		return fmt.Errorf("call as %q: %w", text, err)
	}
	tick := time.NewTicker(media.FrameTime)
	defer tick.Stop()
	for {
		heard := c.Heard(from, time.Time{}).Samples
		if n := len(heard); n >= 1600 && dBOver(heard[n-1600:], agentTone) >= clarity {
			break
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			a.mu.Lock()
			a.lost = append(a.lost, text)
			a.mu.Unlock()
			return errors.Join(fmt.Errorf("call as %q: the agent is not heard: %w", text, ctx.Err()), c.Hangup(a.ctx))
		}
	}
	a.mu.Lock()
	a.reached[text] = true
	a.mu.Unlock()
	return c.Hangup(ctx)
}

// asNumbers dials each text: it is refused at once, with a status.
func (a *attack) asNumbers(texts []string) {
	a.Helper()
	phone := a.phone(carrier.Config{User: "5548999990702"})
	pace := time.NewTicker(25 * time.Millisecond) // the switch admits 100 new legs a second
	defer pace.Stop()
	for _, text := range texts {
		<-pace.C
		ctx, cancel := context.WithTimeout(a.ctx, patience)
		c, err := phone.CallAddr(ctx, text, a.site.External.String(), carrier.CallOptions{})
		if err == nil {
			err = c.WaitAnswer(ctx)
		}
		var no *carrier.RefusedError
		if !errors.As(err, &no) || no.Status < 400 || no.Status >= 500 {
			a.Errorf("a call to %q: %v, wanted it refused as no number of ours", text, err)
		}
		cancel()
	}
}

// asDigits sends what is no digit, as RFC 4733 events and as SIP INFO, and then chooses option 1.
func (a *attack) asDigits() {
	a.Helper()
	c := a.sippCaller("5548999990701")
	before := len(a.digits())
	a.must(c.RTP.sendEvents(16, 255))
	for _, signal := range []string{"${system touch " + a.canary + "}", "1\r\n\r\napi status\r\n",
		"}sofia/external/9@" + a.trap.Addr(),
		"'", "%31", "", strings.Repeat("1", 400), "\x00", "é", "-1", "99"} {
		a.must(c.inform(a.ctx, "Signal="+signal+"\r\nDuration=160\r\n"))
	}
	a.until("the call is in the queue", patience, func() bool {
		<-c.RTP.Dial('1', keyTime)
		for _, f := range a.facts("5548999990701") {
			if f.kind == "queue.entered" {
				return true
			}
		}
		return false
	})
	for _, digit := range a.digits()[before:] {
		if !call.Digit(digit).Valid() && digit != "F" { // flash, event 16
			a.Errorf("the switch reports %q as a digit", digit)
		}
	}
	a.must(c.HangUp(a.ctx))
}

// digits are those that the switch reported.
func (a *attack) digits() (all []string) {
	for _, e := range a.events.heard() {
		if e.Name() == "DTMF" {
			all = append(all, e.Get("DTMF-Digit"))
		}
	}
	return all
}

// sendEvents sends an RFC 4733 event of 100 ms for each code.
func (e *RTPEndpoint) sendEvents(first, last int) error {
	e.mu.Lock()
	remote := e.remote
	e.mu.Unlock()
	for code := first; code <= last; code++ {
		for i := range 5 {
			p := rtp.Packet{Header: rtp.Header{Version: 2, SSRC: 7, PayloadType: digitPayload, Marker: i == 0,
				SequenceNumber: uint16(code*5 + i), Timestamp: uint32(code * 1600)}, Payload: []byte{byte(code), 10, 0x03, 0x20}}
			if i > 1 {
				p.Payload[1] |= 0x80
			}
			raw, err := p.Marshal()
			if err != nil {
				return err
			}
			if _, err := e.conn.WriteToUDPAddrPort(raw, remote); err != nil {
				return err
			}
		}
	}
	return nil
}

// informs counts the INFO requests: CSeq must rise.
var informs atomic.Int64

// inform sends an INFO of type application/dtmf-relay within the phone's dialog and waits for any final answer.
func (p *Phone) inform(ctx context.Context, body string) (err error) {
	parts := strings.Split(p.lastLog("dialog "), "|")
	uri := strings.TrimSpace(parts[0])
	target, err := addressOf(uri)
	if err != nil || len(parts) != 4 {
		return fmt.Errorf("INFO: dialog %q: %w", parts, err)
	}
	conn, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(target))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	info := fmt.Sprintf("INFO %s SIP/2.0\r\n"+
		"Via: SIP/2.0/UDP %s;branch=z9hG4bKinfo%d\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\n"+
		"CSeq: %d INFO\r\nMax-Forwards: 70\r\nContent-Type: application/dtmf-relay\r\nContent-Length: %d\r\n\r\n%s",
		uri, conn.LocalAddr(), time.Now().UnixNano(), parts[1], parts[2], strings.TrimSpace(parts[3]),
		informs.Add(1)+100, len(body), body)
	err = exchange(ctx, conn, info)
	if err != nil && strings.Contains(err.Error(), "was answered with") {
		return nil // refused is as good
	}
	return err
}

// nothingHappened looks at what the texts tried.
func (a *attack) nothingHappened(texts int) {
	a.Helper()
	if n := a.trap.Requests("INVITE"); n != 0 {
		a.Errorf("the trap was called %d times", n)
	}
	if _, err := os.Stat(a.canary); !errors.Is(err, os.ErrNotExist) {
		a.Errorf("a command was run: the canary is there (%v)", err)
	}
	inbound, outbound := 0, 0
	for _, e := range a.events.heard() {
		name := e.Get("Channel-Name")
		switch {
		case e.Name() != "CHANNEL_CREATE":
		case e.Get("Call-Direction") == "inbound" && strings.HasPrefix(name, "sofia/external/"):
			inbound++
		case e.Get("Call-Direction") == "outbound" && strings.HasPrefix(name, "sofia/internal/100"):
			outbound++
		default:
			a.Errorf("the switch made a channel %q (%s)", name, e.Get("Call-Direction"))
		}
	}
	// A caller each, a dialled text each, the two of the scenario; an agent's leg for each caller who got through.
	if most := 2*texts + 2; inbound > most {
		a.Errorf("%d legs came in, there were %d calls", inbound, most)
	}
	offers := a.sql(`SELECT count(*)::text FROM interaction_event WHERE kind = 'agent.offered'`)[0][0]
	if fmt.Sprint(outbound) != offers {
		a.Errorf("%d legs were dialled for %s offers", outbound, offers)
	}
	answered := a.sql(`SELECT count(*)::text FROM interaction i JOIN interaction_party p ON p.interaction_id = i.id
		WHERE i.outcome = 'answered' AND p.number <> '5548999990701'`)[0][0]
	if answered != fmt.Sprint(len(a.reached)) {
		a.Errorf("%s calls are recorded as answered, %d were", answered, len(a.reached))
	}
}

// storedAsData looks for each caller in the database, by number and by name.
func (a *attack) storedAsData(texts []string) {
	a.Helper()
	stored := [2]map[string]bool{{}, {}}
	for _, row := range a.sql(`SELECT number, name FROM interaction_party`) {
		for i, value := range row {
			stored[i][plainly(value)] = true
		}
	}
	for _, text := range texts {
		if _, refused := a.refused[text]; refused {
			continue
		}
		// NUL ends a text or is left out, a user part ends at its parameters; _undef_ is the switch's word for nothing.
		beforeNUL, _, _ := strings.Cut(text, "\x00")
		beforeParameters, _, _ := strings.Cut(text, ";")
		forms := []string{strings.ReplaceAll(text, "\x00", ""), beforeNUL, beforeParameters}
		for i, what := range []string{"number", "name"} {
			is := func(form string) bool { return stored[i][plainly(form)] }
			if text != "_undef_" && !slices.ContainsFunc(forms, is) {
				a.Errorf("no caller is stored with the %s %q", what, text)
			}
		}
	}
}

// plainly is a text as it may be compared: without the marks that carriers and switches put in or take away (quoting of
// display names, percent-encoding, white space around it, FreeSWITCH's % for the $ of an expansion).
func plainly(text string) string {
	text = strings.Map(func(r rune) rune {
		if r == '\\' || r == '"' {
			return -1
		}
		return r
	}, text)
	if decoded, err := url.PathUnescape(text); err == nil {
		text = decoded
	}
	return strings.TrimFunc(strings.ReplaceAll(text, "${", "%{"), func(r rune) bool { return r <= ' ' || r == 0x7f })
}

// shown looks at what the agents' phones were told: a number, never the caller's own words.
func (a *attack) shown(phones ...*carrier.Phone) {
	a.Helper()
	seen := 0
	for _, p := range phones {
		for range p.Requests("INVITE") {
			c := a.rung(p)
			seen++
			if !call.Number(c.RemoteUser).Valid() || c.RemoteName != "" && !call.Number(c.RemoteName).Valid() {
				a.Errorf("an agent's phone was told %q, %q", c.RemoteUser, c.RemoteName)
			}
		}
	}
	if seen < len(a.reached) {
		a.Errorf("the agents' phones saw %d calls, %d were answered", seen, len(a.reached))
	}
}

// undisturbed looks at a talk's sound: almost every second of it is the agent's tone.
func (s *stage) undisturbed(c *carrier.Call, since time.Time) {
	s.Helper()
	heard := c.Heard(since, time.Time{}).Samples
	good, all := 0, 0
	for at := 0; at+media.SampleRate <= len(heard); at += media.SampleRate {
		all++
		if dBOver(heard[at:at+media.SampleRate], agentTone) >= clarity {
			good++
		}
	}
	if elapsed := int(time.Since(since).Seconds()); all < elapsed-2 || 4*good < 3*all {
		s.Errorf("the bystander heard the agent clearly in %d of %d seconds, %d passed", good, all, elapsed)
	}
}
