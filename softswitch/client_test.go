package softswitch

import (
	"bytes"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"ramal/carrier"
	"ramal/internal/recordings"
)

// Replies of recording 01 that do not depend on the machine, byte for byte.
func TestRepliesAreThoseOfRecording01(t *testing.T) {
	blocks, err := recordings.Load("../testdata/esl/01-session-basics.txt")
	if err != nil {
		t.Fatal(err)
	}
	r := startSwitch(t, nil)
	conn, err := net.Dial("tcp", r.sw.ESLAddr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	varying := []string{
		"api status", "bgapi status", "api create_uuid", "api global_getvar core_uuid", "api hostname", "api strepoch",
	}
	buf := make([]byte, 1<<16)
	checked := 0
	for i := 0; i < len(blocks); i++ {
		if !blocks[i].FromSwitch {
			if _, err := conn.Write(blocks[i].Data); err != nil {
				t.Fatal(err)
			}
			continue
		}
		command := ""
		if i > 0 && !blocks[i-1].FromSwitch {
			command = strings.TrimSpace(string(blocks[i-1].Data))
		}
		skip := false
		for _, v := range varying {
			skip = skip || strings.HasPrefix(command, v)
		}
		if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if skip {
			for ; i+1 < len(blocks) && blocks[i+1].FromSwitch; i++ {
			}
			if err := drainTo(conn, command); err != nil {
				t.Fatalf("%s: %v", command, err)
			}
			continue
		}
		want := blocks[i].Data
		if _, err := io.ReadFull(conn, buf[:len(want)]); err != nil {
			t.Fatalf("%q: %v", command, err)
		}
		if !bytes.Equal(buf[:len(want)], want) {
			t.Fatalf("%q answered\n%q\nwant\n%q", command, buf[:len(want)], want)
		}
		checked++
	}
	if checked < 20 {
		t.Errorf("only %d replies compared", checked)
	}
}

// drainTo reads what a command answered whose text varies: one api response, or a reply and a BACKGROUND_JOB.
func drainTo(conn net.Conn, command string) error {
	frames := 1
	if strings.HasPrefix(command, "bgapi") {
		frames = 2
	}
	one := make([]byte, 1)
	for ; frames > 0; frames-- {
		var head []byte
		for !bytes.HasSuffix(head, []byte("\n\n")) {
			if _, err := io.ReadFull(conn, one); err != nil {
				return err
			}
			head = append(head, one[0])
		}
		length := 0
		for line := range strings.Lines(string(head)) {
			if text, ok := strings.CutPrefix(line, "Content-Length: "); ok {
				for _, c := range strings.TrimSpace(text) {
					length = length*10 + int(c-'0')
				}
			}
		}
		if _, err := io.CopyN(io.Discard, conn, int64(length)); err != nil {
			return err
		}
	}
	return nil
}

func TestSeveralClientsSeeTheSameEventsInTheSameOrder(t *testing.T) {
	r := startSwitch(t, nil)
	clients := []*testClient{r.esl, r.client(), r.client()}
	for _, c := range clients[1:] {
		c.ask("event plain CHANNEL_CREATE CHANNEL_PARK CHANNEL_HANGUP CHANNEL_DESTROY")
	}
	quiet := r.client()
	_, leg := r.callIn(carrier.CallOptions{})
	clients[2].ask("api uuid_kill %s", leg)
	sequences := make([][]string, len(clients))
	for i, c := range clients {
		c.wait(leg, "CHANNEL_DESTROY")
		c.mu.Lock()
		for _, e := range c.events {
			switch e.name {
			case "CHANNEL_CREATE", "CHANNEL_PARK", "CHANNEL_HANGUP", "CHANNEL_DESTROY":
				sequences[i] = append(sequences[i], e.get("Event-Sequence")+" "+e.name)
			}
		}
		c.mu.Unlock()
	}
	for i := range sequences {
		if diff := cmp.Diff(sequences[0], sequences[i]); diff != "" || len(sequences[i]) != 4 {
			t.Errorf("client %d (-first +this):\n%s", i, diff)
		}
	}
	if len(quiet.events) != 0 {
		t.Errorf("a client that asked for nothing got %d events", len(quiet.events))
	}
}

func TestFiltersAreCombinedByOr(t *testing.T) {
	r := startSwitch(t, nil)
	c := r.client()
	c.ask("event plain CHANNEL_PARK CHANNEL_HANGUP BACKGROUND_JOB")
	c.ask("filter variable_ramal_mine yes")
	c.ask("filter Event-Name BACKGROUND_JOB")
	_, other := r.callIn(carrier.CallOptions{})
	_, mine := r.callIn(carrier.CallOptions{})
	r.esl.ask("api uuid_setvar %s ramal_mine yes", mine)
	r.esl.ask("api uuid_kill %s", other)
	r.esl.ask("api uuid_kill %s", mine)
	r.esl.wait(mine, "CHANNEL_DESTROY")
	c.job("status")
	c.mu.Lock()
	defer c.mu.Unlock()
	var got []string
	for _, e := range c.events {
		got = append(got, e.name+" "+e.get("Unique-ID"))
	}
	if diff := cmp.Diff([]string{"CHANNEL_HANGUP " + mine, "BACKGROUND_JOB "}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A client that stops reading is cut off; calls and other clients do not notice.
func TestAClientThatDoesNotReadIsCutOff(t *testing.T) {
	r := startSwitch(t, func(c *Config) { c.ClientQueue = 64 << 10 })
	slow, err := net.Dial("tcp", r.sw.ESLAddr())
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	if tcp, ok := slow.(*net.TCPConn); ok {
		if err := tcp.SetReadBuffer(4096); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := io.WriteString(slow, "auth "+testPassword+"\n\nevent plain BACKGROUND_JOB\n\n"); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(4 * patience)
	text := strings.Repeat("x", 8000)
	jobs := 0
	for ; r.sw.bus.count.Load() == 2 || jobs == 0; jobs++ {
		if got := r.esl.job("echo %s", text); got != text {
			t.Fatalf("echo gave %d bytes", len(got))
		}
		if time.Now().After(deadline) {
			t.Fatalf("not cut off after %d jobs", jobs)
		}
	}
	_, leg := r.callIn(carrier.CallOptions{})
	r.esl.ask("api uuid_kill %s", leg)
	r.esl.wait(leg, "CHANNEL_DESTROY")
}

func TestNothingIsAnsweredBeforeThePassword(t *testing.T) {
	r := startSwitch(t, nil)
	conn, err := net.Dial("tcp", r.sw.ESLAddr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "api status\n\nevent plain ALL\n\nauth wrong\n\n"); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	const refusal = "Content-Type: command/reply\nReply-Text: -ERR command not found\n\n"
	want := "Content-Type: auth/request\n\n" + refusal + refusal +
		"Content-Type: command/reply\nReply-Text: -ERR invalid\n\n" +
		"Content-Type: text/disconnect-notice\nContent-Length: 67\n\n" + goodbye
	if diff := cmp.Diff(want, string(all)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestShowChannelsLagsBehindUuidExists(t *testing.T) {
	r := startSwitch(t, func(c *Config) { c.ShowLag = time.Hour })
	_, leg := r.callIn(carrier.CallOptions{})
	if got := r.esl.ask("api show channels as json"); got != "{\"row_count\": 0}\n" {
		t.Errorf("show channels: %q", got)
	}
	if got := r.esl.ask("api uuid_exists %s", leg); got != "true" {
		t.Errorf("uuid_exists: %q", got)
	}
	now := startSwitch(t, func(c *Config) { c.ShowLag = -1 })
	_, leg = now.callIn(carrier.CallOptions{})
	got := now.esl.ask("api show channels as json")
	want := `{"row_count":1,"rows":[{"uuid":"` + leg + `","direction":"inbound","created":"`
	if !strings.HasPrefix(got, want) || !strings.Contains(got, `"callstate":"RINGING"`) {
		t.Errorf("show channels: %s", got)
	}
}

func TestLimitsRefuseCallsAndOriginates(t *testing.T) {
	r := startSwitch(t, func(c *Config) { c.MaxSessions = 1 })
	_, leg := r.callIn(carrier.CallOptions{})
	phone := r.phone(carrier.Config{User: "2"})
	if _, err := phone.CallAddr(r.ctx(), "1", r.sw.ExternalAddr(), carrier.CallOptions{}); err != nil {
		t.Fatal(err)
	}
	call := phone.Calls()[0]
	if end, err := call.WaitEnd(r.ctx()); err != nil || end.Status != 503 {
		t.Errorf("the second call got %d, %v", end.Status, err)
	}
	if got := r.esl.job("originate sofia/external/1@%s &park()", phone.Addr()); got != "-ERR DESTINATION_OUT_OF_ORDER\n" {
		t.Errorf("originate: %q", got)
	}
	r.esl.ask("api uuid_kill %s", leg)
	r.esl.wait(leg, "CHANNEL_DESTROY")
	if _, leg := r.callIn(carrier.CallOptions{}); leg == "" {
		t.Error("no call after the first one ended")
	}
}

func TestHeartbeatsCome(t *testing.T) {
	r := startSwitch(t, func(c *Config) { c.Heartbeat = 50 * time.Millisecond })
	e := r.esl.wait("", "HEARTBEAT")
	if e.get("Event-Info") != "System Ready" || e.get("Max-Sessions") != "1000" {
		t.Errorf("heartbeat %v", e.headers)
	}
}

func TestSendmsgRunsOneAfterTheOtherAndEventLockHoldsTheRestBack(t *testing.T) {
	r := startSwitch(t, nil)
	call, leg := r.callIn(carrier.CallOptions{})
	r.answered(call, leg)
	id := uuid.NewString()
	if got := r.esl.ask("sendmsg %s\ncall-command: execute\nexecute-app-name: playback\n"+
		"execute-app-arg: tone_stream://%%(300,0,440)\nevent-lock: true\nevent-uuid: %s", leg, id); got != "+OK" {
		t.Fatalf("sendmsg: %q", got)
	}
	r.esl.exec(leg, "set", "after=1")
	r.esl.waitHeader(leg, "CHANNEL_EXECUTE_COMPLETE", "Application", "set")
	got := strings.Join(r.esl.of(leg), ", ")
	want := "EXECUTE playback, PLAYBACK_START, PLAYBACK_STOP, EXECUTE_COMPLETE playback, EXECUTE set, EXECUTE_COMPLETE set"
	if !strings.HasSuffix(got, want) {
		t.Errorf("with event-lock:\n%s", got)
	}
	if e := r.esl.waitHeader(leg, "CHANNEL_EXECUTE", "Application", "playback"); e.get("Application-UUID") != id {
		t.Errorf("Application-UUID %q, want %q", e.get("Application-UUID"), id)
	}
}

func TestTheDeviationsNameWhatTheyDifferFrom(t *testing.T) {
	for _, d := range Deviations {
		if d.Subject == "" || d.FreeSWITCH == "" || d.Here == "" {
			t.Errorf("%+v is not complete", d)
		}
		for number := range strings.FieldsSeq(d.Recording) {
			if number == "all" {
				continue
			}
			if !regexp.MustCompile(`^[0-9]{2}[a-f]?$`).MatchString(number) {
				t.Errorf("%s: %q names no recording", d.Subject, number)
			}
		}
	}
}
