package softswitch

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"

	"ramal/media"
)

// player is one sound being played on a stream.
type player struct {
	source media.Source
	played atomic.Int64 // samples
	done   chan struct{}
	once   sync.Once
}

func (p *player) samples() int { return int(p.played.Load()) }

func (p *player) finish() { p.once.Do(func() { close(p.done) }) }

func (p *player) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// stream is the sound of one leg: its RTP socket, jitter buffer, what it plays and whom it is joined with. Its receiver
// goroutine fills the jitter buffer; its pump calls tick every 20 ms. Neither allocates per packet.
type stream struct {
	leg  *leg
	conn *net.UDPConn
	log  interface{ Warn(string, ...any) }

	mu       sync.Mutex
	pump     *pump
	codec    media.Codec
	digitPT  uint8
	remote   netip.AddrPort // where to send: from SDP, then where packets come from
	fromSDP  netip.AddrPort
	latched  bool
	muted    bool // the peer asked us not to send (RFC 3264 sendonly, inactive)
	jitter   *media.JitterBuffer
	digitsIn media.DigitReceiver
	players  []*player // the last one is heard
	peer     *stream
	taps     []*recording
	closed   bool

	seq        uint16
	timestamp  uint32
	ssrc       uint32
	mark       bool // the next packet begins a talk spurt
	silent     uint32
	digitQueue []queuedDigit
	sender     *media.DigitSender

	heard   [media.FrameSamples]int16 // read side of this tick
	said    [media.FrameSamples]int16 // write side of this tick
	hasSaid bool
	out     [12 + media.FrameSamples]byte

	lastPacket time.Time
	in, inDTMF atomic.Uint64
	sent       atomic.Uint64
	receiver   sync.WaitGroup
}

type queuedDigit struct {
	char     byte
	duration time.Duration
}

const maxQueuedDigits = 32

// openStream binds a port and begins to receive; nothing is sent before start.
func openStream(l *leg, ports *portPool) (*stream, error) {
	conn, err := ports.open()
	if err != nil {
		return nil, err
	}
	var seed [10]byte
	if _, err := rand.Read(seed[:]); err != nil {
		conn.Close()
		return nil, err
	}
	s := &stream{
		leg: l, conn: conn, log: l.sw.log, jitter: media.NewJitterBuffer(), mark: true, lastPacket: time.Now(),
		seq: binary.BigEndian.Uint16(seed[:]), timestamp: binary.BigEndian.Uint32(seed[2:]),
		ssrc: binary.BigEndian.Uint32(seed[6:]),
	}
	return s, nil
}

func (s *stream) port() int { return s.conn.LocalAddr().(*net.UDPAddr).Port }

// start sets what the peers agreed on and joins the pump.
func (s *stream) start(codec media.Codec, digitPT uint8, remote netip.AddrPort) {
	s.mu.Lock()
	s.codec, s.digitPT, s.remote, s.fromSDP = codec, digitPT, remote, remote
	first := s.pump == nil && !s.closed
	if first {
		s.pump = s.leg.sw.leastLoaded()
	}
	pump := s.pump
	s.mu.Unlock()
	if first {
		s.receiver.Add(1)
		go s.receive()
		pump.add(s)
	}
}

// update follows a re-INVITE.
func (s *stream) update(codec media.Codec, digitPT uint8, remote netip.AddrPort, muted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codec, s.digitPT, s.muted = codec, digitPT, muted
	if remote != s.fromSDP {
		s.remote, s.fromSDP, s.latched = remote, remote, false
	}
}

// close ends the stream and waits for its receiver.
func (s *stream) close() {
	s.mu.Lock()
	s.closed = true
	pump, players := s.pump, s.players
	s.players = nil
	s.mu.Unlock()
	s.conn.Close()
	if pump != nil {
		pump.remove(s)
	}
	for _, p := range players {
		p.finish()
	}
	s.receiver.Wait()
}

// receive reads the socket until it is closed.
func (s *stream) receive() {
	defer s.receiver.Done()
	buf := make([]byte, 2048)
	var packet rtp.Packet
	for {
		n, from, err := s.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue // an ICMP error of an earlier packet
		}
		if err := packet.Unmarshal(buf[:n]); err != nil || packet.Version != 2 {
			continue
		}
		s.take(&packet, from, time.Now())
	}
}

// take sorts one packet in. We send to where packets come from (symmetric RTP): to the first source there is, until the
// address of the SDP itself sends; strangers' packets are left out.
func (s *stream) take(packet *rtp.Packet, from netip.AddrPort, now time.Time) {
	if d, ok := s.sort(packet, from, now); ok {
		s.leg.pressedDigit(pressed{char: d.Char, samples: d.Samples, at: now})
	}
}

// sort gives the digit that ended with the packet, if one did.
func (s *stream) sort(packet *rtp.Packet, from netip.AddrPort, now time.Time) (media.Digit, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.latched && from != s.remote && from != s.fromSDP {
		return media.Digit{}, false
	}
	s.remote, s.latched = from, true
	s.lastPacket = now
	s.in.Add(1)
	switch packet.PayloadType {
	case uint8(media.PCMU), uint8(media.PCMA):
		s.jitter.Push(packet, now)
	case s.digitPT:
		s.inDTMF.Add(1)
		// A digit whose end is lost is dropped, as FreeSWITCH does: by the next digit, not by a clock, since a busy
		// machine may read the end late.
		if d, ok := s.digitsIn.Push(packet, now); ok && d.Ended {
			return d, true
		}
	}
	return media.Digit{}, false
}

