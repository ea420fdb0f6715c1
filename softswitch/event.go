package softswitch

import (
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"ramal/esl/wire"
)

// origin is where FreeSWITCH's source fires an event; clients print it, nothing depends on it.
type origin struct {
	file     string
	function string
	line     string
}

var (
	fromStateMachine = origin{"switch_core_state_machine.c", "switch_core_session_run", "626"}
	fromReporting    = origin{"switch_core_state_machine.c", "switch_core_session_reporting_state", "991"}
	fromCallState    = origin{"switch_channel.c", "switch_channel_perform_set_callstate", "302"}
	fromProgress     = origin{"switch_channel.c", "switch_channel_perform_mark_ring_ready_value", "3494"}
	fromPreAnswer    = origin{"switch_channel.c", "switch_channel_perform_mark_pre_answered", "3562"}
	fromAnswer       = origin{"switch_channel.c", "switch_channel_perform_mark_answered", "3848"}
	fromHangup       = origin{"switch_channel.c", "switch_channel_perform_hangup", "3447"}
	fromFlipCID      = origin{"switch_channel.c", "switch_channel_flip_cid", "4690"}
	fromDTMF         = origin{"switch_channel.c", "switch_channel_dequeue_dtmf", "722"}
	fromExec         = origin{"switch_core_session.c", "switch_core_session_exec", "2949"}
	fromDestroy      = origin{"switch_core_session.c", "switch_core_session_perform_destroy", "1602"}
	fromPark         = origin{"switch_ivr.c", "switch_ivr_park", "1002"}
	fromPlay         = origin{"switch_ivr_play_say.c", "switch_ivr_play_file", "1781"}
	fromBridge       = origin{"switch_ivr_bridge.c", "switch_ivr_multi_threaded_bridge", "1712"}
	fromUUIDBridge   = origin{"switch_ivr_bridge.c", "uuid_bridge_on_soft_execute", "1243"}
	fromSofia        = origin{"mod_sofia.c", "sofia_receive_message", "2410"}
	fromRegister     = origin{"sofia_reg.c", "sofia_reg_handle_register_token", "1606"}
	fromRecord       = origin{"switch_ivr_async.c", "record_callback", "1420"}
	fromRecordStop   = origin{"switch_ivr_async.c", "send_record_stop_event", "1170"}
	fromBugAdd       = origin{"switch_core_media_bug.c", "switch_core_media_bug_add", "1120"}
	fromBugDestroy   = origin{"switch_core_media_bug.c", "switch_core_media_bug_destroy", "1340"}
	fromAPIExec      = origin{"mod_event_socket.c", "api_exec", "1580"}
	fromHeartbeat    = origin{"switch_core.c", "send_heartbeat", "95"}
	fromDump         = origin{"mod_commands.c", "uuid_dump_function", "6495"}
)

// event is one event on its way to the clients; it is not changed after it was fired.
type event struct {
	name     string
	subclass string // of CUSTOM
	headers  []wire.Header
	body     []byte
}

// get returns the first header of that name, compared without case.
func (e *event) get(name string) (string, bool) {
	for i := range e.headers {
		if len(e.headers[i].Name) == len(name) && equalFold(e.headers[i].Name, name) {
			return e.headers[i].Value, true
		}
	}
	return "", false
}

func equalFold(a, b string) bool {
	for i := 0; i < len(a); i++ {
		x, y := a[i], b[i]
		if x|0x20 != y|0x20 || x != y && (x|0x20 < 'a' || x|0x20 > 'z') {
			return false
		}
	}
	return true
}

// bus numbers events and gives them to the clients that asked for them, in one order for all. It never waits: a client
// whose queue is full is cut off.
type bus struct {
	mu      sync.Mutex
	seq     uint64
	clients map[*client]struct{}
	count   atomic.Int32
}

func (b *bus) add(c *client) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clients[c] = struct{}{}
	b.count.Store(int32(len(b.clients)))
}

func (b *bus) remove(c *client) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.clients, c)
	b.count.Store(int32(len(b.clients)))
}

// unheard numbers an event that no client wants, and says so: most of the cost of an event is its headers.
func (b *bus) unheard(name string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.clients {
		if c.wants(name, "") != formatNone {
			return false
		}
	}
	b.seq++
	return true
}

// fire completes the event with the headers every event has and delivers it. own are the event's headers in their
// order.
func (sw *Switch) fire(name, subclass string, from origin, own []wire.Header, body []byte) {
	b := &sw.bus
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seq++
	e := &event{name: name, subclass: subclass, body: body}
	var plain, asJSON []byte
	for c := range b.clients {
		format := c.wants(name, subclass)
		if format == formatNone {
			continue
		}
		if e.headers == nil {
			e.headers = sw.eventHeaders(name, subclass, from, b.seq, own)
		}
		if !c.passes(e) {
			continue
		}
		if format == formatJSON {
			if asJSON == nil {
				asJSON = jsonEvent(e)
			}
			c.send(asJSON)
			continue
		}
		if plain == nil {
			plain = wire.AppendEventPlain(make([]byte, 0, 1024+64*len(e.headers)+len(body)), e.headers, body)
		}
		c.send(plain)
	}
}

func (sw *Switch) eventHeaders(name, subclass string, from origin, seq uint64, own []wire.Header) []wire.Header {
	now := time.Now()
	h := make([]wire.Header, 0, 16+len(own))
	if subclass != "" {
		h = append(h, wire.Header{Name: "Event-Subclass", Value: subclass})
	}
	h = append(h,
		wire.Header{Name: "Event-Name", Value: name},
		wire.Header{Name: "Core-UUID", Value: sw.coreUUID},
		wire.Header{Name: "FreeSWITCH-Hostname", Value: sw.hostname},
		wire.Header{Name: "FreeSWITCH-Switchname", Value: sw.hostname},
		wire.Header{Name: "FreeSWITCH-IPv4", Value: sw.external.ip},
		wire.Header{Name: "FreeSWITCH-IPv6", Value: "::1"},
		wire.Header{Name: "Event-Date-Local", Value: now.Format("2006-01-02 15:04:05")},
		wire.Header{Name: "Event-Date-GMT", Value: now.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")},
		wire.Header{Name: "Event-Date-Timestamp", Value: micros(now)},
		wire.Header{Name: "Event-Calling-File", Value: from.file},
		wire.Header{Name: "Event-Calling-Function", Value: from.function},
		wire.Header{Name: "Event-Calling-Line-Number", Value: from.line},
		wire.Header{Name: "Event-Sequence", Value: strconv.FormatUint(seq, 10)},
	)
	return append(h, own...)
}

// micros is a time as FreeSWITCH writes it: microseconds since 1970, 0 for "not yet".
func micros(t time.Time) string {
	if t.IsZero() {
		return "0"
	}
	return strconv.FormatInt(t.UnixMicro(), 10)
}
