package carrier

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/emiago/sipgo/sip"

	"ramal/media"
)

// CallOptions of an outgoing call.
type CallOptions struct {
	CallerID string // user part of From; default the phone's user
	Name     string // display name of From; default the phone's. Any text: it is quoted
	Audio    media.Source
	Headers  map[string]string // added to the INVITE
}

// Call sends an INVITE to a number in the phone's domain and returns at once; what becomes of it the Call tells. ctx
// bounds the sending only. The number may be any text: it is percent-encoded.
func (p *Phone) Call(ctx context.Context, number string, o CallOptions) (*Call, error) {
	return p.CallURI(ctx, sip.Uri{Scheme: "sip", User: escapeUser(number), Host: p.cfg.Domain}, o)
}

// Dial is Call and WaitAnswer.
func (p *Phone) Dial(ctx context.Context, number string, o CallOptions) (*Call, error) {
	c, err := p.Call(ctx, number, o)
	if err != nil {
		return nil, err
	}
	return c, c.WaitAnswer(ctx)
}

// CallAddr calls number at a host:port, without the proxy's help.
func (p *Phone) CallAddr(ctx context.Context, number, hostport string, o CallOptions) (*Call, error) {
	host, port, err := sip.ParseAddr(hostport)
	if err != nil {
		return nil, fmt.Errorf("call %s: %w", hostport, err)
	}
	return p.CallURI(ctx, sip.Uri{Scheme: "sip", User: escapeUser(number), Host: host, Port: port}, o)
}

// CallURI calls a SIP URI.
func (p *Phone) CallURI(ctx context.Context, to sip.Uri, o CallOptions) (*Call, error) {
	c, err := p.newCall(true)
	if err != nil {
		return nil, fmt.Errorf("call %s: %w", to.String(), err)
	}
	if o.CallerID == "" {
		o.CallerID = p.cfg.User
	}
	if o.Name == "" {
		o.Name = p.cfg.DisplayName
	}
	c.CallID, c.RemoteUser, c.LocalUser = sip.GenerateTagN(24), unescapeUser(to.User), o.CallerID
	c.dialog.localTag = sip.GenerateTagN(10)
	c.dialog.local = sip.FromHeader{DisplayName: quoteName(o.Name),
		Address: sip.Uri{Scheme: "sip", User: escapeUser(o.CallerID), Host: p.cfg.Domain}}
	c.dialog.local.Params.Add("tag", c.dialog.localTag)
	c.dialog.remote, c.dialog.target = sip.ToHeader{Address: *to.Clone()}, to
	if o.Audio != nil {
		c.Play(o.Audio)
	}
	if !p.add(c) {
		c.stream.close()
		return nil, fmt.Errorf("call %s: %w", to.String(), net.ErrClosed)
	}
	offer := c.offerSDP()
	tx, err := c.sendInvite(ctx, offer, o.Headers, nil)
	if err != nil {
		c.finish(End{Local: true, Err: err})
		return nil, fmt.Errorf("call %s: %w", to.String(), err)
	}
	p.running.Go(func() { c.follow(tx, offer, o.Headers) })
	return c, nil
}

func (c *Call) sendInvite(ctx context.Context, offer []byte, headers map[string]string,
	challenge *sip.Response) (sip.ClientTransaction, error) {
	req := c.request(sip.INVITE, 0)
	if c.phone.cfg.Proxy != "" {
		req.SetDestination(c.phone.cfg.Proxy)
	}
	req.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
	req.AppendHeader(allow())
	for name, value := range headers {
		req.AppendHeader(sip.NewHeader(name, value))
	}
	req.SetBody(offer)
	if challenge != nil {
		if err := c.phone.authorize(req, challenge); err != nil {
			return nil, err
		}
	}
	now := time.Now()
	tx, err := c.phone.client.TransactionRequest(ctx, req)
	if err != nil {
		return nil, err
	}
	c.update(func() {
		c.invite, c.tx, c.response = req, tx, nil
		if c.times.Invite.IsZero() {
			c.times.Invite = now
		}
	})
	return tx, nil
}

