package softswitch

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"ramal/media"
)

// codecString is ep_codec_string.
func codecString(codecs []media.Codec) string {
	parts := make([]string, len(codecs))
	for i, c := range codecs {
		parts[i] = fmt.Sprintf("CORE_PCM_MODULE.%s@8000h@20i@64000b", c)
	}
	return strings.Join(parts, ",")
}

// ringReady sends 180 to the caller.
func (l *leg) ringReady() {
	l.mu.Lock()
	skip := l.outbound || l.hung != causeNone || l.ringing || l.early || l.answered
	if !skip {
		l.ringing = true
		l.party.progress = time.Now()
	}
	l.mu.Unlock()
	if skip {
		return
	}
	l.sip.respond(180, "Ringing", "")
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fire("CHANNEL_PROGRESS", fromProgress, nil, nil)
}

// preAnswer opens early media for the caller (183); true when the leg has sound.
func (l *leg) preAnswer() bool {
	l.mu.Lock()
	up, done := l.hung == causeNone, l.negotiated
	l.mu.Unlock()
	if !up || done {
		return up && done
	}
	if l.outbound || l.sip.lateOffer {
		return false // there is nobody to offer it to yet
	}
	if !l.negotiateInbound() {
		return false
	}
	l.sip.respond(183, "Session Progress", l.localSDP())
	return true
}

// answer takes the caller's call; it does nothing on a leg that is answered.
func (l *leg) answer() {
	l.mu.Lock()
	skip := l.outbound || l.answered || l.hung != causeNone
	ready := l.negotiated
	l.mu.Unlock()
	if skip {
		return
	}
	if l.sip.lateOffer {
		l.answerLate()
		return
	}
	if !ready && !l.negotiateInbound() {
		return
	}
	l.sip.accept(l.localSDP())
	l.markAnswered()
}

func (l *leg) markAnswered() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.answered || l.hung != causeNone {
		return
	}
	l.answered = true
	l.party.answered = time.Now()
	l.fire("CHANNEL_ANSWER", fromAnswer, nil, nil)
	l.setCall(callActive)
	l.vars.set("endpoint_disposition", "ANSWER")
	l.report()
	if timeout := l.sw.cfg.RTPTimeout; timeout > 0 {
		l.watchRTP(timeout)
	}
}

// watchRTP ends a leg whose phone has gone without a word. Call with mu held.
func (l *leg) watchRTP(timeout time.Duration) {
	l.sw.sched.add("rtp:"+l.uuid, timeout, func() {
		sound := l.sound()
		if sound == nil {
			return
		}
		left := timeout - time.Since(sound.quietSince())
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.hung != causeNone {
			return
		}
		if left <= 0 && !l.held {
			l.hangupLocked(causeMediaTimeout)
			return
		}
		l.watchRTP(max(left, time.Second))
	})
}

// negotiateInbound chooses the codec of the caller's offer and opens the sound, with the events of early media, which
// FreeSWITCH fires before every answer (recording 02).
func (l *leg) negotiateInbound() bool {
	offer := l.sip.offer
	codec, ok := l.chooseCodec(offer.codecs)
	if !ok {
		l.hangup(causeIncompatible)
		return false
	}
	if !l.openMedia() {
		l.hangup(causeRequestedChanUnavail)
		return false
	}
	l.startMedia(codec, offer, false)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hung != causeNone {
		return false
	}
	l.early = true
	l.party.progressMedia = time.Now()
	l.vars.set("endpoint_disposition", "EARLY MEDIA")
	l.fire("CHANNEL_PROGRESS_MEDIA", fromPreAnswer, nil, nil)
	l.setCall(callEarly)
	return true
}

// chooseCodec takes the peer's first codec that absolute_codec_string allows.
func (l *leg) chooseCodec(offered []media.Codec) (media.Codec, bool) {
	for _, c := range offered {
		for _, own := range l.allowedCodecs() {
			if c == own {
				return c, true
			}
		}
	}
	return 0, false
}

