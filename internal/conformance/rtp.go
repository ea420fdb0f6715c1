package conformance

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/rtp"

	"ramal/media"
)

// digitPayload is the payload type of RFC 4733 events in all our SDP.
const digitPayload = 101

// Packet is an RTP packet that arrived, with the time at which it did.
type Packet struct {
	At time.Time
	rtp.Packet
}

// Digit is a digit that the end point sent.
type Digit struct {
	Char        byte
	First, Last time.Time // when its first and its last packet left
}

// RTPEndpoint is the sound of one phone: SIPp signals with this end point's port in its SDP, and the end point sends
// and receives all audio and digits (PCMA or PCMU, 20 ms). It sends nothing before it knows where to, and then without
// pause: silence, or what Play was given.
type RTPEndpoint struct {
	conn *net.UDPConn
	done chan struct{} // closed when both loops have ended
	stop context.CancelFunc

	mu      sync.Mutex
	changed chan struct{} // closed and replaced at each arrival
	remote  netip.AddrPort
	source  media.Source
	codec   media.Codec
	digits  []pendingDigit
	packets []Packet
	sent    []Digit
}

type pendingDigit struct {
	char     byte
	duration time.Duration
	done     chan Digit
}

// ListenRTP opens an end point on a free even port of 127.0.0.1 that speaks codec.
func ListenRTP(codec media.Codec) (*RTPEndpoint, error) {
	conn, err := evenPort()
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	e := &RTPEndpoint{conn: conn, stop: stop, codec: codec, done: make(chan struct{}), changed: make(chan struct{})}
	var loops sync.WaitGroup
	loops.Go(e.receive)
	loops.Go(func() { e.send(ctx) })
	go func() {
		loops.Wait()
		close(e.done)
	}()
	return e, nil
}

// evenPort binds a free even port, as RFC 3550 section 11 wants for RTP.
func evenPort() (*net.UDPConn, error) {
	for range 100 {
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return nil, fmt.Errorf("open RTP end point: %w", err)
		}
		if conn.LocalAddr().(*net.UDPAddr).Port%2 == 0 {
			return conn, nil
		}
		if err := conn.Close(); err != nil {
			return nil, fmt.Errorf("close odd RTP port: %w", err)
		}
	}
	return nil, errors.New("open RTP end point: 100 odd ports in a row")
}

// Port is the port to advertise in SDP.
func (e *RTPEndpoint) Port() int { return e.conn.LocalAddr().(*net.UDPAddr).Port }

// Close ends the end point and waits for its loops.
func (e *RTPEndpoint) Close() error {
	e.stop()
	err := e.conn.Close()
	<-e.done
	return err
}

// SendTo says where the switch expects this phone's audio (from its SDP) and starts sending.
func (e *RTPEndpoint) SendTo(remote netip.AddrPort) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.remote = remote
}

// Play sends source from now on; nil is silence. A source that ends is followed by silence.
func (e *RTPEndpoint) Play(source media.Source) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.source = source
}

// Dial sends a digit of that duration as RFC 4733 events in place of audio; the channel gives when it was sent.
func (e *RTPEndpoint) Dial(char byte, duration time.Duration) <-chan Digit {
	done := make(chan Digit, 1)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.digits = append(e.digits, pendingDigit{char, duration, done})
	return done
}

// Sent returns the digits sent so far.
func (e *RTPEndpoint) Sent() []Digit {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]Digit(nil), e.sent...)
}

// Packets returns all packets that have arrived, events included, in order of arrival.
func (e *RTPEndpoint) Packets() []Packet {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]Packet(nil), e.packets...)
}

// Wait returns when ok says yes to what has arrived so far, asked again at each packet; or with the context's error.
func (e *RTPEndpoint) Wait(ctx context.Context, ok func(*Heard) bool) error {
	for {
		e.mu.Lock()
		packets, changed := e.packets, e.changed
		e.mu.Unlock()
		if ok(&Heard{packets}) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for audio (%d packets have come): %w", len(packets), ctx.Err())
		}
	}
}

// Heard is a view of all that has arrived so far.
func (e *RTPEndpoint) Heard() *Heard { return &Heard{e.Packets()} }

func (e *RTPEndpoint) receive() {
	buf := make([]byte, 2048)
	for {
		n, from, err := e.conn.ReadFromUDPAddrPort(buf)
		now := time.Now()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // ICMP port unreachable of a switch that has closed its port
		}
		var p Packet
		if p.Unmarshal(append([]byte(nil), buf[:n]...)) != nil {
			continue // not RTP
		}
		p.At = now
		e.mu.Lock()
		if !e.remote.IsValid() {
			e.remote = from
		}
		e.packets = append(e.packets, p)
		close(e.changed)
		e.changed = make(chan struct{})
		e.mu.Unlock()
	}
}

// sender is the state of the sending loop.
type sender struct {
	header rtp.Header
	digit  *media.DigitSender
	of     pendingDigit
	now    Digit
}

func (e *RTPEndpoint) send(ctx context.Context) {
	pacer := media.NewPacer(time.Now(), media.FrameTime)
	s := &sender{header: rtp.Header{Version: 2, SSRC: rand.Uint32(), SequenceNumber: uint16(rand.Uint32()),
		Timestamp: rand.Uint32()}}
	for {
		skipped, err := pacer.Wait(ctx)
		if err != nil {
			return
		}
		s.header.Timestamp += uint32(skipped * media.FrameSamples)
		e.mu.Lock()
		remote := e.remote
		var packet rtp.Packet
		if remote.IsValid() {
			packet = e.next(s)
		}
		e.mu.Unlock()
		if raw, err := packet.Marshal(); remote.IsValid() && err == nil {
			// A closed port at the far end is no error of this phone: the call has ended there.
			_, _ = e.conn.WriteToUDPAddrPort(raw, remote)
		}
		s.header.Timestamp += media.FrameSamples
	}
}

// next makes the packet of this frame; e.mu is held.
func (e *RTPEndpoint) next(s *sender) rtp.Packet {
	s.header.SequenceNumber++
	p := rtp.Packet{Header: s.header}
	if s.digit == nil && len(e.digits) > 0 {
		s.of, e.digits = e.digits[0], e.digits[1:]
		s.now = Digit{Char: s.of.char, First: time.Now()}
		if digit, ok := media.NewDigitSender(s.of.char, s.of.duration, s.header.Timestamp); ok {
			s.digit = digit
		}
	}
	if s.digit != nil {
		if d, more := s.digit.Next(); more {
			p.PayloadType, p.Marker, p.Timestamp, p.Payload = digitPayload, d.Marker, d.Timestamp, d.Payload[:]
			s.now.Last = time.Now()
			return p
		}
		e.sent = append(e.sent, s.now)
		s.of.done <- s.now
		s.digit = nil
	}
	frame := make([]int16, media.FrameSamples)
	if e.source != nil && media.ReadFull(e.source, frame) != nil {
		e.source = nil
	}
	p.PayloadType, p.Payload = uint8(e.codec), make([]byte, len(frame))
	e.codec.Encode(p.Payload, frame)
	return p
}
