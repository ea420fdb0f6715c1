package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"ramal/store"
)

// callers is a SIPp process whose calls come in on the external profile. They say nothing; what they are sent goes
// to a socket that nobody reads.
type callers struct {
	cmd   *exec.Cmd
	ended chan error
	dir   string
}

const invite = `<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="load">
<send retrans="500"><![CDATA[
INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:5548[call_number]@[local_ip]:[local_port]>;tag=[pid]load[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:load@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

v=0
o=load 1 1 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio SINK RTP/AVP 8
a=rtpmap:8 PCMA/8000
a=ptime:20

]]></send>
<recv response="100" optional="true"></recv>
<recv response="180" optional="true"></recv>
<recv response="183" optional="true"></recv>
<recv response="200" rrs="true" timeout="10000"></recv>
<send><![CDATA[
ACK [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:5548[call_number]@[local_ip]:[local_port]>;tag=[pid]load[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
[routes]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
`

// untilBye stays until the other side ends the call.
const untilBye = `<recv request="BYE" timeout="120000"></recv>
<send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
</scenario>
`

// hangUpAfter ends the call itself. SIPp must be told which 200 is the BYE's: it would take the INVITE's, sent again,
// for it.
func hangUpAfter(d time.Duration) string {
	return strings.Replace(pauseAndBye, "PAUSE", strconv.FormatInt(d.Milliseconds(), 10), 1)
}

const pauseAndBye = `<pause milliseconds="PAUSE"/>
<send retrans="500" start_txn="bye"><![CDATA[
BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:5548[call_number]@[local_ip]:[local_port]>;tag=[pid]load[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
[routes]
Call-ID: [call_id]
CSeq: 2 BYE
Max-Forwards: 70
Content-Length: 0

]]></send>
<recv response="200" response_txn="bye" timeout="10000"></recv>
</scenario>
`

// dial starts so many calls at a rate per second, not more than limit at once.
func (c *centre) dial(b *testing.B, calls, rate, limit int, end string) *callers {
	b.Helper()
	sink, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(b, err)
	b.Cleanup(func() { must(b, sink.Close()) })
	port := strconv.Itoa(sink.LocalAddr().(*net.UDPAddr).Port)
	dir := b.TempDir()
	scenario := filepath.Join(dir, "scenario.xml")
	must(b, os.WriteFile(scenario, []byte(strings.Replace(invite, "SINK", port, 1)+end), 0o600))
	s := &callers{ended: make(chan error, 1), dir: dir}
	s.cmd = exec.Command("sipp", "-sf", scenario, "-i", "127.0.0.1", "-nostdin", "-s", string(store.DemoNumber),
		"-m", strconv.Itoa(calls), "-r", strconv.Itoa(rate), "-l", strconv.Itoa(limit), "-trace_err",
		"-error_file", filepath.Join(dir, "errors"), "-buff_size", strconv.Itoa(4<<20), c.External.String())
	s.cmd.Dir = dir
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	must(b, s.cmd.Start())
	go func() { s.ended <- s.cmd.Wait() }()
	b.Cleanup(func() {
		if err := s.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			b.Errorf("end SIPp: %v", err)
		}
	})
	return s
}

// wait returns nil when every call of the scenario came to its end. After the first one that did not no more calls
// are begun: the load is judged.
func (s *callers) wait(ctx context.Context, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	look := time.NewTicker(time.Second)
	defer look.Stop()
	var first error
	for {
		select {
		case err := <-s.ended:
			if err != nil {
				err = errors.Join(fmt.Errorf("SIPp: %w", err), s.failure())
			}
			return errors.Join(first, err)
		case <-look.C:
			if first != nil {
				continue
			}
			if first = s.failure(); first != nil {
				// SIPp begins no more calls and waits for those it has; it may have ended just now.
				if err := s.cmd.Process.Signal(syscall.SIGUSR1); err != nil && !errors.Is(err, os.ErrProcessDone) {
					return err
				}
			}
		case <-ctx.Done():
			return fmt.Errorf("SIPp still runs: %w", ctx.Err())
		}
	}
}

var aborted = regexp.MustCompile(`Aborting call on [^:]*|Discarding message|SIP/2\.0 [45]\d\d [^\r\n]*`)

// failure is the first failure that SIPp has noted, with the answer that caused it.
func (s *callers) failure() error {
	text, err := os.ReadFile(filepath.Join(s.dir, "errors"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if found := aborted.FindAll(text, 2); len(found) > 0 && bytes.Contains(text, []byte("Aborting call")) {
		return fmt.Errorf("SIPp: %s", bytes.Join(found, []byte(": ")))
	}
	return nil
}
