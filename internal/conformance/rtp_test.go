package conformance

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"ramal/media"
)

func pair(t *testing.T) (a, b *RTPEndpoint) {
	t.Helper()
	ends := make([]*RTPEndpoint, 2)
	for i := range ends {
		e, err := ListenRTP(media.PCMA)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		})
		ends[i] = e
	}
	ends[0].SendTo(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(ends[1].Port())))
	return ends[0], ends[1]
}

func TestTwoEndPointsHearEachOthersTones(t *testing.T) {
	a, b := pair(t)
	a.Play(media.Sine(440, -10))
	b.Play(media.Sine(880, -10))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	for _, end := range []struct {
		e    *RTPEndpoint
		tone float64
	}{{a, 880}, {b, 440}} {
		err := end.e.Wait(ctx, func(h *Heard) bool {
			last := h.Last(400 * time.Millisecond)
			return len(last) >= 2400 && media.ToneOverRest(last, media.SampleRate, end.tone) > 20
		})
		if err != nil {
			t.Errorf("%v Hz: %v", end.tone, err)
		}
	}
}

func TestADigitThatWasSentIsHeardWithItsDuration(t *testing.T) {
	a, b := pair(t)
	sent := <-a.Dial('1', 280*time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := b.Wait(ctx, func(h *Heard) bool { return len(h.Digits()) == 1 }); err != nil {
		t.Fatal(err)
	}
	d := b.Heard().Digits()[0]
	if d.Char != '1' || d.Samples != 2240 || !d.Ended {
		t.Errorf("sent %+v, heard %+v", sent, d)
	}
}
