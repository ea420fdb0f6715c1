package conformance

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"ramal/media"
)

// digitDuration is what the captures of sip-tester state: 2240 samples (recording 02 at 2.900 s).
const digitDuration = 280 * time.Millisecond

// Phone is a SIPp process that signals, with an RTP end point of the test for its sound.
type Phone struct {
	RTP  *RTPEndpoint
	Port int // of SIP

	cmd    *exec.Cmd
	exited chan struct{} // closed when the process has ended
	err    error         // of the process; valid when exited is closed

	mu      sync.Mutex
	log     []string
	changed chan struct{}
}

// PhoneConfig says how a phone is started.
type PhoneConfig struct {
	Scenario string            // path of a SIPp scenario
	Replace  map[string]string // texts to replace in it, such as a contact's port
	Target   netip.AddrPort    // of the switch's SIP profile; invalid for a phone that only waits for calls
	Number   string            // dialled number (-s)
	Calls    int               // after so many calls the process ends; 0: never
	Args     []string          // more arguments of SIPp
	Dir      string            // for the scenario as it is run and for SIPp's files
	Tone     float64           // of the phone's audio in hertz; 0: 425
}

// StartPhone starts SIPp with the scenario, whose media side is taken over by an RTP end point: the end point's port
// replaces [auto_media_port], and where the scenario plays a capture it tells the end point (through its log, a named
// pipe) to send a tone or a digit instead. SIPp's own captures need raw sockets, that is root.
func StartPhone(ctx context.Context, cfg PhoneConfig) (*Phone, error) {
	endpoint, err := ListenRTP(media.PCMA)
	if err != nil {
		return nil, err
	}
	p := &Phone{RTP: endpoint, exited: make(chan struct{}), changed: make(chan struct{})}
	if err := p.start(ctx, cfg); err != nil {
		return nil, errors.Join(fmt.Errorf("start phone %s: %w", filepath.Base(cfg.Scenario), err), endpoint.Close())
	}
	return p, nil
}

func (p *Phone) start(ctx context.Context, cfg PhoneConfig) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	p.Port = port
	dir, err := os.MkdirTemp(cfg.Dir, "phone")
	if err != nil {
		return err
	}
	scenario, pipe := filepath.Join(dir, "scenario.xml"), filepath.Join(dir, "log")
	if err := p.writeScenario(cfg, scenario); err != nil {
		return err
	}
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		return fmt.Errorf("make pipe for SIPp's log: %w", err)
	}
	// Opened for both so that neither side waits for the other; the reader ends with the process.
	log, err := os.OpenFile(pipe, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	args := []string{"-sf", scenario, "-i", "127.0.0.1", "-p", strconv.Itoa(p.Port), "-nostdin", "-trace_logs",
		"-log_file", pipe, "-trace_err", "-error_file", filepath.Join(dir, "errors")}
	if cfg.Calls > 0 {
		args = append(args, "-m", strconv.Itoa(cfg.Calls))
	}
	if cfg.Number != "" {
		args = append(args, "-s", cfg.Number)
	}
	if cfg.Target.IsValid() {
		args = append(args, cfg.Target.String())
	}
	p.cmd = exec.Command("sipp", append(args, cfg.Args...)...)
	p.cmd.Dir = dir
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return errors.Join(fmt.Errorf("start sipp (Debian package sip-tester): %w", err), log.Close())
	}
	tone := cfg.Tone
	if tone == 0 {
		tone = 425
	}
	go p.follow(log, tone)
	go func() {
		p.err = p.cmd.Wait()
		_ = log.Close() // ends follow; the pipe is only read
		close(p.exited)
	}()
	return p.listening(ctx)
}

var (
	playAudio = regexp.MustCompile(`<exec play_pcap_audio="[^"]*/g711a\.pcap"/>`)
	playDigit = regexp.MustCompile(`<exec play_pcap_audio="[^"]*/dtmf_2833_(\w+)\.pcap"/>`)
	gotInvite = regexp.MustCompile(`<recv request="INVITE">(<action>)?(</recv>)?`)
	gotAnswer = regexp.MustCompile(`<recv response="200" rrs="true" timeout="20000"></recv>`)
)

// learnMedia reads the far end's port from an SDP and logs it.
const learnMedia = `<ereg regexp="m=audio ([0-9]+) " search_in="body" check_it="true" assign_to="8,9"/>` +
	`<log message="media [$9]"/>`

