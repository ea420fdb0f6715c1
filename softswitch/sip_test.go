package softswitch

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ramal/carrier"
	"ramal/media"
)

// wireUA is a SIP peer that writes its messages itself, for what a well-behaved phone does not do.
type wireUA struct {
	t    *testing.T
	conn *net.UDPConn
	to   *net.UDPAddr
}

func (r *rig) wireUA(profile string) *wireUA {
	r.t.Helper()
	to := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(profile))
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	return &wireUA{t: r.t, conn: conn, to: to}
}

func (u *wireUA) port() int { return u.conn.LocalAddr().(*net.UDPAddr).Port }

// send writes a request; body gets its length, extra are header lines.
func (u *wireUA) send(method, uri, cseq, toTag, body string, extra ...string) {
	u.t.Helper()
	lines := []string{
		method + " " + uri + " SIP/2.0",
		fmt.Sprintf("Via: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK%s%s%d", u.port(), method, cseq, time.Now().UnixNano()),
		fmt.Sprintf("From: <sip:4711@127.0.0.1:%d>;tag=ours", u.port()), "To: <" + uri + ">" + toTag,
		fmt.Sprintf("Call-ID: wire-%d", u.port()), "CSeq: " + cseq + " " + method,
		fmt.Sprintf("Contact: <sip:4711@127.0.0.1:%d>", u.port()), "Max-Forwards: 70",
	}
	lines = append(lines, extra...)
	if body != "" {
		lines = append(lines, "Content-Type: application/sdp")
	}
	text := strings.Join(lines, "\r\n") + fmt.Sprintf("\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	if _, err := u.conn.WriteToUDP([]byte(text), u.to); err != nil {
		u.t.Fatal(err)
	}
}

// expect reads messages until one whose first line has the prefix.
func (u *wireUA) expect(prefix string) string {
	u.t.Helper()
	buf := make([]byte, 1<<16)
	if err := u.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		u.t.Fatal(err)
	}
	for {
		n, _, err := u.conn.ReadFromUDP(buf)
		if err != nil {
			u.t.Fatalf("wait for %q: %v", prefix, err)
		}
		if text := string(buf[:n]); strings.HasPrefix(text, prefix) {
			return text
		}
	}
}

func headerOf(message, name string) string {
	for line := range strings.Lines(message) {
		if value, ok := strings.CutPrefix(strings.TrimRight(line, "\r\n"), name+": "); ok {
			return value
		}
	}
	return ""
}

func tagOf(message string) string {
	_, tag, _ := strings.Cut(headerOf(message, "To"), ";tag=")
	return ";tag=" + tag
}

func offer(port int, more string) string {
	return fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"+
		"m=audio %d RTP/AVP 8 0 101\r\n"+
		"a=rtpmap:101 telephone-event/8000\r\n%s", port, more)
}

func (r *rig) uri() string { return "sip:5548@" + r.sw.ExternalAddr() }

func TestAnAnswerIsRepeatedUntilItsAckCome(t *testing.T) {
	r := startSwitch(t, nil)
	u := r.wireUA(r.sw.ExternalAddr())
	u.send("INVITE", r.uri(), "1", "", offer(40000, ""))
	u.expect("SIP/2.0 100")
	leg := r.esl.wait("", "CHANNEL_PARK").get("Unique-ID")
	r.esl.exec(leg, "answer", "")
	first := u.expect("SIP/2.0 200")
	if second := u.expect("SIP/2.0 200"); second != first {
		t.Errorf("the repetition differs:\n%s\n%s", first, second)
	}
	u.send("ACK", r.uri(), "1", tagOf(first), "")
	u.send("BYE", r.uri(), "2", tagOf(first), "", `Reason: Q.850;cause=17;text="busy"`)
	u.expect("SIP/2.0 200")
	if got := r.esl.wait(leg, "CHANNEL_HANGUP").get("Hangup-Cause"); got != "USER_BUSY" {
		t.Errorf("cause of the BYE's Reason: %q", got)
	}
	r.esl.wait(leg, "CHANNEL_DESTROY")
}

