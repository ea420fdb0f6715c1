package softswitch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

func init() {
	// sipgo refuses to send a datagram of more than 1300 bytes; an INVITE with a few own headers is longer. FreeSWITCH
	// sends them over UDP too and leaves fragments to IP.
	sip.UDPMTUSize = 60000
}

// profile is one SIP address (FreeSWITCH's sofia profile): UDP and TCP on the same port.
type profile struct {
	sw     *Switch
	name   string
	addr   string // host:port it is bound to
	ip     string // what peers are told
	port   int
	auth   bool   // INVITEs need a digest
	ctx    string // dialplan context of its calls
	udp    *peerConn
	tcp    net.Listener
	ua     *sipgo.UserAgent
	server *sipgo.Server
	client *sipgo.Client
	laddr  sip.Addr
	ports  *portPool // for the sound of its legs, on the same address

	mu      sync.Mutex
	dialogs map[string]*leg // by our tag
	closing atomic.Bool
}

const listenTries = 20 // for a port that is free for UDP and TCP, when any will do

func newProfile(sw *Switch, name, addr string) (*profile, error) {
	host, port, err := splitAddr(addr)
	if err != nil {
		return nil, err
	}
	p := &profile{sw: sw, name: name, ip: sw.cfg.advertised(host), dialogs: map[string]*leg{}, ctx: "public"}
	p.ports = newPortPool(host, sw.cfg.RTPPortMin, sw.cfg.RTPPortMax)
	if name == "internal" {
		p.auth, p.ctx = true, "agents"
	}
	for try := range listenTries {
		if err = p.bind(host, port); err == nil {
			break
		}
		if port != 0 || try == listenTries-1 {
			return nil, fmt.Errorf("listen for SIP profile %s on %s: %w", name, addr, err)
		}
	}
	if err := p.stack(); err != nil {
		p.close()
		return nil, fmt.Errorf("SIP profile %s: %w", name, err)
	}
	return p, nil
}

func (p *profile) bind(host string, port int) error {
	udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(host), Port: port})
	if err != nil {
		return err
	}
	// What comes while every core is busy waits; the kernel gives as much as it allows, and its default is no failure.
	_ = udp.SetReadBuffer(4 << 20)
	local := udp.LocalAddr().(*net.UDPAddr)
	tcp, err := net.Listen("tcp4", net.JoinHostPort(host, strconv.Itoa(local.Port)))
	if err != nil {
		udp.Close()
		return err
	}
	p.udp, p.tcp, p.port, p.addr = newPeerConn(udp, p.unreachable), tcp, local.Port, local.String()
	p.laddr = sip.Addr{IP: local.IP, Port: local.Port}
	return nil
}

func (p *profile) stack() error {
	// sipgo reports every stray packet of strangers as an error; that is our debug level.
	log := slog.New(quiet{p.sw.log.Handler()})
	var err error
	p.ua, err = sipgo.NewUA(
		sipgo.WithUserAgent("FreeSWITCH"), sipgo.WithUserAgentHostname(p.ip),
		sipgo.WithUserAgentTransportLayerOptions(sip.WithTransportLayerLogger(log),
			sip.WithTransportLayerReadFilter(p.admit)),
		sipgo.WithUserAgentTransactionLayerOptions(sip.WithTransactionLayerLogger(log),
			sip.WithTransactionLayerTerminateOnConnClose(),
			sip.WithTransactionLayerUnhandledResponseHandler(func(*sip.Response) {})),
	)
	if err != nil {
		return err
	}
	if p.server, err = sipgo.NewServer(p.ua, sipgo.WithServerLogger(log)); err != nil {
		return err
	}
	if p.client, err = sipgo.NewClient(p.ua, sipgo.WithClientHostname(p.ip), sipgo.WithClientPort(p.port),
		sipgo.WithClientLogger(log)); err != nil {
		return err
	}
	p.server.OnInvite(p.onInvite)
	p.server.OnAck(p.onAck)
	p.server.OnBye(p.onBye)
	p.server.OnCancel(func(req *sip.Request, tx sip.ServerTransaction) {
		p.refuse(req, tx, 481, "Call/Transaction Does Not Exist") // a known transaction is cancelled by sipgo itself
	})
	p.server.OnOptions(p.onOptions)
	p.server.OnRegister(p.onRegister)
	p.server.OnInfo(p.onInfo)
	p.server.OnRefer(func(req *sip.Request, tx sip.ServerTransaction) {
		p.refuse(req, tx, 403, "Forbidden") // it would move a caller past the core (recording 17b)
	})
	p.server.OnSubscribe(func(req *sip.Request, tx sip.ServerTransaction) { p.refuse(req, tx, 489, "Bad Event") })
	p.server.OnNoRoute(func(req *sip.Request, tx sip.ServerTransaction) { p.refuse(req, tx, 405, "Method Not Allowed") })
	return nil
}

// serve handles both sockets until the profile is closed.
func (p *profile) serve(ctx context.Context) error {
	failed := make(chan error, 2)
	go func() { failed <- p.server.ServeUDP(p.udp) }()
	go func() { failed <- p.server.ServeTCP(p.tcp) }()
	err := <-failed
	p.close()
	if other := <-failed; err == nil || errors.Is(err, net.ErrClosed) {
		err = other
	}
	p.close() // once more: what came in last may have made sipgo open a socket for its answer
	if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
		return nil
	}
	if err == nil {
		err = errors.New("its socket was closed")
	}
	return err
}

