package media

import (
	"testing"
	"time"

	"github.com/pion/rtp"
)

var t0 = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func TestPacerKeepsAbsoluteDeadlinesHoweverLateItWakes(t *testing.T) {
	p := NewPacer(t0, FrameTime)
	now := t0
	for i := range 50000 {
		deadline, skipped := p.Next(now)
		if want := t0.Add(time.Duration(i) * FrameTime); !deadline.Equal(want) || skipped != 0 {
			t.Fatalf("frame %d is due at %v with %d skipped, want %v", i, deadline.Sub(t0), skipped, want.Sub(t0))
		}
		now = deadline.Add(time.Duration(i%9) * time.Millisecond) // wakes 0 to 8 ms late
	}
}

func TestPacerCatchesUpAtTwiceThePaceInsteadOfABurst(t *testing.T) {
	p := NewPacer(t0, FrameTime)
	p.Next(t0)
	now := t0.Add(120 * time.Millisecond) // five frames are overdue
	last := time.Time{}
	for frame := 1; frame < 20; frame++ {
		deadline, skipped := p.Next(now)
		if deadline.After(now) {
			now = deadline
		}
		if gap := now.Sub(last); !last.IsZero() && gap < FrameTime/2 {
			t.Fatalf("frame %d came %v after the one before", frame, gap)
		}
		if skipped != 0 {
			t.Fatalf("frame %d: %d skipped", frame, skipped)
		}
		last = now
	}
	if want := t0.Add(19 * FrameTime); !now.Equal(want) {
		t.Errorf("after 20 frames it is %v, want %v", now.Sub(t0), want.Sub(t0))
	}
}

func TestPacerGivesUpFramesWhenItIsFarBehind(t *testing.T) {
	p := NewPacer(t0, FrameTime)
	p.Next(t0)
	deadline, skipped := p.Next(t0.Add(time.Second))
	if skipped != 49 || !deadline.Equal(t0.Add(time.Second)) {
		t.Errorf("a second late: due at %v with %d skipped, want 1s and 49", deadline.Sub(t0), skipped)
	}
}

// voice is a packet of frame number n whose samples all encode the level n+1 steps up, so that frames can be told
// apart.
func voice(n int, ssrc uint32, base uint32) *rtp.Packet {
	payload := make([]byte, FrameSamples)
	for i := range payload {
		payload[i] = byte(0xF0 - n%64)
	}
	return &rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 0, SSRC: ssrc, SequenceNumber: uint16(n),
		Timestamp: base + uint32(n)*FrameSamples}, Payload: payload}
}

func level(n int) int16 { return ulawToLinear[byte(0xF0-n%64)] }

type played struct {
	at   time.Duration
	kind FrameKind
	n    int16
}

// play pushes packets at their times and pops every 20 ms.
func play(j *JitterBuffer, arrivals map[time.Duration][]*rtp.Packet, until time.Duration) []played {
	var out []played
	for at := time.Duration(0); at < until; at += time.Millisecond {
		for _, p := range arrivals[at] {
			j.Push(p, t0.Add(at))
		}
		if at%FrameTime == 0 {
			var frame [FrameSamples]int16
			kind := j.Pop(frame[:], t0.Add(at))
			out = append(out, played{at, kind, frame[80]})
		}
	}
	return out
}

func TestJitterBufferPlaysInOrderAfterSixtyMilliseconds(t *testing.T) {
	const base = 0xFFFFFF00 // wraps after the second packet
	arrivals := map[time.Duration][]*rtp.Packet{}
	for n := range 20 {
		at := time.Duration(n)*FrameTime + time.Duration(n*17%55)*time.Millisecond // up to 54 ms of jitter
		arrivals[at] = append(arrivals[at], voice(n, 1, base), voice(n, 1, base))  // and each one doubled
	}
	j := NewJitterBuffer()
	out := play(j, arrivals, 460*time.Millisecond)
	for i, f := range out {
		n := i - 3
		if n < 0 && f.kind != FrameNone {
			t.Errorf("at %v: frame before the buffer was full", f.at)
		}
		if n >= 0 && (f.kind != FrameAudio || f.n != level(n)) {
			t.Errorf("at %v: kind %d level %d, want frame %d (%d)", f.at, f.kind, f.n, n, level(n))
		}
	}
	if s := j.Stats(); s.Duplicates != 20 || s.Late != 0 || s.Restarts != 0 || s.Played != 20 {
		t.Errorf("stats %+v", s)
	}
}