func TestAByeOfAStrangerOrAnOldOneDoesNotEndACall(t *testing.T) {
	r := startSwitch(t, nil)
	u := r.wireUA(r.sw.ExternalAddr())
	u.send("INVITE", r.uri(), "5", "", offer(40000, ""))
	leg := r.esl.wait("", "CHANNEL_PARK").get("Unique-ID")
	r.esl.exec(leg, "answer", "")
	ok := u.expect("SIP/2.0 200")
	u.send("ACK", r.uri(), "5", tagOf(ok), "")
	u.send("BYE", r.uri(), "6", ";tag=guess", "")
	u.expect("SIP/2.0 481")
	u.send("BYE", r.uri(), "4", tagOf(ok), "")
	u.expect("SIP/2.0 500")
	if got := r.esl.ask("api uuid_exists %s", leg); got != "true" {
		t.Errorf("the call is gone: %q", got)
	}
}

func TestAReinviteHoldsAndResumes(t *testing.T) {
	r := startSwitch(t, nil)
	call, leg := r.callIn(carrier.CallOptions{})
	r.answered(call, leg)
	if err := call.Hold(r.ctx()); err != nil {
		t.Fatal(err)
	}
	r.esl.wait(leg, "CHANNEL_HOLD")
	if err := call.Resume(r.ctx()); err != nil {
		t.Fatal(err)
	}
	r.esl.wait(leg, "CHANNEL_UNHOLD")
	r.esl.exec(leg, "playback", "tone_stream://%(20000,0,440)")
	r.mustHear(call, 440)
}

func TestALateOfferIsAnsweredWithOurs(t *testing.T) {
	r := startSwitch(t, nil)
	u := r.wireUA(r.sw.ExternalAddr())
	sound, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer sound.Close()
	u.send("INVITE", r.uri(), "1", "", "")
	leg := r.esl.wait("", "CHANNEL_PARK").get("Unique-ID")
	r.esl.exec(leg, "answer", "")
	ok := u.expect("SIP/2.0 200")
	if !strings.Contains(ok, "m=audio") {
		t.Fatalf("no offer in\n%s", ok)
	}
	u.send("ACK", r.uri(), "1", tagOf(ok), offer(sound.LocalAddr().(*net.UDPAddr).Port, ""))
	r.esl.wait(leg, "CHANNEL_ANSWER")
	r.esl.exec(leg, "playback", "tone_stream://%(20000,0,440)")
	if err := sound.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	packet := make([]byte, 2048)
	if n, err := sound.Read(packet); err != nil || n != 172 {
		t.Errorf("RTP: %d bytes, %v", n, err)
	}
}

func TestRequestsThatCannotBeServedAreRefused(t *testing.T) {
	r := startSwitch(t, nil)
	u := r.wireUA(r.sw.ExternalAddr())
	cases := []struct{ method, tag, body, want string }{
		{"OPTIONS", "", "", "SIP/2.0 200"},
		{"SUBSCRIBE", "", "", "SIP/2.0 489"},
		{"MESSAGE", "", "", "SIP/2.0 405"},
		{"REGISTER", "", "", "SIP/2.0 403"}, // agents register on the internal profile
		{"REFER", ";tag=x", "", "SIP/2.0 403"},
		{"INVITE", "", "v=0\r\nm=audio 4 RTP/AVP 18\r\nc=IN IP4 127.0.0.1\r\n", "SIP/2.0 488"},
		{"INVITE", "", "v=0\r\nm=video 4 RTP/AVP 0\r\n", "SIP/2.0 488"},
		{"INVITE", ";tag=x", offer(4, ""), "SIP/2.0 481"},
	}
	for i, c := range cases {
		u.send(c.method, r.uri(), fmt.Sprint(i+1), c.tag, c.body)
		got := u.expect("SIP/2.0 ")
		for strings.HasPrefix(got, "SIP/2.0 100") {
			got = u.expect("SIP/2.0 ")
		}
		if !strings.HasPrefix(got, c.want) || !strings.HasSuffix(headerOf(got, "CSeq"), c.method) {
			t.Errorf("%s%s: got %.60q, want %s", c.method, c.tag, got, c.want)
		}
		if c.method == "INVITE" {
			u.send("ACK", r.uri(), fmt.Sprint(i+1), tagOf(got), "")
		}
	}
	if n := r.sw.Legs(); n != 0 {
		t.Errorf("%d legs", n)
	}
}

