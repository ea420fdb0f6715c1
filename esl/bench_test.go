package esl

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"testing"

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

// BenchmarkP6Ingest reads a stream of events up to the call.Event.
func BenchmarkP6Ingest(b *testing.B) {
	event, _ := bigEvent()
	b.SetBytes(int64(len(event)))
	b.ReportAllocs()
	frames := wire.NewFrameReader(&stream{event: event, left: b.N}, wire.Limits{})
	var h headers
	got := 0
	b.ResetTimer()
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
	if got != b.N {
		b.Fatalf("%d of %d events", got, b.N)
	}
	perSecond(b)
}

// BenchmarkP6IngestTextproto is the comparator: every header of the same stream through net/textproto.
func BenchmarkP6IngestTextproto(b *testing.B) {
	event, _ := bigEvent()
	b.SetBytes(int64(len(event)))
	b.ReportAllocs()
	reader := bufio.NewReaderSize(&stream{event: event, left: b.N}, 64<<10)
	outer := textproto.NewReader(reader)
	for b.Loop() {
		head, err := outer.ReadMIMEHeader()
		if errors.Is(err, io.EOF) { // b.Loop runs more rounds than it announced
			reader.Reset(&stream{event: event, left: 1000})
			head, err = outer.ReadMIMEHeader()
		}
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
	perSecond(b)
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