func TestJitterBufferConcealsLossSofterAndSofterThenFallsSilent(t *testing.T) {
	arrivals := map[time.Duration][]*rtp.Packet{}
	for n := range 15 {
		if n != 3 && n < 6 || n > 12 {
			at := time.Duration(n) * FrameTime
			arrivals[at] = []*rtp.Packet{voice(n, 1, 1000)}
		}
	}
	out := play(NewJitterBuffer(), arrivals, 360*time.Millisecond)[3:]
	want := []struct {
		kind FrameKind
		n    int16
	}{
		{FrameAudio, level(0)}, {FrameAudio, level(1)}, {FrameAudio, level(2)}, {FrameConcealed, level(2) >> 1},
		{FrameAudio, level(4)}, {FrameAudio, level(5)}, {FrameConcealed, level(5) >> 1}, {FrameConcealed, level(5) >> 2},
		{FrameConcealed, level(5) >> 3}, {FrameNone, 0}, {FrameNone, 0}, {FrameNone, 0}, {FrameNone, 0}, {FrameAudio,
			level(13)},
	}
	for i, w := range want {
		if out[i].kind != w.kind || out[i].n != w.n {
			t.Errorf("frame %d: kind %d level %d, want %d %d", i, out[i].kind, out[i].n, w.kind, w.n)
		}
	}
}

func TestJitterBufferBeginsAgainWithANewSourceOrATimestampJump(t *testing.T) {
	for name, second := range map[string]func(int) *rtp.Packet{
		"new SSRC":       func(n int) *rtp.Packet { return voice(n, 2, 77) },
		"timestamp jump": func(n int) *rtp.Packet { return voice(n, 1, 900000) },
		"jump back":      func(n int) *rtp.Packet { return voice(n, 1, 0xFFF00000) },
	} {
		arrivals := map[time.Duration][]*rtp.Packet{}
		for n := range 10 {
			arrivals[time.Duration(n)*FrameTime] = []*rtp.Packet{voice(n, 1, 1000)}
			arrivals[time.Duration(n+10)*FrameTime] = []*rtp.Packet{second(n + 20)}
		}
		j := NewJitterBuffer()
		out := play(j, arrivals, 460*time.Millisecond)
		for i, f := range out[13:] {
			if f.kind != FrameAudio || f.n != level(i+20) {
				t.Errorf("%s: at %v kind %d level %d, want %d", name, f.at, f.kind, f.n, level(i+20))
			}
		}
		if s := j.Stats(); s.Restarts != 1 {
			t.Errorf("%s: %d restarts, want 1", name, s.Restarts)
		}
	}
}

func TestJitterBufferTakesPacketsOfAnyLengthAndDropsOtherPayloads(t *testing.T) {
	j := NewJitterBuffer()
	for i := range 8 { // eight packets of 10 ms
		p := voice(i, 1, 0)
		p.Timestamp, p.Payload = uint32(i*80), p.Payload[:80]
		j.Push(p, t0)
	}
	event := voice(0, 1, 0)
	event.PayloadType = 101
	j.Push(event, t0)
	var frame [FrameSamples]int16
	for i := range 4 {
		if kind := j.Pop(frame[:], t0.Add(JitterDepth+time.Duration(i)*FrameTime)); kind != FrameAudio {
			t.Fatalf("frame %d: kind %d", i, kind)
		}
		if frame[0] != level(2*i) || frame[159] != level(2*i+1) {
			t.Errorf("frame %d: %d … %d, want %d … %d", i, frame[0], frame[159], level(2*i), level(2*i+1))
		}
	}
	if s := j.Stats(); s.Ignored != 1 || s.Received != 8 {
		t.Errorf("stats %+v", s)
	}
}

func TestJitterBufferRecoversFromASenderWhoseClockIsSlow(t *testing.T) {
	j := NewJitterBuffer()
	arrivals := map[time.Duration][]*rtp.Packet{}
	for n := range 200 { // 21 ms between packets that claim 20
		arrivals[time.Duration(n)*21*time.Millisecond] = []*rtp.Packet{voice(n, 1, 5)}
	}
	out := play(j, arrivals, 4200*time.Millisecond)
	audio := 0
	for _, f := range out {
		if f.kind == FrameAudio {
			audio++
		}
	}
	if s := j.Stats(); audio < 170 || s.Restarts == 0 {
		t.Errorf("%d of 200 frames played, stats %+v", audio, s)
	}
}

func TestJitterBufferNeverHoldsMoreThanAQuarterOfASecondOfAFastSender(t *testing.T) {
	j := NewJitterBuffer()
	arrivals := map[time.Duration][]*rtp.Packet{}
	for n := range 400 { // 19 ms between packets that claim 20
		arrivals[time.Duration(n)*19*time.Millisecond] = []*rtp.Packet{voice(n%64, 1, 5)}
		arrivals[time.Duration(n)*19*time.Millisecond][0].Timestamp = uint32(n * FrameSamples)
	}
	audio := 0
	for _, f := range play(j, arrivals, 7600*time.Millisecond) {
		if f.kind == FrameAudio {
			audio++
		}
		if held := int(j.end-j.next) * 1000 / SampleRate; held > 260 {
			t.Fatalf("%d ms are held", held)
		}
	}
	if s := j.Stats(); audio < 340 || s.Restarts == 0 || s.Restarts > 4 {
		t.Errorf("%d frames played, stats %+v", audio, s)
	}
}

