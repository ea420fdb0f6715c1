package freeswitchtest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
)

// rtpRangeSize is the number of media ports of one instance: 200 legs.
const rtpRangeSize = 400

// rtpRange picks the first media port below Linux's ephemeral ports (32768). Two instances may overlap: FreeSWITCH
// tries each port before it uses it (rtp-port-usage-robustness).
func rtpRange() uint16 {
	const low, high = 10000, 32000
	return low + uint16(rand.N((high-low)/rtpRangeSize))*rtpRangeSize
}

// freePorts returns ports of 127.0.0.1 that were free for both TCP and UDP a moment ago, all different.
func freePorts(count int) (ports []uint16, err error) {
	var held []interface{ Close() error }
	defer func() {
		for _, socket := range held {
			err = errors.Join(err, socket.Close())
		}
	}()
	for attempts := 0; len(ports) < count; attempts++ {
		if attempts == 10*count {
			return nil, fmt.Errorf("find %d free ports: %d found", count, len(ports))
		}
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		held = append(held, listener)
		port := listener.Addr().(*net.TCPAddr).Port
		packets, err := net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue // taken for UDP
		}
		held = append(held, packets)
		ports = append(ports, uint16(port))
	}
	return ports, nil
}
