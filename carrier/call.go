package carrier

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"ramal/media"
)

// Times are the moments of a call as this phone saw them; zero: it did not happen.
type Times struct {
	Invite   time.Time // INVITE sent or received
	Ringing  time.Time // first 180 or 183 sent or received
	Answered time.Time // 200 sent or received
	Acked    time.Time // ACK sent or received
	Ended    time.Time
}

// End says how a call ended.
type End struct {
	Local  bool   // by this phone
	Method string // BYE, CANCEL; empty: a final answer, or a failure
	Status int    // the final answer of a call that was not taken, 0 otherwise
	Phrase string
	Cause  Cause // Reason header of the BYE, the CANCEL or the answer
	At     time.Time
	Err    error // why it could not go on, if it failed
}

// Call is one dialog with its sound.
//
//	inviting ──18x──► ringing ──200──► talking ──BYE──► ended
//	    └──────────────┴── answer ≥ 300, CANCEL ─────────┘
type Call struct {
	Outgoing   bool
	CallID     string
	RemoteUser string // caller's or called number, percent-decoded
	RemoteName string // display name
	LocalUser  string // the user that was called, or this phone's

	phone  *Phone
	stream *stream
	invite *sip.Request // as sent or received: read only

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced at every change
	dialog   dialog
	times    Times
	end      *End
	response *sip.Response // last answer to our INVITE
	codec    media.Codec
	held     bool // by us
	remote   remoteMedia
	version  int // of our SDP
	tx       sip.ClientTransaction
	canceled bool          // by Hangup before the answer
	taken    bool          // by Answer
	cause    Cause         // of our CANCEL
	acked    chan struct{} // closed at the first ACK
	reinvite int           // re-INVITEs received
}

func (p *Phone) newCall(outgoing bool) (*Call, error) {
	s, err := newStream(p.host)
	if err != nil {
		return nil, err
	}
	return &Call{Outgoing: outgoing, phone: p, stream: s, changed: make(chan struct{}), acked: make(chan struct{}),
		version: 1}, nil
}

func (c *Call) key() string { return c.CallID + " " + c.dialog.localTag }

// update changes the call under its lock and wakes who waits.
func (c *Call) update(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
	close(c.changed)
	c.changed = make(chan struct{})
}

// wait returns when cond, called under the lock, is true.
func (c *Call) wait(ctx context.Context, what string, cond func() (bool, error)) error {
	for {
		c.mu.Lock()
		ok, err := cond()
		changed := c.changed
		c.mu.Unlock()
		if ok || err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("call %s: wait until %s: %w", c.CallID, what, ctx.Err())
		}
	}
}

// WaitRinging waits for the first 180 or 183 (or the answer); a refusal is a *RefusedError.
func (c *Call) WaitRinging(ctx context.Context) error {
	return c.wait(ctx, "it rings", func() (bool, error) {
		if !c.times.Ringing.IsZero() || !c.times.Answered.IsZero() {
			return true, nil
		}
		return false, c.refusal()
	})
}

// WaitAnswer waits until the call is answered; a refusal is a *RefusedError.
func (c *Call) WaitAnswer(ctx context.Context) error {
	return c.wait(ctx, "it is answered", func() (bool, error) {
		if !c.times.Answered.IsZero() {
			return true, nil
		}
		return false, c.refusal()
	})
}

// refusal is called with mu held.
func (c *Call) refusal() error {
	switch {
	case c.end == nil:
		return nil
	case c.end.Err != nil:
		return fmt.Errorf("call %s: %w", c.CallID, c.end.Err)
	}
	return &RefusedError{Status: c.end.Status, Phrase: c.end.Phrase, Cause: c.end.Cause}
}

// WaitEnd waits until the call has ended and says how.
func (c *Call) WaitEnd(ctx context.Context) (End, error) {
	var end End
	err := c.wait(ctx, "it ends", func() (bool, error) {
		if c.end != nil {
			end = *c.end
		}
		return c.end != nil, nil
	})
	return end, err
}

// Times gives the moments so far.
func (c *Call) Times() Times {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.times
}

// Talking tells whether the call was answered and has not ended.
func (c *Call) Talking() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.times.Answered.IsZero() && c.end == nil
}

// Header gives the values of a header of the first INVITE.
func (c *Call) Header(name string) []string {
	var values []string
	for _, h := range c.invite.GetHeaders(name) {
		values = append(values, h.Value())
	}
	return values
}