// writeScenario is the recording's scenario with its media side taken over.
func (p *Phone) writeScenario(cfg PhoneConfig, to string) error {
	raw, err := os.ReadFile(cfg.Scenario)
	if err != nil {
		return err
	}
	text := string(raw)
	for from, to := range cfg.Replace {
		text = strings.ReplaceAll(text, from, to)
	}
	text = strings.ReplaceAll(text, "[auto_media_port]", strconv.Itoa(p.RTP.Port()))
	text = playAudio.ReplaceAllString(text, `<log message="audio"/>`)
	text = playDigit.ReplaceAllString(text, `<log message="digit $1"/>`)
	if strings.Contains(text, "m=audio") {
		text = gotInvite.ReplaceAllStringFunc(text, func(recv string) string {
			open := `<recv request="INVITE"><action>` + learnMedia
			if strings.HasSuffix(recv, "<action>") {
				return open
			}
			return open + "</action></recv>"
		})
		text = gotAnswer.ReplaceAllLiteralString(text,
			`<recv response="200" rrs="true" timeout="20000"><action>`+learnMedia+`</action></recv>`)
		text = strings.Replace(text, "</scenario>", `<Reference variables="8"/></scenario>`, 1)
	}
	return os.WriteFile(to, []byte(text), 0o600)
}

// follow obeys what the scenario logs.
func (p *Phone) follow(log io.Reader, tone float64) {
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		word, value, _ := strings.Cut(line, " ")
		switch word {
		case "media":
			if port, err := strconv.ParseUint(value, 10, 16); err == nil {
				p.RTP.SendTo(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(port)))
			}
		case "audio":
			p.RTP.Play(media.Sine(tone, -12))
		case "digit":
			char := value
			switch value {
			case "pound":
				char = "#"
			case "star":
				char = "*"
			}
			p.RTP.Dial(char[0], digitDuration)
		}
		p.mu.Lock()
		p.log = append(p.log, line)
		close(p.changed)
		p.changed = make(chan struct{})
		p.mu.Unlock()
	}
}

// WaitLog returns when the scenario has logged line (<log message="…"/>), or with the context's error.
func (p *Phone) WaitLog(ctx context.Context, line string) error {
	for {
		p.mu.Lock()
		found, changed := false, p.changed
		for _, l := range p.log {
			found = found || l == line
		}
		p.mu.Unlock()
		if found {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for the scenario to say %q: %w", line, ctx.Err())
		}
	}
}

// Wait returns when SIPp has ended: nil when its scenario ran to its end for every call.
func (p *Phone) Wait(ctx context.Context) error {
	select {
	case <-p.exited:
		if p.err != nil {
			return fmt.Errorf("SIPp scenario: %w%s", p.err, p.errors())
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for SIPp: %w%s", ctx.Err(), p.errors())
	}
}

func (p *Phone) errors() string {
	text, err := os.ReadFile(filepath.Join(p.cmd.Dir, "errors"))
	if err != nil || len(text) == 0 {
		return ""
	}
	return "\n" + string(text)
}

// Close ends the process, if it still runs, and the RTP end point.
func (p *Phone) Close() error {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("end SIPp: %w", err)
	}
	<-p.exited
	return p.RTP.Close()
}

// listening waits until SIPp has bound its port; it says so nowhere but in the system's table of sockets.
func (p *Phone) listening(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for {
		bound, err := udpPortInUse(p.Port)
		if err != nil || bound {
			return err
		}
		select {
		case <-look.C:
		case <-p.exited:
			return fmt.Errorf("SIPp ended before it listened: %w%s", p.err, p.errors())
		case <-ctx.Done():
			return fmt.Errorf("SIPp does not listen on port %d: %w", p.Port, ctx.Err())
		}
	}
}

func udpPortInUse(port int) (bool, error) {
	table, err := os.ReadFile("/proc/net/udp")
	if err != nil {
		return false, fmt.Errorf("look for SIPp's socket: %w", err)
	}
	return strings.Contains(string(table), fmt.Sprintf(":%04X ", port)), nil
}

// freePort is a UDP port that was free a moment ago.
func freePort() (int, error) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	return conn.LocalAddr().(*net.UDPAddr).Port, conn.Close()
}
