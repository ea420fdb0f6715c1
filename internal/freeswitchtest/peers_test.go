package freeswitchtest

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
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