func digitPackets(t *testing.T, char byte, d time.Duration, ts uint32, seq uint16) []*rtp.Packet {
	t.Helper()
	s, ok := NewDigitSender(char, d, ts)
	if !ok {
		t.Fatalf("%c is no digit", char)
	}
	var out []*rtp.Packet
	for {
		p, ok := s.Next()
		if !ok {
			return out
		}
		out = append(out, &rtp.Packet{Header: rtp.Header{Marker: p.Marker, PayloadType: 101, SequenceNumber: seq,
			Timestamp: p.Timestamp, SSRC: 9}, Payload: append([]byte(nil), p.Payload[:]...)})
		seq++
	}
}

func TestDigitSenderFollowsRFC4733(t *testing.T) {
	packets := digitPackets(t, '#', 100*time.Millisecond, 4000, 0xFFFE)
	if len(packets) != 7 { // 160 … 800, the last one three times
		t.Fatalf("%d packets, want 7", len(packets))
	}
	for i, p := range packets {
		duration := int(p.Payload[2])<<8 | int(p.Payload[3])
		if want := min(i+1, 5) * 160; duration != want {
			t.Errorf("packet %d states %d samples, want %d", i, duration, want)
		}
		if p.Marker != (i == 0) || p.Timestamp != 4000 || p.Payload[0] != 11 || (p.Payload[1]&0x80 != 0) != (i >= 4) {
			t.Errorf("packet %d: marker %v timestamp %d payload %x", i, p.Marker, p.Timestamp, p.Payload)
		}
	}
	if _, ok := NewDigitSender('x', time.Second, 0); ok {
		t.Error("x was taken for a digit")
	}
}

func TestDigitReceiverReportsEachDigitOnceAtItsEnd(t *testing.T) {
	var r DigitReceiver
	var got []Digit
	now := t0
	seq := uint16(0xFFF0)
	for i, char := range []byte("1*A#") {
		for _, p := range digitPackets(t, char, 100*time.Millisecond, uint32(i)*8000, seq) {
			for range 2 { // the network doubles every packet
				if d, ok := r.Push(p, now); ok {
					got = append(got, d)
				}
			}
			now = now.Add(FrameTime)
			seq = p.SequenceNumber + 1
		}
	}
	if len(got) != 4 {
		t.Fatalf("digits %+v, want four", got)
	}
	for i, d := range got {
		start := t0.Add(time.Duration(i*7) * FrameTime)
		if d.Char != "1*A#"[i] || d.Samples != 800 || d.Duration() != 100*time.Millisecond || !d.Ended ||
			!d.Start.Equal(start) || !d.End.Equal(start.Add(4*FrameTime)) {
			t.Errorf("digit %d: %+v", i, d)
		}
	}
}

func TestDigitReceiverSurvivesLossAndReordering(t *testing.T) {
	all := digitPackets(t, '5', 100*time.Millisecond, 800, 10)
	next := digitPackets(t, '5', 100*time.Millisecond, 8800, 30)
	for name, c := range map[string]struct {
		packets []*rtp.Packet
		want    []bool // Ended of each reported digit
	}{
		"first packets lost":           {all[3:], []bool{true}},
		"only the last end arrives":    {all[6:], []bool{true}},
		"swapped":                      {[]*rtp.Packet{all[1], all[0], all[3], all[2], all[5], all[4], all[6]}, []bool{true}},
		"ends lost, next digit begins": {append(append([]*rtp.Packet{}, all[:4]...), next...), []bool{false, true}},
		"same digit twice":             {append(append([]*rtp.Packet{}, all...), next...), []bool{true, true}},
	} {
		var r DigitReceiver
		var ended []bool
		for i, p := range c.packets {
			if d, ok := r.Push(p, t0.Add(time.Duration(i)*FrameTime)); ok {
				ended = append(ended, d.Ended)
			}
		}
		if len(ended) != len(c.want) || ended[0] != c.want[0] || ended[len(ended)-1] != c.want[len(c.want)-1] {
			t.Errorf("%s: reported %v, want %v", name, ended, c.want)
		}
	}
}

func TestDigitReceiverGivesUpADigitThatNeverEnds(t *testing.T) {
	var r DigitReceiver
	for i, p := range digitPackets(t, '9', 100*time.Millisecond, 800, 10)[:3] {
		r.Push(p, t0.Add(time.Duration(i)*FrameTime))
	}
	if _, ok := r.Expire(t0.Add(200 * time.Millisecond)); ok || !r.Active() {
		t.Error("given up 160 ms after its last packet")
	}
	d, ok := r.Expire(t0.Add(240 * time.Millisecond))
	if !ok || d.Char != '9' || d.Ended || d.Samples != 480 || r.Active() {
		t.Errorf("digit %+v %v", d, ok)
	}
}

func TestDigitsOfMoreThanEightSecondsContinueInSegments(t *testing.T) {
	var r DigitReceiver
	var got []Digit
	for i, p := range digitPackets(t, '0', 10*time.Second, 0, 0) {
		if d, ok := r.Push(p, t0.Add(time.Duration(i)*FrameTime)); ok {
			got = append(got, d)
		}
	}
	if len(got) != 1 || got[0].Samples != 80000 {
		t.Errorf("digits %+v, want one of 80000 samples", got)
	}
}
