package softswitch

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/google/uuid"

	"ramal/media"
)

// sipLeg is the SIP side of a leg: one dialog.
type sipLeg struct {
	p *profile

	mu         sync.Mutex
	callID     string
	localTag   string
	remoteTag  string
	local      string // our side of From/To without tag
	remote     string // the peer's side
	target     sip.Uri
	routes     []string
	cseq       uint32
	remoteCSeq uint32
	transport  string
	dest       string // host:port requests go to
	offer      description
	lateOffer  bool
	sdpID      uint64
	sdpVersion uint64
	status     int // final status of an outgoing INVITE, or 200 after a BYE
	refuseWith int

	// The caller's INVITE.
	req        *sip.Request
	tx         sip.ServerTransaction
	final      chan struct{} // closed when the INVITE was answered for good
	finalOnce  sync.Once
	acked      chan struct{}
	ackOnce    sync.Once
	ackBody    []byte
	cancelled  bool
	answeredA  bool // a 2xx went out
	acceptBody string

	// Our INVITE.
	invitation  *sip.Request
	clientTx    sip.ClientTransaction
	provisional bool
	answeredB   bool
	wantCancel  cause
	refused     chan struct{} // closed when the peer's port is closed
	refuseOnce  sync.Once
	byeSeen     bool
	byeSent     bool
	cancelSent  bool
	transaction sync.WaitGroup
}

func newSIPLeg(p *profile) *sipLeg {
	now := uint64(time.Now().Unix())
	return &sipLeg{
		p: p, localTag: newTag(), final: make(chan struct{}), acked: make(chan struct{}), refused: make(chan struct{}),
		sdpID: now, sdpVersion: now,
	}
}

func newCallID() string { return uuid.NewString() }

// newTag is a dialog tag: 72 random bits, so that a stranger cannot guess a dialog.
func newTag() string { return strings.ReplaceAll(uuid.NewString(), "-", "")[:18] }

func randomCSeq() uint32 {
	var b [4]byte
	if _, err := rand.Read(b[:]); err != nil {
		return uint32(time.Now().Unix()) & 0x7FFFFFF
	}
	return binary.BigEndian.Uint32(b[:])&0x7FFFFFF + 1
}

// owns tells whether a request belongs to this dialog and is not older than the last one.
func (s *sipLeg) owns(req *sip.Request) bool {
	tag, _ := req.From().Params.Get("tag")
	s.mu.Lock()
	defer s.mu.Unlock()
	return req.CallID().Value() == s.callID && tag == s.remoteTag
}

// inOrder notes the request's CSeq; false when it is an old one (RFC 3261 section 12.2.2).
func (s *sipLeg) inOrder(req *sip.Request) bool {
	cseq := req.CSeq()
	s.mu.Lock()
	defer s.mu.Unlock()
	if cseq == nil || cseq.SeqNo <= s.remoteCSeq {
		return false
	}
	s.remoteCSeq = cseq.SeqNo
	return true
}

