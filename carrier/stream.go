package carrier

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/rtp"

	"ramal/media"
)

// SentDigit is a digit as it was sent.
type SentDigit struct {
	Char      byte
	Timestamp uint32    // RTP
	Start     time.Time // of its first packet
	End       time.Time // of its first packet with the end bit
}

// stream is the RTP side of one call.
type stream struct {
	conn  *net.UDPConn
	local netip.AddrPort
	heard capture
	done  chan struct{} // closed by close
	ended sync.WaitGroup

	mu       sync.Mutex
	remote   netip.AddrPort // from the SDP, then from the first packet received (symmetric RTP)
	learned  bool
	codec    media.Codec
	eventPT  uint8 // what the other side wants; 0: none
	sending  bool
	source   media.Source
	finished chan struct{} // closed when source ends
	digits   []*digitJob
	received []media.Digit
	changed  chan struct{} // closed and replaced when a digit was received
	receiver media.DigitReceiver
	gap      int // frames of sound before the next digit
	sent     int // packets
}

type digitJob struct {
	char     byte
	duration time.Duration
	sender   *media.DigitSender
	result   SentDigit
	done     chan struct{}
}

// digitGap is the pause between two digits, in frames: 100 ms.
const digitGap = 5

func newStream(host string) (*stream, error) {
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return nil, fmt.Errorf("open RTP: %w", err)
	}
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, 0)))
	if err != nil {
		return nil, fmt.Errorf("open RTP: %w", err)
	}
	s := &stream{conn: conn, done: make(chan struct{}), changed: make(chan struct{}), codec: media.PCMA}
	s.local = netip.AddrPortFrom(addr, conn.LocalAddr().(*net.UDPAddr).AddrPort().Port())
	s.ended.Go(s.receive)
	s.ended.Go(s.send)
	return s, nil
}

// configure takes over what was negotiated.
func (s *stream) configure(r remoteMedia, codec media.Codec, sending bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.remote != r.addr && !s.learned || r.addr.Port() == 0 {
		s.remote = r.addr
	}
	s.codec, s.eventPT = codec, r.eventPT
	s.sending = sending && r.addr.Port() != 0 && !r.addr.Addr().IsUnspecified()
}

func (s *stream) close() {
	s.mu.Lock()
	select {
	case <-s.done:
	default:
		close(s.done)
		_ = s.conn.Close() // a UDP socket: nothing is lost
		if s.source != nil {
			_ = media.CloseSource(s.source) // read only
			s.source = nil
			close(s.finished)
		}
	}
	s.mu.Unlock()
	s.ended.Wait()
}

func (s *stream) receive() {
	buf := make([]byte, 2048)
	for {
		n, from, err := s.conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // an ICMP error of an earlier packet: the other side's socket is closed
		}
		now := time.Now()
		var p rtp.Packet
		if err := p.Unmarshal(buf[:n]); err != nil || p.PayloadType >= 72 && p.PayloadType <= 76 {
			continue // RTCP or nothing of ours
		}
		s.heard.add(&p, now)
		s.mu.Lock()
		if from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port()); s.remote.IsValid() {
			s.remote, s.learned = from, true
		}
		if s.eventPT != 0 && p.PayloadType == s.eventPT || s.eventPT == 0 && p.PayloadType == defaultEventPT {
			if d, ok := s.receiver.Push(&p, now); ok {
				s.report(d)
			}
		}
		s.mu.Unlock()
	}
}

// report is called with mu held.
func (s *stream) report(d media.Digit) {
	s.received = append(s.received, d)
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *stream) send() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s.ended.Go(func() {
		select {
		case <-s.done:
			cancel()
		case <-ctx.Done():
		}
	})
	var seed [10]byte
	_, _ = rand.Read(seed[:]) // crypto/rand.Read never fails
	p := rtp.Packet{Header: rtp.Header{Version: 2, SSRC: binary.BigEndian.Uint32(seed[:]),
		SequenceNumber: binary.BigEndian.Uint16(seed[4:]), Timestamp: binary.BigEndian.Uint32(seed[6:])}}
	pacer := media.NewPacer(time.Now(), media.FrameTime)
	marker, payload := true, make([]byte, media.FrameSamples)
	for {
		skipped, err := pacer.Wait(ctx)
		if err != nil {
			return
		}
		p.Timestamp += uint32(skipped * media.FrameSamples)
		clock := p.Timestamp
		s.mu.Lock()
		if d, ok := s.receiver.Expire(time.Now()); ok {
			s.report(d)
		}
		to, ready := s.remote, s.remote.IsValid() && s.sending
		if ready {
			marker = s.fill(&p, payload, marker)
			s.sent++
		} else {
			marker = true
		}
		s.mu.Unlock()
		if ready {
			if raw, err := p.Marshal(); err == nil {
				_, _ = s.conn.WriteToUDPAddrPort(raw, to) // lost packets are part of UDP
			}
			p.SequenceNumber++
		}
		p.Timestamp = clock + media.FrameSamples
	}
}

