package softswitch

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"ramal/esl/wire"
)

// row is one line of "show channels" with the columns FreeSWITCH keeps (recording 20).
type row struct {
	uuid, direction, created, createdEpoch, name, state string
	cidName, cidNum, ipAddr, dest                       string
	application, applicationData, dialplan, context     string
	readCodec, readRate, readBitRate                    string
	presenceID, callState                               string
	calleeName, calleeNum, calleeDirection, callUUID    string
	sentName, sentNum                                   string
	initial                                             *row
	partner                                             string
	leading                                             bool
}

type change struct {
	at   time.Time
	uuid string
	row  *row // nil: the leg is gone
}

// showTable is what "show" sees: the legs as they were some time ago, since FreeSWITCH writes its table through a
// queue.
type showTable struct {
	mu      sync.Mutex
	lag     time.Duration
	rows    map[string]*row
	order   []string
	pending []change
}

func (t *showTable) init(lag time.Duration) { t.lag, t.rows = lag, map[string]*row{} }

func (t *showTable) update(r *row) { t.push(change{uuid: r.uuid, row: r}) }

func (t *showTable) remove(id string) { t.push(change{uuid: id}) }

func (t *showTable) push(c change) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c.at = time.Now()
	t.pending = append(t.pending, c)
	if len(t.pending) > 4096 {
		t.settle(c.at)
	}
}

// settle applies what is old enough. Call with mu held.
func (t *showTable) settle(now time.Time) {
	n := 0
	for ; n < len(t.pending) && now.Sub(t.pending[n].at) >= t.lag; n++ {
		c := t.pending[n]
		old, known := t.rows[c.uuid]
		switch {
		case c.row == nil:
			delete(t.rows, c.uuid)
		case known:
			c.row.initial = old.initial
			t.rows[c.uuid] = c.row
		default:
			first := *c.row
			c.row.initial = &first
			t.rows[c.uuid] = c.row
			t.order = append(t.order, c.uuid)
		}
	}
	t.pending = append(t.pending[:0], t.pending[n:]...)
	live := t.order[:0]
	for _, id := range t.order {
		if _, ok := t.rows[id]; ok {
			live = append(live, id)
		}
	}
	t.order = live
}

func (t *showTable) list() []*row {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.settle(time.Now())
	rows := make([]*row, 0, len(t.order))
	for _, id := range t.order {
		rows = append(rows, t.rows[id])
	}
	return rows
}

// row is the leg as it is now. Call with mu held.
func (l *leg) row() *row {
	p := &l.party
	r := &row{
		uuid: l.uuid, direction: direction(l.outbound), created: p.channelCreated.Format("2006-01-02 15:04:05"),
		createdEpoch: strconv.FormatInt(p.channelCreated.Unix(), 10), name: l.name, state: stateNames[l.running],
		cidName: p.cidName, cidNum: p.cidNumber, ipAddr: p.networkAddr, dest: p.destination, dialplan: p.dialplan,
		context: p.context, presenceID: l.presenceID, callState: callStateNames[l.call], calleeName: p.calleeName,
		calleeNum: p.calleeNumber,
	}
	r.application, _ = l.vars.get("current_application")
	r.applicationData, _ = l.vars.get("current_application_data")
	if l.negotiated {
		r.readCodec, r.readRate, r.readBitRate = l.codec.String(), "8000", "64000"
	}
	if l.bridge != nil {
		r.partner, r.leading = l.bridge.peer(l).uuid, l.bridge.a == l
		r.callUUID = l.bridge.a.uuid
	}
	r.sentName, _ = l.vars.get("last_sent_callee_id_name")
	r.sentNum, _ = l.vars.get("last_sent_callee_id_number")
	return r
}

func (r *row) channelColumns(host string) []wire.Header {
	i := r.initial
	return []wire.Header{
		{Name: "uuid", Value: r.uuid}, {Name: "direction", Value: r.direction}, {Name: "created", Value: r.created},
		{Name: "created_epoch", Value: r.createdEpoch}, {Name: "name", Value: r.name}, {Name: "state", Value: r.state},
		{Name: "cid_name", Value: r.cidName}, {Name: "cid_num", Value: r.cidNum}, {Name: "ip_addr", Value: r.ipAddr},
		{Name: "dest", Value: r.dest}, {Name: "application", Value: r.application},
		{Name: "application_data", Value: r.applicationData}, {Name: "dialplan", Value: r.dialplan},
		{Name: "context", Value: r.context}, {Name: "read_codec", Value: r.readCodec}, {Name: "read_rate", Value: r.readRate},
		{Name: "read_bit_rate", Value: r.readBitRate}, {Name: "write_codec", Value: r.readCodec},
		{Name: "write_rate", Value: r.readRate}, {Name: "write_bit_rate", Value: r.readBitRate}, {Name: "secure"},
		{Name: "hostname", Value: host}, {Name: "presence_id", Value: r.presenceID}, {Name: "presence_data"},
		{Name: "accountcode"}, {Name: "callstate", Value: r.callState}, {Name: "callee_name", Value: r.calleeName},
		{Name: "callee_num", Value: r.calleeNum}, {Name: "callee_direction", Value: r.calleeDirection},
		{Name: "call_uuid", Value: r.callUUID}, {Name: "sent_callee_name", Value: r.sentName},
		{Name: "sent_callee_num", Value: r.sentNum}, {Name: "initial_cid_name", Value: i.cidName},
		{Name: "initial_cid_num", Value: i.cidNum}, {Name: "initial_ip_addr", Value: i.ipAddr},
		{Name: "initial_dest", Value: i.dest}, {Name: "initial_dialplan", Value: i.dialplan},
		{Name: "initial_context", Value: i.context},
	}
}