// protoCause is proto_specific_hangup_cause: what SIP said about the end.
func (s *sipLeg) protoCause() string {
	if s == nil {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.status == 0 {
		return ""
	}
	return "sip:" + strconv.Itoa(s.status)
}

func (s *sipLeg) respondWith(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuseWith = status
}

// sdp writes our description and counts its version.
func (s *sipLeg) sdp(port int, codecs []media.Codec, digitPT uint8, direction string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sdpVersion++
	return writeSDP(s.p.ip, port, s.sdpID, s.sdpVersion, codecs, digitPT, direction)
}

// request builds a request inside the dialog.
func (s *sipLeg) request(method sip.RequestMethod, cseq uint32) *sip.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	req := sip.NewRequest(method, s.target)
	req.SetTransport(strings.ToUpper(s.transport))
	req.SetDestination(s.dest)
	via := &sip.ViaHeader{
		ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: strings.ToUpper(s.transport), Host: s.p.ip, Port: s.p.port,
	}
	via.Params.Add("rport", "")
	via.Params.Add("branch", sip.GenerateBranch())
	req.AppendHeader(via)
	for _, route := range s.routes {
		req.AppendHeader(sip.NewHeader("Route", route))
	}
	req.AppendHeader(sip.NewHeader("Max-Forwards", "70"))
	req.AppendHeader(sip.NewHeader("From", s.local+";tag="+s.localTag))
	to := s.remote
	if s.remoteTag != "" {
		to += ";tag=" + s.remoteTag
	}
	req.AppendHeader(sip.NewHeader("To", to))
	req.AppendHeader(sip.NewHeader("Call-ID", s.callID))
	req.AppendHeader(sip.NewHeader("CSeq", strconv.FormatUint(uint64(cseq), 10)+" "+string(method)))
	if method != sip.BYE {
		req.AppendHeader(s.p.contact(s.transport))
	}
	req.AppendHeader(sip.NewHeader("User-Agent", "FreeSWITCH"))
	req.SetBody(nil)
	if strings.EqualFold(s.transport, "UDP") {
		s.p.laddr.Copy(&req.Laddr)
	}
	return req
}

// asBuilt tells sipgo that a request is complete.
func asBuilt(*sipgo.Client, *sip.Request) error { return nil }

// nextCSeq numbers the next request of ours.
func (s *sipLeg) nextCSeq() uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cseq++
	return s.cseq
}

// bye ends a confirmed dialog. The answer is awaited in the background; end waits for it.
func (s *sipLeg) bye(reason string) {
	req := s.request(sip.BYE, s.nextCSeq())
	req.AppendHeader(sip.NewHeader("Reason", reason))
	s.send(req)
}

// send starts a transaction whose answer does not matter.
func (s *sipLeg) send(req *sip.Request) {
	ctx, cancel := context.WithTimeout(s.p.sw.ctx, 32*time.Second)
	tx, err := s.p.client.TransactionRequest(ctx, req, asBuilt)
	if err != nil {
		cancel()
		s.p.sw.log.Info("SIP request not sent", "method", string(req.Method), "to", req.Destination(), "error", err)
		return
	}
	s.transaction.Add(1)
	go func() {
		defer s.transaction.Done()
		defer cancel()
		defer tx.Terminate()
		for {
			select {
			case res := <-tx.Responses():
				if !res.IsProvisional() {
					return
				}
			case <-tx.Done():
				return
			case <-s.refused:
				return
			case <-ctx.Done():
				return
			}
		}
	}()
}

// unreachable is called when a datagram of ours met a closed port.
func (p *profile) unreachable(addr netip.AddrPort) {
	dest := addr.String()
	p.mu.Lock()
	var hit []*leg
	for _, l := range p.dialogs {
		if l.sip.sentTo(dest) {
			hit = append(hit, l)
		}
	}
	p.mu.Unlock()
	for _, l := range hit {
		l.sip.refuseOnce.Do(func() { close(l.sip.refused) })
	}
}

// sentTo tells whether our unanswered INVITE, or any request at the end of the dialog, went to dest.
func (s *sipLeg) sentTo(dest string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dest == dest && s.invitation != nil && !s.provisional && !s.answeredB
}

// remoteAddr is where in-dialog requests go: the first Route, else the Contact; for TCP the connection the peer opened.
func dialogDestination(target sip.Uri, routes []string, transport, source string) string {
	uri := target
	if len(routes) > 0 {
		var first sip.Uri
		if _, err := sip.ParseAddressValue(routes[0], &first, &sip.HeaderParams{}); err == nil {
			uri = first
		}
	}
	if strings.EqualFold(transport, "TCP") {
		return source
	}
	port := uri.Port
	if port == 0 {
		port = 5060
	}
	return fmt.Sprintf("%s:%d", uri.Host, port)
}
