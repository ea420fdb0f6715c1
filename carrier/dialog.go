package carrier

import (
	"context"
	"fmt"
	"time"

	"github.com/emiago/sipgo/sip"
)

// dialog is RFC 3261 section 12's state, from this phone's side.
type dialog struct {
	localTag  string
	remoteTag string
	local     sip.FromHeader
	remote    sip.ToHeader
	target    sip.Uri  // the other side's contact
	routes    []string // Route values, in order
	cseq      uint32
}

// establish takes the remote tag, target and route set from the message that creates the dialog.
func (d *dialog) establish(remoteTag string, contact *sip.ContactHeader, recordRoutes []sip.Header, reverse bool) {
	d.remoteTag = remoteTag
	d.remote.Params = sip.HeaderParams{}
	if remoteTag != "" {
		d.remote.Params.Add("tag", remoteTag)
	}
	if contact != nil {
		d.target = *contact.Address.Clone()
	}
	d.routes = nil
	for i := range recordRoutes {
		if reverse {
			i = len(recordRoutes) - 1 - i
		}
		d.routes = append(d.routes, recordRoutes[i].Value())
	}
}

// request makes an in-dialog request. ACK takes the number of the INVITE that it acknowledges.
func (c *Call) request(method sip.RequestMethod, ackSeq uint32) *sip.Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	req := sip.NewRequest(method, *c.dialog.target.Clone())
	req.SetTransport(sip.NetworkToUpper(c.phone.cfg.Transport))
	seq := ackSeq
	if method != sip.ACK {
		c.dialog.cseq++
		seq = c.dialog.cseq
	}
	callID := sip.CallIDHeader(c.CallID)
	for _, route := range c.dialog.routes {
		req.AppendHeader(sip.NewHeader("Route", route))
	}
	for _, h := range []sip.Header{sip.HeaderClone(&c.dialog.local), sip.HeaderClone(&c.dialog.remote), &callID,
		&sip.CSeqHeader{SeqNo: seq, MethodName: method}, c.phone.contact(), sip.NewHeader("User-Agent", "ramal-carrier")} {
		req.AppendHeader(h)
	}
	return req
}

// do sends an in-dialog request and waits for its final answer, with credentials if it is challenged.
func (c *Call) do(ctx context.Context, method sip.RequestMethod, edit func(*sip.Request)) (*sip.Request,
	*sip.Response, error) {
	var challenge *sip.Response
	for {
		req := c.request(method, 0)
		if edit != nil {
			edit(req)
		}
		if challenge != nil {
			if err := c.phone.authorize(req, challenge); err != nil {
				return nil, nil, err
			}
		}
		res, err := c.phone.client.Do(ctx, req)
		if err != nil {
			return nil, nil, err
		}
		if challenged(res) && challenge == nil && c.phone.cfg.Password != "" {
			challenge = res
			continue
		}
		return req, res, nil
	}
}

// Hangup ends the call: BYE when it was answered, CANCEL before, 603 when it is ringing here. It returns when the
// other side has answered. A call that has ended stays as it is.
func (c *Call) Hangup(ctx context.Context) error { return c.HangupCause(ctx, Cause{}) }

// HangupCause is Hangup with a Reason header.
func (c *Call) HangupCause(ctx context.Context, cause Cause) error {
	var ended, answered, send bool
	var tx sip.ClientTransaction
	c.update(func() { // in one step: an answer that comes after this sees that the call was given up
		if ended, answered = c.end != nil, !c.times.Answered.IsZero(); ended || answered {
			return
		}
		send = c.Outgoing && !c.canceled && c.response != nil // RFC 3261 section 9.1: no CANCEL before a provisional answer
		c.canceled, c.cause, tx = true, cause, c.tx
	})
	if ended {
		return nil
	}
	if !answered {
		if send {
			c.sendCancel(ctx, tx)
		}
		_, err := c.WaitEnd(ctx) // incoming: the INVITE's handler answers 603
		return err
	}
	if !c.Outgoing {
		// RFC 3261 section 15: no BYE before the ACK of our 200.
		select {
		case <-c.acked:
		case <-c.stream.done:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("call %s: hang up before the ACK: %w", c.CallID, ctx.Err())
		}
	}
	return c.bye(ctx, End{Local: true, Method: "BYE", Cause: cause})
}

func (c *Call) bye(ctx context.Context, end End) error {
	c.mu.Lock()
	ended := c.end != nil
	c.mu.Unlock()
	if ended {
		return nil
	}
	_, res, err := c.do(ctx, sip.BYE, func(req *sip.Request) {
		if end.Cause.Protocol != "" {
			req.AppendHeader(end.Cause.header())
		}
	})
	c.finish(end)
	if err != nil {
		return fmt.Errorf("call %s: BYE: %w", c.CallID, err)
	}
	if !res.IsSuccess() && res.StatusCode != sip.StatusCallTransactionDoesNotExists { // 481: both hung up at once
		return fmt.Errorf("call %s: BYE: %w", c.CallID, refused(res))
	}
	return nil
}

// Hold asks the other side by re-INVITE not to send (a=sendonly).
func (c *Call) Hold(ctx context.Context) error { return c.setHold(ctx, true) }