// allowedCodecs is ours: both laws, or what absolute_codec_string names, in its order.
func (l *leg) allowedCodecs() []media.Codec {
	l.mu.Lock()
	text, ok := l.vars.get("absolute_codec_string")
	l.mu.Unlock()
	if !ok {
		return []media.Codec{media.PCMU, media.PCMA}
	}
	var codecs []media.Codec
	for _, name := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == '^' || r == ':' }) {
		name, _, _ = strings.Cut(strings.ToUpper(strings.TrimSpace(name)), "@")
		switch name {
		case "PCMU", "G711U":
			codecs = append(codecs, media.PCMU)
		case "PCMA", "G711A":
			codecs = append(codecs, media.PCMA)
		}
	}
	return codecs
}

// openMedia binds the leg's RTP port.
func (l *leg) openMedia() bool {
	l.mu.Lock()
	have := l.media != nil
	l.mu.Unlock()
	if have {
		return true
	}
	s, err := openStream(l, l.sip.p.ports)
	if err != nil {
		l.sw.log.Error("leg without sound", "leg", l.uuid, "error", err)
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.media = s
	return true
}

// startMedia sets what was agreed, with the variables FreeSWITCH sets.
func (l *leg) startMedia(codec media.Codec, peer description, outbound bool) {
	stream := l.sound()
	if stream == nil {
		return
	}
	stream.start(codec, peer.digitPT, peer.addr)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.negotiated, l.codec = true, codec
	set := l.vars.set
	if !outbound {
		set("rtp_use_codec_string", "PCMU,PCMA")
	}
	set("remote_video_media_flow", "inactive")
	set("remote_text_media_flow", "inactive")
	set("remote_audio_media_flow", peer.direction)
	if !outbound {
		set("audio_media_flow", "sendrecv")
	}
	pt, name := itoa(int(codec)), codec.String()
	set("rtp_audio_recv_pt", pt)
	set("rtp_use_codec_name", name)
	set("rtp_use_codec_rate", "8000")
	set("rtp_use_codec_ptime", "20")
	set("rtp_use_codec_channels", "1")
	set("rtp_last_audio_codec_string", name+"@8000h@20i@1c")
	set("read_codec", name)
	set("original_read_codec", name)
	set("read_rate", "8000")
	set("original_read_rate", "8000")
	set("write_codec", name)
	set("write_rate", "8000")
	if peer.digitPT != 0 {
		set("dtmf_type", "rfc2833")
	}
	if !outbound {
		set("local_media_ip", l.sip.p.ip)
		set("local_media_port", itoa(stream.port()))
		set("advertised_media_ip", l.sip.p.ip)
	}
	set("rtp_use_timer_name", "soft")
	set("rtp_use_pt", pt)
	set("rtp_use_ssrc", fmt.Sprint(stream.ssrc))
	if peer.digitPT != 0 {
		set("rtp_2833_send_payload", itoa(int(peer.digitPT)))
		set("rtp_2833_recv_payload", itoa(int(peer.digitPT)))
	}
	set("remote_media_ip", peer.addr.Addr().String())
	set("remote_media_port", itoa(int(peer.addr.Port())))
}

// localSDP is our answer to the caller's offer.
func (l *leg) localSDP() string {
	stream := l.sound()
	if stream == nil {
		return ""
	}
	stream.mu.Lock()
	codec := stream.codec
	stream.mu.Unlock()
	offer := l.sip.offer
	text := l.sip.sdp(stream.port(), []media.Codec{codec}, offer.digitPT, answerTo(offer.direction))
	l.mu.Lock()
	l.vars.set("rtp_local_sdp_str", text)
	l.mu.Unlock()
	return text
}

// answerLate answers an INVITE without SDP: our offer goes with the 200, the answer comes with the ACK (RFC 3264
// section 4).
func (l *leg) answerLate() {
	if !l.openMedia() {
		l.hangup(causeRequestedChanUnavail)
		return
	}
	l.sip.accept(l.sip.sdp(l.sound().port(), l.allowedCodecs(), 101, "sendrecv"))
	for {
		l.mu.Lock()
		up := l.hung == causeNone
		l.mu.Unlock()
		if !up {
			return
		}
		select {
		case <-l.sip.acked:
		case <-l.wake:
			continue
		}
		break
	}
	answer, err := parseSDP(l.sip.ackBody)
	codec, ok := l.chooseCodec(answer.codecs)
	if err != nil || !ok {
		l.hangup(causeIncompatible)
		return
	}
	l.startMedia(codec, answer, false)
	l.markAnswered()
}

// renegotiate applies a re-INVITE's offer; without one it gives ours again.
func (l *leg) renegotiate(body []byte) (status int, answer string) {
	stream := l.sound()
	if stream == nil {
		return 488, ""
	}
	stream.mu.Lock()
	codec, digitPT := stream.codec, stream.digitPT
	stream.mu.Unlock()
	if len(body) == 0 {
		return 200, l.sip.sdp(stream.port(), []media.Codec{codec}, digitPT, "sendrecv")
	}
	offer, err := parseSDP(body)
	if err != nil {
		return 488, ""
	}
	chosen, ok := l.chooseCodec(offer.codecs)
	if !ok {
		return 488, ""
	}
	for _, c := range offer.codecs {
		if c == codec {
			chosen = codec
		}
	}
	hold := offer.direction == "sendonly" || offer.direction == "inactive"
	stream.update(chosen, offer.digitPT, offer.addr, hold || !valid(offer.addr))
	l.mu.Lock()
	l.codec = chosen
	if changed := hold != l.held; changed && l.answered && l.hung == causeNone {
		l.held = hold
		if hold {
			l.setCall(callHeld)
			l.fire("CHANNEL_HOLD", fromSofia, nil, nil)
		} else {
			l.setCall(callActive)
			l.fire("CHANNEL_UNHOLD", fromSofia, nil, nil)
		}
	}
	l.mu.Unlock()
	return 200, l.sip.sdp(stream.port(), []media.Codec{chosen}, offer.digitPT, answerTo(offer.direction))
}

func valid(addr netip.AddrPort) bool { return addr.Port() != 0 && !addr.Addr().IsUnspecified() }

// respond sends a provisional response to the caller.
func (s *sipLeg) respond(status int, reason, body string) {
	s.mu.Lock()
	over := s.cancelled || s.answeredA
	s.mu.Unlock()
	if over {
		return
	}
	s.p.respond(s.tx, s.response(status, reason, body))
}

func (s *sipLeg) response(status int, reason, body string) *sip.Response {
	res := sip.NewResponseFromRequest(s.req, status, reason, nil)
	res.AppendHeader(s.p.contact(s.transport))
	res.AppendHeader(sip.NewHeader("User-Agent", "FreeSWITCH"))
	res.AppendHeader(sip.NewHeader("Allow", allowed))
	if body != "" {
		res.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
		res.SetBody([]byte(body))
	}
	return res
}

// accept sends the 200.
func (s *sipLeg) accept(body string) {
	s.mu.Lock()
	over := s.cancelled || s.answeredA
	s.answeredA = s.answeredA || !over
	s.acceptBody = body
	s.mu.Unlock()
	if over {
		return
	}
	s.p.respond(s.tx, s.okResponse())
	s.finalOnce.Do(func() { close(s.final) })
}

func (s *sipLeg) okResponse() *sip.Response {
	s.mu.Lock()
	body := s.acceptBody
	s.mu.Unlock()
	return s.response(200, "OK", body)
}

// refuse ends the caller's unanswered INVITE.
func (s *sipLeg) refuse(c cause) {
	s.mu.Lock()
	over := s.cancelled || s.answeredA
	status := s.refuseWith
	s.cancelled = true
	s.mu.Unlock()
	if over {
		return
	}
	reason := "Refused"
	if status == 0 {
		status, reason = c.status()
	}
	res := sip.NewResponseFromRequest(s.req, status, reason, nil)
	res.AppendHeader(sip.NewHeader("Reason", c.reason()))
	s.p.respond(s.tx, res)
	s.finalOnce.Do(func() { close(s.final) })
}
