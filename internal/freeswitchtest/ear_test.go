package freeswitchtest

import (
	"encoding/binary"
	"net"
	"sync"
	"testing"
	"time"

	"ramal/media"
)

// listenFor is how much sound an ear judges: half a second.
const listenFor = media.SampleRate / 2

// ear is the media of one phone: it receives G.711 A-law over RTP, keeps the last half second, and speaks a tone if
// told to.
type ear struct {
	socket net.PacketConn
	heard  chan struct{} // a packet came

	mu     sync.Mutex
	last   []int16
	remote net.Addr // where packets came from
}

func listen(t *testing.T) *ear {
	t.Helper()
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &ear{socket: socket, heard: make(chan struct{}, 1)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		e.receive()
	}()
	t.Cleanup(func() {
		if err := socket.Close(); err != nil {
			t.Error(err)
		}
		<-ended
	})
	return e
}

func (e *ear) port() int { return e.socket.LocalAddr().(*net.UDPAddr).Port }

func (e *ear) receive() {
	packet := make([]byte, 2048)
	samples := make([]int16, len(packet))
	for {
		n, from, err := e.socket.ReadFrom(packet)
		if err != nil {
			return // closed at the test's end
		}
		if n <= 12 || packet[1]&0x7f != byte(media.PCMA) {
			continue
		}
		count := media.PCMA.Decode(samples, packet[12:n])
		e.mu.Lock()
		e.remote = from
		e.last = append(e.last, samples[:count]...)
		e.last = e.last[max(0, len(e.last)-listenFor):]
		e.mu.Unlock()
		select {
		case e.heard <- struct{}{}:
		default:
		}
	}
}

// hears waits until half a second of sound is the tone, 20 dB over everything else.
func (e *ear) hears(t *testing.T, hertz float64, limit time.Duration) {
	t.Helper()
	deadline := time.After(limit)
	for {
		select {
		case <-e.heard:
			e.mu.Lock()
			tone := len(e.last) == listenFor && media.ToneOverRest(e.last, media.SampleRate, hertz) >= 20
			e.mu.Unlock()
			if tone {
				return
			}
		case <-deadline:
			t.Fatalf("no tone of %v Hz within %v", hertz, limit)
		}
	}
}

// speak sends a tone to where packets come from, from the first of them to the test's end. The frequency is a multiple
// of 50 Hz, so that a frame ends where it begins.
func (e *ear) speak(t *testing.T, hertz float64) {
	t.Helper()
	payload := make([]byte, media.FrameSamples)
	media.PCMA.Encode(payload, sine(hertz, media.FrameSamples))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		frames := time.NewTicker(media.FrameTime)
		defer frames.Stop()
		var begun time.Time // of speaking, not of waiting for whom to speak to
		sequence := 0
		for {
			select {
			case <-t.Context().Done():
				return
			case <-frames.C:
			}
			e.mu.Lock()
			remote := e.remote
			e.mu.Unlock()
			if remote == nil {
				continue
			}
			if begun.IsZero() {
				begun = time.Now()
			}
			// A ticker drops ticks on a busy machine: what is due is sent.
			for ; time.Duration(sequence)*media.FrameTime <= time.Since(begun); sequence++ {
				if _, err := e.socket.WriteTo(packet(sequence, payload), remote); err != nil {
					return // closed at the test's end, or the switch has gone
				}
			}
		}
	}()
	t.Cleanup(func() { <-ended })
}

// packet is an RTP packet of one frame (RFC 3550 section 5.1).
func packet(sequence int, payload []byte) []byte {
	header := []byte{0x80, byte(media.PCMA)}
	header = binary.BigEndian.AppendUint16(header, uint16(sequence))
	header = binary.BigEndian.AppendUint32(header, uint32(sequence*media.FrameSamples))
	header = binary.BigEndian.AppendUint32(header, 1)
	return append(header, payload...)
}
