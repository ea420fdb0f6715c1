package softswitch

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"ramal/esl/wire"
)

// stopTimeout is how long Run waits at its end for the peers' answers to our BYEs.
const stopTimeout = 2 * time.Second

// Switch is the embedded switch. Make it with New, which listens; Run serves.
type Switch struct {
	cfg      Config
	log      *slog.Logger
	coreUUID string
	hostname string
	started  time.Time

	esl      net.Listener
	internal *profile
	external *profile
	pumps    []*pump
	bus      bus
	table    showTable
	sched    scheduler
	users    atomic.Pointer[userDirectory]
	regs     registrar
	globals  map[string]string

	mu     sync.RWMutex
	legs   map[string]*leg
	closed bool
	work   sync.WaitGroup // legs, jobs and SIP transactions

	apiExpansion atomic.Bool
	limits       limits
	ctx          context.Context // of Run; ends when the switch has to stop
	cancel       context.CancelFunc
}

// New checks the configuration, reads the directory and opens every socket. Call Run, or Close when it is not to run.
func New(cfg Config) (*Switch, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("configure softswitch: %w", err)
	}
	sw := &Switch{
		cfg: cfg, log: cfg.Logger, coreUUID: uuid.NewString(), hostname: hostname(), started: time.Now(),
		legs: map[string]*leg{}, bus: bus{clients: map[*client]struct{}{}},
	}
	sw.apiExpansion.Store(cfg.APIExpansion)
	sw.limits.init(cfg.MaxSessions, cfg.SessionsPerSecond)
	sw.table.init(cfg.ShowLag)
	sw.regs.init()
	sw.ctx, sw.cancel = context.WithCancel(context.Background())
	if err := sw.loadDirectory(); err != nil {
		return nil, err
	}
	if err := sw.listen(); err != nil {
		sw.Close()
		return nil, fmt.Errorf("start softswitch: %w", err)
	}
	sw.globals = map[string]string{
		"core_uuid": sw.coreUUID, "hostname": sw.hostname, "local_ip_v4": sw.external.ip, "domain": cfg.SIPDomain,
		"ramal_media_dir": cfg.MediaDir, "switch_serial": "softswitch",
	}
	for k, v := range cfg.Globals {
		sw.globals[k] = v
	}
	return sw, nil
}

func (sw *Switch) listen() error {
	var err error
	if sw.esl, err = net.Listen("tcp4", sw.cfg.ESLAddr); err != nil {
		return fmt.Errorf("listen for the event socket: %w", err)
	}
	if sw.internal, err = newProfile(sw, "internal", sw.cfg.InternalAddr); err != nil {
		return err
	}
	if sw.external, err = newProfile(sw, "external", sw.cfg.ExternalAddr); err != nil {
		return err
	}
	for i := range max(1, min(runtime.GOMAXPROCS(0), 4)) {
		sw.pumps = append(sw.pumps, newPump(i))
	}
	return nil
}

// ESLAddr is the address of the Event Socket.
func (sw *Switch) ESLAddr() string { return sw.esl.Addr().String() }

// InternalAddr is the address of the agents' SIP profile, the same port for UDP and TCP.
func (sw *Switch) InternalAddr() string { return sw.internal.addr }

// ExternalAddr is the address of the callers' SIP profile, the same port for UDP and TCP.
func (sw *Switch) ExternalAddr() string { return sw.external.addr }

// Legs is how many legs exist now.
func (sw *Switch) Legs() int {
	sw.mu.RLock()
	defer sw.mu.RUnlock()
	return len(sw.legs)
}

// Run serves until ctx ends or a socket fails. At the end every leg is hung up with SYSTEM_SHUTDOWN, the clients are
// cut off and all goroutines are back.
func (sw *Switch) Run(ctx context.Context) error {
	defer sw.Close()
	var tasks sync.WaitGroup
	failed := make(chan error, 8)
	start := func(name string, f func(context.Context) error) {
		tasks.Add(1)
		go func() {
			defer tasks.Done()
			if err := f(sw.ctx); err != nil && sw.ctx.Err() == nil {
				failed <- fmt.Errorf("%s: %w", name, err)
			}
		}()
	}
	media, stopMedia := context.WithCancel(context.Background())
	defer stopMedia()
	for _, p := range sw.pumps {
		tasks.Add(1)
		go func() {
			defer tasks.Done()
			p.run(media)
		}()
	}
	start("SIP profile internal", sw.internal.serve)
	start("SIP profile external", sw.external.serve)
	sw.internal.awaitServing(sw.ctx)
	sw.external.awaitServing(sw.ctx)
	start("event socket", sw.serveESL)
	start("heartbeat", sw.heartbeat)
	start("registrations", sw.expireRegistrations)
	start("scheduler", sw.sched.run)

	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	sw.hangUpAll()
	stopMedia()
	sw.cancel()
	sw.closeSockets()
	tasks.Wait()
	return err
}

