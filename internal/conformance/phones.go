package conformance

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

//go:embed scenarios
var scenarios embed.FS

// Caller is who calls in.
type Caller struct {
	Name   string // display name with its quotes, as it stands in From; default "Maria Silva" in quotes
	User   string // user part; default 5548999990001
	Number string // dialled number
}

// Call starts a phone that calls the site's external profile. Its scenario logs "answered" and "ended".
func (s *Site) Call(ctx context.Context, c Caller) (*Phone, error) {
	if c.Name == "" {
		c.Name = `"Maria Silva"`
	}
	if c.User == "" {
		c.User = "5548999990001"
	}
	scenario, err := s.scenario("caller")
	if err != nil {
		return nil, err
	}
	return StartPhone(ctx, PhoneConfig{Scenario: scenario, Dir: s.Dir, Target: s.External, Number: c.Number, Calls: 1,
		Replace: map[string]string{"FROM_NAME": c.Name, "FROM_USER": c.User}})
}

// Agent is an agent's phone: one SIPp that takes calls, registered by another.
type Agent struct {
	*Phone
	site      *Site
	extension string
}

// AgentPhone starts a phone that answers each call ringFor after its INVITE and registers it with digest as extension
// (a demonstration agent, 1001 …). Its scenario logs "ringing", "answered" and "ended".
func (s *Site) AgentPhone(ctx context.Context, extension string, ringFor time.Duration) (*Agent, error) {
	scenario, err := s.scenario("agent")
	if err != nil {
		return nil, err
	}
	return s.registered(ctx, extension, PhoneConfig{Scenario: scenario, Dir: s.Dir, Tone: 700,
		Replace: map[string]string{"RING_MS": strconv.FormatInt(ringFor.Milliseconds(), 10)}})
}

// RefusingPhone is AgentPhone with a scenario of testdata/esl/peers, given by its path: agent_busy.xml (486),
// agent_reject.xml (603), agent_unavailable.xml (480), agent_noanswer.xml (rings until CANCEL).
func (s *Site) RefusingPhone(ctx context.Context, extension, scenario string) (*Agent, error) {
	return s.registered(ctx, extension, PhoneConfig{Scenario: scenario, Dir: s.Dir})
}

func (s *Site) registered(ctx context.Context, extension string, cfg PhoneConfig) (*Agent, error) {
	phone, err := StartPhone(ctx, cfg)
	if err != nil {
		return nil, err
	}
	agent := &Agent{phone, s, extension}
	if err := agent.Register(ctx, 10*time.Minute); err != nil {
		return nil, errors.Join(err, phone.Close())
	}
	return agent, nil
}

// Register registers the phone for that long; 0 unregisters it.
func (a *Agent) Register(ctx context.Context, expires time.Duration) (err error) {
	password, err := a.site.SIPPassword(a.extension)
	if err != nil {
		return err
	}
	scenario, err := a.site.scenario("register")
	if err != nil {
		return err
	}
	p, err := StartPhone(ctx, PhoneConfig{Scenario: scenario, Dir: a.site.Dir, Target: a.site.Internal, Calls: 1,
		Replace: map[string]string{"EXTENSION": a.extension, "PASSWORD": password, "DOMAIN": SiteDomain,
			"CONTACT_PORT": strconv.Itoa(a.Port), "EXPIRES": strconv.Itoa(int(expires.Seconds()))}})
	if err != nil {
		return fmt.Errorf("register %s: %w", a.extension, err)
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	if err := p.Wait(ctx); err != nil {
		return fmt.Errorf("register %s: %w", a.extension, err)
	}
	return nil
}

// scenario writes an embedded scenario where SIPp can read it.
func (s *Site) scenario(name string) (string, error) {
	text, err := scenarios.ReadFile("scenarios/" + name + ".xml")
	if err != nil {
		return "", err
	}
	path := filepath.Join(s.Dir, name+".xml")
	return path, os.WriteFile(path, text, 0o600)
}

// HangUp ends the phone's call with a BYE that the test itself sends within SIPp's dialog (the scenario logs "dialog …"
// once the call is answered), and returns when the switch has said 200.
func (p *Phone) HangUp(ctx context.Context) (err error) {
	line := p.lastLog("dialog ")
	parts := strings.Split(line, "|")
	if len(parts) != 4 {
		return fmt.Errorf("hang up: the scenario has logged no dialog (%q)", line)
	}
	uri := strings.TrimSpace(parts[0])
	target, err := addressOf(uri)
	if err != nil {
		return fmt.Errorf("hang up: %w", err)
	}
	conn, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(target))
	if err != nil {
		return fmt.Errorf("hang up: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	bye := fmt.Sprintf("BYE %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKbye%d\r\nFrom: %s\r\nTo: %s\r\n"+
		"Call-ID: %s\r\n"+
		"CSeq: 1000 BYE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
		uri, conn.LocalAddr(), time.Now().UnixNano(), parts[1], parts[2], strings.TrimSpace(parts[3]))
	return exchange(ctx, conn, bye)
}

// exchange sends a request every half second (RFC 3261 timer E) until it is answered with 200.
func exchange(ctx context.Context, conn *net.UDPConn, request string) error {
	buf := make([]byte, 4096)
	for ctx.Err() == nil {
		if _, err := conn.Write([]byte(request)); err != nil {
			return fmt.Errorf("send BYE: %w", err)
		}
		if err := conn.SetReadDeadline(time.Now().Add(500 * time.Millisecond)); err != nil {
			return err
		}
		n, err := conn.Read(buf)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			continue
		case err != nil:
			return fmt.Errorf("wait for the answer to BYE: %w", err)
		case strings.HasPrefix(string(buf[:n]), "SIP/2.0 200"):
			return nil
		case strings.HasPrefix(string(buf[:n]), "SIP/2.0 1"):
			continue
		default:
			first, _, _ := strings.Cut(string(buf[:n]), "\r\n")
			return fmt.Errorf("BYE was answered with %q", first)
		}
	}
	return fmt.Errorf("BYE was not answered: %w", ctx.Err())
}

// addressOf reads host and port of a SIP URI with an address as its host.
func addressOf(uri string) (netip.AddrPort, error) {
	rest := strings.TrimPrefix(strings.Trim(uri, "<>"), "sip:")
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		rest = rest[at+1:]
	}
	rest, _, _ = strings.Cut(rest, ";")
	if !strings.Contains(rest, ":") {
		rest += ":5060"
	}
	addr, err := netip.ParseAddrPort(rest)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("address of %q: %w", uri, err)
	}
	return addr, nil
}

// lastLog is what follows prefix in the last such line of the scenario's log.
func (p *Phone) lastLog(prefix string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := len(p.log) - 1; i >= 0; i-- {
		if rest, ok := strings.CutPrefix(p.log[i], prefix); ok {
			return rest
		}
	}
	return ""
}
