package softswitch

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// transfer sends the leg to another extension (switch_ivr_session_transfer); false when it cannot be moved.
func (l *leg) transfer(exten, dialplan, context string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hung != causeNone || l.state >= stateHangup {
		return false
	}
	forwards := 70
	if text, ok := l.vars.get("max_forwards"); ok {
		if n, err := strconv.Atoi(text); err == nil {
			forwards = n - 1
		}
	}
	if forwards <= 0 {
		l.hangupLocked(causeExchangeRoutingError)
		return false
	}
	l.vars.set("max_forwards", itoa(forwards))
	current := l.party.dialplan
	if strings.EqualFold(current, "inline") {
		current = ""
	}
	dialplan = cmp.Or(dialplan, current, "XML")
	context = cmp.Or(context, l.party.context, "default")
	l.stepParty()
	l.party.rdnis = l.party.destination
	l.party.destination, l.party.dialplan, l.party.context = cmp.Or(exten, "service"), dialplan, context
	l.party.transferSource = fmt.Sprintf("%d:%s:bl_xfer:%s/%s/%s", time.Now().Unix(), l.party.profileID,
		l.party.destination, context, dialplan)
	l.vars.set("signal_bond", "")
	l.vars.push("transfer_history", l.party.transferSource)
	l.vars.set("transfer_source", l.party.transferSource)
	l.wakePartner()
	l.other, l.bridgeTo, l.originator = nil, "", false
	l.dialplanHit = true
	l.state, l.moved = stateRouting, true
	l.notify()
	l.report()
	return true
}

// stepParty begins a new caller profile that goes on from the current one. Call with mu held.
func (l *leg) stepParty() {
	l.party.index++
	l.party.created = time.Now()
	l.party.profileID = uuid.NewString()
}

// parkFromOutside is uuid_park.
func (l *leg) parkFromOutside() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hung != causeNone || l.state >= stateHangup {
		return
	}
	l.parkLocked()
	l.moved = true
	l.notify()
}

func (l *leg) parkLocked() {
	l.wakePartner()
	l.state = statePark
	l.bridgeTo, l.originator = "", false
}

// breakSound stops what is being played; all also empties the leg's queue.
func (l *leg) breakSound(all bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.breaking, l.repeating = true, false
	if all {
		l.queue = nil
	}
	l.notify()
}
