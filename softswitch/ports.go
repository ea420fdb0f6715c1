package softswitch

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
)

// portPool gives out UDP sockets for RTP on even ports, one after the other, so that a port rests before it is used
// again.
type portPool struct {
	host string
	min  int
	max  int

	mu   sync.Mutex
	next int
}

func newPortPool(host string, lo, hi int) *portPool {
	lo += lo & 1
	return &portPool{host: host, min: lo, max: hi, next: lo}
}

var errNoPort = errors.New("no RTP port is free")

// open binds the next free port.
func (p *portPool) open() (*net.UDPConn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range (p.max-p.min)/2 + 1 {
		port := p.next
		if p.next += 2; p.next > p.max {
			p.next = p.min
		}
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(p.host), Port: port})
		if err == nil {
			return conn, nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return nil, fmt.Errorf("open RTP port %d: %w", port, err)
		}
	}
	return nil, fmt.Errorf("%w between %d and %d", errNoPort, p.min, p.max)
}
