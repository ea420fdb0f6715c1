package carrier

import (
	"context"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"ramal/media"
)

// Behaviour says what a phone does with an incoming call.
type Behaviour struct {
	Silent bool          // sends no 180
	Delay  time.Duration // before the final answer
	Status int           // 200 (also 0): answer; others: refuse with it; RingForever: never answer
	Phrase string        // of a refusal; default the usual one
	Cause  Cause         // Reason header of a refusal
	Audio  func() media.Source
}

// RingForever is a Status: the phone rings until it is cancelled.
const RingForever = -1

// Answer takes the call after ringing for a while.
func Answer(after time.Duration) Behaviour { return Behaviour{Delay: after} }

// AnswerWith takes the call after a while and plays a source of its own to each caller.
func AnswerWith(after time.Duration, audio func() media.Source) Behaviour {
	return Behaviour{Delay: after, Audio: audio}
}

// RingOnly rings and never answers.
func RingOnly() Behaviour { return Behaviour{Status: RingForever} }

// Refuse refuses at once with a status.
func Refuse(status int) Behaviour { return Behaviour{Status: status, Silent: true} }

// Busy refuses with 486, Decline with 603, NotFound with 404, Unavailable with 480.
func Busy() Behaviour        { return Refuse(sip.StatusBusyHere) }
func Decline() Behaviour     { return Refuse(sip.StatusGlobalDecline) }          // 603, see Busy.
func NotFound() Behaviour    { return Refuse(sip.StatusNotFound) }               // 404, see Busy.
func Unavailable() Behaviour { return Refuse(sip.StatusTemporarilyUnavailable) } // 480, see Busy.

func (p *Phone) onInvite(req *sip.Request, tx sip.ServerTransaction) {
	if to := req.To(); to != nil && to.Params.Has("tag") {
		if c := p.find(req); c != nil {
			c.answerOffer(req, tx)
		} else {
			p.respond(481)(req, tx)
		}
		return
	}
	if req.From() == nil || req.To() == nil || req.CallID() == nil || req.CSeq() == nil || req.Contact() == nil {
		p.respond(400)(req, tx)
		return
	}
	c, err := p.receiveCall(req)
	if err != nil {
		p.log.Error("call not taken", "user", p.cfg.User, "err", err)
		p.respond(500)(req, tx)
		return
	}
	gone := make(chan Cause, 1)
	var once sync.Once
	if !tx.OnCancel(func(cancel *sip.Request) { once.Do(func() { gone <- causeOf(cancel) }) }) {
		c.finish(End{Method: "CANCEL"})
		return
	}
	if !p.add(c) {
		c.stream.close()
		p.respond(503)(req, tx)
		return
	}
	p.mu.Lock()
	behaviour := p.behaviour
	p.mu.Unlock()
	select {
	case p.incoming <- c:
	default:
		p.log.Warn("nobody takes the calls from NextCall", "user", p.cfg.User)
	}
	c.serve(tx, behaviour, gone)
}

// receiveCall makes the Call of an INVITE; its copy of the request carries our tag, so that all answers do.
func (p *Phone) receiveCall(req *sip.Request) (*Call, error) {
	c, err := p.newCall(false)
	if err != nil {
		return nil, err
	}
	req = req.Clone()
	from, to := req.From(), req.To()
	c.times.Invite = time.Now()
	c.CallID, c.LocalUser = req.CallID().Value(), unescapeUser(req.Recipient.User)
	c.RemoteUser, c.RemoteName = unescapeUser(from.Address.User), unquoteName(from.DisplayName)
	c.dialog.localTag = sip.GenerateTagN(10)
	to.Params.Add("tag", c.dialog.localTag)
	c.dialog.local, c.dialog.remote = to.AsFrom(), from.AsTo()
	tag, _ := from.Params.Get("tag")
	c.dialog.establish(tag, req.Contact(), req.GetHeaders("Record-Route"), false)
	c.invite = req
	return c, nil
}

// serve answers the INVITE; it runs until the final answer is acknowledged, as sipgo wants of a handler.
func (c *Call) serve(tx sip.ServerTransaction, b Behaviour, gone <-chan Cause) {
	var codecs []media.Codec
	if body := c.invite.Body(); len(body) > 0 {
		var err error
		if codecs, err = c.applySDP(body); err != nil {
			c.refuse(tx, Behaviour{Status: sip.StatusNotAcceptableHere})
			return
		}
	}
	if !b.Silent {
		now := time.Now()
		if err := c.phone.reply(c.invite, tx, 180, phrases[180], nil, c.phone.contact(), allow()); err == nil {
			c.update(func() { c.times.Ringing = now })
		}
	}
	switch cause, why := c.ring(tx, b, gone); why {
	case ringCanceled:
		c.finish(End{Method: "CANCEL", Status: sip.StatusRequestTerminated, Phrase: phrases[487], Cause: cause})
		return
	case ringClosed:
		return
	case ringDeclined:
		c.refuse(tx, Behaviour{Status: sip.StatusGlobalDecline, Cause: cause})
		return
	}
	c.mu.Lock()
	taken := c.taken
	c.mu.Unlock()
	if b.Status != 0 && b.Status != 200 && !taken {
		c.refuse(tx, b)
		return
	}
	if b.Audio != nil {
		c.Play(b.Audio())
	}
	body := []byte(nil)
	if codecs != nil {
		body = c.answerSDP(codecs)
	} else {
		body = c.offerSDP()
	}
	c.confirm(tx, body, gone)
}

