package softswitch

import (
	"context"
	"fmt"
	"time"

	"ramal/esl/wire"
	"ramal/media"
)

// end is the last part of a leg's goroutine: hang-up, report, destroy. The events do not wait for the peer's answer
// to our BYE; the goroutine does.
func (l *leg) end() {
	l.leaveAsPartner()
	l.recordStop("all")
	l.sw.sched.deleteGroup(l.uuid)
	l.sw.sched.deleteGroup("rtp:" + l.uuid)
	l.sw.sched.deleteGroup("rec:" + l.uuid)
	l.mu.Lock()
	c := l.hung
	l.running, l.state = stateHangup, stateHangup
	l.party.hangup = time.Now()
	l.setCall(callHangup)
	sound := l.media
	l.mu.Unlock()
	disposition := l.sip.finish(l, c)
	if sound != nil {
		sound.close()
	}
	l.mu.Lock()
	if _, known := l.vars.get("sip_hangup_disposition"); !known {
		l.vars.set("sip_hangup_disposition", disposition)
	}
	if disposition == "send_cancel" {
		l.vars.set("sip_invite_failure_status", "487")
		l.vars.set("sip_invite_failure_phrase", "CANCEL")
	}
	l.running, l.state = stateReporting, stateReporting
	l.account()
	if sound != nil && l.negotiated {
		l.soundStatistics(sound)
	}
	l.fire("CHANNEL_HANGUP_COMPLETE", fromReporting, []wire.Header{{Name: "Hangup-Cause", Value: c.String()}}, nil)
	l.mu.Unlock()
	l.report()
	l.unregister()
	l.mu.Lock()
	l.state = stateDestroy
	l.fire("CHANNEL_DESTROY", fromDestroy, nil, nil)
	l.mu.Unlock()
	// A caller that never heard 32 s of retransmitted BYE is gone: RFC 3261 section 15.1.1.
	ctx, cancel := context.WithTimeout(l.sw.ctx, 33*time.Second)
	defer cancel()
	l.sip.wait(ctx)
}

// account sets the variables of the call detail record (switch_channel_set_timestamps; recording 02). Call with mu
// held.
func (l *leg) account() {
	p, set := &l.party, l.vars.set
	set("hangup_cause", l.hung.String())
	set("hangup_cause_q850", itoa(l.hung.q850()))
	dialed := l.digitsDialed
	if dialed == "" {
		dialed = "none"
	}
	set("digits_dialed", dialed)
	times := []struct {
		name string
		at   time.Time
	}{
		{"start", p.channelCreated}, {"profile_start", p.created}, {"answer", p.answered}, {"bridge", p.bridged},
		{"progress", p.progress}, {"progress_media", p.progressMedia}, {"end", p.hangup},
	}
	for _, t := range times {
		if !t.at.IsZero() {
			set(t.name+"_stamp", t.at.Format("2006-01-02 15:04:05"))
		}
	}
	epoch := func(name string, at time.Time) {
		seconds := "0"
		if !at.IsZero() {
			seconds = fmt.Sprint(at.Unix())
		}
		set(name+"_epoch", seconds)
		set(name+"_uepoch", micros(at))
	}
	for _, t := range times[:4] {
		epoch(t.name, t.at)
	}
	epoch("last_hold", time.Time{})
	set("hold_accum_seconds", "0")
	set("hold_accum_usec", "0")
	set("hold_accum_ms", "0")
	epoch("resurrect", time.Time{})
	for _, t := range times[4:] {
		epoch(t.name, t.at)
	}
	set("last_app", l.lastApp)
	set("last_arg", l.lastArg)
	set("caller_id", fmt.Sprintf("%q <%s>", p.cidName, p.cidNumber))
	l.durations()
}

func (l *leg) durations() {
	p := &l.party
	span := func(from, to time.Time) time.Duration {
		if from.IsZero() || to.IsZero() || to.Before(from) {
			return 0
		}
		return to.Sub(from)
	}
	spans := []struct {
		name string
		d    time.Duration
	}{
		{"duration", span(p.channelCreated, p.hangup)}, {"bill", span(p.answered, p.hangup)},
		{"progress", span(p.channelCreated, p.progress)}, {"answer", span(p.channelCreated, p.answered)},
		{"wait", span(p.channelCreated, p.bridged)}, {"progress_media", span(p.channelCreated, p.progressMedia)},
		{"flow_bill", span(p.channelCreated, p.hangup)},
	}
	units := []struct {
		prefix, suffix string
		unit           time.Duration
	}{{"", "sec", time.Second}, {"m", "msec", time.Millisecond}, {"u", "usec", time.Microsecond}}
	for _, u := range units {
		for _, s := range spans {
			name := s.name + u.suffix
			if s.name == "duration" {
				name = u.prefix + "duration"
			}
			l.vars.set(name, fmt.Sprint(int64(s.d/u.unit)))
		}
	}
}

// soundStatistics sets what FreeSWITCH says about the RTP. Call with mu held.
func (l *leg) soundStatistics(s *stream) {
	in, digits, sent := s.in.Load(), s.inDTMF.Load(), s.sent.Load()
	const packet = 12 + media.FrameSamples
	set := func(name string, n uint64) { l.vars.set("rtp_audio_"+name, fmt.Sprint(n)) }
	set("in_raw_bytes", (in-digits)*packet+digits*16)
	set("in_media_bytes", (in-digits)*packet)
	set("in_packet_count", in)
	set("in_media_packet_count", in-digits)
	set("in_skip_packet_count", 0)
	set("in_jitter_packet_count", 0)
	set("in_dtmf_packet_count", digits)
	set("in_cng_packet_count", 0)
	set("in_flush_packet_count", 0)
	set("in_largest_jb_size", 0)
	for _, name := range [...]string{"min_variance", "max_variance", "loss_rate", "burst_rate"} {
		l.vars.set("rtp_audio_in_jitter_"+name, "0.00")
	}
	l.vars.set("rtp_audio_in_mean_interval", "0.00")
	set("in_flaw_total", 0)
	l.vars.set("rtp_audio_in_quality_percentage", "100.00")
	l.vars.set("rtp_audio_in_mos", "4.50")
	set("out_raw_bytes", sent*packet)
	set("out_media_bytes", sent*packet)
	set("out_packet_count", sent)
	set("out_media_packet_count", sent)
	set("out_skip_packet_count", 0)
	set("out_dtmf_packet_count", 0)
	set("out_cng_packet_count", 0)
	set("rtcp_packet_count", 0)
	set("rtcp_octet_count", 0)
}
