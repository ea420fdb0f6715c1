package carrier

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"

	"ramal/media"
)

// Config describes a phone. Only Domain or Proxy is needed to place calls; the zero value can be called by address.
type Config struct {
	User        string // user part of the address of record; default "anonymous"
	Password    string // for digest; empty: challenges are failures
	Domain      string // host of the address of record; default the phone's own address
	DisplayName string
	Transport   string // "udp" (default) or "tcp"
	Listen      string // default 127.0.0.1:0
	Proxy       string // host:port that gets the requests outside of dialogs; default what the request's URI says
	Codecs      []media.Codec
	Behaviour   Behaviour // of incoming calls; default: answer at once
	Logger      *slog.Logger
}

// Phone is a SIP user agent on one socket. It is safe for concurrent use. Close it.
type Phone struct {
	cfg    Config
	log    *slog.Logger
	ua     *sipgo.UserAgent
	client *sipgo.Client
	server *sipgo.Server
	addr   string // host:port of the listening socket
	host   string
	port   int
	closer func() error

	mu        sync.Mutex
	behaviour Behaviour
	calls     map[string]*Call // by Call-ID and our tag
	incoming  chan *Call
	closed    bool
	reg       *registration
	requests  map[sip.RequestMethod]int
	ctx       context.Context
	cancel    context.CancelFunc
	running   sync.WaitGroup
}

// incomingBuffer is how many calls may wait for NextCall; further ones are treated all the same, but not handed out.
const incomingBuffer = 1024

// NewPhone opens the socket and serves it.
func NewPhone(cfg Config) (*Phone, error) {
	if cfg.Transport = strings.ToLower(cfg.Transport); cfg.Transport == "" {
		cfg.Transport = "udp"
	}
	if cfg.Listen == "" {
		cfg.Listen = "127.0.0.1:0"
	}
	if cfg.User == "" {
		cfg.User = "anonymous"
	}
	if len(cfg.Codecs) == 0 {
		cfg.Codecs = []media.Codec{media.PCMA, media.PCMU}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	p := &Phone{cfg: cfg, log: cfg.Logger, behaviour: cfg.Behaviour, calls: map[string]*Call{},
		incoming: make(chan *Call, incomingBuffer),
		requests: map[sip.RequestMethod]int{}}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	if err := p.listen(); err != nil {
		p.cancel()
		return nil, fmt.Errorf("phone %s: %w", cfg.User, err)
	}
	if p.cfg.Domain == "" {
		p.cfg.Domain = p.host
	}
	return p, nil
}

func (p *Phone) listen() (err error) {
	p.ua, err = sipgo.NewUA(sipgo.WithUserAgent("ramal-carrier"),
		sipgo.WithUserAgentTransportLayerOptions(sip.WithTransportLayerLogger(p.log)),
		sipgo.WithUserAgentTransactionLayerOptions(sip.WithTransactionLayerLogger(p.log)))
	if err != nil {
		return err
	}
	if p.server, err = sipgo.NewServer(p.ua, sipgo.WithServerLogger(p.log)); err != nil {
		return err
	}
	p.handlers()
	serve := func() error { return nil }
	var addr net.Addr
	switch p.cfg.Transport {
	case "udp":
		conn, err := net.ListenPacket("udp", p.cfg.Listen)
		if err != nil {
			return err
		}
		addr, p.closer = conn.LocalAddr(), conn.Close
		serve = func() error { return p.server.ServeUDP(conn) }
	case "tcp":
		l, err := net.Listen("tcp", p.cfg.Listen)
		if err != nil {
			return err
		}
		addr, p.closer = l.Addr(), l.Close
		serve = func() error { return p.server.ServeTCP(l) }
	default:
		return fmt.Errorf("no transport %q", p.cfg.Transport)
	}
	p.addr = addr.String()
	if p.host, p.port, err = sip.ParseAddr(p.addr); err != nil {
		return errors.Join(err, p.closer())
	}
	options := []sipgo.ClientOption{sipgo.WithClientLogger(p.log)}
	if p.cfg.Transport == "udp" {
		// One socket for requests and answers; a TCP client connection has a port of its own.
		options = append(options, sipgo.WithClientConnectionAddr(p.addr))
	}
	if p.client, err = sipgo.NewClient(p.ua, options...); err != nil {
		return errors.Join(err, p.closer())
	}
	p.running.Go(func() {
		if err := serve(); err != nil && p.ctx.Err() == nil {
			p.log.Error("phone stopped serving", "user", p.cfg.User, "err", err)
		}
	})
	return p.ready()
}

// ready waits until sipgo has taken the UDP socket over: a request before that would open a second one on the same
// port.
func (p *Phone) ready() error {
	if p.cfg.Transport != "udp" {
		return nil
	}
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if conn, err := p.ua.TransportLayer().GetConnection("udp", p.addr); err == nil && conn != nil {
			_, err := conn.TryClose() // gives the reference back; a listener stays open
			return err
		}
	}
	return errors.Join(errors.New("the socket is not being served"), p.closer())
}