// Resume takes it back.
func (c *Call) Resume(ctx context.Context) error { return c.setHold(ctx, false) }

func (c *Call) setHold(ctx context.Context, held bool) error {
	if !c.Talking() {
		return fmt.Errorf("call %s: hold: no talk", c.CallID)
	}
	c.mu.Lock()
	before := c.held
	c.held = held
	c.mu.Unlock()
	offer := c.offerSDP()
	req, res, err := c.do(ctx, sip.INVITE, func(req *sip.Request) {
		req.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
		req.SetBody(offer)
	})
	if err == nil && !res.IsSuccess() {
		err = refused(res)
	}
	if err == nil {
		err = c.ack(req.CSeq().SeqNo, res)
	}
	if err == nil {
		_, err = c.applySDP(res.Body())
	}
	if err != nil {
		c.mu.Lock()
		c.held = before
		c.mu.Unlock()
		return fmt.Errorf("call %s: re-INVITE: %w", c.CallID, err)
	}
	return nil
}

// ack acknowledges a 200 to an INVITE.
func (c *Call) ack(seq uint32, res *sip.Response) error {
	if contact := res.Contact(); contact != nil {
		c.mu.Lock()
		c.dialog.target = *contact.Address.Clone()
		c.mu.Unlock()
	}
	if err := c.phone.client.WriteRequest(c.request(sip.ACK, seq)); err != nil {
		return fmt.Errorf("ACK: %w", err)
	}
	return nil
}

// Requests of the other side, inside a dialog.

func (p *Phone) reply(req *sip.Request, tx sip.ServerTransaction, status int, phrase string, body []byte,
	headers ...sip.Header) error {
	res := sip.NewResponseFromRequest(req, status, phrase, body)
	for _, h := range headers {
		res.AppendHeader(h)
	}
	if body != nil {
		res.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
	}
	if err := tx.Respond(res); err != nil {
		p.log.Info("answer not sent", "user", p.cfg.User, "method", req.Method, "status", status, "err", err)
		return fmt.Errorf("answer %s with %d: %w", req.Method, status, err)
	}
	return nil
}

var phrases = map[int]string{200: "OK", 180: "Ringing", 400: "Bad Request", 404: "Not Found",
	480: "Temporarily Unavailable",
	481: "Call/Transaction Does Not Exist", 486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here",
	500: "Server Internal Error", 503: "Service Unavailable", 603: "Decline"}

func (p *Phone) respond(status int) func(*sip.Request, sip.ServerTransaction) {
	return func(req *sip.Request, tx sip.ServerTransaction) {
		_ = p.reply(req, tx, status, phrases[status], nil) // logged there; the other side asks again
	}
}

func (p *Phone) inDialog(req *sip.Request, tx sip.ServerTransaction) {
	if p.find(req) == nil {
		p.respond(481)(req, tx)
		return
	}
	p.respond(200)(req, tx)
}

func (p *Phone) onOptions(req *sip.Request, tx sip.ServerTransaction) {
	_ = p.reply(req, tx, 200, "OK", nil, allow(), sip.NewHeader("Accept", "application/sdp")) // logged there
}

func allow() sip.Header {
	return sip.NewHeader("Allow", "INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE, INFO, NOTIFY, MESSAGE")
}

func (p *Phone) onBye(req *sip.Request, tx sip.ServerTransaction) {
	c := p.find(req)
	if c == nil {
		p.respond(481)(req, tx)
		return
	}
	p.respond(200)(req, tx)
	c.finish(End{Method: "BYE", Cause: causeOf(req)})
}

func (p *Phone) onAck(req *sip.Request, _ sip.ServerTransaction) {
	c := p.find(req)
	if c == nil {
		return
	}
	if body := req.Body(); len(body) > 0 { // the answer to an offer in our 200
		if _, err := c.applySDP(body); err != nil {
			p.log.Warn("unusable SDP in ACK", "user", p.cfg.User, "err", err)
		}
	}
	c.update(func() {
		if c.times.Acked.IsZero() {
			c.times.Acked = time.Now()
			close(c.acked)
		}
	})
}

func (p *Phone) onUpdate(req *sip.Request, tx sip.ServerTransaction) {
	c := p.find(req)
	if c == nil {
		p.respond(481)(req, tx)
		return
	}
	c.answerOffer(req, tx)
}

// answerOffer answers a re-INVITE or UPDATE with or without an offer.
func (c *Call) answerOffer(req *sip.Request, tx sip.ServerTransaction) {
	if contact := req.Contact(); contact != nil {
		c.mu.Lock()
		c.dialog.target = *contact.Address.Clone()
		c.mu.Unlock()
	}
	var body []byte
	if len(req.Body()) > 0 {
		codecs, err := c.applySDP(req.Body())
		if err != nil {
			c.phone.respond(488)(req, tx)
			return
		}
		body = c.answerSDP(codecs)
	} else if req.IsInvite() {
		body = c.offerSDP()
	}
	if err := c.phone.reply(req, tx, 200, "OK", body, c.phone.contact(), allow()); err == nil && body != nil {
		c.update(func() { c.reinvite++ })
	}
}
