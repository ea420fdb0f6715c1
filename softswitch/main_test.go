package softswitch

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain finds goroutines that a switch left behind. sipgo v1.7.2 may open a socket for a message that it is
// handling while its user agent is being closed, and keeps that one open; a switch's own listeners do not read there.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/emiago/sipgo/sip.(*TransportUDP).readUDPConnection"),
		goleak.IgnoreAnyFunction("github.com/emiago/sipgo/sip.(*TransportTCP).readConnection"))
}