// follow reads the answers to the INVITE until a final one.
func (c *Call) follow(tx sip.ClientTransaction, offer []byte, headers map[string]string) {
	tries := 0
	for {
		var res *sip.Response
		select {
		case res = <-tx.Responses():
		case <-tx.Done():
			c.finish(End{Local: true, Err: errors.Join(errors.New("no answer to the INVITE"), tx.Err())})
			return
		case <-c.phone.ctx.Done():
			tx.Terminate()
			return
		}
		switch {
		case res.IsProvisional():
			c.provisional(tx, res)
			continue
		case res.IsSuccess():
			c.accepted(tx, res)
			return
		case challenged(res) && c.phone.cfg.Password != "" && (tries == 0 || tries < 3 && stale(res)):
			tries++
			c.mu.Lock()
			canceled := c.canceled
			c.mu.Unlock()
			if canceled {
				break
			}
			next, err := c.sendInvite(c.phone.ctx, offer, headers, res)
			if err != nil {
				c.finish(End{Local: true, Err: err})
				return
			}
			tx = next
			continue
		}
		end := End{Status: res.StatusCode, Phrase: res.Reason, Cause: causeOf(res)}
		c.mu.Lock()
		if c.canceled {
			end.Local, end.Method, end.Cause = true, "CANCEL", c.cause
		}
		c.mu.Unlock()
		c.finish(end)
		return
	}
}

// provisional notes ringing and hears early media; a CANCEL that had to wait for it goes out.
func (c *Call) provisional(tx sip.ClientTransaction, res *sip.Response) {
	if len(res.Body()) > 0 {
		if _, err := c.applySDP(res.Body()); err != nil {
			c.phone.log.Warn("unusable SDP in a provisional answer", "user", c.phone.cfg.User, "err", err)
		}
	}
	send := false
	c.update(func() {
		if c.response == nil {
			send = c.canceled
		}
		c.response = res
		if res.StatusCode > 100 && c.times.Ringing.IsZero() {
			c.times.Ringing = time.Now()
		}
	})
	if send {
		c.sendCancel(c.phone.ctx, tx)
	}
}

func (c *Call) accepted(tx sip.ClientTransaction, res *sip.Response) {
	c.mu.Lock()
	tag := ""
	if to := res.To(); to != nil {
		tag, _ = to.Params.Get("tag")
	}
	c.dialog.establish(tag, res.Contact(), res.GetHeaders("Record-Route"), true)
	seq := c.invite.CSeq().SeqNo
	c.mu.Unlock()
	tx.OnRetransmission(func(*sip.Response) {
		if err := c.ack(seq, res); err != nil {
			c.phone.log.Warn("ACK not repeated", "user", c.phone.cfg.User, "err", err)
		}
	})
	codecErr := error(nil)
	if _, codecErr = c.applySDP(res.Body()); codecErr != nil && len(res.Body()) == 0 {
		c.mu.Lock()
		if c.remote.addr.IsValid() { // the answer came with a 183
			codecErr = nil
		}
		c.mu.Unlock()
	}
	now := time.Now()
	if err := c.ack(seq, res); err != nil {
		c.finish(End{Local: true, Err: err})
		return
	}
	var canceled bool
	var cause Cause
	c.update(func() { // whoever hangs up from now on sends a BYE; whoever did before counts on us
		c.times.Answered, c.times.Acked = now, time.Now()
		canceled, cause = c.canceled, c.cause
	})
	if codecErr == nil && !canceled {
		return
	}
	// It was answered while our CANCEL was under way, or with sound that we cannot read.
	end := End{Local: true, Method: "BYE", Cause: cause, Err: codecErr}
	ctx, stop := context.WithTimeout(c.phone.ctx, 5*time.Second)
	defer stop()
	if err := c.bye(ctx, end); err != nil {
		c.phone.log.Warn("hang up after the answer", "user", c.phone.cfg.User, "err", err)
	}
}

func (c *Call) sendCancel(ctx context.Context, tx sip.ClientTransaction) {
	c.mu.Lock()
	invite, cause := c.invite, c.cause
	c.mu.Unlock()
	req := sip.NewRequest(sip.CANCEL, *invite.Recipient.Clone())
	req.SetTransport(invite.Transport())
	req.SetDestination(invite.Destination())
	for _, h := range []sip.Header{sip.HeaderClone(invite.Via()), sip.HeaderClone(invite.From()),
		sip.HeaderClone(invite.To()),
		sip.HeaderClone(invite.CallID()), &sip.CSeqHeader{SeqNo: invite.CSeq().SeqNo, MethodName: sip.CANCEL}} {
		req.AppendHeader(h)
	}
	for _, h := range invite.GetHeaders("Route") {
		req.AppendHeader(sip.NewHeader("Route", h.Value()))
	}
	if cause.Protocol != "" {
		req.AppendHeader(cause.header())
	}
	res, err := c.phone.client.Do(ctx, req)
	if err != nil || !res.IsSuccess() {
		c.phone.log.Warn("CANCEL not accepted", "user", c.phone.cfg.User, "err", err) // the INVITE's own answer decides
	}
}
