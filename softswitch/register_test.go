package softswitch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ramal/carrier"
)

func directoryFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ramal.xml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func userXML(users ...string) string {
	return `<include><domain name="ramal"><users>` + strings.Join(users, "") + `</users></domain></include>`
}

func hashedUser(id, password string) string {
	return fmt.Sprintf(`<user id="%s"><params><param name="a1-hash" value="%s"/></params></user>`, id,
		md5hex(id+":ramal:"+password))
}

func TestAPhoneRegistersIsCalledAndUnregisters(t *testing.T) {
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			file := directoryFile(t, userXML(hashedUser("1001", "1234")))
			r := startSwitch(t, func(c *Config) { c.Directory = file })
			phone := r.phone(carrier.Config{
				User: "1001", Password: "1234", Domain: "ramal", Proxy: r.sw.InternalAddr(), Transport: transport,
			})
			if _, err := phone.Register(r.ctx(), time.Minute); err != nil {
				t.Fatal(err)
			}
			e := r.esl.wait("", "CUSTOM")
			got := []string{e.get("Event-Subclass"), e.get("from-user"), e.get("from-host"), e.get("status"), e.get("expires")}
			want := []string{"sofia::register", "1001", "ramal", "Registered(" + strings.ToUpper(transport) + ")", "600"}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("event (-want +got):\n%s", diff)
			}
			answer := r.esl.job("originate {origination_caller_id_number=4711,sip_h_X-Ramal=7}" +
				"sofia/internal/1001%%ramal &park()")
			if !strings.HasPrefix(answer, "+OK ") {
				t.Fatalf("originate: %q", answer)
			}
			call, err := phone.NextCall(r.ctx())
			if err != nil {
				t.Fatal(err)
			}
			if call.RemoteUser != "4711" || len(call.Header("X-Ramal")) != 1 {
				t.Errorf("called by %q with X-Ramal %q", call.RemoteUser, call.Header("X-Ramal"))
			}
			r.esl.ask("api uuid_kill %s", strings.TrimSpace(answer[4:]))
			if _, err := call.WaitEnd(r.ctx()); err != nil {
				t.Fatal(err)
			}
			if err := phone.Unregister(r.ctx()); err != nil {
				t.Fatal(err)
			}
			r.esl.waitHeader("", "CUSTOM", "Event-Subclass", "sofia::unregister")
			if got := r.esl.job("originate sofia/internal/1001%%ramal &park()"); got != "-ERR USER_NOT_REGISTERED\n" {
				t.Errorf("after unregistering: %q", got)
			}
		})
	}
}

func TestAWrongPasswordAndAnUnknownUserGetTheSameAnswer(t *testing.T) {
	file := directoryFile(t, userXML(hashedUser("1001", "1234")))
	r := startSwitch(t, func(c *Config) { c.Directory = file })
	answers := map[string]string{}
	for _, user := range []string{"1001", "nobody"} {
		phone := r.phone(carrier.Config{User: user, Password: "wrong", Domain: "ramal", Proxy: r.sw.InternalAddr()})
		_, err := phone.Register(r.ctx(), time.Minute)
		var refused *carrier.RefusedError
		if !errors.As(err, &refused) {
			t.Fatalf("%s: %v", user, err)
		}
		answers[user] = refused.Error()
		r.esl.waitHeader("", "CUSTOM", "to-user", user)
	}
	if answers["1001"] != answers["nobody"] || !strings.Contains(answers["1001"], "403") {
		t.Errorf("answers %q", answers)
	}
}

