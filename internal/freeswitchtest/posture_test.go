package freeswitchtest

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// request sends one SIP request over UDP and returns the status line of the final answer, empty when there is none
// within the limit.
func request(t *testing.T, address netip.AddrPort, method, uri string, limit time.Duration) string {
	t.Helper()
	conn, err := net.Dial("udp", address.String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}()
	local := conn.LocalAddr().String()
	const body = "status"
	_, err = fmt.Fprintf(conn, "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%d;rport\r\n"+
		"From: <sip:1001@%s>;tag=a\r\n"+
		"To: <%s>\r\nCall-ID: %d@%s\r\nCSeq: 1 %s\r\nContact: <sip:1001@%s>\r\nMax-Forwards: 70\r\nEvent: presence\r\n"+
		"Content-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s",
		method, uri, local, time.Now().UnixNano(), local, uri, time.Now().UnixNano(), local, method, local, len(body), body)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 4096)
	for {
		n, err := conn.Read(answer)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return ""
		} else if err != nil {
			t.Fatal(err)
		}
		status, _, _ := strings.Cut(string(answer[:n]), "\r\n")
		if !strings.HasPrefix(status, "SIP/2.0 1") {
			return status
		}
	}
}

func TestNobodyUnauthenticatedRegistersSubscribesOrPublishes(t *testing.T) {
	instance := startWithUsers(t, "1001")
	internal, external := instance.Settings.InternalSIP, instance.Settings.ExternalSIP
	for _, attempt := range []struct {
		profile     netip.AddrPort
		method, uri string
		refusal     string
	}{
		{internal, "REGISTER", "sip:ramal", "SIP/2.0 401"},
		{external, "REGISTER", "sip:ramal", "SIP/2.0 405"},
		{internal, "SUBSCRIBE", "sip:1001@ramal", "SIP/2.0 4"},
		{external, "SUBSCRIBE", "sip:1001@ramal", "SIP/2.0 4"},
		{internal, "PUBLISH", "sip:1001@ramal", "SIP/2.0 4"},
		{external, "REFER", "sip:1001@ramal", "SIP/2.0 4"},
	} {
		answer := request(t, attempt.profile, attempt.method, attempt.uri, 5*time.Second)
		if !strings.HasPrefix(answer, attempt.refusal) {
			t.Errorf("%s to %s: answered %q, want %s", attempt.method, attempt.profile, answer, attempt.refusal)
		}
	}
}

// A MESSAGE to api+COMMAND runs the command where chat is on: the canary is the event that reloadxml fires.
func TestAMessageRunsNoCommand(t *testing.T) {
	for _, name := range []string{"internal", "external"} {
		t.Run(name, func(t *testing.T) {
			if ranByMessage(t, Start(t, Options{}), name) {
				t.Error("the command ran")
			}
		})
	}
	t.Run("the canary sings where chat is on and unauthenticated", func(t *testing.T) {
		instance := Start(t, Options{Edit: func(confDir string) error {
			path := filepath.Join(confDir, "sip_profiles", "external.xml")
			profile, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			open := strings.NewReplacer(`"enable-chat" value="false"`, `"enable-chat" value="true"`,
				`"enable-chat-api-proto" value="false"`, `"enable-chat-api-proto" value="true"`,
				`"auth-messages" value="true"`, `"auth-messages" value="false"`).Replace(string(profile))
			return os.WriteFile(path, []byte(open), 0o600)
		}})
		if !ranByMessage(t, instance, "external") {
			t.Error("the command did not run: this test shows nothing")
		}
	})
}

// ranByMessage reports whether a MESSAGE made the switch run reloadxml within a second.
func ranByMessage(t *testing.T, instance *Instance, profile string) bool {
	t.Helper()
	address := map[string]netip.AddrPort{
		"internal": instance.Settings.InternalSIP, "external": instance.Settings.ExternalSIP,
	}[profile]
	c := converse(t, instance)
	c.command("event plain RELOADXML")
	request(t, address, "MESSAGE", "sip:api+reloadxml@ramal", time.Second)
	_, err := c.await(time.Now().Add(time.Second), func(e event) bool { return e.get("Event-Name") == "RELOADXML" })
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	return err == nil
}

func TestAWrongPasswordDoesNotOpenTheEventSocket(t *testing.T) {
	instance := Start(t, Options{})
	link, err := dialLink(t.Context(), instance.Settings.ESLAddress.String(), "ClueCon", waitLimit)
	if err == nil {
		t.Fatal(errors.Join(errors.New("the Event Socket opened"), link.close()))
	}
	if !strings.Contains(err.Error(), "-ERR invalid") {
		t.Errorf("refused with: %v", err)
	}
}
