package load

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"sync"
	"testing"

	"github.com/emiago/sipgo/sip"
)

// answerer is a machine that answers every call at once with G.711 A-law; each number has the RTP port that portOf
// gives. It says nothing but 200: no ringing, no BYE.
type answerer struct {
	conn   *net.UDPConn
	portOf func(number string) int
	ended  chan struct{}

	mu      sync.Mutex
	answers map[string]netip.AddrPort // by number: where the switch wants RTP
	failed  error
}

func newAnswerer(b *testing.B, portOf func(string) int) *answerer {
	b.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(b, err)
	must(b, conn.SetReadBuffer(4<<20)) // the kernel gives what it allows
	a := &answerer{conn: conn, portOf: portOf, ended: make(chan struct{}), answers: map[string]netip.AddrPort{}}
	go a.serve()
	b.Cleanup(func() {
		must(b, conn.Close())
		<-a.ended
		if a.failed != nil {
			b.Errorf("answering machine: %v", a.failed)
		}
	})
	return a
}

func (a *answerer) address() string { return a.conn.LocalAddr().String() }

// target is where the switch receives the sound of a number's call.
func (a *answerer) target(number string) (netip.AddrPort, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	to, ok := a.answers[number]
	return to, ok
}

func (a *answerer) serve() {
	defer close(a.ended)
	parser := sip.NewParser()
	buf := make([]byte, 65536)
	for {
		n, from, err := a.conn.ReadFromUDP(buf)
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				a.failed = err
			}
			return
		}
		message, err := parser.ParseSIP(append([]byte(nil), buf[:n]...))
		if err != nil {
			a.failed = fmt.Errorf("the switch sent what is no SIP: %w", err)
			continue
		}
		request, ok := message.(*sip.Request)
		if !ok || request.Method == sip.ACK {
			continue
		}
		response, err := a.answer(request)
		if err != nil {
			a.failed = err
			continue
		}
		if _, err := a.conn.WriteToUDP([]byte(response.String()), from); err != nil {
			a.failed = err
		}
	}
}

var mediaLine = regexp.MustCompile(`(?m)^m=audio ([0-9]+) `)

func (a *answerer) answer(request *sip.Request) (*sip.Response, error) {
	if request.Method != sip.INVITE {
		return sip.NewResponseFromRequest(request, 200, "OK", nil), nil
	}
	found := mediaLine.FindSubmatch(request.Body())
	if found == nil {
		return nil, fmt.Errorf("an INVITE without sound: %s", request.Body())
	}
	port, err := strconv.ParseUint(string(found[1]), 10, 16)
	if err != nil {
		return nil, err
	}
	number := request.Recipient.User
	a.mu.Lock()
	a.answers[number] = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(port))
	a.mu.Unlock()
	sdp := fmt.Sprintf("v=0\r\no=load 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"+
		"m=audio %d RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=ptime:20\r\n", a.portOf(number))
	response := sip.NewSDPResponseFromRequest(request, []byte(sdp))
	at := a.conn.LocalAddr().(*net.UDPAddr)
	response.AppendHeader(&sip.ContactHeader{Address: sip.Uri{User: number, Host: at.IP.String(), Port: at.Port}})
	return response, nil
}
