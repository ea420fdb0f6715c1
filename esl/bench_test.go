package esl

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/textproto"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"ramal/call"
	"ramal/esl/wire"
)

// bigEvent is an event of 150 headers and 16.7 kB, as a call with a long history has them (P6).
func bigEvent() (frame []byte, headers map[string]string) {
	headers = map[string]string{}
	names := []wire.Header{{Name: "Event-Name", Value: "CHANNEL_ANSWER"}, {Name: "Core-UUID", Value: core},
		{Name: "Event-Date-Timestamp", Value: "1795335628908811"}, {Name: "Event-Sequence", Value: "882"},
		{Name: "Unique-ID", Value: string(legA)}, {Name: "Call-Direction", Value: "inbound"},
		{Name: "Answer-State", Value: "answered"}}
	for i := len(names); i < 150; i++ {
		names = append(names, wire.Header{Name: fmt.Sprintf("variable_sip_history_%03d", i),
			Value: "sip:5548999990001@127.0.0.1:26040;tag=" + strings.Repeat("x", 32)})
	}
	names[149].Value += strings.Repeat("v", 1120) // a session description
	for _, h := range names {
		headers[h.Name] = h.Value
	}
	return wire.AppendEventPlain(nil, names, nil), headers
}

// stream repeats an event n times.
type stream struct {
	event []byte
	at    int
	left  int
}

func (s *stream) Read(p []byte) (int, error) {
	total := 0
	for len(p) > 0 && s.left > 0 {
		n := copy(p, s.event[s.at:])
		total, p = total+n, p[n:]
		if s.at += n; s.at == len(s.event) {
			s.at, s.left = 0, s.left-1
		}
	}
	if total == 0 {
		return 0, io.EOF
	}
	return total, nil
}

func perSecond(b *testing.B) {
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// ingest reads n events of a stream up to the call.Event, as a link does.
func ingest(b *testing.B, event []byte, n int) {
	frames := wire.NewFrameReader(&stream{event: event, left: n}, wire.Limits{})
	var h headers
	got := 0
	for {
		frame, err := frames.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			b.Fatal(err)
		}
		if _, ok := h.translate(frame.Body).(call.LegAnswered); ok {
			got++
		}
	}
	if got != n {
		b.Fatalf("%d of %d events", got, n)
	}
}

// ingestTextproto reads every header of n events through net/textproto.
func ingestTextproto(b *testing.B, event []byte, n int) {
	reader := bufio.NewReaderSize(&stream{event: event, left: n}, 64<<10)
	outer := textproto.NewReader(reader)
	for range n {
		head, err := outer.ReadMIMEHeader()
		if err != nil {
			b.Fatal(err)
		}
		size, err := strconv.Atoi(head.Get("Content-Length"))
		if err != nil {
			b.Fatal(err)
		}
		body := make([]byte, size)
		if _, err := io.ReadFull(reader, body); err != nil {
			b.Fatal(err)
		}
		inner, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(body))).ReadMIMEHeader()
		if err != nil {
			b.Fatal(err)
		}
		if id, err := url.PathUnescape(inner.Get("Unique-Id")); err != nil || id != string(legA) {
			b.Fatal(id, err)
		}
	}
}

// BenchmarkP6Ingest reads a stream of events up to the call.Event.
func BenchmarkP6Ingest(b *testing.B) {
	event, _ := bigEvent()
	b.SetBytes(int64(len(event)))
	b.ReportAllocs()
	ingest(b, event, b.N)
	perSecond(b)
}

// BenchmarkP6IngestTextproto is the comparator: every header of the same stream through net/textproto.
func BenchmarkP6IngestTextproto(b *testing.B) {
	event, _ := bigEvent()
	b.SetBytes(int64(len(event)))
	b.ReportAllocs()
	ingestTextproto(b, event, b.N)
	perSecond(b)
}

// BenchmarkP6TimesTextproto takes both in turns, so that a busy machine slows them alike, and reports the ratio.
func BenchmarkP6TimesTextproto(b *testing.B) {
	event, _ := bigEvent()
	const ours, theirs = 400, 20
	var mine, other time.Duration
	for b.Loop() {
		began := time.Now()
		ingest(b, event, ours)
		mine += time.Since(began)
		began = time.Now()
		ingestTextproto(b, event, theirs)
		other += time.Since(began)
	}
	b.ReportMetric(float64(other)/theirs/(float64(mine)/ours), "x_textproto")
}

// BenchmarkP6IngestJSON is the other comparator: the event as JSON into a map.
func BenchmarkP6IngestJSON(b *testing.B) {
	_, all := bigEvent()
	event, err := json.Marshal(all)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(event)))
	b.ReportAllocs()
	for b.Loop() {
		headers := map[string]string{}
		if err := json.Unmarshal(event, &headers); err != nil || headers["Unique-ID"] != string(legA) {
			b.Fatal(err)
		}
	}
	perSecond(b)
}

// BenchmarkP6Link sends the events over TCP through a whole link to its sink, as fast as it takes them; none may be
// lost.
func BenchmarkP6Link(b *testing.B) {
	event, _ := bigEvent()
	b.SetBytes(int64(len(event)))
	b.ReportAllocs()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer listener.Close()
	fake := &fakeSwitch{password: "secret", perSecond: 1000}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go fake.serve(&fakeConn{Conn: conn})
		}
	}()
	up, all, got := make(chan struct{}), make(chan struct{}), 0
	link, err := New(Config{Address: listener.Addr().String(), Password: "secret", Vocabulary: testVocabulary(),
		Logger: slog.New(slog.DiscardHandler)}, func(event call.Event) {
		switch event.(type) {
		case call.LinkUp:
			close(up)
		case call.LegAnswered:
			if got++; got == b.N {
				close(all)
			}
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- link.Run(ctx) }()
	<-up
	var after runtime.MemStats
	b.ResetTimer()
	for range b.N {
		if err := fake.listener.send(event); err != nil {
			b.Fatal(err)
		}
	}
	<-all
	b.StopTimer()
	runtime.ReadMemStats(&after)
	if s := link.Stats(); s.Overflows+s.Lost != 0 || s.Connects != 1 {
		b.Errorf("%+v", s)
	}
	cancel()
	if err := <-ended; err != nil {
		b.Error(err)
	}
	perSecond(b)
	b.ReportMetric(float64(after.HeapInuse)/(1<<20), "heap_MB")
}

func TestAnEventIsReadWithAtMostTwoAllocations(t *testing.T) {
	event, _ := bigEvent()
	source := &stream{event: event, left: 1 << 30}
	frames := wire.NewFrameReader(source, wire.Limits{})
	var h headers
	n := testing.AllocsPerRun(1000, func() {
		frame, err := frames.Next()
		if err != nil || h.translate(frame.Body) == nil {
			t.Fatal(err)
		}
	})
	if n > 2 {
		t.Errorf("%v allocations per event", n)
	}
}
