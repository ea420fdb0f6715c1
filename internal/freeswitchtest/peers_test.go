package freeswitchtest

import (
	"fmt"
	"math"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

// peer is a SIPp process that signals, with a socket of the test on the advertised media port.
type peer struct {
	t       *testing.T
	port    uint16 // SIP
	media   *ear
	command *exec.Cmd
	done    chan error
	errors  string
}

// sipp runs a scenario of testdata. The media port is the test's; args are SIPp's own.
func sipp(t *testing.T, scenario string, args ...string) *peer {
	t.Helper()
	ports, err := freePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{t: t, port: ports[0], media: listen(t), done: make(chan error, 1)}
	p.errors = filepath.Join(t.TempDir(), "sipp.log")
	all := append([]string{
		"-sf", filepath.Join("testdata", scenario), "-i", "127.0.0.1", "-p", strconv.Itoa(int(p.port)), "-m", "1",
		"-nostdin", "-trace_err", "-error_file", p.errors, "-key", "rtp_port", strconv.Itoa(p.media.port()),
		"-key", "name", "Maria Silva", "-key", "number", "5548999990001",
	}, args...)
	p.command = exec.Command("sipp", all...)
	if err := p.command.Start(); err != nil {
		t.Fatalf("start SIPp: %v", err)
	}
	go func() { p.done <- p.command.Wait() }()
	t.Cleanup(func() {
		p.kill()
		if log, err := os.ReadFile(p.errors); err == nil && t.Failed() {
			t.Logf("SIPp %s:\n%s", scenario, log)
		}
	})
	return p
}

// agent runs a scenario that waits for a call, and returns when its port is bound.
func agent(t *testing.T, scenario string, args ...string) *peer {
	t.Helper()
	p := sipp(t, scenario, args...)
	p.awaitBound()
	return p
}

func (p *peer) awaitBound() {
	p.t.Helper()
	deadline := time.After(10 * time.Second)
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for {
		socket, err := net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", p.port))
		if err != nil {
			return // SIPp has it
		}
		if err := socket.Close(); err != nil {
			p.t.Fatal(err)
		}
		select {
		case <-poll.C:
		case <-deadline:
			p.t.Fatalf("SIPp did not bind port %d", p.port)
		}
	}
}

// succeeds waits until the scenario has run to its end.
func (p *peer) succeeds() {
	p.t.Helper()
	select {
	case err := <-p.done:
		p.done <- err
		if err != nil {
			p.t.Fatalf("SIPp: %v", err)
		}
	case <-time.After(20 * time.Second):
		p.t.Fatal("SIPp: the scenario did not end")
	}
}

func (p *peer) kill() {
	select {
	case err := <-p.done:
		p.done <- err
	default:
		if err := p.command.Process.Kill(); err != nil {
			p.t.Logf("kill SIPp: %v", err)
		}
		p.done <- <-p.done
	}
}

// register binds a user's phone to a port of this machine.
func register(t *testing.T, switchAddress netip.AddrPort, user, password string, contact uint16) *peer {
	t.Helper()
	return sipp(t, "register.xml", "-key", "user", user, "-key", "contact_port", strconv.Itoa(int(contact)),
		"-key", "expires", "60", "-au", user, "-ap", password, switchAddress.String())
}

// ear receives G.711 A-law over RTP and keeps the last half second.
type ear struct {
	socket net.PacketConn
	mu     sync.Mutex
	last   []float64
	heard  chan struct{} // a packet came
}

func listen(t *testing.T) *ear {
	t.Helper()
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &ear{socket: socket, heard: make(chan struct{}, 1)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		e.receive()
	}()
	t.Cleanup(func() {
		if err := socket.Close(); err != nil {
			t.Error(err)
		}
		<-ended
	})
	return e
}

func (e *ear) port() int { return e.socket.LocalAddr().(*net.UDPAddr).Port }

func (e *ear) receive() {
	packet := make([]byte, 2048)
	for {
		n, _, err := e.socket.ReadFrom(packet)
		if err != nil {
			return // closed at the test's end
		}
		if n <= 12 || packet[1]&0x7f != 8 {
			continue
		}
		e.mu.Lock()
		for _, sample := range packet[12:n] {
			e.last = append(e.last, alaw(sample))
		}
		e.last = e.last[max(0, len(e.last)-sampleRate/2):]
		e.mu.Unlock()
		select {
		case e.heard <- struct{}{}:
		default:
		}
	}
}

// hears waits until half a second of sound is the tone, 20 dB over everything else.
func (e *ear) hears(t *testing.T, hertz float64, limit time.Duration) {
	t.Helper()
	deadline := time.After(limit)
	for {
		select {
		case <-e.heard:
			e.mu.Lock()
			tone := len(e.last) == sampleRate/2 && toneOverRest(e.last, hertz) >= 100
			e.mu.Unlock()
			if tone {
				return
			}
		case <-deadline:
			t.Fatalf("no tone of %v Hz within %v", hertz, limit)
		}
	}
}

// toneOverRest is the power of one frequency over the power of the rest (Goertzel).
func toneOverRest(samples []float64, hertz float64) float64 {
	coefficient := 2 * math.Cos(2*math.Pi*hertz/sampleRate)
	var s1, s2, total float64
	for _, sample := range samples {
		s1, s2 = sample+coefficient*s1-s2, s1
		total += sample * sample
	}
	n := float64(len(samples))
	tone := 2 * (s1*s1 + s2*s2 - coefficient*s1*s2) / n
	if total == 0 {
		return 0
	}
	return tone / max(total-tone, total*1e-9)
}

// alaw decodes one byte (ITU-T G.711).
func alaw(b byte) float64 {
	b ^= 0x55
	exponent, mantissa := (b>>4)&7, float64(b&15)
	value := mantissa*16 + 8
	if exponent > 0 {
		value = (mantissa*16 + 264) * float64(int(1)<<(exponent-1))
	}
	if b&0x80 == 0 {
		return -value
	}
	return value
}