func TestReloadxmlReadsTheDirectoryAgain(t *testing.T) {
	file := directoryFile(t, userXML())
	r := startSwitch(t, func(c *Config) { c.Directory = file })
	phone := r.phone(carrier.Config{User: "1002", Password: "secret", Domain: "ramal", Proxy: r.sw.InternalAddr()})
	if _, err := phone.Register(r.ctx(), time.Minute); err == nil {
		t.Error("registered before the user existed")
	}
	if err := os.WriteFile(file, []byte(userXML(hashedUser("1002", "secret"))), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := r.esl.ask("api reloadxml"); got != "+OK [Success]\n" {
		t.Errorf("reloadxml: %q", got)
	}
	if _, err := phone.Register(r.ctx(), time.Minute); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(file, []byte("<include><user"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := r.esl.ask("api reloadxml"); !strings.HasPrefix(got, "-ERR") {
		t.Errorf("reloadxml of a broken file: %q", got)
	}
	if _, ok := r.sw.users.Load().find("1002"); !ok {
		t.Error("a broken file took the users away")
	}
}

func TestAnAgentsOwnCallNeedsItsPasswordAndGoesToItsOwnContext(t *testing.T) {
	file := directoryFile(t, userXML(hashedUser("1001", "1234")))
	r := startSwitch(t, func(c *Config) { c.Directory, c.Dialplan = file, RamalDialplan() })
	stranger := r.phone(carrier.Config{User: "1001", Password: "guess", Domain: "ramal", Proxy: r.sw.InternalAddr()})
	if _, err := stranger.Dial(r.ctx(), "5548999", carrier.CallOptions{}); err == nil {
		t.Error("a call without the password was taken")
	}
	phone := r.phone(carrier.Config{User: "1001", Password: "1234", Domain: "ramal", Proxy: r.sw.InternalAddr()})
	call, err := phone.Call(r.ctx(), "5548999", carrier.CallOptions{})
	if err != nil {
		t.Fatal(err)
	}
	e := r.esl.wait("", "CHANNEL_PARK")
	got := []string{
		e.get("Caller-Context"), e.get("variable_ramal_entry"), e.get("variable_ramal_number"), e.get("variable_user_name"),
	}
	if diff := cmp.Diff([]string{"agents", "agent", "5548999", "1001"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := call.Hangup(r.ctx()); err != nil {
		t.Fatal(err)
	}
	if cause := r.esl.wait(e.get("Unique-ID"), "CHANNEL_HANGUP").get("Hangup-Cause"); cause != "ORIGINATOR_CANCEL" {
		t.Errorf("cause %q", cause)
	}
}

func TestTheDirectoryIsReadWhateverItsNesting(t *testing.T) {
	d := &userDirectory{users: map[string]*user{}}
	err := d.parse(strings.NewReader(`<document><section name="directory"><domain name="ramal">
		<variables><variable name="lang" value="pt"/></variables>
		<groups><group name="default"><users>
			<user id="1"><params><param name="password" value="p"/></params>
				<variables><variable name="x" value="y"/></variables></user>
			<user id="2"><params><param name="a1-hash" value="ABCDEF"/></params></user>
		</users></group></groups></domain></section></document>`))
	if err != nil {
		t.Fatal(err)
	}
	one, two := d.users["1"], d.users["2"]
	if one.hash("ramal") != md5hex("1:ramal:p") || two.hash("ramal") != "abcdef" {
		t.Errorf("hashes %q %q", one.hash("ramal"), two.hash("ramal"))
	}
	if diff := cmp.Diff(vars("lang", "pt", "x", "y"), one.vars, cmp.AllowUnexported(variable{})); diff != "" {
		t.Errorf("variables (-want +got):\n%s", diff)
	}
	if err := d.parse(strings.NewReader(`<user/>`)); err == nil {
		t.Error("a user without id was taken")
	}
}

func TestANonceIsOursAndGetsOld(t *testing.T) {
	now := time.Now()
	nonce := newNonce(now)
	for at, want := range map[time.Duration][2]bool{0: {true, false}, nonceLife + time.Second: {true, true}} {
		if ours, stale := nonceState(nonce, now.Add(at)); ours != want[0] || stale != want[1] {
			t.Errorf("after %v: ours %v stale %v", at, ours, stale)
		}
	}
	forged := "A" + nonce[1:]
	if forged == nonce {
		forged = "B" + nonce[1:]
	}
	if ours, _ := nonceState(forged, now); ours {
		t.Error("a changed nonce is taken for ours")
	}
}
