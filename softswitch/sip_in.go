package softswitch

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
)

// onInvite begins a call from outside, or changes one. It returns when the INVITE has its final answer, as sipgo wants.
func (p *profile) onInvite(req *sip.Request, tx sip.ServerTransaction) {
	if req.From() == nil || req.To() == nil || req.CallID() == nil || req.CSeq() == nil || req.Via() == nil {
		p.refuse(req, tx, 400, "Bad Request")
		return
	}
	if req.To().Params.Has("tag") {
		p.onReinvite(req, tx)
		return
	}
	if !p.admitted(req.Source()) {
		p.sw.log.Warn("call refused: not from a trunk's network", "source", req.Source())
		p.refuse(req, tx, 403, "Forbidden")
		return
	}
	user := ""
	if p.auth {
		name, ok := p.authenticate(req, tx, "Proxy-Authenticate", "Proxy-Authorization", 407)
		if !ok {
			return
		}
		user = name
	}
	var offer description
	late := len(req.Body()) == 0
	if !late {
		var err error
		if offer, err = parseSDP(req.Body()); err != nil {
			p.refuse(req, tx, 488, "Not Acceptable Here")
			return
		}
	}
	l, ok := p.sw.newLeg("", false)
	if !ok {
		res := sip.NewResponseFromRequest(req, 503, "Maximum Calls In Progress", nil)
		res.AppendHeader(sip.NewHeader("Retry-After", "2"))
		p.respond(tx, res)
		return
	}
	s := newSIPLeg(p)
	s.arrived(req, tx, offer, late)
	l.sip = s
	p.remember(s.localTag, l)
	p.respond(tx, sip.NewResponseFromRequest(req, 100, "Trying", nil))
	l.describeInbound(req, user)
	tx.OnCancel(func(cancel *sip.Request) {
		s.mu.Lock()
		s.cancelled = true
		s.mu.Unlock()
		s.finalOnce.Do(func() { close(s.final) })
		c := causeOriginatorCancel
		if reason := cancel.GetHeader("Reason"); reason != nil {
			if given, ok := causeFromReason(reason.Value()); ok {
				c = given
			}
		}
		go l.hangup(c) // sipgo holds the transaction's lock here
	})
	if !p.sw.spawn(l.run) {
		l.unregister()
		p.forget(s.localTag)
		p.refuse(req, tx, 503, "Service Unavailable")
		return
	}
	select {
	case <-s.final:
		s.confirm(l)
	case <-tx.Done():
		l.hangup(causeNormalTemporaryFailure)
	}
}

// arrived fills the dialog from the caller's INVITE.
func (s *sipLeg) arrived(req *sip.Request, tx sip.ServerTransaction, offer description, late bool) {
	s.callID = req.CallID().Value()
	s.remoteTag, _ = req.From().Params.Get("tag")
	s.remote = headerWithoutTag(req.From().Value())
	s.local = headerWithoutTag(req.To().Value())
	s.remoteCSeq = req.CSeq().SeqNo
	s.cseq = randomCSeq()
	s.transport = strings.ToUpper(req.Transport())
	s.target = req.From().Address
	if contact := req.Contact(); contact != nil {
		s.target = *contact.Address.Clone()
	}
	for _, h := range req.GetHeaders("Record-Route") {
		s.routes = append(s.routes, splitHeader(h.Value())...)
	}
	s.dest = dialogDestination(s.target, s.routes, s.transport, req.Source())
	s.offer, s.lateOffer = offer, late
	s.req, s.tx = req, tx
	// Every response copies the To of the request, sipgo's own 487 as well: it gets our tag there.
	req.To().Params.Add("tag", s.localTag)
}

func headerWithoutTag(value string) string {
	if i := strings.Index(value, ";tag="); i >= 0 {
		return value[:i]
	}
	return value
}

// splitHeader splits a header of several addresses at the commas outside <> and quotes.
func splitHeader(value string) []string {
	var parts []string
	start, angle, quoted := 0, false, false
	for i := 0; i < len(value); i++ {
		switch value[i] {
		case '"':
			quoted = !quoted
		case '<':
			angle = !quoted || angle
		case '>':
			angle = angle && quoted
		case ',':
			if !quoted && !angle {
				parts = append(parts, strings.TrimSpace(value[start:i]))
				start = i + 1
			}
		}
	}
	return append(parts, strings.TrimSpace(value[start:]))
}

