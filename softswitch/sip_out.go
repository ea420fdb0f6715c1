package softswitch

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
)

// destination is where an originated leg goes.
type destination struct {
	profile   *profile
	user      string // number or user
	name      string // Channel-Name
	url       string // sip_destination_url
	uri       sip.Uri
	dest      string // host:port
	transport string
	badHost   bool // the host is no host: FreeSWITCH answers with a DNS error
	presence  string
	domain    string
}

// prepare fills the dialog of an originated leg and opens its port, before CHANNEL_CREATE shows them.
func (l *leg) prepareOutbound(d destination) bool {
	s := l.sip
	if !l.openMedia() {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	number, name := l.party.cidNumber, l.party.cidName
	s.callID = newCallID()
	s.target, s.dest, s.transport = d.uri, d.dest, d.transport
	s.cseq = randomCSeq()
	s.local = nameAddr(name, number, s.p.ip)
	s.remote = "<sip:" + uriPart(d.uri) + ">"
	set := l.setVarLocked
	set("rtp_use_codec_string", "PCMU,PCMA")
	set("local_media_ip", s.p.ip)
	set("local_media_port", itoa(l.media.port()))
	set("advertised_media_ip", s.p.ip)
	set("audio_media_flow", "sendrecv")
	return true
}

// nameAddr writes a From header; the name is quoted as RFC 3261 section 25.1 wants and never breaks out.
func nameAddr(name, number, host string) string {
	var b strings.Builder
	if name != "" {
		b.WriteByte('"')
		for _, r := range name {
			switch {
			case r == '"' || r == '\\':
				b.WriteByte('\\')
				b.WriteRune(r)
			case r < 0x20 || r == 0x7f:
			default:
				b.WriteRune(r)
			}
		}
		b.WriteString(`" `)
	}
	b.WriteString("<sip:")
	for i := 0; i < len(number); i++ {
		c := number[i]
		if c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || strings.IndexByte("-_.!~*'()&=+$,;?/#", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		const hex = "0123456789ABCDEF"
		b.Write([]byte{'%', hex[c>>4], hex[c&15]})
	}
	b.WriteString("@" + host + ">")
	return b.String()
}

// invite sends the INVITE of an originated leg; its responses are handled in a goroutine of their own.
func (s *sipLeg) invite(l *leg) {
	l.mu.Lock()
	dead := l.hung != causeNone
	headers := []variable{}
	for _, v := range l.vars.list {
		if name, ok := strings.CutPrefix(v.name, "sip_h_"); ok && safeHeader(name, v.value) {
			headers = append(headers, variable{name, v.value})
		}
	}
	badHost := l.badHost
	text, _ := l.vars.get("rtp_local_sdp_str")
	l.mu.Unlock()
	if dead {
		return
	}
	if badHost {
		l.inviteFailed(503, "DNS Error")
		return
	}
	req := s.request(sip.INVITE, s.cseq)
	req.AppendHeader(sip.NewHeader("Allow", allowed))
	for _, h := range headers {
		req.AppendHeader(sip.NewHeader(h.name, h.value))
	}
	req.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
	req.SetBody([]byte(text))
	s.mu.Lock()
	s.invitation = req
	s.mu.Unlock()
	s.p.remember(s.localTag, l)
	tx, err := s.p.client.TransactionRequest(s.p.sw.ctx, req, asBuilt)
	if err != nil {
		s.p.sw.log.Info("INVITE not sent", "leg", l.uuid, "to", s.dest, "error", err)
		reason := "Service Unavailable"
		var dns *net.DNSError
		if errors.As(err, &dns) {
			reason = "DNS Error"
		}
		l.inviteFailed(503, reason)
		return
	}
	s.mu.Lock()
	s.clientTx = tx
	s.mu.Unlock()
	s.transaction.Add(1)
	go func() {
		defer s.transaction.Done()
		s.follow(l, tx)
	}()
}

// safeHeader admits a header of our own that cannot change the message's meaning.
func safeHeader(name, value string) bool {
	if name == "" || strings.ContainsAny(value, "\r\n\x00") {
		return false
	}
	for i := 0; i < len(name); i++ {
		c := name[i]
		if !(c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '-') {
			return false
		}
	}
	switch strings.ToLower(name) {
	case "via", "from", "to", "call-id", "cseq", "contact", "route", "record-route", "max-forwards", "content-length",
		"content-type", "authorization", "proxy-authorization":
		return false
	}
	return true
}

// follow handles the responses to our INVITE until the final one.
func (s *sipLeg) follow(l *leg, tx sip.ClientTransaction) {
	refused := s.refused
	for {
		select {
		case res := <-tx.Responses():
			switch {
			case res.IsProvisional():
				s.mu.Lock()
				s.provisional = true
				cancel := s.wantCancel
				s.mu.Unlock()
				if cancel != causeNone {
					s.sendCancel(cancel)
					continue
				}
				l.progress(res)
			case res.IsSuccess():
				s.answeredBy(l, res, tx)
				return
			default:
				l.inviteRefused(res)
				return
			}
		case <-refused:
			tx.Terminate()
			l.inviteFailed(503, "Service Unavailable")
			return
		case <-tx.Done():
			if errors.Is(tx.Err(), sip.ErrTransactionTimeout) {
				l.inviteFailed(408, "Request Timeout")
			} else {
				l.inviteFailed(503, "Service Unavailable")
			}
			return
		case <-s.p.sw.ctx.Done():
			tx.Terminate()
			return
		}
	}
}

// replied notes who answered and the dialog as it stands (recording 04, CHANNEL_PROGRESS). Call with l.mu held.
func (l *leg) replied(res *sip.Response) {
	host, port, err := net.SplitHostPort(res.Source())
	if err != nil {
		return
	}
	s, set := l.sip, l.setVarLocked
	l.party.networkAddr = host
	set("sip_reply_host", host)
	set("sip_reply_port", port)
	set("sip_network_ip", host)
	set("sip_network_port", port)
	if contact := res.Contact(); contact != nil {
		set("sip_recover_contact", contact.Value())
	}
	if via := res.Via(); via != nil {
		set("sip_full_via", via.Value())
		set("sip_recover_via", via.Value())
	}
	from, to := res.From(), res.To()
	if from == nil || to == nil {
		return
	}
	set("sip_from_display", from.DisplayName)
	set("sip_full_from", from.Value())
	set("sip_full_to", to.Value())
	set("sip_from_user", from.Address.User)
	set("sip_from_uri", uriPart(from.Address))
	set("sip_to_user", to.Address.User)
	if to.Address.Port > 0 {
		set("sip_to_port", itoa(to.Address.Port))
	}
	set("sip_to_uri", uriPart(to.Address))
	set("sip_to_host", to.Address.Host)
	if contact := res.Contact(); contact != nil {
		user := contact.Address.User
		if user == "" {
			user = "nobody"
		}
		set("sip_contact_params", strings.TrimPrefix(contact.Address.UriParams.ToString(';'), ";"))
		set("sip_contact_user", user)
		if contact.Address.Port > 0 {
			set("sip_contact_port", itoa(contact.Address.Port))
		}
		set("sip_contact_uri", user+"@"+contact.Address.HostPort())
		set("sip_contact_host", contact.Address.Host)
	}
	if tag, ok := to.Params.Get("tag"); ok {
		set("sip_to_tag", tag)
	}
	set("sip_from_tag", s.localTag)
	set("sip_cseq", strconv.FormatUint(uint64(s.cseq), 10))
	set("sip_call_id", s.callID)
}

// progress handles a provisional response.
func (l *leg) progress(res *sip.Response) {
	if res.StatusCode == 100 {
		return
	}
	l.sip.early(res)
	if len(res.Body()) > 0 {
		if answer, err := parseSDP(res.Body()); err == nil {
			l.earlyMedia(res, answer)
			return
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hung != causeNone || l.ringing || l.early || l.answered {
		return
	}
	l.ringing = true
	l.party.progress = time.Now()
	l.replied(res)
	l.fire("CHANNEL_PROGRESS", fromProgress, nil, nil)
	l.setCall(callRinging)
}

// early takes the dialog's tag and routes of a provisional response.
func (s *sipLeg) early(res *sip.Response) {
	if to := res.To(); to != nil {
		if tag, ok := to.Params.Get("tag"); ok {
			s.mu.Lock()
			s.remoteTag = tag
			s.mu.Unlock()
		}
	}
}

func (l *leg) earlyMedia(res *sip.Response, answer description) {
	codec, ok := l.chooseCodec(answer.codecs)
	if !ok {
		return
	}
	l.mu.Lock()
	done := l.hung != causeNone || l.early || l.answered
	if !done {
		l.early = true
		l.party.progressMedia = time.Now()
		l.replied(res)
		l.vars.set("switch_r_sdp", string(res.Body()))
		l.vars.set("ep_codec_string", codecString(answer.codecs))
	}
	l.mu.Unlock()
	if done {
		return
	}
	l.startMedia(codec, answer, true)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hung != causeNone {
		return
	}
	l.vars.set("endpoint_disposition", "EARLY MEDIA")
	l.fire("CHANNEL_PROGRESS_MEDIA", fromPreAnswer, nil, nil)
	l.setCall(callEarly)
	l.report()
}

// answeredBy handles a 2xx: ACK, then the leg is up. A leg that was hung up meanwhile gets its BYE.
func (s *sipLeg) answeredBy(l *leg, res *sip.Response, tx sip.ClientTransaction) {
	s.early(res)
	s.mu.Lock()
	if contact := res.Contact(); contact != nil {
		s.target = *contact.Address.Clone()
	}
	s.routes = nil
	records := res.GetHeaders("Record-Route")
	for i := len(records) - 1; i >= 0; i-- {
		parts := splitHeader(records[i].Value())
		for j := len(parts) - 1; j >= 0; j-- {
			s.routes = append(s.routes, parts[j])
		}
	}
	s.dest = dialogDestination(s.target, s.routes, s.transport, res.Source())
	s.answeredB = true
	cseq := s.invitation.CSeq().SeqNo
	s.mu.Unlock()
	ack := s.request(sip.ACK, cseq)
	send := func() {
		if err := s.p.client.WriteRequest(ack.Clone(), asBuilt); err != nil {
			s.p.sw.log.Info("ACK not sent", "leg", l.uuid, "error", err)
		}
	}
	tx.OnRetransmission(func(*sip.Response) { send() })
	send()
	answer, err := parseSDP(res.Body())
	codec, ok := l.chooseCodec(answer.codecs)
	if err != nil || !ok {
		l.hangup(causeIncompatible)
	}
	l.mu.Lock()
	up := l.hung == causeNone
	if up {
		l.replied(res)
		l.vars.set("switch_r_sdp", string(res.Body()))
		l.vars.set("ep_codec_string", codecString(answer.codecs))
	}
	l.mu.Unlock()
	if !up {
		s.byeAfterCancel(l)
		return
	}
	l.startMedia(codec, answer, true)
	l.markAnswered()
	if l.hungBy() != causeNone {
		s.byeAfterCancel(l)
	}
}

// byeAfterCancel ends a call that was answered while we gave it up.
func (s *sipLeg) byeAfterCancel(l *leg) {
	s.mu.Lock()
	sent := s.byeSent
	s.byeSent = true
	s.mu.Unlock()
	if !sent {
		s.bye(l.hungBy().reason())
	}
}

// inviteRefused handles a final response that is no success.
func (l *leg) inviteRefused(res *sip.Response) {
	l.inviteFailed(res.StatusCode, res.Reason)
}

func (l *leg) inviteFailed(status int, phrase string) {
	c := causeFromStatus(status)
	l.sip.mu.Lock()
	l.sip.status = status
	l.sip.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hung != causeNone {
		return
	}
	if status == 503 && l.party.networkAddr == "" {
		l.vars.set("sip_call_id", l.sip.callID)
		l.vars.set("sip_reply_port", "0")
	}
	code := itoa(status)
	l.vars.set("sip_hangup_disposition", "recv_refuse")
	l.vars.set("sip_invite_failure_status", code)
	l.vars.set("sip_invite_failure_phrase", phrase)
	l.vars.set("sip_term_status", code)
	l.vars.set("proto_specific_hangup_cause", "sip:"+code)
	l.vars.set("sip_term_cause", itoa(int(c)))
	l.hangupLocked(c)
}

// cancel gives an unanswered INVITE up; before the first provisional response CANCEL has to wait (RFC 3261 section
// 9.1).
func (s *sipLeg) cancel(c cause) {
	s.mu.Lock()
	s.wantCancel = c
	now := s.provisional
	s.mu.Unlock()
	if now {
		s.sendCancel(c)
	}
}

func (s *sipLeg) sendCancel(c cause) {
	s.mu.Lock()
	invite, sent := s.invitation, s.cancelSent
	s.cancelSent = true
	s.mu.Unlock()
	if sent || invite == nil {
		return
	}
	req := sip.NewRequest(sip.CANCEL, invite.Recipient)
	req.SetTransport(invite.Transport())
	req.SetDestination(invite.Destination())
	req.AppendHeader(invite.Via().Clone())
	for _, name := range []string{"Route", "From", "To", "Call-ID"} {
		for _, h := range invite.GetHeaders(name) {
			req.AppendHeader(sip.NewHeader(h.Name(), h.Value()))
		}
	}
	req.AppendHeader(sip.NewHeader("Max-Forwards", "70"))
	req.AppendHeader(sip.NewHeader("CSeq", strconv.FormatUint(uint64(invite.CSeq().SeqNo), 10)+" CANCEL"))
	req.AppendHeader(sip.NewHeader("Reason", c.reason()))
	req.SetBody(nil)
	invite.Laddr.Copy(&req.Laddr)
	s.send(req)
}

// finish ends the SIP side of a leg that was hung up and says how (sip_hangup_disposition).
func (s *sipLeg) finish(l *leg, c cause) (disposition string) {
	s.mu.Lock()
	incoming := s.req != nil
	answered := s.answeredA || s.answeredB
	byeSeen, inviting := s.byeSeen, s.clientTx != nil && s.status == 0
	cancelled := s.cancelled
	s.mu.Unlock()
	switch {
	case byeSeen:
		return "recv_bye"
	case answered:
		s.byeAfterCancel(l)
		return "send_bye"
	case incoming && cancelled:
		return "recv_cancel"
	case incoming:
		s.refuse(c)
		return "send_refuse"
	case inviting:
		s.cancel(c)
		return "send_cancel"
	}
	return ""
}

// wait returns when the dialog's transactions are over, or ctx is.
func (s *sipLeg) wait(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		s.transaction.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		s.mu.Lock()
		tx := s.clientTx
		s.mu.Unlock()
		if tx != nil {
			tx.Terminate()
		}
		<-done
	}
	s.p.forget(s.localTag)
}

// resolve turns a dial string's host into an address; badHost when it is none.
func (d *destination) resolve(host string, port int) {
	if port == 0 {
		port = 5060
	}
	d.dest = net.JoinHostPort(host, itoa(port))
	if _, err := netip.ParseAddr(host); err == nil {
		return
	}
	for i := 0; i < len(host); i++ {
		c := host[i]
		if !(c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '.') {
			d.badHost = true
		}
	}
	d.badHost = d.badHost || host == ""
}