type ringEnd int

const (
	ringOver     ringEnd = iota // the time has come
	ringCanceled                // by the caller
	ringDeclined                // by Hangup
	ringClosed                  // the phone was closed, or the transaction failed
)

func (c *Call) ring(tx sip.ServerTransaction, b Behaviour, gone <-chan Cause) (Cause, ringEnd) {
	var timer <-chan time.Time
	if b.Status != RingForever {
		t := time.NewTimer(b.Delay)
		defer t.Stop()
		timer = t.C
	}
	for {
		c.mu.Lock()
		changed, declined, cause, taken := c.changed, c.canceled, c.cause, c.taken
		c.mu.Unlock()
		if taken {
			return Cause{}, ringOver
		}
		if declined {
			return cause, ringDeclined
		}
		select {
		case cause := <-gone:
			return cause, ringCanceled
		case <-tx.Done():
			select {
			case cause := <-gone:
				return cause, ringCanceled
			default:
			}
			c.finish(End{Err: tx.Err()})
			return Cause{}, ringClosed
		case <-c.stream.done:
			return Cause{}, ringClosed
		case <-timer:
			return Cause{}, ringOver
		case <-changed:
		}
	}
}

// Answer takes a call that is ringing here, whatever its behaviour says, and returns when the 200 was sent. Use it
// with RingOnly.
func (c *Call) Answer(ctx context.Context) error {
	c.update(func() { c.taken = true })
	return c.WaitAnswer(ctx)
}

func (c *Call) refuse(tx sip.ServerTransaction, b Behaviour) {
	phrase := b.Phrase
	if phrase == "" {
		if phrase = phrases[b.Status]; phrase == "" {
			phrase = "Refused"
		}
	}
	var headers []sip.Header
	if b.Cause.Protocol != "" {
		headers = append(headers, b.Cause.header())
	}
	err := c.phone.reply(c.invite, tx, b.Status, phrase, nil, headers...)
	c.finish(End{Local: true, Status: b.Status, Phrase: phrase, Cause: b.Cause, Err: err})
}

// confirm sends the 200 and repeats it until the ACK comes (RFC 3261 section 13.3.1.4: the user agent's duty).
func (c *Call) confirm(tx sip.ServerTransaction, body []byte, gone <-chan Cause) {
	now := time.Now()
	if err := c.phone.reply(c.invite, tx, 200, "OK", body, c.phone.contact(), allow()); err != nil {
		select {
		case cause := <-gone: // the CANCEL was faster
			c.finish(End{Method: "CANCEL", Status: sip.StatusRequestTerminated, Phrase: phrases[487], Cause: cause})
		default:
			c.finish(End{Err: err})
		}
		return
	}
	var late bool
	var cause Cause
	c.update(func() { c.times.Answered, late, cause = now, c.canceled, c.cause })
	if late { // Hangup came when it was too late to decline
		defer func() {
			ctx, cancel := context.WithTimeout(c.phone.ctx, 5*time.Second)
			defer cancel()
			if err := c.bye(ctx, End{Local: true, Method: "BYE", Cause: cause}); err != nil {
				c.phone.log.Warn("hang up after the answer", "user", c.phone.cfg.User, "err", err)
			}
		}()
	}
	limit := time.NewTimer(64 * sip.T1)
	defer limit.Stop()
	for wait := sip.T1; ; wait = min(2*wait, sip.T2) {
		timer := time.NewTimer(wait)
		select {
		case <-c.acked:
			timer.Stop()
			return
		case <-c.stream.done:
			timer.Stop()
			return
		case <-limit.C:
			timer.Stop()
			ctx, cancel := context.WithTimeout(c.phone.ctx, 5*time.Second)
			defer cancel()
			if err := c.bye(ctx, End{Local: true, Method: "BYE", Err: sip.ErrTransactionTimeout}); err != nil {
				c.phone.log.Warn("hang up without an ACK", "user", c.phone.cfg.User, "err", err)
			}
			return
		case <-timer.C:
			_ = c.phone.reply(c.invite, tx, 200, "OK", body, c.phone.contact(), allow()) // logged there; sent again
		}
	}
}
