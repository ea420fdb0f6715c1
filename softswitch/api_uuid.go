package softswitch

import (
	"context"
	"strconv"
	"strings"
	"time"

	"ramal/esl/wire"
)

func apiUUIDExists(sw *Switch, _ context.Context, arg string) string {
	return strconv.FormatBool(sw.leg(arg) != nil)
}

// apiUUIDDump prints a leg as an event: one line per header, or JSON.
func apiUUIDDump(sw *Switch, _ context.Context, arg string) string {
	words := separate(arg, ' ', 2)
	if len(words) == 0 {
		return "-USAGE: <uuid> [format]\n"
	}
	l := sw.leg(words[0])
	if l == nil {
		return noChannel
	}
	l.mu.Lock()
	own := l.appendData(nil, true)
	l.mu.Unlock()
	sw.bus.mu.Lock()
	sw.bus.seq++
	headers := sw.eventHeaders("CHANNEL_DATA", "", fromDump, sw.bus.seq, own)
	sw.bus.mu.Unlock()
	if len(words) == 2 && strings.EqualFold(words[1], "json") {
		return string(appendJSONObject(nil, headers, nil))
	}
	encode := !(len(words) == 2 && strings.EqualFold(words[1], "plain"))
	var b strings.Builder
	for _, h := range headers {
		value := h.Value
		if encode {
			value = wire.EncodeValue(value)
		}
		b.WriteString(h.Name + ": " + value + "\n")
	}
	b.WriteString("\n")
	return b.String()
}

