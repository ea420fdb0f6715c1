package softswitch

import (
	"net"
	"testing"
	"time"

	"github.com/pion/rtp"
)

// A machine that is busy for a moment reads a digit's packets late, while the clock of the ticks goes on.
func TestADigitWhoseEndIsReadLateStillCounts(t *testing.T) {
	sink := rtpSocket(t)
	from := sink.LocalAddr().(*net.UDPAddr).AddrPort()
	s := bareStream(t, bareSwitch(1), from)
	defer s.close()
	now := time.Now()
	packet := rtp.Packet{Payload: []byte{1, 10, 0, 160},
		Header: rtp.Header{Version: 2, PayloadType: 101, SSRC: 1, SequenceNumber: 1, Timestamp: 8000, Marker: true}}
	if _, ok := s.sort(&packet, from, now); ok {
		t.Fatal("the digit has ended with its first packet")
	}
	for range 20 {
		now = now.Add(20 * time.Millisecond)
		s.tick(now, 0)
	}
	packet.SequenceNumber, packet.Marker, packet.Payload = 6, false, []byte{1, 0x80 | 10, 3, 32}
	d, ok := s.sort(&packet, from, now)
	if !ok || d.Char != '1' || d.Samples != 800 {
		t.Errorf("the end that was read 400 ms after the beginning: %+v %v", d, ok)
	}
}
