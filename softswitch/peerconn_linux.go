package softswitch

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// peerConn is a UDP socket that learns of closed ports: with IP_RECVERR (ip(7)) the kernel keeps the destination of
// each ICMP error, so that an INVITE to a dead phone fails at once instead of after 32 s, as with sofia (recording
// 07f).
type peerConn struct {
	*net.UDPConn
	unreachable func(netip.AddrPort)
}

func newPeerConn(conn *net.UDPConn, unreachable func(netip.AddrPort)) *peerConn {
	p := &peerConn{UDPConn: conn, unreachable: unreachable}
	raw, err := conn.SyscallConn()
	if err == nil {
		// Without the option closed ports are only noticed by time-out.
		_ = raw.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, syscall.IP_RECVERR, 1) })
	}
	return p
}

// ReadFrom reads the next datagram; the errors of earlier ones are taken off the socket and reported on the way.
func (p *peerConn) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, addr, err := p.UDPConn.ReadFrom(b)
		if err == nil || errors.Is(err, net.ErrClosed) || !p.transient(err) {
			return n, addr, err
		}
		p.drain()
	}
}

// WriteTo sends a datagram. An error that belongs to an earlier one is reported and the datagram sent again.
func (p *peerConn) WriteTo(b []byte, addr net.Addr) (int, error) {
	for try := 0; ; try++ {
		n, err := p.UDPConn.WriteTo(b, addr)
		if err == nil || try == 8 || !p.transient(err) {
			return n, err
		}
		p.drain()
	}
}

func (p *peerConn) transient(err error) bool {
	for _, code := range []error{
		syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EHOSTDOWN, syscall.EMSGSIZE, syscall.EPROTO,
	} {
		if errors.Is(err, code) {
			return true
		}
	}
	return false
}

// drain empties the error queue; each entry carries the address the failed datagram was sent to.
func (p *peerConn) drain() {
	raw, err := p.UDPConn.SyscallConn()
	if err != nil {
		return
	}
	var failed []netip.AddrPort
	_ = raw.Control(func(fd uintptr) {
		payload, control := make([]byte, 64), make([]byte, 256)
		for range 64 {
			_, _, _, from, err := syscall.Recvmsg(int(fd), payload, control, syscall.MSG_ERRQUEUE|syscall.MSG_DONTWAIT)
			if err != nil {
				return
			}
			if in4, ok := from.(*syscall.SockaddrInet4); ok {
				failed = append(failed, netip.AddrPortFrom(netip.AddrFrom4(in4.Addr), uint16(in4.Port)))
			}
		}
	})
	if len(failed) == 0 {
		time.Sleep(time.Millisecond) // the error was somebody else's to take: do not spin on it
	}
	for _, addr := range failed {
		p.unreachable(addr)
	}
}