func TestOnlyTheTrunksNetworkMayCallIn(t *testing.T) {
	r := startSwitch(t, func(c *Config) { c.TrunkNetworks = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} })
	phone := r.phone(carrier.Config{})
	_, err := phone.Dial(r.ctx(), "1", carrier.CallOptions{})
	if err == nil {
		t.Error("dialled itself")
	}
	call, err := phone.CallAddr(r.ctx(), "1", r.sw.ExternalAddr(), carrier.CallOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if end, err := call.WaitEnd(r.ctx()); err != nil || end.Status != 403 {
		t.Errorf("got %d, %v", end.Status, err)
	}
}

func TestACallerWhoGivesUpIsGone(t *testing.T) {
	r := startSwitch(t, nil)
	call, leg := r.callIn(carrier.CallOptions{})
	if err := call.Hangup(r.ctx()); err != nil {
		t.Fatal(err)
	}
	e := r.esl.wait(leg, "CHANNEL_HANGUP_COMPLETE")
	got := []string{e.get("Hangup-Cause"), e.get("variable_sip_hangup_disposition")}
	if got[0] != "ORIGINATOR_CANCEL" || got[1] != "recv_cancel" {
		t.Errorf("%q", got)
	}
	r.esl.wait(leg, "CHANNEL_DESTROY")
}

func TestAnUnansweredCallIsRefusedWithTheStatusOfItsCause(t *testing.T) {
	for cause, want := range map[string]int{
		"USER_BUSY": 486, "NO_ROUTE_DESTINATION": 404, "CALL_REJECTED": 603, "NORMAL_CLEARING": 480,
	} {
		r := startSwitch(t, nil)
		call, leg := r.callIn(carrier.CallOptions{})
		r.esl.ask("api uuid_kill %s %s", leg, cause)
		end, err := call.WaitEnd(r.ctx())
		if err != nil || end.Status != want || end.Cause.Text != cause {
			t.Errorf("%s: the caller saw %d %v (%v), want %d", cause, end.Status, end.Cause, err, want)
		}
	}
}