// describeInbound sets the leg's profile and the variables mod_sofia sets (recording 02), in its order.
func (l *leg) describeInbound(req *sip.Request, user string) {
	p, from, to := l.sip.p, req.From(), req.To()
	host, port, err := net.SplitHostPort(req.Source())
	if err != nil {
		host, port = req.Source(), "0"
	}
	number := from.Address.User
	name := from.DisplayName
	if name == "" {
		name = number
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dialplanHit = true
	l.name = fmt.Sprintf("sofia/%s/%s", p.name, uriPart(from.Address))
	c := &l.party
	c.username, c.dialplan, c.context, c.source = number, "XML", p.ctx, "mod_sofia"
	if user != "" {
		c.username = user
	}
	c.cidName, c.cidNumber, c.origName, c.origNumber, c.ani = name, number, name, number, number
	c.networkAddr, c.destination = host, req.Recipient.User
	set := l.setVarLocked
	setURI := func(prefix string, uri sip.Uri) {
		set(prefix+"_user", uri.User)
		if uri.Port > 0 {
			set(prefix+"_port", itoa(uri.Port))
		}
		set(prefix+"_uri", uriPart(uri))
		set(prefix+"_host", uri.Host)
	}
	setURI("sip_from", from.Address)
	for _, kind := range [...]string{"video", "audio", "text"} {
		set(kind+"_media_flow", "disabled")
	}
	set("channel_name", l.name)
	set("sip_call_id", l.sip.callID)
	set("sip_local_network_addr", p.ip)
	set("sip_network_ip", host)
	set("sip_network_port", port)
	set("sip_invite_stamp", micros(c.created))
	set("sip_received_ip", host)
	set("sip_received_port", port)
	set("sip_via_protocol", strings.ToLower(l.sip.transport))
	if user != "" {
		set("sip_authorized", "true")
		set("user_name", user)
		set("domain_name", l.sw.cfg.SIPDomain)
	}
	set("sip_from_user_stripped", strings.TrimPrefix(number, "+"))
	set("sip_from_tag", l.sip.remoteTag)
	set("sofia_profile_name", p.name)
	set("sofia_profile_url", p.url())
	set("recovery_profile_name", p.name)
	set("sip_full_via", req.Via().Value())
	set("sip_from_display", from.DisplayName)
	set("sip_full_from", from.Value())
	set("sip_full_to", headerWithoutTag(to.Value()))
	setURI("sip_req", req.Recipient)
	setURI("sip_to", to.Address)
	if contact := req.Contact(); contact != nil {
		setURI("sip_contact", contact.Address)
	}
	set("rtp_use_codec_string", "PCMU,PCMA")
	set("sip_via_host", req.Via().Host)
	if port := req.Via().Port; port > 0 {
		set("sip_via_port", itoa(port))
	}
	set("max_forwards", "70")
	if mf := req.MaxForwards(); mf != nil {
		set("max_forwards", strconv.Itoa(int(mf.Val())))
	}
	for _, h := range req.Headers() {
		if name := h.Name(); len(name) > 2 && strings.EqualFold(name[:2], "X-") {
			set("sip_h_"+name, h.Value())
		}
	}
	if !l.sip.lateOffer {
		set("switch_r_sdp", string(req.Body()))
		set("ep_codec_string", codecString(l.sip.offer.codecs))
	}
	set("endpoint_disposition", "DELAYED NEGOTIATION")
}

// uriPart is user@host:port, as in sip_from_uri.
func uriPart(uri sip.Uri) string {
	text := uri.Host
	if uri.Port > 0 {
		text += ":" + itoa(uri.Port)
	}
	if uri.User != "" {
		text = uri.User + "@" + text
	}
	return text
}

// confirm waits for the ACK of our 2xx and repeats it until then (RFC 3261 section 13.3.1.4); without one the call
// ends.
func (s *sipLeg) confirm(l *leg) {
	s.mu.Lock()
	ok, tx := s.answeredA, s.tx
	s.mu.Unlock()
	if !ok {
		return
	}
	wait := sip.T1
	deadline := time.NewTimer(64 * sip.T1)
	defer deadline.Stop()
	for {
		again := time.NewTimer(wait)
		select {
		case <-s.acked:
			again.Stop()
			return
		case ack := <-tx.Acks():
			again.Stop()
			s.ack(ack, l)
			return
		case <-again.C:
			if s.transport == "UDP" {
				s.p.respond(tx, s.okResponse())
			}
			wait = min(2*wait, sip.T2)
		case <-deadline.C:
			again.Stop()
			l.hangup(causeRecoveryOnTimerExpire)
			return
		case <-s.p.sw.ctx.Done():
			again.Stop()
			return
		}
	}
}

// onAck takes the ACK of a 2xx, which is a transaction of its own.
func (p *profile) onAck(req *sip.Request, _ sip.ServerTransaction) {
	if l := p.dialog(req); l != nil {
		l.sip.ack(req, l)
	}
}

func (s *sipLeg) ack(req *sip.Request, l *leg) {
	s.ackOnce.Do(func() {
		s.mu.Lock()
		s.ackBody = req.Body()
		s.mu.Unlock()
		l.mu.Lock()
		l.setVarLocked("sip_to_tag", s.localTag)
		l.setVarLocked("sip_from_tag", s.remoteTag)
		if cseq := req.CSeq(); cseq != nil {
			l.setVarLocked("sip_cseq", strconv.FormatUint(uint64(cseq.SeqNo), 10))
		}
		l.setVarLocked("sip_call_id", s.callID)
		if via := req.Via(); via != nil {
			l.setVarLocked("sip_full_via", via.Value())
		}
		if from, to := req.From(), req.To(); from != nil && to != nil {
			l.setVarLocked("sip_from_display", from.DisplayName)
			l.setVarLocked("sip_full_from", from.Value())
			l.setVarLocked("sip_full_to", to.Value())
		}
		l.mu.Unlock()
		close(s.acked)
	})
}

// onBye ends the leg a BYE belongs to.
func (p *profile) onBye(req *sip.Request, tx sip.ServerTransaction) {
	l := p.dialog(req)
	if l == nil {
		p.refuse(req, tx, 481, "Call/Transaction Does Not Exist")
		return
	}
	if !l.sip.inOrder(req) {
		p.refuse(req, tx, 500, "Server Internal Error")
		return
	}
	p.refuse(req, tx, 200, "OK")
	c := causeNormalClearing
	if reason := req.GetHeader("Reason"); reason != nil {
		if given, ok := causeFromReason(reason.Value()); ok {
			c = given
		}
	}
	s := l.sip
	s.mu.Lock()
	s.byeSeen, s.status = true, 200
	s.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hung != causeNone {
		return
	}
	l.vars.set("sip_term_status", "200")
	l.vars.set("proto_specific_hangup_cause", "sip:200")
	l.vars.set("sip_term_cause", "16")
	l.hangupLocked(c)
	l.vars.set("sip_hangup_disposition", "recv_bye")
}

// onReinvite changes an established call: another address, hold. We answer with the same codec.
func (p *profile) onReinvite(req *sip.Request, tx sip.ServerTransaction) {
	l := p.dialog(req)
	if l == nil {
		p.refuse(req, tx, 481, "Call/Transaction Does Not Exist")
		return
	}
	if !l.sip.inOrder(req) {
		p.refuse(req, tx, 500, "Server Internal Error")
		return
	}
	status, body := l.renegotiate(req.Body())
	if status != 200 {
		p.refuse(req, tx, status, "Not Acceptable Here")
		return
	}
	if contact := req.Contact(); contact != nil {
		l.sip.retarget(*contact.Address.Clone(), req.Source())
	}
	res := sip.NewResponseFromRequest(req, 200, "OK", nil)
	res.AppendHeader(p.contact(req.Transport()))
	res.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
	res.SetBody([]byte(body))
	p.respond(tx, res)
	select { // the transaction repeats nothing by itself: ACK or the peer's own repetition ends it
	case <-tx.Acks():
	case <-tx.Done():
	case <-time.After(2 * sip.T1):
	case <-p.sw.ctx.Done():
	}
}

func (s *sipLeg) retarget(target sip.Uri, source string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.target = target
	s.dest = dialogDestination(target, s.routes, s.transport, source)
}