func (p *Phone) handlers() {
	p.server.OnInvite(p.counted(p.onInvite))
	p.server.OnAck(p.counted(p.onAck))
	p.server.OnBye(p.counted(p.onBye))
	p.server.OnCancel(p.counted(p.respond(481)))
	p.server.OnUpdate(p.counted(p.onUpdate))
	p.server.OnOptions(p.counted(p.onOptions))
	p.server.OnInfo(p.counted(p.inDialog))
	p.server.OnNotify(p.counted(p.respond(200)))
	p.server.OnMessage(p.counted(p.respond(200)))
	p.server.OnRefer(p.counted(p.respond(603)))
}

func (p *Phone) counted(h sipgo.RequestHandler) sipgo.RequestHandler {
	return func(req *sip.Request, tx sip.ServerTransaction) {
		p.mu.Lock()
		p.requests[req.Method]++
		p.mu.Unlock()
		h(req, tx)
	}
}

// Requests says how many requests of a method (INVITE, OPTIONS …) were received.
func (p *Phone) Requests(method string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requests[sip.RequestMethod(method)]
}

// Addr is the host:port that the phone listens on.
func (p *Phone) Addr() string { return p.addr }

// URI is the phone's address of record, sip:user@domain.
func (p *Phone) URI() string { return "sip:" + escapeUser(p.cfg.User) + "@" + p.cfg.Domain }

// ContactURI is where the phone can be reached without a registrar.
func (p *Phone) ContactURI() string {
	uri := p.contact().Address
	return uri.String()
}

func (p *Phone) contact() *sip.ContactHeader {
	uri := sip.Uri{Scheme: "sip", User: escapeUser(p.cfg.User), Host: p.host, Port: p.port}
	if p.cfg.Transport == "tcp" {
		uri.UriParams.Add("transport", "tcp")
	}
	return &sip.ContactHeader{Address: uri}
}

// SetBehaviour changes how the next incoming calls are treated.
func (p *Phone) SetBehaviour(b Behaviour) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.behaviour = b
}

// NextCall waits for the next incoming call, whatever the behaviour does with it. It was just received.
func (p *Phone) NextCall(ctx context.Context) (*Call, error) {
	select {
	case c := <-p.incoming:
		return c, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("phone %s: wait for a call: %w", p.cfg.User, ctx.Err())
	case <-p.ctx.Done():
		return nil, fmt.Errorf("phone %s: wait for a call: %w", p.cfg.User, net.ErrClosed)
	}
}

// Calls gives the calls that have not ended.
func (p *Phone) Calls() []*Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	calls := make([]*Call, 0, len(p.calls))
	for _, c := range p.calls {
		calls = append(calls, c)
	}
	return calls
}

// Close hangs up, unregisters and closes the socket; each for two seconds at most.
func (p *Phone) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	var errs []error
	for _, c := range p.Calls() {
		errs = append(errs, c.Hangup(ctx))
	}
	p.mu.Lock()
	registered := p.reg != nil
	p.mu.Unlock()
	if registered {
		errs = append(errs, p.Unregister(ctx))
	}
	return errors.Join(append(errs, p.Abandon())...)
}

// Abandon closes the socket without a word, as a phone that loses its power.
func (p *Phone) Abandon() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	calls := make([]*Call, 0, len(p.calls))
	for _, c := range p.calls {
		calls = append(calls, c)
	}
	p.mu.Unlock()
	p.cancel()
	for _, c := range calls {
		c.finish(End{Local: true, Err: net.ErrClosed})
	}
	err := p.closer()
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	err = errors.Join(err, p.ua.Close())
	p.running.Wait()
	return err
}

func (p *Phone) add(c *Call) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.calls[c.key()] = c
	return true
}

func (p *Phone) drop(c *Call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.calls, c.key())
}

// find is the call of an in-dialog request: our tag is in To.
func (p *Phone) find(req *sip.Request) *Call {
	to, id := req.To(), req.CallID()
	if to == nil || id == nil {
		return nil
	}
	tag, _ := to.Params.Get("tag")
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls[id.Value()+" "+tag]
}

// escapeUser percent-encodes what the user part of a SIP URI may not contain (RFC 3261 section 25.1).
func escapeUser(user string) string {
	var b strings.Builder
	for i := range len(user) {
		c := user[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.!~*'()&=+$,;?/",
			c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c) // a Builder does not fail
		}
	}
	return b.String()
}

// unescapeUser undoes percent-encoding; what is no escape stays.
func unescapeUser(user string) string {
	var b strings.Builder
	for i := 0; i < len(user); i++ {
		var c byte
		if user[i] == '%' && i+2 < len(user) {
			if n, err := fmt.Sscanf(user[i+1:i+3], "%02x", &c); n == 1 && err == nil {
				b.WriteByte(c)
				i += 2
				continue
			}
		}
		b.WriteByte(user[i])
	}
	return b.String()
}

// quoteName escapes a display name for a quoted string; it cannot end its header.
func quoteName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7F {
			return -1
		}
		return r
	}, name)
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name)
}

func unquoteName(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if name[i] == '\\' && i+1 < len(name) {
			i++
		}
		b.WriteByte(name[i])
	}
	return b.String()
}
