package carrier

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain finds goroutines that a phone left behind. sipgo v1.7.2 may open a socket for a message that it is
// handling while its user agent is being closed, and keeps that one open.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/emiago/sipgo/sip.(*TransportUDP).readUDPConnection"),
		goleak.IgnoreAnyFunction("github.com/emiago/sipgo/sip.(*TransportTCP).readConnection"))
}
