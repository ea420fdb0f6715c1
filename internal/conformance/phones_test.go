package conformance

import (
	"context"
	"crypto/md5"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ramal/esl/wire"
	freeswitchconf "ramal/freeswitch-conf"
	"ramal/media"
	"ramal/softswitch"
)

// phoneSite is a site without a core: a softswitch that answers every call with a tone of 440 Hz.
func phoneSite(t *testing.T) *Site {
	t.Helper()
	dir := t.TempDir()
	site := &Site{Dir: dir}
	if err := os.WriteFile(filepath.Join(dir, "secrets.json"), []byte(`{"sip":{"1001":"word"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	hash := fmt.Sprintf("%x", md5.Sum([]byte("1001:"+SiteDomain+":word"))) // RFC 2617 wants MD5
	directory := filepath.Join(dir, "directory.xml")
	if err := freeswitchconf.WriteDirectory(directory, SiteDomain, []freeswitchconf.User{{Name: "1001",
		A1Hash: hash}}); err != nil {
		t.Fatal(err)
	}
	first := rtpRange()
	sw, err := softswitch.New(softswitch.Config{ESLAddr: "127.0.0.1:0", ESLPassword: "ClueCon",
		InternalAddr: "127.0.0.1:0",
		ExternalAddr: "127.0.0.1:0", RTPPortMin: first, RTPPortMax: first + 398, SIPDomain: SiteDomain, Directory: directory,
		MediaDir: dir, Dialplan: func(_, _ string) ([]softswitch.App, bool) {
			return []softswitch.App{{Name: "answer"}, {Name: "playback", Arg: "tone_stream://%(60000,0,440)"}}, true
		}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- sw.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the softswitch ended with %v", err)
		}
	})
	site.ESL = sw.ESLAddr()
	site.Internal, site.External = netip.MustParseAddrPort(sw.InternalAddr()), netip.MustParseAddrPort(sw.ExternalAddr())
	return site
}

// api runs one command on the softswitch and returns its answer.
func api(ctx context.Context, address, command string) (string, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return "", err
		}
	}
	if _, err := io.WriteString(conn, "auth ClueCon\n\napi "+command+"\n\n"); err != nil {
		return "", err
	}
	frames := wire.NewFrameReader(conn, wire.Limits{})
	for {
		f, err := frames.Next()
		if err != nil {
			return "", err
		}
		if f.ContentType == wire.TypeAPIResponse {
			return string(f.Body), nil
		}
	}
}

func closePhone(t *testing.T, p *Phone) {
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestACallerHearsTheSwitchAndCanHangUp(t *testing.T) {
	site := phoneSite(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	caller, err := site.Call(ctx, Caller{Number: "4830000000"})
	if err != nil {
		t.Fatal(err)
	}
	closePhone(t, caller)
	if err := caller.WaitLog(ctx, "answered"); err != nil {
		t.Fatal(err)
	}
	err = caller.RTP.Wait(ctx, func(h *Heard) bool {
		last := h.Last(500 * time.Millisecond)
		return len(last) >= 3200 && media.ToneOverRest(last, media.SampleRate, 440) > 20
	})
	if err != nil {
		t.Fatalf("the caller does not hear the tone: %v", err)
	}
	if err := caller.HangUp(ctx); err != nil {
		t.Fatal(err)
	}
	if err := caller.HangUp(ctx); err == nil {
		t.Error("a call that has ended was hung up again")
	}
}

func TestAnAgentsPhoneRegistersWithDigestAndTakesCalls(t *testing.T) {
	site := phoneSite(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	agent, err := site.AgentPhone(ctx, "1001", 100*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	closePhone(t, agent.Phone)
	dial := "originate {originate_timeout=10}sofia/internal/1001%" + SiteDomain + " &park()"
	if answer, err := api(ctx, site.ESL, dial); err != nil || answer[:3] != "+OK" {
		t.Fatalf("the call to the agent: %q, %v", answer, err)
	}
	if err := agent.WaitLog(ctx, "answered"); err != nil {
		t.Fatal(err)
	}
	if err := agent.HangUp(ctx); err != nil {
		t.Fatal(err)
	}
	if err := agent.Register(ctx, 0); err != nil {
		t.Fatal(err)
	}
	if answer, err := api(ctx, site.ESL, dial); err != nil || answer != "-ERR USER_NOT_REGISTERED\n" {
		t.Errorf("the call to an agent who is not registered: %q, %v", answer, err)
	}
}

func TestAPhoneWithAWrongPasswordIsRefused(t *testing.T) {
	site := phoneSite(t)
	if err := os.WriteFile(filepath.Join(site.Dir, "secrets.json"), []byte(`{"sip":{"1001":"wrong"}}`),
		0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if agent, err := site.AgentPhone(ctx, "1001", 0); err == nil {
		closePhone(t, agent.Phone)
		t.Error("it is registered")
	}
}
