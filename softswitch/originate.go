package softswitch

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"ramal/media"
)

// originate runs "originate": it returns when the leg is answered (or has early media that is not ignored), or has
// failed.
func (sw *Switch) originate(ctx context.Context, arg string) string {
	cmd, err := parseOriginate(arg)
	if errors.Is(err, errUsage) {
		return originateUsage
	}
	if err != nil {
		return "-ERR " + causeDestinationOutOfOrder.String() + "\n"
	}
	l, c := sw.dial(ctx, cmd)
	if c != causeNone {
		return "-ERR " + c.String() + "\n"
	}
	if cmd.app == "" {
		l.transfer(cmd.exten, cmd.dialplan, cmd.context)
	} else if !l.execNow(App{cmd.app, cmd.arg}) {
		return "-ERR " + causeOriginatorCancel.String() + "\n"
	}
	return "+OK " + l.uuid + "\n"
}

// execNow makes an originated leg run an application; false when uuid_bridge took it away meanwhile.
func (l *leg) execNow(app App) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.bridgeTo != "" {
		return false
	}
	if l.hung == causeNone && l.state < stateHangup {
		l.apps = []App{app}
		l.state, l.moved = stateExecute, true
		l.notify()
	}
	return true
}

func lookup(vars []variable, name string) string {
	value := ""
	for _, v := range vars {
		if strings.EqualFold(v.name, name) {
			value = v.value
		}
	}
	return value
}

// dial makes the leg, sends its INVITE and waits for the outcome.
func (sw *Switch) dial(ctx context.Context, cmd originateCommand) (*leg, cause) {
	kind, rest, ok := strings.Cut(cmd.endpoint, "/")
	if !ok {
		return nil, causeChanNotImplemented
	}
	switch strings.ToLower(kind) {
	case "sofia":
	case "user":
		return sw.dialUser(ctx, cmd, rest)
	default:
		return nil, causeChanNotImplemented
	}
	l, ok := sw.newLeg(lookup(cmd.vars, "origination_uuid"), true)
	if !ok {
		return nil, causeDestinationOutOfOrder
	}
	d, c := sw.locate(rest)
	if c != causeNone {
		l.discard()
		return nil, c
	}
	l.sip = newSIPLeg(d.profile)
	l.describeOutbound(cmd, d)
	if !l.prepareOutbound(d) {
		l.discardWithMedia()
		return nil, causeDestinationOutOfOrder
	}
	l.offerSDP()
	if !sw.spawn(l.run) {
		l.discardWithMedia()
		return nil, causeDestinationOutOfOrder
	}
	return l, l.awaitOutcome(ctx, cmd)
}

func (l *leg) discardWithMedia() {
	if s := l.sound(); s != nil {
		s.close()
	}
	l.discard()
}

// dialUser is user/…: FreeSWITCH finds the registration by an API call inside the user's dial-string, so it needs
// api_expansion (recordings 07f, 13, 19).
func (sw *Switch) dialUser(ctx context.Context, cmd originateCommand, target string) (*leg, cause) {
	name, domain, ok := strings.Cut(target, "@")
	if !ok {
		domain = sw.cfg.SIPDomain
	}
	if !sw.apiExpansion.Load() {
		return nil, causeChanNotImplemented
	}
	if _, known := sw.users.Load().find(name); !known {
		return nil, causeSubscriberAbsent
	}
	reg, ok := sw.regs.find(name, time.Now())
	if !ok {
		return nil, causeUserNotRegistered
	}
	uri := reg.contactURI
	presence := name + "@" + domain
	cmd.vars = append(cmd.vars, variable{"dialed_user", name}, variable{"dialed_domain", domain},
		variable{"sip_invite_domain", domain}, variable{"presence_id", presence})
	cmd.endpoint = "sofia/internal/" + strings.TrimPrefix(uri.String(), "sip:")
	return sw.dial(ctx, cmd)
}

// locate reads what follows sofia/: profile/user%domain for a registered phone, profile/number@host:port,
// gateway/name/….
func (sw *Switch) locate(target string) (destination, cause) {
	name, rest, _ := strings.Cut(target, "/")
	if name == "gateway" {
		return destination{}, causeInvalidGateway
	}
	p := sw.byName(name)
	if p == nil {
		return destination{}, causeInvalidProfile
	}
	if user, domain, ok := strings.Cut(rest, "%"); ok {
		return sw.locateRegistered(p, user, domain, rest)
	}
	d := destination{profile: p, transport: "UDP", name: "sofia/" + name + "/" + rest, url: "sip:" + rest}
	plain, params, _ := strings.Cut(rest, ";")
	if strings.Contains(strings.ToLower(params), "transport=tcp") {
		d.transport = "TCP"
	}
	user, hostport, ok := strings.Cut(plain, "@")
	if !ok {
		user, hostport = "", plain
	}
	host, portText, _ := strings.Cut(hostport, ":")
	port, err := strconv.Atoi(portText)
	if portText != "" && (err != nil || port < 1 || port > 65535) {
		d.badHost = true
	}
	d.user = user
	d.uri = sip.Uri{Scheme: "sip", User: user, Host: host, Port: port}
	d.resolve(host, port)
	return d, causeNone
}

