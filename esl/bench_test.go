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
	"net/textproto"
	"net/url"
	"os"
	"slices"
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

// BenchmarkP5EventAge measures how old an event is when the sink gets it, on an otherwise idle event connection, with the
// newline poke and without. It needs a switch: RAMAL_ESL (host:port) and RAMAL_ESL_PASSWORD name one that admits calls to
// itself at RAMAL_ESL_TRUNK (host:port of its external profile).
func BenchmarkP5EventAge(b *testing.B) {
	address, password := os.Getenv("RAMAL_ESL"), os.Getenv("RAMAL_ESL_PASSWORD")
	if address == "" {
		b.Skip("needs FREESWITCH: set RAMAL_ESL, RAMAL_ESL_PASSWORD and RAMAL_ESL_TRUNK")
	}
	for name, poke := range map[string]time.Duration{"poke": 2 * time.Millisecond, "without": -1} {
		b.Run(name, func(b *testing.B) {
			benchmarkEventAge(b, address, password, os.Getenv("RAMAL_ESL_TRUNK"), poke)
		})
	}
}

// benchmarkEventAge places b.N calls from the switch to itself, one every 150 ms, and reports the age of their first
// events, each of which arrives on an idle connection.
func benchmarkEventAge(b *testing.B, address, password, trunk string, poke time.Duration) {
	type seen struct {
		event call.Event
		at    time.Time
	}
	events := make(chan seen, 1000)
	link, err := New(Config{Address: address, Password: password, Vocabulary: testVocabulary(), PokeEvery: poke,
		Logger: slog.New(slog.DiscardHandler)}, func(e call.Event) { events <- seen{e, time.Now()} })
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- link.Run(ctx) }()
	next := func(limit time.Duration) (seen, bool) {
		select {
		case s := <-events:
			return s, true
		case <-time.After(limit):
			return seen{}, false
		}
	}
	if first, ok := next(10 * time.Second); !ok {
		b.Fatalf("no link to %s", address)
	} else if _, up := first.event.(call.LinkUp); !up {
		b.Fatalf("%#v", first.event)
	}
	var ages []time.Duration
	b.ResetTimer()
	for range b.N {
		leg := call.LegID(newUUID())
		link.Do(call.Dial{Leg: leg, Timeout: 5 * time.Second,
			To: call.Endpoint{External: call.External{Number: "5548", Trunk: trunk}}})
		taken := false
		for !taken {
			s, ok := next(5 * time.Second)
			if !ok {
				b.Fatal("no CHANNEL_CREATE within 5 s")
			}
			if created, is := s.event.(call.LegCreated); is && created.Leg == leg {
				ages = append(ages, s.at.Sub(created.At))
				taken = true
			}
			if failed, is := s.event.(call.CommandFailed); is {
				b.Fatal(failed.Reason)
			}
		}
		link.Do(call.HangUp{Leg: leg, Cause: call.NormalClearing})
		for quiet := true; quiet; { // until the connection has been idle
			_, quiet = next(150 * time.Millisecond)
		}
	}
	b.StopTimer()
	cancel()
	if err := <-ended; err != nil {
		b.Error(err)
	}
	slices.Sort(ages)
	b.ReportMetric(float64(ages[len(ages)/2].Microseconds())/1000, "p50_ms")
	b.ReportMetric(float64(ages[len(ages)*99/100].Microseconds())/1000, "p99_ms")
}
