package softswitch

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"ramal/esl/wire"
	"ramal/media"
)

// bridge joins two legs: a's goroutine leads, b's waits. Both see over when it ends.
type bridge struct {
	a, b *leg
	once sync.Once
	over chan struct{} // the leading leg has left
	left chan struct{} // the other one has left
}

func (br *bridge) role(l *leg) string {
	if l == br.a {
		return "originator"
	}
	return "originatee"
}

func (br *bridge) peer(l *leg) *leg {
	if l == br.a {
		return br.b
	}
	return br.a
}

// uuidBridge prepares two legs to be joined (switch_ivr_uuid_bridge); nothing is joined yet when it returns.
func (sw *Switch) uuidBridge(aID, bID string) bool {
	a, b := sw.leg(aID), sw.leg(bID)
	if a == nil || b == nil || a == b {
		return false
	}
	aUp, aMedia := a.bridgeable()
	bUp, bMedia := b.bridgeable()
	if !aUp || !bUp || !aMedia && !bMedia {
		return false
	}
	if !aMedia {
		a, b = b, a
	}
	a.mu.Lock()
	if a.outbound && !a.dialplanHit {
		a.flipCallerID()
	}
	a.mu.Unlock()
	b.mu.Lock()
	if b.outbound {
		b.dialplanHit = false
	}
	b.mu.Unlock()
	aView, bView := a.stepForBridge(b, true), b.stepForBridge(a, false)
	a.meet(b, bView, true)
	b.meet(a, aView, false)
	return true
}

func (l *leg) bridgeable() (up, media bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.hung == causeNone && l.state < stateHangup, l.negotiated
}

// stepForBridge begins the leg's profile for the bridge and returns how the partner is to see it.
func (l *leg) stepForBridge(partner *leg, leading bool) otherParty {
	l.mu.Lock()
	defer l.mu.Unlock()
	if leading {
		l.vars.set("uuid_bridge", partner.uuid)
	}
	l.vars.set("bridge_channel", partner.name)
	l.vars.set("bridge_uuid", partner.uuid)
	l.vars.set("signal_bond", partner.uuid)
	l.vars.set("original_destination_number", l.party.destination)
	l.vars.set("original_caller_id_name", l.party.cidName)
	l.vars.set("original_caller_id_number", l.party.cidNumber)
	l.stepParty()
	return otherParty{party: l.party, outbound: l.outbound, uuid: l.uuid, name: l.name}
}

// meet gives the leg its partner's profile and sends it on its way to the bridge.
func (l *leg) meet(partner *leg, view otherParty, leading bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if leading {
		view.kind = "originatee"
		l.party.calleeName, l.party.calleeNumber = view.calleeName, view.calleeNumber
	} else {
		view.kind = "originator"
		l.party.cidName, l.party.cidNumber = view.cidName, view.cidNumber
		// The originator's times are empty in the partner's view (recording 04).
		view.created, view.channelCreated, view.answered, view.progress = time.Time{}, time.Time{}, time.Time{}, time.Time{}
		view.progressMedia, view.hangup, view.transferred, view.bridged = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	}
	l.other = &view
	l.party.transferSource = fmt.Sprintf("%d:%s:uuid_br:%s", time.Now().Unix(), l.party.profileID, partner.uuid)
	l.vars.push("transfer_history", l.party.transferSource)
	l.vars.set("transfer_source", l.party.transferSource)
	l.originator, l.bridgeTo = leading, partner.uuid
	if l.hung == causeNone {
		l.state, l.moved = stateHibernate, true
	}
	l.notify()
	l.report()
}

// flipCallerID swaps caller and callee of an originated leg that enters the dialplan (switch_channel_flip_cid): from
// now on the phone is the caller. Call with mu held.
func (l *leg) flipCallerID() {
	p := &l.party
	l.vars.set("pre_transfer_caller_id_name", p.cidName)
	l.vars.set("pre_transfer_caller_id_number", p.cidNumber)
	p.cidName, p.calleeName = p.calleeName, p.cidName
	p.cidNumber, p.calleeNumber = p.calleeNumber, p.cidNumber
	if p.calleeName == "" {
		p.calleeName = p.cidName
	}
	l.vars.set("channel_cid_flipped", "yes")
	l.dialplanHit = true
	l.fire("CALL_UPDATE", fromFlipCID, []wire.Header{{Name: "Direction", Value: "RECV"}}, nil)
}