// What a caller controls stays data: it reaches variables and headers, and nothing is expanded or dialled.
func TestA7_ACallersNamesAreData(t *testing.T) {
	r := startSwitch(t, func(c *Config) { c.Dialplan = RamalDialplan() })
	phone := r.phone(carrier.Config{User: "5548"})
	const evil = `a}sofia/external/9@127.0.0.1 ${core_uuid} "x\`
	call, err := phone.CallAddr(r.ctx(), "4830", r.sw.ExternalAddr(), carrier.CallOptions{Name: evil})
	if err != nil {
		t.Fatal(err)
	}
	e := r.esl.wait("", "CHANNEL_PARK")
	if got := e.get("Caller-Caller-ID-Name"); strings.Contains(got, r.sw.coreUUID) {
		t.Errorf("the name was expanded: %q", got)
	}
	leg := e.get("Unique-ID")
	r.esl.exec(leg, "set", "x=${caller_id_name}")
	r.esl.waitHeader(leg, "CHANNEL_EXECUTE_COMPLETE", "Application", "set")
	if err := call.Hangup(r.ctx()); err != nil {
		t.Fatal(err)
	}
	for _, number := range []string{"park,hangup", "a b", "${core_uuid}", "1@evil", strings.Repeat("1", 33)} {
		call, err := phone.CallAddr(r.ctx(), number, r.sw.ExternalAddr(), carrier.CallOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if end, err := call.WaitEnd(r.ctx()); err != nil || end.Status != 404 {
			t.Errorf("%q: %d, %v", number, end.Status, err)
		}
	}
}

func TestDescriptionsAreReadWithoutTrust(t *testing.T) {
	type result struct {
		Addr      string
		Codecs    []media.Codec
		DigitPT   uint8
		Direction string
	}
	both, one := []media.Codec{media.PCMA, media.PCMU}, []media.Codec{media.PCMU}
	cases := map[string]result{
		offer(4000, ""):                                {"127.0.0.1:4000", both, 101, "sendrecv"},
		offer(4000, "a=sendonly\r\n"):                  {"127.0.0.1:4000", both, 101, "sendonly"},
		"v=0\nc=IN IP4 0.0.0.0\nm=audio 9 RTP/AVP 0\n": {"0.0.0.0:9", one, 0, "sendonly"},
		"c=IN IP4 192.0.2.1\nm=audio 9 RTP/AVP 0\nc=IN IP4 192.0.2.2\nm=video 7 RTP/AVP 8\n": {
			"192.0.2.2:9", one, 0, "sendrecv"},
		"c=IN IP4 192.0.2.1\nm=audio 9 RTP/AVP 0 96\na=rtpmap:96 telephone-event/16000\n": {
			"192.0.2.1:9", one, 0, "sendrecv",
		},
	}
	for text, want := range cases {
		d, err := parseSDP([]byte(text))
		got := result{d.addr.String(), d.codecs, d.digitPT, d.direction}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%q: %v (-want +got):\n%s", text, err, diff)
		}
	}
	for _, bad := range []string{
		"", "v=0", "m=audio x RTP/AVP 0\nc=IN IP4 1.2.3.4", "m=audio 9 RTP/AVP 0", "m=audio 9 RTP/AVP 9\nc=IN IP4 1.2.3.4",
	} {
		if d, err := parseSDP([]byte(bad)); err == nil {
			t.Errorf("%q is taken: %+v", bad, d)
		}
	}
}

func TestCausesAndStatusesAgreeBothWays(t *testing.T) {
	for status, want := range map[int]string{
		404: "UNALLOCATED_NUMBER", 480: "NO_USER_RESPONSE", 486: "USER_BUSY", 603: "CALL_REJECTED",
		503: "NORMAL_TEMPORARY_FAILURE", 408: "RECOVERY_ON_TIMER_EXPIRE", 487: "ORIGINATOR_CANCEL", 299: "NORMAL_UNSPECIFIED",
	} {
		if got := causeFromStatus(status).String(); got != want {
			t.Errorf("%d is %s, want %s", status, got, want)
		}
	}
	for number, name := range causeNames {
		if parseCause(name) != number && number != causeNone {
			t.Errorf("%s is read as %d", name, parseCause(name))
		}
		if status, phrase := number.status(); status < 400 || status > 607 || phrase == "" {
			t.Errorf("%s refuses with %d %q", name, status, phrase)
		}
	}
	for text, want := range map[string]cause{
		`Q.850;cause=17;text="x"`: causeUserBusy, `SIP;cause=200`: causeNone, "Q.850": causeNone, `Q.850;cause=x`: causeNone,
		`FreeSWITCH;cause=502`: causeLoseRace, `Q.850;cause=99999`: causeNone,
	} {
		if got, _ := causeFromReason(text); got != want {
			t.Errorf("%q is %d, want %d", text, got, want)
		}
	}
}

func TestASwitchThatListensEverywhereTellsItsAddress(t *testing.T) {
	r := startSwitch(t, func(c *Config) {
		c.ExternalAddr, c.InternalAddr, c.AdvertiseIP = "0.0.0.0:0", "0.0.0.0:0", "127.0.0.1"
	})
	_, port, err := net.SplitHostPort(r.sw.ExternalAddr())
	if err != nil {
		t.Fatal(err)
	}
	phone := r.phone(carrier.Config{})
	got := r.esl.job("originate sofia/external/1001@%s &park()", phone.Addr())
	leg := strings.TrimSpace(strings.TrimPrefix(got, "+OK "))
	r.esl.wait(leg, "CHANNEL_PARK")
	call, err := phone.NextCall(r.ctx())
	if err != nil {
		t.Fatal(err)
	}
	if got := call.Header("Contact"); len(got) != 1 || got[0] != "<sip:mod_sofia@127.0.0.1:"+port+">" {
		t.Errorf("Contact %q", got)
	}
	r.esl.exec(leg, "playback", "tone_stream://%(20000,0,440)")
	r.mustHear(call, 440)
	if err := call.Hangup(r.ctx()); err != nil {
		t.Fatal(err)
	}
	r.esl.wait(leg, "CHANNEL_DESTROY")
}