// RemoteHolds tells whether the other side asked us not to send.
func (c *Call) RemoteHolds() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.remote.dir == sendonly || c.remote.dir == inactive
}

// WaitReinvites waits until n re-INVITEs or UPDATEs with SDP were received in all.
func (c *Call) WaitReinvites(ctx context.Context, n int) error {
	return c.wait(ctx, "it is re-invited", func() (bool, error) { return c.reinvite >= n, c.refusal() })
}

// Codec is what this phone sends.
func (c *Call) Codec() media.Codec {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.codec
}

// RTPAddr is where this phone receives the call's RTP.
func (c *Call) RTPAddr() netip.AddrPort { return c.stream.local }

// Play sends a source from now on (nil: silence). The channel is closed when it has ended or was replaced. The call
// closes it.
func (c *Call) Play(src media.Source) <-chan struct{} { return c.stream.play(src) }

// SendDigits sends RFC 4733 digits one after the other and returns when the last one was sent.
func (c *Call) SendDigits(ctx context.Context, digits string, duration time.Duration) ([]SentDigit, error) {
	sent, err := c.stream.sendDigits(ctx, digits, duration)
	if err != nil {
		err = fmt.Errorf("call %s: %w", c.CallID, err)
	}
	return sent, err
}

// WaitDigits waits until n digits were received in all and gives them.
func (c *Call) WaitDigits(ctx context.Context, n int) ([]media.Digit, error) {
	got, err := c.stream.waitDigits(ctx, n)
	if err != nil {
		err = fmt.Errorf("call %s: %w", c.CallID, err)
	}
	return got, err
}

// Packets gives the RTP packets received from one moment to another (zero: until now), in the order of their arrival.
func (c *Call) Packets(from, to time.Time) []Packet { return c.stream.heard.between(from, to) }

// Heard gives the sound of those packets.
func (c *Call) Heard(from, to time.Time) Sound { return layOut(c.Packets(from, to)) }

// WaitSound waits until d of sound was received since from, and gives it.
func (c *Call) WaitSound(ctx context.Context, from time.Time, d time.Duration) (Sound, error) {
	want := int(d * media.SampleRate / time.Second)
	tick := time.NewTicker(media.FrameTime)
	defer tick.Stop()
	for {
		if s := c.Heard(from, time.Time{}); len(s.Samples) >= want {
			return s, nil
		}
		select {
		case <-tick.C:
		case <-c.stream.done:
			s := c.Heard(from, time.Time{})
			if len(s.Samples) >= want {
				return s, nil
			}
			return s, fmt.Errorf("call %s: it ended after %d of %d samples", c.CallID, len(s.Samples), want)
		case <-ctx.Done():
			s := c.Heard(from, time.Time{})
			return s, fmt.Errorf("call %s: %d of %d samples: %w", c.CallID, len(s.Samples), want, ctx.Err())
		}
	}
}

// finish ends the call once; later ends are ignored.
func (c *Call) finish(end End) {
	c.phone.drop(c)
	first := false
	c.update(func() {
		if first = c.end == nil; first {
			end.At = time.Now()
			c.end, c.times.Ended = &end, end.At
		}
	})
	if first {
		c.stream.close()
	}
}

// applySDP takes the other side's offer or answer and gives the codecs in common.
func (c *Call) applySDP(body []byte) ([]media.Codec, error) {
	remote, err := parseSDP(body)
	if err != nil {
		return nil, err
	}
	codecs := remote.common(c.phone.cfg.Codecs)
	if len(codecs) == 0 {
		return nil, errNoAudio
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remote, c.codec = remote, codecs[0]
	c.stream.configure(remote, codecs[0], remote.dir == sendrecv || remote.dir == recvonly)
	return codecs, nil
}

// offerSDP describes our side with every codec; answerSDP answers the last applied offer. Both count the version.
func (c *Call) offerSDP() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	dir := sendrecv
	if c.held {
		dir = sendonly
	}
	c.version++
	return writeSDP(c.stream.local, c.version, c.phone.cfg.Codecs, defaultEventPT, dir)
}

func (c *Call) answerSDP(codecs []media.Codec) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.version++
	return writeSDP(c.stream.local, c.version, codecs[:1], c.remote.eventPT, c.remote.dir.answer(c.held))
}