func (r *row) callColumns(host string, b *row) []wire.Header {
	h := []wire.Header{
		{Name: "uuid", Value: r.uuid}, {Name: "direction", Value: r.direction}, {Name: "created", Value: r.created},
		{Name: "created_epoch", Value: r.createdEpoch}, {Name: "name", Value: r.name}, {Name: "state", Value: r.state},
		{Name: "cid_name", Value: r.cidName}, {Name: "cid_num", Value: r.cidNum}, {Name: "ip_addr", Value: r.ipAddr},
		{Name: "dest", Value: r.dest}, {Name: "presence_id", Value: r.presenceID}, {Name: "presence_data"},
		{Name: "accountcode"}, {Name: "callstate", Value: r.callState}, {Name: "callee_name", Value: r.calleeName},
		{Name: "callee_num", Value: r.calleeNum}, {Name: "callee_direction", Value: r.calleeDirection},
		{Name: "call_uuid", Value: r.callUUID}, {Name: "hostname", Value: host},
		{Name: "sent_callee_name", Value: r.sentName}, {Name: "sent_callee_num", Value: r.sentNum},
	}
	epoch := ""
	if b == nil {
		b = &row{}
	} else {
		epoch = b.createdEpoch
	}
	return append(h, []wire.Header{
		{Name: "b_uuid", Value: b.uuid}, {Name: "b_direction", Value: b.direction}, {Name: "b_created", Value: b.created},
		{Name: "b_created_epoch", Value: b.createdEpoch}, {Name: "b_name", Value: b.name}, {Name: "b_state", Value: b.state},
		{Name: "b_cid_name", Value: b.cidName}, {Name: "b_cid_num", Value: b.cidNum}, {Name: "b_ip_addr", Value: b.ipAddr},
		{Name: "b_dest", Value: b.dest}, {Name: "b_presence_id", Value: b.presenceID}, {Name: "b_presence_data"},
		{Name: "b_accountcode"}, {Name: "b_callstate", Value: b.callState}, {Name: "b_callee_name", Value: b.calleeName},
		{Name: "b_callee_num", Value: b.calleeNum}, {Name: "b_callee_direction", Value: b.calleeDirection},
		{Name: "b_sent_callee_name", Value: b.sentName}, {Name: "b_sent_callee_num", Value: b.sentNum},
		{Name: "call_created_epoch", Value: epoch},
	}...)
}

// show is "show channels|calls|registrations [as json|count]".
func (sw *Switch) show(arg string) string {
	words := strings.Fields(arg)
	if len(words) == 0 {
		return "-USAGE: show channels|calls|registrations [as json]\n"
	}
	var table [][]wire.Header
	switch strings.ToLower(words[0]) {
	case "channels", "channel":
		for _, r := range sw.table.list() {
			table = append(table, r.channelColumns(sw.hostname))
		}
	case "calls", "call":
		table = sw.showCalls()
	case "registrations":
		for _, reg := range sw.regs.all() {
			if time.Since(reg.at) >= sw.cfg.ShowLag {
				table = append(table, sw.registrationColumns(reg))
			}
		}
	default:
		return "-USAGE: show channels|calls|registrations [as json]\n"
	}
	if len(words) > 1 && words[1] == "count" {
		return fmt.Sprintf("\n%d total.\n", len(table))
	}
	if len(words) > 2 && words[1] == "as" && strings.EqualFold(words[2], "json") {
		return jsonRows(table)
	}
	return plainRows(table)
}

func (sw *Switch) showCalls() [][]wire.Header {
	rows := sw.table.list()
	byID := map[string]*row{}
	for _, r := range rows {
		byID[r.uuid] = r
	}
	var table [][]wire.Header
	for _, r := range rows {
		if r.partner != "" && !r.leading && byID[r.partner] != nil {
			continue // shown as the second half of its partner's row
		}
		table = append(table, r.callColumns(sw.hostname, byID[r.partner]))
	}
	return table
}

