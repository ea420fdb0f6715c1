package softswitch

import (
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"ramal/esl/wire"
	"ramal/media"
)

// chanState is a channel's state with FreeSWITCH's numbers.
type chanState int

const (
	stateNone          chanState = 0
	stateInit          chanState = 1
	stateRouting       chanState = 2
	stateSoftExecute   chanState = 3
	stateExecute       chanState = 4
	stateExchangeMedia chanState = 5
	statePark          chanState = 6
	stateConsumeMedia  chanState = 7
	stateHibernate     chanState = 8
	stateReset         chanState = 9
	stateHangup        chanState = 10
	stateReporting     chanState = 11
	stateDestroy       chanState = 12
)

var stateNames = [...]string{
	"CS_NONE", "CS_INIT", "CS_ROUTING", "CS_SOFT_EXECUTE", "CS_EXECUTE", "CS_EXCHANGE_MEDIA", "CS_PARK",
	"CS_CONSUME_MEDIA", "CS_HIBERNATE", "CS_RESET", "CS_HANGUP", "CS_REPORTING", "CS_DESTROY",
}

// callState is what the parties see of a call, with FreeSWITCH's numbers.
type callState int

const (
	callDown    callState = 0
	callRinging callState = 2
	callEarly   callState = 3
	callActive  callState = 4
	callHeld    callState = 5
	callHangup  callState = 7
)

var callStateNames = map[callState]string{
	callDown: "DOWN", callRinging: "RINGING", callEarly: "EARLY", callActive: "ACTIVE", callHeld: "HELD",
	callHangup: "HANGUP",
}

// party is a caller profile: who calls whom, as the Caller- headers show it. A transfer makes a new one.
type party struct {
	username, dialplan                 string
	cidName, cidNumber                 string
	origName, origNumber               string
	calleeName, calleeNumber           string
	networkAddr, ani, destination      string
	source, transferSource, context    string
	rdnis                              string
	index                              int
	profileID                          string // appears in the transfer history only
	created                            time.Time
	channelCreated, answered, progress time.Time
	progressMedia, hangup, transferred time.Time
	bridged                            time.Time
}

// otherParty is the partner's profile as it was when the two were joined.
type otherParty struct {
	kind string // originator, originatee
	party
	outbound bool
	uuid     string
	name     string
}

// message is what sendmsg and uuid_broadcast put into a leg's queue.
type message struct {
	command string // execute, hangup
	app     string
	arg     string
	uuid    string // Application-UUID to use
	cause   string
	lock    bool // nothing else of the queue runs until this is over
	loops   int
}

// pressed is a DTMF digit that was received and not looked at yet.
type pressed struct {
	char    byte
	samples int
	at      time.Time
}

// leg is one channel. Its goroutine (run) walks through the states below as a FreeSWITCH session thread does;
// commands from outside only change fields under mu and wake it.
//
//	INIT ─► ROUTING ─► EXECUTE ──┐◄──────── transfer ────────┐
//	   └──► CONSUME_MEDIA ─► EXECUTE (originated)            │
//	any ──uuid_bridge──► HIBERNATE ─► RESET ─► SOFT_EXECUTE ─┤ (the originator bridges)
//	                                   └► EXCHANGE_MEDIA ────┤ (the other one)
//	bridge over ──► PARK | ROUTING | HANGUP                  │
//	any ──hangup──► HANGUP ─► REPORTING ─► DESTROY
type leg struct {
	sw        *Switch
	uuid      string
	sessionID uint64
	outbound  bool
	name      string
	sip       *sipLeg
	wake      chan struct{} // buffered: something changed
	outcome   chan struct{} // buffered: for originate: answered, early media or hung up

	mu           sync.Mutex
	vars         varSet
	party        party
	other        *otherParty
	state        chanState // where it is to go
	running      chanState // where it is
	call         callState
	dialplanHit  bool
	presenceID   string
	ringing      bool
	early        bool
	answered     bool
	held         bool
	hung         cause
	moved        bool // a transfer or a bridge interrupts what is running
	queue        []message
	queuedAt     time.Time
	digits       []pressed
	digitsDialed string
	breaking     bool // what is heard now has to end
	repeating    bool // the application of a message is being repeated; uuid_break ends that
	locked       int
	apps         []App
	lastApp      string
	lastArg      string
	media        *stream
	negotiated   bool // media's codec and peer are known
	codec        media.Codec
	recordings   map[string]*recording
	bridge       *bridge
	originator   bool // of a uuid_bridge that is coming
	bridgeTo     string
	badHost      bool // dialled a host that is none
}