// hangUpAll ends every leg and waits for the peers' answers as long as stopTimeout.
func (sw *Switch) hangUpAll() {
	sw.mu.Lock()
	sw.closed = true
	legs := make([]*leg, 0, len(sw.legs))
	for _, l := range sw.legs {
		legs = append(legs, l)
	}
	sw.mu.Unlock()
	for _, l := range legs {
		l.hangup(causeSystemShutdown)
	}
	done := make(chan struct{})
	go func() {
		sw.work.Wait()
		close(done)
	}()
	select {
	case <-done:
		return
	case <-time.After(stopTimeout):
		sw.cancel() // ends the transactions that are still waiting for an answer
	}
	<-done
}

// Close releases the sockets of a switch that does not run. After Run it has nothing to do.
func (sw *Switch) Close() {
	sw.cancel()
	sw.closeSockets()
}

func (sw *Switch) closeSockets() {
	if sw.esl != nil {
		sw.esl.Close()
	}
	for _, p := range []*profile{sw.internal, sw.external} {
		if p != nil {
			p.close()
		}
	}
}

// spawn runs f in a goroutine that Run waits for; it does nothing when the switch is stopping.
func (sw *Switch) spawn(f func()) bool {
	sw.mu.Lock()
	defer sw.mu.Unlock()
	if sw.closed {
		return false
	}
	sw.work.Add(1)
	go func() {
		defer sw.work.Done()
		f()
	}()
	return true
}

func (sw *Switch) serveESL(ctx context.Context) error {
	var clients sync.WaitGroup
	defer clients.Wait()
	for {
		conn, err := sw.esl.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return nil
			}
			var temporary net.Error
			if errors.As(err, &temporary) && temporary.Timeout() {
				continue
			}
			return fmt.Errorf("accept: %w", err)
		}
		clients.Add(1)
		go func() {
			defer clients.Done()
			newClient(sw, conn).serve(ctx)
		}()
	}
}

func (sw *Switch) heartbeat(ctx context.Context) error {
	ticker := time.NewTicker(sw.cfg.Heartbeat)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			sw.fireHeartbeat()
		}
	}
}

func (sw *Switch) fireHeartbeat() {
	l := sw.limits.snapshot()
	up := time.Since(sw.started)
	sw.fire("HEARTBEAT", "", fromHeartbeat, []wire.Header{
		{Name: "Event-Info", Value: "System Ready"},
		{Name: "Up-Time", Value: upTime(up)},
		{Name: "FreeSWITCH-Version", Value: version + "~64bit"},
		{Name: "Uptime-msec", Value: strconv.FormatInt(up.Milliseconds(), 10)},
		{Name: "Session-Count", Value: strconv.Itoa(sw.Legs())},
		{Name: "Max-Sessions", Value: strconv.Itoa(l.maxSessions)},
		{Name: "Session-Per-Sec", Value: strconv.Itoa(l.perSecond)},
		{Name: "Session-Per-Sec-Last", Value: strconv.Itoa(l.last)},
		{Name: "Session-Per-Sec-Max", Value: strconv.Itoa(l.peakPerSecond)},
		{Name: "Session-Per-Sec-FiveMin", Value: strconv.Itoa(l.peakPerSecond)},
		{Name: "Session-Since-Startup", Value: strconv.FormatUint(l.total, 10)},
		{Name: "Session-Peak-Max", Value: strconv.Itoa(l.peak)},
		{Name: "Session-Peak-FiveMin", Value: strconv.Itoa(l.peak)},
		{Name: "Idle-CPU", Value: "100.000000"},
	}, nil)
}

// leg finds a leg by its UUID; nil when there is none.
func (sw *Switch) leg(id string) *leg {
	sw.mu.RLock()
	defer sw.mu.RUnlock()
	return sw.legs[id]
}

func equalSecret(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

func appendInt(dst []byte, n int) []byte { return strconv.AppendInt(dst, int64(n), 10) }