// tick is 20 ms of both directions; false when the stream is closed.
func (s *stream) tick(now time.Time, skipped int) bool {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return false
	}
	if skipped > 0 {
		s.silent += uint32(skipped) * media.FrameSamples
	}
	s.jitter.Pop(s.heard[:], now)
	playing := len(s.players) > 0
	if playing {
		s.playFrame()
	}
	peer := s.peer
	for _, r := range s.taps {
		r.offer(s.heard[:], s.said[:], s.hasSaid)
	}
	alone := !playing && peer == nil
	s.hasSaid = false
	if alone {
		s.idle()
	}
	frame := s.heard
	s.mu.Unlock()
	if peer != nil {
		peer.speak(s, &frame)
	}
	return true
}

// playFrame sends the next frame of the sound that is heard. Call with mu held.
func (s *stream) playFrame() {
	p := s.players[len(s.players)-1]
	if err := media.ReadFull(p.source, s.said[:]); err != nil {
		if err != io.EOF {
			s.log.Warn("sound broke off", "leg", s.leg.uuid, "error", err)
		}
		p.finish()
		s.players = s.players[:len(s.players)-1]
		s.idle()
		return
	}
	p.played.Add(media.FrameSamples)
	s.send()
}

// speak sends what the partner was heard saying, unless a sound is played over it.
func (s *stream) speak(from *stream, frame *[media.FrameSamples]int16) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.peer != from || len(s.players) > 0 {
		return
	}
	s.said = *frame
	s.send()
}

// idle lets the clock run while nothing is sent; a waiting digit is sent nevertheless. Call with mu held.
func (s *stream) idle() {
	if s.sender != nil || len(s.digitQueue) > 0 {
		clear(s.said[:])
		s.send()
		return
	}
	s.silent += media.FrameSamples
	s.mark = true
}

// send writes said, or the packet of a digit instead. Call with mu held.
func (s *stream) send() {
	s.hasSaid = true
	s.timestamp += s.silent
	s.silent = 0
	if s.muted || !s.remote.IsValid() {
		s.timestamp += media.FrameSamples
		s.mark = true
		return
	}
	if s.sendDigit() {
		return
	}
	header := rtp.Header{
		Version: 2, Marker: s.mark, PayloadType: uint8(s.codec), SequenceNumber: s.seq, Timestamp: s.timestamp, SSRC: s.ssrc,
	}
	n, err := header.MarshalTo(s.out[:])
	if err != nil {
		return // a header of fixed size into a buffer that is large enough
	}
	n += s.codec.Encode(s.out[n:], s.said[:])
	s.write(n)
	s.mark = false
	s.timestamp += media.FrameSamples
}

// write sends the packet in out. A peer that went away is no error of ours: its leg ends by SIP or by RTPTimeout.
func (s *stream) write(n int) {
	s.seq++
	if _, err := s.conn.WriteToUDPAddrPort(s.out[:n], s.remote); err == nil {
		s.sent.Add(1)
	}
}

// sendDigit sends the next packet of a digit; false when there is none. Call with mu held.
func (s *stream) sendDigit() bool {
	for s.sender == nil && len(s.digitQueue) > 0 {
		d := s.digitQueue[0]
		s.digitQueue = s.digitQueue[1:]
		if s.digitPT != 0 {
			s.sender, _ = media.NewDigitSender(d.char, d.duration, s.timestamp)
		}
	}
	if s.sender == nil {
		return false
	}
	d, ok := s.sender.Next()
	if !ok {
		s.sender, s.mark = nil, true
		return false
	}
	header := rtp.Header{
		Version: 2, Marker: d.Marker, PayloadType: s.digitPT, SequenceNumber: s.seq, Timestamp: d.Timestamp, SSRC: s.ssrc,
	}
	n, err := header.MarshalTo(s.out[:])
	if err != nil {
		return false
	}
	n += copy(s.out[n:], d.Payload[:])
	s.write(n)
	s.timestamp += media.FrameSamples
	return true
}

func (s *stream) queueDigit(char byte, duration time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.digitQueue) < maxQueuedDigits {
		s.digitQueue = append(s.digitQueue, queuedDigit{char, duration})
	}
}

// play begins a sound; one that is already being heard goes on when this one is over.
func (s *stream) play(source media.Source) *player {
	p := &player{source: source, done: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		p.finish()
		return p
	}
	s.players = append(s.players, p)
	return p
}

// stop ends a sound; when it returns, its source is not read any more.
func (s *stream) stop(p *player) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.players {
		if s.players[i] == p {
			s.players = append(s.players[:i], s.players[i+1:]...)
			break
		}
	}
	p.finish()
}

func (s *stream) tap(r *recording) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taps = append(s.taps, r)
}

func (s *stream) untap(r *recording) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.taps {
		if s.taps[i] == r {
			s.taps = append(s.taps[:i:i], s.taps[i+1:]...)
			return
		}
	}
}

// quietSince tells when the last packet came.
func (s *stream) quietSince() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lastPacket
}

// connect joins two streams: each is sent what the other is heard saying. Both go on one pump.
func connect(a, b *stream) {
	if a == nil || b == nil {
		return
	}
	a.mu.Lock()
	target := a.pump
	a.peer = b
	a.mu.Unlock()
	b.mu.Lock()
	old := b.pump
	b.peer = a
	if target != nil && old != nil && old != target && !b.closed {
		b.pump = target
	}
	moved := b.pump != old
	b.mu.Unlock()
	if moved {
		old.remove(b)
		target.add(b)
	}
}

func disconnect(a, b *stream) {
	for _, pair := range [...][2]*stream{{a, b}, {b, a}} {
		if pair[0] == nil {
			continue
		}
		pair[0].mu.Lock()
		if pair[0].peer == pair[1] {
			pair[0].peer = nil
		}
		pair[0].mu.Unlock()
	}
}
