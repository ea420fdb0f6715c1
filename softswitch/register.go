package softswitch

import (
	"context"
	"fmt"
	"net"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"

	"ramal/esl/wire"
)

// maxExpires bounds a registration, in seconds; MinExpires of Config is its lower bound.
const maxExpires = 3600

// registration is where a user's phone is. One per user: a new phone takes the place of the old one.
type registration struct {
	user       string
	contact    string // as FreeSWITCH prints it: "name" <sip:…>
	contactURI sip.Uri
	callID     string
	agent      string
	transport  string
	source     string // host:port it came from
	expires    time.Time
	lifetime   int // seconds, as granted
	at         time.Time
}

type registrar struct {
	mu   sync.Mutex
	list map[string]registration
}

func (r *registrar) init() { r.list = map[string]registration{} }

func (r *registrar) find(user string, now time.Time) (registration, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	reg, ok := r.list[user]
	return reg, ok && now.Before(reg.expires)
}

func (r *registrar) put(reg registration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list[reg.user] = reg
}

func (r *registrar) remove(user string) (registration, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	reg, ok := r.list[user]
	delete(r.list, user)
	return reg, ok
}

func (r *registrar) expired(now time.Time) []registration {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []registration
	for user, reg := range r.list {
		if !now.Before(reg.expires) {
			out = append(out, reg)
			delete(r.list, user)
		}
	}
	return out
}

func (r *registrar) all() []registration {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]registration, 0, len(r.list))
	for _, reg := range r.list {
		out = append(out, reg)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].user < out[j].user })
	return out
}

// onRegister is REGISTER (RFC 3261 section 10) with digest. Whatever domain a phone writes, it is registered in ours.
func (p *profile) onRegister(req *sip.Request, tx sip.ServerTransaction) {
	if !p.auth {
		p.refuse(req, tx, 403, "Forbidden")
		return
	}
	if req.From() == nil || req.To() == nil || req.CallID() == nil {
		p.refuse(req, tx, 400, "Bad Request")
		return
	}
	name, ok := p.authenticate(req, tx, "WWW-Authenticate", "Authorization", 401)
	if !ok {
		return
	}
	if name != req.To().Address.User {
		p.refuse(req, tx, 403, "Forbidden")
		return
	}
	contact := req.Contact()
	if contact == nil {
		p.answerRegister(req, tx)
		return
	}
	lifetime := registerExpires(req, contact, int(p.sw.cfg.MinExpires/time.Second))
	reg := registration{
		user: name, contact: fmt.Sprintf("%q <%s>", contact.DisplayName, contact.Address.String()),
		contactURI: *contact.Address.Clone(), callID: req.CallID().Value(), agent: "unknown",
		transport: strings.ToUpper(req.Transport()), source: req.Source(), lifetime: lifetime, at: time.Now(),
		expires: time.Now().Add(time.Duration(lifetime) * time.Second),
	}
	if ua := req.GetHeader("User-Agent"); ua != nil && ua.Value() != "" {
		reg.agent = ua.Value()
	}
	if lifetime == 0 || contact.Address.Wildcard {
		if old, had := p.sw.regs.remove(name); had && contact.Address.Wildcard {
			reg.contact = old.contact
		}
		p.answerRegister(req, tx)
		p.fireUnregister(req, reg)
		return
	}
	p.sw.regs.put(reg)
	p.answerRegister(req, tx)
	p.fireRegister(req, reg)
}

// registerExpires is the lifetime asked for, in seconds, within its bounds; 0 takes the registration back.
func registerExpires(req *sip.Request, contact *sip.ContactHeader, least int) int {
	text := ""
	if h := req.GetHeader("Expires"); h != nil {
		text = h.Value()
	}
	if v, ok := contact.Params.Get("expires"); ok {
		text = v
	}
	n, err := strconv.Atoi(strings.TrimSpace(text))
	switch {
	case err != nil:
		n = least
	case n <= 0:
		return 0
	}
	return max(least, min(n, maxExpires))
}

func (p *profile) answerRegister(req *sip.Request, tx sip.ServerTransaction) {
	res := sip.NewResponseFromRequest(req, 200, "OK", nil)
	if reg, ok := p.sw.regs.find(req.To().Address.User, time.Now()); ok {
		left := int(time.Until(reg.expires).Round(time.Second) / time.Second)
		res.AppendHeader(sip.NewHeader("Contact", fmt.Sprintf("<%s>;expires=%d", reg.contactURI.String(), left)))
	}
	res.AppendHeader(sip.NewHeader("Date", time.Now().UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")))
	p.respond(tx, res)
}

// expireRegistrations drops registrations whose time is over, with sofia::expire.
func (sw *Switch) expireRegistrations(ctx context.Context) error {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-ticker.C:
			for _, reg := range sw.regs.expired(now) {
				sw.fire("CUSTOM", "sofia::expire", fromRegister, []wire.Header{
					{Name: "profile-name", Value: "internal"}, {Name: "call-id", Value: reg.callID},
					{Name: "user", Value: reg.user}, {Name: "username", Value: reg.user},
					{Name: "host", Value: sw.cfg.SIPDomain}, {Name: "contact", Value: reg.contact},
					{Name: "expires", Value: strconv.FormatInt(reg.expires.Unix(), 10)},
					{Name: "user-agent", Value: reg.agent}, {Name: "realm", Value: sw.cfg.SIPDomain},
				}, nil)
			}
		}
	}
}