func apiUUIDGetvar(sw *Switch, _ context.Context, arg string) string {
	words := separate(arg, ' ', 4)
	if len(words) < 2 || words[0] == "" {
		return "-USAGE: <uuid> <var>\n"
	}
	l := sw.leg(words[0])
	if l == nil {
		return noChannel
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	value, ok := l.getVar(words[1])
	if !ok {
		return "_undef_"
	}
	return value
}

// apiUUIDSetvar sets a variable without looking at the value: ${ is stored as it is (recording 14).
func apiUUIDSetvar(sw *Switch, _ context.Context, arg string) string {
	words := separate(arg, ' ', 3)
	if len(words) < 2 || words[0] == "" {
		return "-USAGE: <uuid> <var> [value]\n"
	}
	l := sw.leg(words[0])
	if l == nil {
		return noChannel
	}
	words = append(words, "")
	l.mu.Lock()
	defer l.mu.Unlock()
	l.vars.set(words[1], words[2])
	return "+OK\n"
}

func apiUUIDSetvarMulti(sw *Switch, _ context.Context, arg string) string {
	const usage = "-USAGE: <uuid> <var>=<value>;<var>=<value>...\n"
	id, rest, ok := strings.Cut(arg, " ")
	if !ok {
		return ""
	}
	l := sw.leg(id)
	if l == nil {
		return noChannel + usage // as FreeSWITCH, which falls through
	}
	out, count := "", 0
	for _, word := range separate(rest, ';', 64) {
		name, value, _ := strings.Cut(word, "=")
		if name == "" {
			out += "-ERR No variable specified\n"
			continue
		}
		l.setVar(name, value)
		count++
	}
	if count == 0 {
		return out + usage
	}
	return out + "+OK\n"
}

func apiUUIDKill(sw *Switch, _ context.Context, arg string) string {
	id, name, _ := strings.Cut(arg, " ")
	if id == "" {
		return "-USAGE: <uuid> [cause]\n"
	}
	l := sw.leg(id)
	if l == nil {
		return noChannel
	}
	c := causeNormalClearing
	if name != "" {
		c = parseCause(strings.TrimSpace(name))
	}
	l.hangup(c)
	return "+OK\n"
}

func apiUUIDBreak(sw *Switch, _ context.Context, arg string) string {
	id, flag, _ := strings.Cut(arg, " ")
	if id == "" {
		return "-USAGE: <uuid> [all]\n"
	}
	l := sw.leg(id)
	if l == nil {
		return noChannel
	}
	l.breakSound(strings.Contains(flag, "all"))
	return "+OK\n"
}

func apiUUIDBridge(sw *Switch, _ context.Context, arg string) string {
	words := separate(arg, ' ', 4)
	if len(words) < 2 {
		return "-USAGE: <uuid> <other_uuid>\n"
	}
	for _, other := range words[1:min(len(words), 3)] {
		if sw.uuidBridge(words[0], other) {
			return "+OK " + other + "\n"
		}
	}
	return "-ERR Invalid uuid\n"
}

func apiUUIDTransfer(sw *Switch, _ context.Context, arg string) string {
	words := separate(arg, ' ', 5)
	if len(words) < 2 {
		return "-USAGE: <uuid> [-bleg|-both] <dest-exten> [<dialplan>] [<context>]\n"
	}
	l := sw.leg(words[0])
	if l == nil {
		return noChannel
	}
	words = append(words[1:], "", "", "", "")
	option := ""
	if strings.HasPrefix(words[0], "-") {
		option, words = strings.ToLower(words[0][1:]), words[1:]
	}
	if option == "bleg" || option == "both" {
		if partner := l.partner(); partner != nil {
			if option == "bleg" {
				l = partner
			} else {
				partner.transfer(words[0], words[1], words[2])
			}
		}
	}
	if !l.transfer(words[0], words[1], words[2]) {
		return "-ERR\n"
	}
	return "+OK\n"
}

// partner is the leg this one is joined with now.
func (l *leg) partner() *leg {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.bridge == nil {
		return nil
	}
	return l.bridge.peer(l)
}

func apiUUIDPark(sw *Switch, _ context.Context, arg string) string {
	l := sw.leg(arg)
	if l == nil {
		return noChannel
	}
	l.parkFromOutside()
	return "+OK\n"
}

// apiUUIDAnswer answers from the caller's goroutine: the events come before the reply, as in recording 03.
func apiUUIDAnswer(sw *Switch, _ context.Context, arg string) string {
	l := sw.leg(arg)
	if l == nil {
		return noChannel
	}
	l.answer()
	if !l.isAnswered() {
		return "-ERR\n"
	}
	return "+OK\n"
}

func apiUUIDRecord(sw *Switch, _ context.Context, arg string) string {
	const usage = "-USAGE: <uuid> [start|stop|mask|unmask] <path> [<limit>] [<recording_vars>]\n"
	words := separate(arg, ' ', 5)
	if len(words) < 3 || words[0] == "" || words[1] == "" || words[2] == "" {
		return usage
	}
	l := sw.leg(words[0])
	if l == nil {
		return "-ERR Cannot locate session!\n"
	}
	path, limit := words[2], 0
	if len(words) > 3 {
		limit, _ = strconv.Atoi(words[3]) // FreeSWITCH reads what is no number as 0
	}
	ok, failure := false, ""
	switch strings.ToLower(words[1]) {
	case "start":
		ok, failure = l.recordStart(path, limit), "-ERR Cannot record session!\n"
	case "stop":
		ok, failure = l.recordStop(path), "-ERR Cannot stop record session!\n"
	case "mask":
		ok, failure = l.recordMask(path, true), "-ERR Cannot mask recording session!\n"
	case "unmask":
		ok, failure = l.recordMask(path, false), "-ERR Cannot unmask recording session!\n"
	default:
		return usage
	}
	if !ok {
		return failure
	}
	return "+OK Success\n"
}

// apiUUIDBroadcast queues a sound (or app::argument) on the leg, its partner or both.
func apiUUIDBroadcast(sw *Switch, _ context.Context, arg string) string {
	words := separate(arg, ' ', 4)
	if len(words) < 2 {
		return "-USAGE: <uuid> <path> [aleg|bleg|holdb|both]\n"
	}
	l := sw.leg(words[0])
	if l == nil {
		return "-ERR invalid uuid\n"
	}
	m := message{command: "execute", app: "playback", arg: words[1], lock: true, loops: 1}
	// A colon followed by another one that is no URL: app::argument.
	if app, rest, ok := strings.Cut(words[1], "::"); ok && app != "" && !strings.ContainsAny(app, "/.") {
		m.app, m.arg = app, rest
	}
	which := "aleg"
	if len(words) > 2 {
		which = strings.ToLower(words[2])
	}
	both := strings.Contains(which, "both")
	if both || strings.Contains(which, "bleg") {
		if partner := l.partner(); partner != nil {
			partner.queueMessage(m)
		}
	}
	if both || strings.Contains(which, "aleg") {
		l.queueMessage(m)
	}
	return "+OK Message sent\n"
}

// apiUUIDSendDTMF sends digits to the leg's phone: <uuid> <digits>[@<ms>].
func apiUUIDSendDTMF(sw *Switch, _ context.Context, arg string) string {
	words := separate(arg, ' ', 2)
	if len(words) < 2 {
		return "-USAGE: <uuid> <dtmf_data>\n"
	}
	l := sw.leg(words[0])
	if l == nil {
		return "-ERR no such channel\n"
	}
	l.sendDigits(words[1])
	return "+OK\n"
}

func apiUUIDFlushDTMF(sw *Switch, _ context.Context, arg string) string {
	l := sw.leg(arg)
	if l == nil {
		return "-ERR no such session\n"
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.digits = nil
	return "+OK\n"
}

func apiSofiaContact(sw *Switch, _ context.Context, arg string) string {
	_, name, ok := strings.Cut(arg, "/")
	if !ok {
		name = arg
	}
	name, _, _ = strings.Cut(name, "@")
	reg, ok := sw.regs.find(name, time.Now())
	if !ok {
		return "error/user_not_registered"
	}
	return "sofia/internal/" + reg.contactURI.String()
}
