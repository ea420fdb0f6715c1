//go:build !linux

package softswitch

import (
	"net"
	"net/netip"
)

// peerConn is a UDP socket; closed ports are noticed by time-out here.
type peerConn struct{ *net.UDPConn }

func newPeerConn(conn *net.UDPConn, _ func(netip.AddrPort)) *peerConn { return &peerConn{conn} }