func (sw *Switch) locateRegistered(p *profile, user, domain, rest string) (destination, cause) {
	reg, ok := sw.regs.find(user, time.Now())
	if !ok || p != sw.internal {
		return destination{}, causeUserNotRegistered
	}
	d := destination{
		profile: p, user: rest, name: "sofia/" + p.name + "/" + user, url: reg.contact, uri: reg.contactURI,
		transport: reg.transport, presence: user + "@" + domain, domain: domain,
	}
	d.resolve(reg.contactURI.Host, reg.contactURI.Port)
	if reg.transport == "TCP" {
		d.dest = reg.source // the phone's own connection
	}
	return d, causeNone
}

// describeOutbound sets an originated leg's profile and variables (recordings 04, 19).
func (l *leg) describeOutbound(cmd originateCommand, d destination) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.name, l.presenceID, l.badHost = d.name, d.presence, d.badHost
	c := &l.party
	c.cidName = cmp.Or(lookup(cmd.vars, "origination_caller_id_name"), cmd.cidName)
	c.cidNumber = cmp.Or(lookup(cmd.vars, "origination_caller_id_number"), cmd.cidNum, "0000000000")
	if carriesExpansion(c.cidName) {
		c.cidName = ""
	}
	if carriesExpansion(c.cidNumber) {
		c.cidNumber = "0000000000"
	}
	c.origName, c.origNumber, c.ani = c.cidName, c.cidNumber, c.cidNumber
	c.calleeName, c.calleeNumber = "Outbound Call", d.user
	c.destination, c.source, c.context = d.user, "src/switch_ivr_originate.c", "default"
	set := l.setVarLocked
	set("sip_local_network_addr", d.profile.ip)
	set("sip_profile_name", d.profile.name)
	set("video_media_flow", "disabled")
	set("text_media_flow", "disabled")
	set("channel_name", d.name)
	if d.domain != "" {
		set("sip_local_url", d.presence)
		set("presence_id", d.presence)
	}
	set("sip_destination_url", d.url)
	for _, v := range cmd.vars {
		set(v.name, v.value)
	}
	if id := lookup(cmd.vars, "presence_id"); id != "" {
		l.presenceID = id
	}
	early := "true"
	if isTrue(lookup(cmd.vars, "ignore_early_media")) {
		early = "false"
	}
	set("originate_early_media", early)
	set("originate_endpoint", "sofia")
}

// offerSDP writes the offer of an originated leg into its variables, where CHANNEL_CREATE and the INVITE find it.
func (l *leg) offerSDP() {
	codecs := l.allowedCodecs()
	if len(codecs) == 0 {
		codecs = []media.Codec{media.PCMU, media.PCMA}
	}
	text := l.sip.sdp(l.sound().port(), codecs, 101, "sendrecv")
	l.mu.Lock()
	defer l.mu.Unlock()
	set := l.setVarLocked
	set("rtp_local_sdp_str", text)
	set("sip_outgoing_contact_uri", "<"+l.sip.p.url()+">")
	set("sip_req_uri", uriPart(l.sip.target))
	host := l.sip.target.Host
	if l.sip.target.Port > 0 {
		host += ":" + itoa(l.sip.target.Port)
	}
	set("sip_to_host", host)
	set("sip_from_host", l.sip.p.ip)
	set("sofia_profile_name", l.sip.p.name)
	set("recovery_profile_name", l.sip.p.name)
	set("sofia_profile_url", l.sip.p.url())
}

// awaitOutcome waits until the leg is answered, fails, or its time is over (NO_ANSWER).
func (l *leg) awaitOutcome(ctx context.Context, cmd originateCommand) cause {
	limit := cmd.timeout
	for _, name := range []string{"originate_timeout", "leg_timeout"} {
		if n, err := strconv.Atoi(lookup(cmd.vars, name)); err == nil && n > 0 && (name == "originate_timeout" || n < limit) {
			limit = n
		}
	}
	ignoreEarly := isTrue(lookup(cmd.vars, "ignore_early_media"))
	timer := time.NewTimer(time.Duration(limit) * time.Second)
	defer timer.Stop()
	for {
		l.mu.Lock()
		c := l.hung
		up := l.answered || l.early && !ignoreEarly
		taken := l.bridgeTo != ""
		if c == causeNone && up && !taken {
			if !l.dialplanHit {
				l.flipCallerID()
			}
			l.mu.Unlock()
			return causeNone
		}
		l.mu.Unlock()
		switch {
		case c != causeNone:
			return c
		case taken:
			return causeOriginatorCancel // uuid_bridge took the leg away before the end of originate (recording 08a)
		}
		select {
		case <-l.outcome:
		case <-timer.C:
			l.hangup(causeNoAnswer)
		case <-ctx.Done():
			l.hangup(causeSystemShutdown)
		}
	}
}
