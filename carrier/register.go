package carrier

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
)

// Registered is the outcome of a registration.
type Registered struct {
	Status  int
	Expires time.Duration // as the registrar granted it
	At      time.Time
}

// registration keeps the phone registered.
type registration struct {
	callID string
	tag    string
	cseq   uint32
	cancel context.CancelFunc
	last   Registered
	err    error
}

// Register binds the phone's contact at the registrar (Proxy, or else Domain) and renews it at half of the granted
// time until Unregister or Close. A refusal is a *RefusedError.
func (p *Phone) Register(ctx context.Context, expires time.Duration) (Registered, error) {
	p.mu.Lock()
	if p.reg != nil && p.reg.cancel != nil {
		p.reg.cancel()
	}
	reg := &registration{callID: sip.GenerateTagN(24), tag: sip.GenerateTagN(10)}
	p.reg = reg
	p.mu.Unlock()
	got, err := p.registerOnce(ctx, reg, expires)
	if err != nil {
		p.mu.Lock()
		p.reg = nil
		p.mu.Unlock()
		return got, fmt.Errorf("register %s: %w", p.URI(), err)
	}
	keep, cancel := context.WithCancel(p.ctx)
	p.mu.Lock()
	reg.cancel, reg.last = cancel, got
	p.mu.Unlock()
	p.running.Go(func() { p.renew(keep, reg, expires, got.Expires) })
	return got, nil
}

// Registration gives the last outcome; the error is that of a failed renewal, which is tried again every five seconds.
func (p *Phone) Registration() (Registered, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reg == nil {
		return Registered{}, errors.New("not registered")
	}
	return p.reg.last, p.reg.err
}

func (p *Phone) renew(ctx context.Context, reg *registration, wanted, granted time.Duration) {
	wait := granted / 2
	for {
		timer := time.NewTimer(max(wait, time.Second/2))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		got, err := p.registerOnce(ctx, reg, wanted)
		if ctx.Err() != nil {
			return
		}
		p.mu.Lock()
		if reg.err = err; err == nil {
			reg.last, wait = got, got.Expires/2
		} else {
			wait = 5 * time.Second
			p.log.Warn("registration not renewed", "user", p.cfg.User, "err", err)
		}
		p.mu.Unlock()
	}
}

// Unregister removes the contact.
func (p *Phone) Unregister(ctx context.Context) error {
	p.mu.Lock()
	reg := p.reg
	p.reg = nil
	p.mu.Unlock()
	if reg == nil {
		return nil
	}
	if reg.cancel != nil {
		reg.cancel()
	}
	if _, err := p.registerOnce(ctx, reg, 0); err != nil {
		return fmt.Errorf("unregister %s: %w", p.URI(), err)
	}
	return nil
}

func (p *Phone) registerOnce(ctx context.Context, reg *registration, expires time.Duration) (Registered, error) {
	aor := sip.Uri{Scheme: "sip", User: escapeUser(p.cfg.User), Host: p.cfg.Domain}
	var challenge *sip.Response
	for attempt := range 3 {
		req := p.newRequest(sip.REGISTER, sip.Uri{Scheme: "sip", Host: p.cfg.Domain})
		from := &sip.FromHeader{DisplayName: quoteName(p.cfg.DisplayName), Address: aor}
		from.Params.Add("tag", reg.tag)
		callID := sip.CallIDHeader(reg.callID)
		p.mu.Lock()
		reg.cseq++
		cseq := reg.cseq
		p.mu.Unlock()
		for _, h := range []sip.Header{from, &sip.ToHeader{Address: aor}, &callID, &sip.CSeqHeader{SeqNo: cseq,
			MethodName: sip.REGISTER},
			p.contact(), sip.NewHeader("Expires", strconv.Itoa(int(expires/time.Second)))} {
			req.AppendHeader(h)
		}
		if challenge != nil {
			if err := p.authorize(req, challenge); err != nil {
				return Registered{}, err
			}
		}
		res, err := p.client.Do(ctx, req)
		if err != nil {
			return Registered{}, err
		}
		got := Registered{Status: res.StatusCode, Expires: grantedExpires(res, expires), At: time.Now()}
		if res.IsSuccess() {
			return got, nil
		}
		if !challenged(res) || p.cfg.Password == "" || attempt > 0 && !stale(res) {
			return got, refused(res)
		}
		challenge = res
	}
	return Registered{}, refused(challenge)
}

func grantedExpires(res *sip.Response, wanted time.Duration) time.Duration {
	value := ""
	if c := res.Contact(); c != nil {
		value, _ = c.Params.Get("expires")
	}
	if h := res.GetHeader("Expires"); value == "" && h != nil {
		value = h.Value()
	}
	if n, err := strconv.Atoi(value); err == nil && n > 0 {
		return time.Duration(n) * time.Second
	}
	return wanted
}

func challenged(res *sip.Response) bool {
	return res.StatusCode == sip.StatusUnauthorized || res.StatusCode == sip.StatusProxyAuthRequired
}

// stale tells whether the password was right and only the nonce too old (RFC 7616 section 3.3).
func stale(res *sip.Response) bool {
	for _, name := range []string{"WWW-Authenticate", "Proxy-Authenticate"} {
		if h := res.GetHeader(name); h != nil {
			c, err := digest.ParseChallenge(h.Value())
			return err == nil && c.Stale
		}
	}
	return false
}

// authorize answers a 401 or 407.
func (p *Phone) authorize(req *sip.Request, res *sip.Response) error {
	ask, answer := "WWW-Authenticate", "Authorization"
	if res.StatusCode == sip.StatusProxyAuthRequired {
		ask, answer = "Proxy-Authenticate", "Proxy-Authorization"
	}
	h := res.GetHeader(ask)
	if h == nil {
		return fmt.Errorf("%d without %s", res.StatusCode, ask)
	}
	challenge, err := digest.ParseChallenge(h.Value())
	if err != nil {
		return fmt.Errorf("%s: %w", ask, err)
	}
	credentials, err := digest.Digest(challenge, digest.Options{Method: req.Method.String(), URI: req.Recipient.String(),
		Username: p.cfg.User, Password: p.cfg.Password})
	if err != nil {
		return fmt.Errorf("%s: %w", ask, err)
	}
	req.RemoveHeader(answer)
	req.AppendHeader(sip.NewHeader(answer, credentials.String()))
	return nil
}

// newRequest is a request outside of dialogs, sent to the proxy when there is one.
func (p *Phone) newRequest(method sip.RequestMethod, to sip.Uri) *sip.Request {
	req := sip.NewRequest(method, to)
	req.SetTransport(sip.NetworkToUpper(p.cfg.Transport))
	if p.cfg.Proxy != "" {
		req.SetDestination(p.cfg.Proxy)
	}
	req.AppendHeader(sip.NewHeader("User-Agent", "ramal-carrier"))
	return req
}
