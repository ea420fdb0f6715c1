package softswitch

import (
	"strconv"

	"ramal/esl/wire"
)

// fire sends one of the leg's events: before, the channel's data, after. CHANNEL_CALLSTATE and DTMF carry no
// variables, as in FreeSWITCH. Call with mu held, so that the order of events is the order of changes.
func (l *leg) fire(name string, from origin, before, after []wire.Header) {
	if !l.sw.bus.unheard(name) {
		h := make([]wire.Header, 0, 64+len(l.vars.list)+len(before)+len(after))
		h = append(h, before...)
		h = l.appendData(h, name != "CHANNEL_CALLSTATE" && name != "DTMF")
		h = append(h, after...)
		l.sw.fire(name, "", from, h, nil)
	}
	switch name {
	case "CHANNEL_CREATE", "CHANNEL_EXECUTE", "CHANNEL_CALLSTATE", "CALL_UPDATE", "CHANNEL_BRIDGE", "CHANNEL_UNBRIDGE":
		l.sw.table.update(l.row())
	case "CHANNEL_DESTROY":
		l.sw.table.remove(l.uuid)
	}
}

func add(h []wire.Header, name, value string) []wire.Header {
	return append(h, wire.Header{Name: name, Value: value})
}

// addSet leaves an empty value out, as switch_event_add_header_string does with NULL.
func addSet(h []wire.Header, name, value string) []wire.Header {
	if value == "" {
		return h
	}
	return add(h, name, value)
}

func direction(outbound bool) string {
	if outbound {
		return "outbound"
	}
	return "inbound"
}

// appendData writes what switch_channel_event_set_data writes, in its order (recordings 02, 04).
func (l *leg) appendData(h []wire.Header, variables bool) []wire.Header {
	h = add(h, "Channel-State", stateNames[l.running])
	h = add(h, "Channel-Call-State", callStateNames[l.call])
	h = add(h, "Channel-State-Number", strconv.Itoa(int(l.state)))
	h = add(h, "Channel-Name", l.name)
	h = add(h, "Unique-ID", l.uuid)
	h = add(h, "Call-Direction", direction(l.outbound))
	h = add(h, "Presence-Call-Direction", direction(l.outbound))
	h = add(h, "Channel-HIT-Dialplan", strconv.FormatBool(l.dialplanHit))
	h = addSet(h, "Channel-Presence-ID", l.presenceID)
	callUUID, ok := l.vars.get("call_uuid")
	if !ok {
		callUUID = l.uuid
	}
	h = add(h, "Channel-Call-UUID", callUUID)
	switch {
	case l.hung != causeNone:
		h = add(h, "Answer-State", "hangup")
	case l.answered:
		h = add(h, "Answer-State", "answered")
	case l.early:
		h = add(h, "Answer-State", "early")
	default:
		h = add(h, "Answer-State", "ringing")
	}
	if l.hung != causeNone {
		h = add(h, "Hangup-Cause", l.hung.String())
	}
	if l.negotiated {
		name := l.codec.String()
		for _, way := range [...]string{"Read", "Write"} {
			h = add(h, "Channel-"+way+"-Codec-Name", name)
			h = add(h, "Channel-"+way+"-Codec-Rate", "8000")
			h = add(h, "Channel-"+way+"-Codec-Bit-Rate", "64000")
		}
	}
	if l.party.source != "" {
		own := otherParty{party: l.party, outbound: l.outbound, uuid: l.uuid, name: l.name}
		h = own.append(h, "Caller-", direction(l.outbound), true)
	}
	if l.other != nil {
		h = add(h, "Other-Type", l.other.kind)
		// FreeSWITCH shows the direction seen from the other side, which is inbound for both kinds (recording 04).
		h = l.other.append(h, "Other-Leg-", "inbound", false)
	}
	if variables {
		for _, v := range l.vars.list {
			h = add(h, "variable_"+v.name, v.value)
		}
	}
	return h
}

// append writes a caller profile (switch_caller_profile_event_set_data).
func (p *otherParty) append(h []wire.Header, prefix, logical string, own bool) []wire.Header {
	h = add(h, prefix+"Direction", direction(p.outbound))
	h = add(h, prefix+"Logical-Direction", logical)
	h = addSet(h, prefix+"Username", p.username)
	h = addSet(h, prefix+"Dialplan", p.dialplan)
	h = addSet(h, prefix+"Caller-ID-Name", p.cidName)
	h = addSet(h, prefix+"Caller-ID-Number", p.cidNumber)
	h = addSet(h, prefix+"Orig-Caller-ID-Name", p.origName)
	h = addSet(h, prefix+"Orig-Caller-ID-Number", p.origNumber)
	h = addSet(h, prefix+"Callee-ID-Name", p.calleeName)
	h = addSet(h, prefix+"Callee-ID-Number", p.calleeNumber)
	h = addSet(h, prefix+"Network-Addr", p.networkAddr)
	h = addSet(h, prefix+"ANI", p.ani)
	h = addSet(h, prefix+"Destination-Number", p.destination)
	h = add(h, prefix+"Unique-ID", p.uuid)
	h = add(h, prefix+"Source", p.source)
	if own {
		h = addSet(h, prefix+"Transfer-Source", p.transferSource)
	}
	h = add(h, prefix+"Context", p.context)
	h = addSet(h, prefix+"RDNIS", p.rdnis)
	h = add(h, prefix+"Channel-Name", p.name)
	if own {
		h = add(h, prefix+"Profile-Index", strconv.Itoa(p.index))
	}
	h = add(h, prefix+"Profile-Created-Time", micros(p.created))
	h = add(h, prefix+"Channel-Created-Time", micros(p.channelCreated))
	h = add(h, prefix+"Channel-Answered-Time", micros(p.answered))
	h = add(h, prefix+"Channel-Progress-Time", micros(p.progress))
	h = add(h, prefix+"Channel-Progress-Media-Time", micros(p.progressMedia))
	h = add(h, prefix+"Channel-Hangup-Time", micros(p.hangup))
	h = add(h, prefix+"Channel-Transfer-Time", micros(p.transferred))
	h = add(h, prefix+"Channel-Resurrect-Time", "0")
	h = add(h, prefix+"Channel-Bridged-Time", micros(p.bridged))
	h = add(h, prefix+"Channel-Last-Hold", "0")
	h = add(h, prefix+"Channel-Hold-Accum", "0")
	h = add(h, prefix+"Screen-Bit", "true")
	h = add(h, prefix+"Privacy-Hide-Name", "false")
	return add(h, prefix+"Privacy-Hide-Number", "false")
}