func (p *profile) userHeaders(name string) []wire.Header {
	u, ok := p.sw.users.Load().find(name)
	if !ok {
		return nil
	}
	domain := p.sw.cfg.SIPDomain
	h := []wire.Header{
		{Name: "sip_number_alias", Value: name}, {Name: "sip_auth_username", Value: name},
		{Name: "sip_auth_realm", Value: domain}, {Name: "number_alias", Value: name}, {Name: "user_name", Value: name},
		{Name: "domain_name", Value: domain},
	}
	for _, v := range u.vars {
		h = addSet(h, v.name, v.value)
	}
	return h
}

func sourceOf(req *sip.Request) (ip, port string) {
	host, port, err := net.SplitHostPort(req.Source())
	if err != nil {
		return req.Source(), "0"
	}
	return host, port
}

func (p *profile) fireRegister(req *sip.Request, reg registration) {
	ip, port := sourceOf(req)
	domain := p.sw.cfg.SIPDomain
	h := []wire.Header{
		{Name: "profile-name", Value: p.name}, {Name: "from-user", Value: reg.user}, {Name: "from-host", Value: domain},
		{Name: "presence-hosts", Value: "n/a"}, {Name: "contact", Value: reg.contact}, {Name: "call-id", Value: reg.callID},
		{Name: "rpid", Value: "unknown"}, {Name: "status", Value: "Registered(" + reg.transport + ")"},
		{Name: "expires", Value: itoa(reg.lifetime)}, {Name: "to-user", Value: reg.user}, {Name: "to-host", Value: domain},
		{Name: "network-ip", Value: ip}, {Name: "network-port", Value: port}, {Name: "username", Value: reg.user},
		{Name: "realm", Value: domain}, {Name: "user-agent", Value: reg.agent},
	}
	p.sw.fire("CUSTOM", "sofia::register", fromRegister, append(h, p.userHeaders(reg.user)...), nil)
}

func (p *profile) fireUnregister(req *sip.Request, reg registration) {
	ip, port := sourceOf(req)
	domain := p.sw.cfg.SIPDomain
	h := []wire.Header{
		{Name: "profile-name", Value: p.name}, {Name: "username", Value: reg.user}, {Name: "from-user", Value: reg.user},
		{Name: "from-host", Value: domain}, {Name: "contact", Value: reg.contact}, {Name: "call-id", Value: reg.callID},
		{Name: "rpid", Value: "unknown"}, {Name: "realm", Value: domain}, {Name: "network-ip", Value: ip},
		{Name: "network-port", Value: port}, {Name: "user-agent", Value: reg.agent}, {Name: "expires", Value: "0"},
	}
	p.sw.fire("CUSTOM", "sofia::unregister", fromRegister, append(h, p.userHeaders(reg.user)...), nil)
}

// attempt is what the events of a REGISTER with credentials say first.
func (p *profile) attempt(req *sip.Request) (h []wire.Header, agent string) {
	ip, port := sourceOf(req)
	to, contact, expires := req.To().Address, "", "0"
	agent = "unknown"
	if ua := req.GetHeader("User-Agent"); ua != nil && ua.Value() != "" {
		agent = ua.Value()
	}
	if c := req.Contact(); c != nil {
		contact = fmt.Sprintf("%q <%s>", c.DisplayName, c.Address.String())
	}
	if e := req.GetHeader("Expires"); e != nil {
		expires = e.Value()
	}
	return []wire.Header{
		{Name: "profile-name", Value: p.name}, {Name: "from-user", Value: to.User}, {Name: "from-host", Value: to.Host},
		{Name: "contact", Value: contact}, {Name: "call-id", Value: req.CallID().Value()}, {Name: "rpid", Value: "unknown"},
		{Name: "status", Value: "Registered(" + strings.ToUpper(req.Transport()) + ")"}, {Name: "expires", Value: expires},
		{Name: "to-user", Value: to.User}, {Name: "to-host", Value: to.Host}, {Name: "network-ip", Value: ip},
		{Name: "network-port", Value: port},
	}, agent
}

// firePreRegister tells that a REGISTER with credentials came, before they are looked at (recording 16).
func (p *profile) firePreRegister(req *sip.Request) {
	h, agent := p.attempt(req)
	p.sw.fire("CUSTOM", "sofia::pre_register", fromRegister, add(h, "user-agent", agent), nil)
}

// fireAuthFailure tells of a wrong password or an unknown user (recording 16).
func (p *profile) fireAuthFailure(req *sip.Request, cred *digest.Credentials) {
	h, agent := p.attempt(req)
	ip, port := sourceOf(req)
	to := req.To().Address
	p.sw.fire("CUSTOM", "sofia::register_attempt", fromRegister, append(h,
		wire.Header{Name: "username", Value: cred.Username}, wire.Header{Name: "realm", Value: cred.Realm},
		wire.Header{Name: "user-agent", Value: agent}, wire.Header{Name: "auth-result", Value: "FORBIDDEN"}), nil)
	p.sw.fire("CUSTOM", "sofia::register_failure", fromRegister, []wire.Header{
		{Name: "profile-name", Value: p.name}, {Name: "to-user", Value: to.User}, {Name: "to-host", Value: to.Host},
		{Name: "network-ip", Value: ip}, {Name: "user-agent", Value: agent}, {Name: "profile-name", Value: p.name},
		{Name: "network-port", Value: port}, {Name: "registration-type", Value: "REGISTER"},
	}, nil)
}
