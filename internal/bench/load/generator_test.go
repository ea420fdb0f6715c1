package load

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/ipv4"

	"ramal/media"
)

// lines is into how many sockets, and moments of each 20 ms, the phones are spread.
const lines = 16

// phone is the sound of one leg's far end. It says one A-law value all the time, so that who hears it knows its
// partner.
type phone struct {
	says, partner byte
	to            net.UDPAddr
	header        [12]byte
	heard         []arrival
}

// line is one socket with its phones; which of them hears a packet is told by the packet's source port.
type line struct {
	conn   *net.UDPConn
	batch  *ipv4.PacketConn
	phones []*phone
	by     map[int]*phone
	out    []ipv4.Message
	in     []ipv4.Message
}

// generator is every phone's sound by one goroutine: each 1.25 ms it sends the packets of the next line in one
// system call and takes in what has come there, whose moment the kernel noted (SO_TIMESTAMPNS): the generator's own
// delays are not measured as the switch's.
type generator struct {
	lines  [lines]*line
	listen bool // note arrivals
	late   int  // rounds that began more than 5 ms late
	rounds int
}

const stampNanos = 35 // SO_TIMESTAMPNS, SCM_TIMESTAMPNS (socket(7)); package syscall has it under the old name only

func newGenerator(b *testing.B) *generator {
	b.Helper()
	g := &generator{}
	for i := range g.lines {
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		must(b, err)
		b.Cleanup(func() { must(b, conn.Close()) })
		must(b, conn.SetReadBuffer(4<<20))
		raw, err := conn.SyscallConn()
		must(b, err)
		var option error
		must(b, raw.Control(func(fd uintptr) {
			option = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, stampNanos, 1)
		}))
		must(b, option)
		l := &line{conn: conn, batch: ipv4.NewPacketConn(conn), by: map[int]*phone{}, in: make([]ipv4.Message, 64)}
		for k := range l.in {
			l.in[k] = ipv4.Message{Buffers: [][]byte{make([]byte, 512)}, OOB: make([]byte, 64)}
		}
		g.lines[i] = l
	}
	return g
}

// port is where the n-th phone listens.
func (g *generator) port(n int) int { return g.lines[n%lines].conn.LocalAddr().(*net.UDPAddr).Port }

// add makes the n-th phone. Call it while the generator does not run.
func (g *generator) add(n int, to netip.AddrPort, says, partner byte) {
	p := &phone{says: says, partner: partner, to: *net.UDPAddrFromAddrPort(to)}
	p.header[0], p.header[1] = 0x80, uint8(media.PCMA)
	binary.BigEndian.PutUint32(p.header[8:], uint32(n)+1)
	l := g.lines[n%lines]
	l.phones = append(l.phones, p)
	l.by[int(to.Port())] = p
	packet := make([]byte, len(p.header)+media.FrameSamples)
	for k := len(p.header); k < len(packet); k++ {
		packet[k] = says
	}
	l.out = append(l.out, ipv4.Message{Buffers: [][]byte{packet}, Addr: &p.to})
}

// run sends and receives for so long.
func (g *generator) run(d time.Duration) error {
	const step = media.FrameTime / lines
	start := time.Now()
	for n := 0; ; n++ {
		due := start.Add(time.Duration(n) * step)
		if due.Sub(start) >= d {
			return nil
		}
		if wait := time.Until(due); wait > 0 {
			time.Sleep(wait) // a pace by the wall clock: this is the load itself
		} else if wait < -5*time.Millisecond {
			g.late++
		}
		g.rounds++
		l := g.lines[n%lines]
		if err := errors.Join(l.send(), l.receive(g.listen)); err != nil {
			return err
		}
	}
}

func (l *line) send() error {
	for i, p := range l.phones {
		binary.BigEndian.PutUint16(p.header[2:], binary.BigEndian.Uint16(p.header[2:])+1)
		binary.BigEndian.PutUint32(p.header[4:], binary.BigEndian.Uint32(p.header[4:])+media.FrameSamples)
		copy(l.out[i].Buffers[0], p.header[:])
	}
	for rest := l.out; len(rest) > 0; {
		n, err := l.batch.WriteBatch(rest, 0)
		if err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

// receive takes in what has come, without waiting.
func (l *line) receive(listen bool) error {
	for {
		n, err := l.batch.ReadBatch(l.in, syscall.MSG_DONTWAIT)
		if errors.Is(err, syscall.EAGAIN) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, m := range l.in[:n] {
			from, ok := m.Addr.(*net.UDPAddr)
			if !listen || !ok || m.N < 12 {
				continue
			}
			if p := l.by[from.Port]; p != nil {
				p.heard = append(p.heard, heard(m, p.partner))
			}
		}
		if n < len(l.in) {
			return nil
		}
	}
}

func heard(m ipv4.Message, partner byte) arrival {
	b := m.Buffers[0][:m.N]
	a := arrival{sequence: binary.BigEndian.Uint16(b[2:]), stamp: binary.BigEndian.Uint32(b[4:])}
	a.sound = m.N == 12+media.FrameSamples
	for at := 12; a.sound && at < m.N; at += 53 { // the first, the last and two between
		a.sound = b[at] == partner
	}
	// struct cmsghdr of a 64-bit Linux and the struct timespec behind it.
	if c := m.OOB[:m.NN]; len(c) >= 32 && binary.NativeEndian.Uint32(c[12:]) == stampNanos {
		a.at = int64(binary.NativeEndian.Uint64(c[16:]))*1e9 + int64(binary.NativeEndian.Uint64(c[24:]))
	}
	return a
}

// forget drops the arrivals noted so far.
func (g *generator) forget() {
	g.late, g.rounds = 0, 0
	for _, l := range g.lines {
		for _, p := range l.phones {
			p.heard = p.heard[:0]
		}
	}
}

// timely is the share of all packets that were due in the window and came in time.
func (g *generator) timely(window time.Duration) float64 {
	due, good := 0, 0
	for _, l := range g.lines {
		for _, p := range l.phones {
			d, n := timeliness(p.heard, window)
			due, good = due+d, good+n
		}
	}
	return float64(good) / float64(max(due, 1))
}