// newLeg registers a leg; false when a limit or the UUID forbids it.
func (sw *Switch) newLeg(id string, outbound bool) (*leg, bool) {
	if id == "" {
		id = uuid.NewString()
	}
	number, ok := sw.limits.admit(time.Now())
	if !ok {
		return nil, false
	}
	l := &leg{
		sw: sw, uuid: id, sessionID: number, outbound: outbound, name: "N/A",
		wake: make(chan struct{}, 1), outcome: make(chan struct{}, 1), recordings: map[string]*recording{},
	}
	sw.mu.Lock()
	_, taken := sw.legs[id]
	if sw.closed || taken {
		sw.mu.Unlock()
		sw.limits.release()
		return nil, false
	}
	sw.legs[id] = l
	sw.mu.Unlock()
	direction := "inbound"
	if outbound {
		direction = "outbound"
	}
	l.vars.set("direction", direction)
	if outbound {
		l.vars.set("is_outbound", "true")
	}
	l.vars.set("uuid", id)
	l.vars.set("call_uuid", id)
	l.vars.set("session_id", strconv.FormatUint(number, 10))
	now := time.Now()
	l.party = party{index: 1, created: now, channelCreated: now, profileID: uuid.NewString()}
	return l, true
}

// discard takes a leg away that never began (a dial string that leads nowhere): FreeSWITCH shows its end only.
func (l *leg) discard() {
	l.unregister()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fire("CHANNEL_DESTROY", fromDestroy, nil, nil)
}

func (l *leg) unregister() {
	l.sw.mu.Lock()
	delete(l.sw.legs, l.uuid)
	l.sw.mu.Unlock()
	l.sw.limits.release()
}

func (l *leg) notify() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *leg) report() {
	select {
	case l.outcome <- struct{}{}:
	default:
	}
}

// ready tells whether what runs may go on. Call with mu held.
func (l *leg) ready() bool { return l.hung == causeNone && !l.moved }

// queueMessage puts a command into the leg's queue.
func (l *leg) queueMessage(m message) {
	l.mu.Lock()
	if len(l.queue) == 0 {
		l.queuedAt = time.Now()
	}
	if len(l.queue) < maxMessages {
		l.queue = append(l.queue, m)
	} else {
		l.sw.log.Warn("leg's queue is full: command dropped", "leg", l.uuid, "app", m.app)
	}
	l.mu.Unlock()
	l.notify()
}

// maxMessages bounds a leg's queue of applications.
const maxMessages = 256

// hangup ends the leg; the first cause counts. The event is fired by the caller's goroutine, as FreeSWITCH does.
func (l *leg) hangup(c cause) bool {
	l.mu.Lock()
	done := l.hangupLocked(c)
	l.mu.Unlock()
	return done
}

func (l *leg) hangupLocked(c cause) bool {
	if l.hung != causeNone || l.state >= stateHangup {
		return false
	}
	if c == causeNone {
		c = causeNormalClearing
	}
	l.hung, l.state = c, stateHangup
	if l.bridge != nil {
		l.vars.set("last_bridge_role", l.bridge.role(l))
	}
	l.fire("CHANNEL_HANGUP", fromHangup, nil, nil)
	l.notify()
	l.report()
	if l.bridge != nil {
		l.bridge.peer(l).notify()
	}
	l.wakePartner()
	return true
}

// wakePartner wakes the leg of a uuid_bridge that has not come about yet. Call with mu held.
func (l *leg) wakePartner() {
	if l.bridgeTo == "" {
		return
	}
	if p := l.sw.leg(l.bridgeTo); p != nil {
		p.notify()
	}
}

// setCall changes the call state with its event. Call with mu held.
func (l *leg) setCall(to callState) {
	if l.call == to {
		return
	}
	from := l.call
	l.call = to
	l.fire("CHANNEL_CALLSTATE", fromCallState, []wire.Header{
		{Name: "Original-Channel-Call-State", Value: callStateNames[from]},
		{Name: "Channel-Call-State-Number", Value: strconv.Itoa(int(to))},
	}, nil)
}

// setVar sets a variable as switch_channel_set_variable does: a value with ${ is refused.
func (l *leg) setVar(name, value string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.setVarLocked(name, value)
}

func (l *leg) setVarLocked(name, value string) {
	if carriesExpansion(value) {
		l.sw.log.Warn("variable refused: its value would be expanded", "leg", l.uuid, "variable", name)
		return
	}
	l.vars.set(name, value)
}

// getVar reads a variable, a profile field or a global, in FreeSWITCH's order. Call with mu held.
func (l *leg) getVar(name string) (string, bool) {
	if value, ok := l.vars.get(name); ok {
		return value, true
	}
	if value := l.party.field(name); value != "" {
		return value, true
	}
	value, ok := l.sw.globals[name]
	return value, ok && value != ""
}

// field gives a caller profile's field by its variable name (switch_caller_get_field_by_name).
func (p *party) field(name string) string {
	switch name {
	case "username":
		return p.username
	case "dialplan":
		return p.dialplan
	case "caller_id_name":
		return p.cidName
	case "caller_id_number":
		return p.cidNumber
	case "orig_caller_id_name":
		return p.origName
	case "orig_caller_id_number":
		return p.origNumber
	case "callee_id_name":
		return p.calleeName
	case "callee_id_number":
		return p.calleeNumber
	case "network_addr":
		return p.networkAddr
	case "ani":
		return p.ani
	case "destination_number":
		return p.destination
	case "rdnis":
		return p.rdnis
	case "source":
		return p.source
	case "context":
		return p.context
	case "transfer_source":
		return p.transferSource
	}
	return ""
}