// bridgeAsOriginator waits for the partner and joins the two until one of them is hung up or moved.
func (l *leg) bridgeAsOriginator() {
	l.mu.Lock()
	partnerID := l.bridgeTo
	l.vars.set("uuid_bridge", "")
	l.mu.Unlock()
	partner := l.sw.leg(partnerID)
	if partner == nil || !l.waitPartner(partner) {
		l.partnerGone(stateSoftExecute)
		return
	}
	l.mu.Lock()
	if !l.ready() {
		l.mu.Unlock()
		partner.hangup(causeDestinationOutOfOrder)
		return
	}
	l.mu.Unlock()
	br := &bridge{a: l, b: partner, over: make(chan struct{}), left: make(chan struct{})}
	for _, pair := range [...][2]*leg{{l, partner}, {partner, l}} {
		pair[0].mu.Lock()
		pair[0].fire("CHANNEL_EXECUTE", fromUUIDBridge, nil, []wire.Header{
			{Name: "Application", Value: "uuid_bridge"}, {Name: "Application-Data", Value: pair[1].uuid},
		})
		pair[0].mu.Unlock()
	}
	if !partner.isAnswered() || !l.isAnswered() {
		l.answer()
	}
	l.joinBridge(br)
	if !partner.enterBridge(br) {
		br.leave(l)
		close(br.left)
	} else {
		connect(l.sound(), partner.sound())
		l.sendDisplay(partner)
		l.talk(br)
		disconnect(l.sound(), partner.sound())
		br.leave(l)
		<-br.left
	}
	l.afterBridge(br)
}

// waitPartner waits until the partner has left what it was doing, ready to be joined.
func (l *leg) waitPartner(partner *leg) bool {
	for {
		partner.mu.Lock()
		gone := partner.hung != causeNone || partner.bridgeTo != l.uuid
		there := partner.running == stateReset || partner.running == stateSoftExecute
		if !gone && there {
			partner.state = stateSoftExecute
			partner.running = stateSoftExecute
		}
		partner.mu.Unlock()
		if gone {
			return false
		}
		l.mu.Lock()
		ready := l.ready()
		l.mu.Unlock()
		if !ready {
			return false
		}
		if there {
			return true
		}
		<-l.wake
	}
}

// waitOriginator is the other leg's wait for the leading one to join it; when that one is gone, nobody ever will.
func (l *leg) waitOriginator(state chanState) {
	for {
		l.mu.Lock()
		stay := l.hung == causeNone && l.state == state && !l.moved
		leader := l.bridgeTo
		l.mu.Unlock()
		if !stay {
			return
		}
		if !l.sw.isComing(leader, l.uuid) {
			l.partnerGone(state)
			return
		}
		<-l.wake
	}
}

// isComing tells whether a leg is on its way to lead a bridge to another.
func (sw *Switch) isComing(leader, to string) bool {
	a := sw.leg(leader)
	if a == nil {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.hung == causeNone && a.bridgeTo == to
}

// partnerGone is what happens when the partner of a uuid_bridge never came.
func (l *leg) partnerGone(state chanState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ready() || l.state != state {
		return
	}
	l.originator, l.bridgeTo = false, ""
	if !l.continueAfterBridge() {
		l.hangupLocked(causeDestinationOutOfOrder)
	}
}

func (l *leg) isAnswered() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.answered
}

func (l *leg) sound() *stream {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.media
}

// joinBridge is the leading leg's side of the beginning.
func (l *leg) joinBridge(br *bridge) {
	now := time.Now()
	br.b.mu.Lock()
	br.b.party.bridged = now
	br.b.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bridge = br
	l.party.bridged = now
	l.fire("CHANNEL_BRIDGE", fromBridge, []wire.Header{
		{Name: "Bridge-A-Unique-ID", Value: l.uuid}, {Name: "Bridge-B-Unique-ID", Value: br.b.uuid},
	}, nil)
}

// enterBridge is the partner's side; false when it was hung up or moved meanwhile.
func (l *leg) enterBridge(br *bridge) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hung != causeNone || l.moved || l.state != stateSoftExecute {
		return false
	}
	l.bridge = br
	l.state, l.running = stateExchangeMedia, stateExchangeMedia
	l.vars.set("call_uuid", br.a.uuid)
	l.notify()
	return true
}

// sendDisplay announces each side to the other (CALL_UPDATE), as mod_sofia does when two legs are joined.
func (l *leg) sendDisplay(partner *leg) {
	for _, pair := range [...][2]*leg{{l, partner}, {partner, l}} {
		name, number := l.displayOf(pair[1])
		own := pair[0]
		own.mu.Lock()
		own.vars.set("bridge_to", pair[1].uuid)
		own.vars.set("last_bridge_to", pair[1].uuid)
		own.vars.set("last_sent_callee_id_name", name)
		own.vars.set("last_sent_callee_id_number", number)
		own.fire("CALL_UPDATE", fromSofia, []wire.Header{
			{Name: "Direction", Value: "SEND"}, {Name: "Sent-Callee-ID-Name", Value: name},
			{Name: "Sent-Callee-ID-Number", Value: number}, {Name: "Bridged-To", Value: pair[1].uuid},
		}, nil)
		own.mu.Unlock()
	}
}

// displayOf is the name and number of a leg's outer party.
func (l *leg) displayOf(other *leg) (name, number string) {
	other.mu.Lock()
	defer other.mu.Unlock()
	if other.outbound && other.party.calleeNumber != "" {
		return other.party.calleeName, other.party.calleeNumber
	}
	return other.party.cidName, other.party.cidNumber
}

// talk is the leading leg's time in the bridge: commands sent to it run, its digits go to the partner.
func (l *leg) talk(br *bridge) {
	for {
		br.b.mu.Lock()
		there := br.b.hung == causeNone && br.b.bridge == br && !br.b.moved
		br.b.mu.Unlock()
		if !there || !l.alive() {
			return
		}
		l.runQueue(true)
		l.passDigits(br.b)
		l.await(br.left)
	}
}