// fill makes the packet of the next 20 ms: a digit's, or 160 samples. It tells whether the packet after it begins a
// talk spurt.
func (s *stream) fill(p *rtp.Packet, payload []byte, marker bool) bool {
	if len(s.digits) > 0 && s.gap == 0 && s.eventPT != 0 {
		job := s.digits[0]
		if job.sender == nil {
			job.sender, _ = media.NewDigitSender(job.char, job.duration, p.Timestamp) // the character was checked
			job.result.Timestamp, job.result.Start = p.Timestamp, time.Now()
		}
		if d, ok := job.sender.Next(); ok {
			p.PayloadType, p.Marker, p.Timestamp = s.eventPT, d.Marker, d.Timestamp
			p.Payload = d.Payload[:]
			if d.End && job.result.End.IsZero() {
				job.result.End = time.Now()
			}
			return true
		}
		s.digits, s.gap = s.digits[1:], digitGap
		close(job.done)
	}
	if s.gap > 0 {
		s.gap--
	}
	var frame [media.FrameSamples]int16
	if s.source != nil {
		if err := media.ReadFull(s.source, frame[:]); err != nil {
			if err != io.EOF {
				clear(frame[:])
			}
			_ = media.CloseSource(s.source) // read only
			s.source = nil
			close(s.finished)
		}
	}
	s.codec.Encode(payload, frame[:])
	p.PayloadType, p.Marker, p.Payload = uint8(s.codec), marker, payload
	return false
}

// play replaces what is being sent; nil sends silence. The channel is closed when the source has ended or was replaced.
func (s *stream) play(src media.Source) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.source != nil {
		_ = media.CloseSource(s.source) // read only
		close(s.finished)
	}
	s.source, s.finished = src, make(chan struct{})
	if src == nil {
		close(s.finished)
	}
	return s.finished
}

func (s *stream) sendDigits(ctx context.Context, digits string, duration time.Duration) ([]SentDigit, error) {
	s.mu.Lock()
	if s.eventPT == 0 {
		s.mu.Unlock()
		return nil, errors.New("send digits: the other side takes no telephone-event")
	}
	jobs := make([]*digitJob, 0, len(digits))
	for i := range len(digits) {
		if _, ok := media.NewDigitSender(digits[i], duration, 0); !ok {
			s.mu.Unlock()
			return nil, fmt.Errorf("send digits: character %d is no digit", i)
		}
		jobs = append(jobs, &digitJob{char: digits[i], duration: duration, result: SentDigit{Char: digits[i]},
			done: make(chan struct{})})
	}
	s.digits = append(s.digits, jobs...)
	s.mu.Unlock()
	var sent []SentDigit
	for _, job := range jobs {
		select {
		case <-job.done:
			sent = append(sent, job.result)
		case <-ctx.Done():
			return sent, fmt.Errorf("send digits: %w", ctx.Err())
		case <-s.done:
			return sent, fmt.Errorf("send digits: %w", net.ErrClosed)
		}
	}
	return sent, nil
}

// waitDigits waits until at least n digits were received in all.
func (s *stream) waitDigits(ctx context.Context, n int) ([]media.Digit, error) {
	for {
		s.mu.Lock()
		got, changed := append([]media.Digit(nil), s.received...), s.changed
		s.mu.Unlock()
		if len(got) >= n {
			return got, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return got, fmt.Errorf("wait for digit %d: %w", n, ctx.Err())
		case <-s.done:
			return got, fmt.Errorf("wait for digit %d: the call has ended", n)
		}
	}
}