// awaitServing returns when sipgo knows the listening socket: an INVITE sent before would get a socket of its own.
func (p *profile) awaitServing(ctx context.Context) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !p.closing.Load() {
		if conn, err := p.ua.TransportLayer().GetConnection("udp", p.laddr.String()); err == nil {
			if _, err := conn.TryClose(); err != nil {
				p.sw.log.Debug("SIP socket", "error", err)
			}
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// close ends the profile; it may be called again.
func (p *profile) close() {
	p.closing.Store(true)
	if p.udp != nil {
		p.udp.Close()
	}
	if p.tcp != nil {
		p.tcp.Close()
	}
	if p.ua != nil {
		p.ua.Close()
	}
}

// admit drops what comes in while the profile is being closed.
func (p *profile) admit(_ sip.TransportReadProps, data []byte) ([]byte, error) {
	if p.closing.Load() {
		return nil, nil
	}
	return data, nil
}

// byName gives the profile of a dial string; nil for an unknown one.
func (sw *Switch) byName(name string) *profile {
	switch name {
	case sw.internal.name:
		return sw.internal
	case sw.external.name:
		return sw.external
	}
	return nil
}

func (p *profile) url() string { return fmt.Sprintf("sip:mod_sofia@%s:%d", p.ip, p.port) }

func (p *profile) contact(transport string) sip.Header {
	uri := p.url()
	if strings.EqualFold(transport, "TCP") {
		uri += ";transport=tcp"
	}
	return sip.NewHeader("Contact", "<"+uri+">")
}

func (p *profile) remember(tag string, l *leg) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dialogs[tag] = l
}

func (p *profile) forget(tag string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.dialogs, tag)
}

// dialog finds the leg that a request inside a dialog belongs to (RFC 3261 section 12.2.2).
func (p *profile) dialog(req *sip.Request) *leg {
	if req.To() == nil || req.From() == nil || req.CallID() == nil {
		return nil
	}
	local, ok := req.To().Params.Get("tag")
	if !ok {
		return nil
	}
	p.mu.Lock()
	l := p.dialogs[local]
	p.mu.Unlock()
	if l == nil || !l.sip.owns(req) {
		return nil
	}
	return l
}

// respond sends a response; a transport that fails ends the transaction, and with it the leg, by itself.
func (p *profile) respond(tx sip.ServerTransaction, res *sip.Response) {
	if err := tx.Respond(res); err != nil {
		p.sw.log.Debug("SIP response not sent", "status", res.StatusCode, "error", err)
	}
}

func (p *profile) refuse(req *sip.Request, tx sip.ServerTransaction, status int, reason string) {
	p.respond(tx, sip.NewResponseFromRequest(req, status, reason, nil))
}

const allowed = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, REGISTER"

func (p *profile) onOptions(req *sip.Request, tx sip.ServerTransaction) {
	res := sip.NewResponseFromRequest(req, 200, "OK", nil)
	res.AppendHeader(p.contact(req.Transport()))
	res.AppendHeader(sip.NewHeader("Allow", allowed))
	res.AppendHeader(sip.NewHeader("Accept", "application/sdp"))
	p.respond(tx, res)
}

// onInfo takes digits that a phone sends by SIP INFO (application/dtmf-relay).
func (p *profile) onInfo(req *sip.Request, tx sip.ServerTransaction) {
	l := p.dialog(req)
	if l == nil {
		p.refuse(req, tx, 481, "Call/Transaction Does Not Exist")
		return
	}
	p.refuse(req, tx, 200, "OK")
	if ct := req.ContentType(); ct != nil && strings.EqualFold(ct.Value(), "application/dtmf-relay") {
		if d, ok := digitFromInfo(string(req.Body())); ok {
			l.pressedDigit(d)
		}
	}
}

func digitFromInfo(body string) (pressed, bool) {
	d := pressed{samples: 2000}
	for line := range strings.Lines(body) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		value = strings.TrimSpace(value)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "signal":
			if len(value) == 1 && strings.Contains("0123456789*#ABCD", strings.ToUpper(value)) {
				d.char = strings.ToUpper(value)[0]
			}
		case "duration":
			if ms, err := strconv.Atoi(value); err == nil && ms > 0 && ms < 10000 {
				d.samples = ms * 8
			}
		}
	}
	return d, d.char != 0
}

// admitted applies TrunkNetworks.
func (p *profile) admitted(source string) bool {
	if len(p.sw.cfg.TrunkNetworks) == 0 || p.auth {
		return true
	}
	from, err := netip.ParseAddrPort(source)
	if err != nil {
		return false
	}
	for _, network := range p.sw.cfg.TrunkNetworks {
		if network.Contains(from.Addr().Unmap()) {
			return true
		}
	}
	return false
}

// quiet lowers what a library calls an error to debug, keeping real messages of ours apart from strangers' packets.
type quiet struct{ slog.Handler }

func (q quiet) Enabled(ctx context.Context, _ slog.Level) bool {
	return q.Handler.Enabled(ctx, slog.LevelDebug)
}

func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	r.Level = slog.LevelDebug
	return q.Handler.Handle(ctx, r)
}

func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(attrs)} }

func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.Handler.WithGroup(name)} }