// bridgeAsPartner is the other leg's time in the bridge.
func (l *leg) bridgeAsPartner() {
	l.mu.Lock()
	br := l.bridge
	l.mu.Unlock()
	if br == nil {
		l.hangup(causeDestinationOutOfOrder)
		return
	}
	for {
		br.a.mu.Lock()
		there := br.a.hung == causeNone && br.a.bridge == br && !br.a.moved
		br.a.mu.Unlock()
		select {
		case <-br.over:
			there = false
		default:
		}
		if !there || !l.alive() {
			break
		}
		l.runQueue(true)
		l.passDigits(br.a)
		l.await(br.over)
	}
	l.leaveAsPartner()
}

// leaveAsPartner ends the other leg's part in a bridge and says where it goes.
func (l *leg) leaveAsPartner() {
	l.mu.Lock()
	br := l.bridge
	l.mu.Unlock()
	if br == nil || br.b != l {
		return
	}
	aCause := br.a.hungBy()
	l.mu.Lock()
	l.bridge = nil
	if !l.moved {
		l.bridgeTo = ""
	}
	l.vars.set("bridge_to", "")
	if aCause != causeNone {
		l.lastBridge(br.a, aCause)
	}
	if l.ready() && l.state == stateExchangeMedia && !l.continueAfterBridge() {
		l.hangupLocked(causeNormalClearing)
	}
	l.mu.Unlock()
	close(br.left)
	br.a.notify()
}

func (l *leg) hungBy() cause {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.hung
}

// lastBridge notes how the partner ended. Call with mu held.
func (l *leg) lastBridge(partner *leg, c cause) {
	l.vars.set("sip_hangup_phrase", "OK")
	l.vars.set("last_bridge_hangup_cause", c.String())
	if proto := partner.sip.protoCause(); proto != "" {
		l.vars.set("last_bridge_proto_specific_hangup_cause", proto)
	}
}

func (br *bridge) leave(l *leg) {
	br.once.Do(func() { close(br.over) })
	br.peer(l).notify()
}

// afterBridge is what the leading leg does when the bridge is over (switch_ivr_multi_threaded_bridge).
func (l *leg) afterBridge(br *bridge) {
	bCause, aCause := br.b.hungBy(), l.hungBy()
	br.b.mu.Lock()
	br.b.vars.set("call_uuid", br.b.uuid)
	if aCause != causeNone {
		br.b.vars.set("bridge_hangup_cause", aCause.String())
	}
	br.b.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bridge = nil
	if !l.moved {
		l.bridgeTo, l.originator = "", false
	}
	l.vars.set("bridge_to", "")
	if bCause != causeNone {
		l.lastBridge(br.b, bCause)
		l.vars.set("bridge_hangup_cause", bCause.String())
	}
	l.fire("CHANNEL_UNBRIDGE", fromBridge, []wire.Header{
		{Name: "Bridge-A-Unique-ID", Value: l.uuid}, {Name: "Bridge-B-Unique-ID", Value: br.b.uuid},
	}, nil)
	if !l.ready() || l.state != stateSoftExecute || l.continueAfterBridge() {
		return
	}
	if hup, _ := l.vars.get("hangup_after_bridge"); isTrue(hup) {
		if bCause == causeNone {
			bCause = causeNormalClearing
		}
		l.hangupLocked(bCause)
		return
	}
	l.state = stateExecute // goes on behind the park it came from: with nothing left that is a normal hang-up
}

// continueAfterBridge obeys park_after_bridge, which wins (recording 23), and transfer_after_bridge (22). Call with
// mu held.
func (l *leg) continueAfterBridge() bool {
	if park, _ := l.vars.get("park_after_bridge"); isTrue(park) {
		l.parkLocked()
		return true
	}
	where, ok := l.vars.get("transfer_after_bridge")
	if !ok {
		return false
	}
	l.vars.set("transfer_after_bridge", "")
	words := append(strings.SplitN(where, ":", 3), "", "")
	l.mu.Unlock()
	l.transfer(words[0], words[1], words[2])
	l.mu.Lock()
	return true
}

// passDigits reports the leg's digits and sends them to its partner's phone.
func (l *leg) passDigits(partner *leg) {
	for {
		d, ok := l.takeDigit()
		if !ok {
			return
		}
		if out := partner.sound(); out != nil {
			out.queueDigit(d.char, time.Duration(d.samples)*time.Second/media.SampleRate)
		}
	}
}

// sendDigits is the application send_dtmf: digits@duration in ms.
func (l *leg) sendDigits(arg string) {
	text, ms, _ := strings.Cut(arg, "@")
	duration := 250 * time.Millisecond
	if n, err := strconv.Atoi(ms); err == nil && n > 0 && n <= 8000 {
		duration = time.Duration(n) * time.Millisecond
	}
	out := l.sound()
	for i := 0; out != nil && i < len(text); i++ {
		out.queueDigit(text[i], duration)
	}
}