func (sw *Switch) registrationColumns(reg registration) []wire.Header {
	host, port, _ := strings.Cut(reg.source, ":")
	return []wire.Header{
		{Name: "reg_user", Value: reg.user}, {Name: "realm", Value: sw.cfg.SIPDomain}, {Name: "token", Value: reg.callID},
		{Name: "url", Value: "sofia/internal/" + reg.contactURI.String()},
		{Name: "expires", Value: strconv.FormatInt(reg.expires.Unix(), 10)}, {Name: "network_ip", Value: host},
		{Name: "network_port", Value: port}, {Name: "network_proto", Value: strings.ToLower(reg.transport)},
		{Name: "hostname", Value: sw.hostname}, {Name: "metadata"},
	}
}

func jsonRows(table [][]wire.Header) string {
	if len(table) == 0 {
		return "{\"row_count\": 0}\n"
	}
	out := []byte(fmt.Sprintf(`{"row_count":%d,"rows":[`, len(table)))
	for i, columns := range table {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendJSONObject(out, columns, nil)
	}
	return string(out) + "]}\n"
}

func plainRows(table [][]wire.Header) string {
	var b strings.Builder
	for i, columns := range table {
		names, values := make([]string, len(columns)), make([]string, len(columns))
		for n, c := range columns {
			names[n], values[n] = c.Name, c.Value
		}
		if i == 0 {
			b.WriteString(strings.Join(names, ",") + "\n")
		}
		b.WriteString(strings.Join(values, ",") + "\n")
	}
	fmt.Fprintf(&b, "\n%d total.\n", len(table))
	return b.String()
}

// sofia is "sofia status [profile <name> [reg]]" as far as it is asked for.
func (sw *Switch) sofia(arg string) string {
	words := append(strings.Fields(arg), "", "", "", "")
	if words[0] != "status" && words[0] != "profile" && words[0] != "xmlstatus" {
		return "-USAGE: sofia status [profile <name> [reg]]\n"
	}
	const line = "================================================================================================="
	if words[0] == "profile" {
		if sw.byName(words[1]) == nil {
			return "Invalid Profile [" + words[1] + "]"
		}
		return "+OK\n" // rescan, restart: nothing to do, the profiles do not change
	}
	if words[1] == "profile" {
		p := sw.byName(words[2])
		if p == nil {
			return "Invalid Profile!\n"
		}
		if words[3] != "reg" {
			return fmt.Sprintf("%s\nName             \t%s\nURL              \t%s\nCONTEXT          \t%s\n%s\n", line, p.name,
				p.url(), p.ctx, line)
		}
		var b strings.Builder
		count := 0
		b.WriteString("\nRegistrations:\n" + line + "\n")
		if p == sw.internal {
			for _, reg := range sw.regs.all() {
				count++
				sw.writeRegistration(&b, reg)
			}
		}
		fmt.Fprintf(&b, "Total items returned: %d\n%s\n", count, line)
		return b.String()
	}
	const dashes = "                     Name\t   Type\t                                      Data\tState\n"
	return dashes + line + "\n" +
		fmt.Sprintf("%25s\t%s\t  %40s\t%s\n", sw.internal.name, "profile", sw.internal.url(), "RUNNING (0)") +
		fmt.Sprintf("%25s\t%s\t  %40s\t%s\n", sw.external.name, "profile", sw.external.url(), "RUNNING (0)") +
		line + "\n2 profiles 0 aliases\n"
}

func (sw *Switch) writeRegistration(b *strings.Builder, reg registration) {
	host, port, _ := strings.Cut(reg.source, ":")
	left := int(time.Until(reg.expires) / time.Second)
	fmt.Fprintf(b, "Call-ID:    \t%s\nUser:       \t%s@%s\nContact:    \t%s\nAgent:      \t%s\n", reg.callID, reg.user,
		sw.cfg.SIPDomain, reg.contact, reg.agent)
	fmt.Fprintf(b, "Status:     \tRegistered(%s)(unknown) EXP(%s) EXPSECS(%d)\n", reg.transport,
		reg.expires.Format("2006-01-02 15:04:05"), left)
	fmt.Fprintf(b, "Ping-Status:\tReachable\nPing-Time:\t0.00\nHost:       \t%s\nIP:         \t%s\nPort:       \t%s\n",
		sw.hostname, host, port)
	fmt.Fprintf(b, "Auth-User:  \t%s\nAuth-Realm: \t%s\nMWI-Account:\t%s@%s\n\n", reg.user, sw.cfg.SIPDomain, reg.user,
		sw.cfg.SIPDomain)
}
