package esl

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"ramal/call"
	"ramal/internal/lifecycle"
)

// Config says which switch a link drives and how patient it is. Zero durations and sizes take the defaults.
type Config struct {
	Address  string // host:port of the switch's Event Socket
	Password string
	Vocabulary

	ConnectTimeout   time.Duration // dial, greeting, password and subscription of one connection; 3 s
	CommandTimeout   time.Duration // a command's deadline; 5 s
	PingEvery        time.Duration // 5 s
	HeartbeatTimeout time.Duration // no event at all for so long means half dead; 45 s (two HEARTBEATs of 20 s missed)
	PokeEvery        time.Duration // newline on the event connection; 2 ms, negative for never
	Production       bool          // a switch with a bad posture is refused instead of complained about
	Commands         int           // commands queued and unanswered; 4096
	Events           int           // events between the reader and the sink; 8192

	Dial   func(ctx context.Context, network, address string) (net.Conn, error) // the network; for tests
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	set := func(d *time.Duration, value time.Duration) {
		if *d == 0 {
			*d = value
		}
	}
	set(&c.ConnectTimeout, 3*time.Second)
	set(&c.CommandTimeout, 5*time.Second)
	set(&c.PingEvery, 5*time.Second)
	set(&c.HeartbeatTimeout, 45*time.Second)
	set(&c.PokeEvery, 2*time.Millisecond)
	if c.Commands <= 0 {
		c.Commands = 4096
	}
	if c.Events <= 0 {
		c.Events = 8192
	}
	if c.Dial == nil {
		c.Dial = (&net.Dialer{}).DialContext
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

// Link is the link to one switch. It is made by New and lives while Run runs.
//
//	down ──both connections, events subscribed, legs listed──► up ──error, silence, overflow──► down (pause, again)
type Link struct {
	config Config
	sink   func(call.Event)
	queue  chan call.Event // to the sink, in order
	stats  counters

	mu      sync.Mutex
	session *session // nil while down
	info    Info
	dials   dials
	jobs    map[string]call.Command // background commands by their Job-UUID
}

// Info is what the switch last said about itself.
type Info struct {
	Up          bool
	Version     string   // as the switch writes it, e.g. 1.11.3-dev
	CoreUUID    string   // changes with every start of the switch
	PerSecond   int      // new legs per second the switch admits, 0 when unknown
	MaxSessions int      // legs at the same time, 0 when unknown
	Problems    []string // what is wrong with its posture, and what to change (see posture)
}

// New makes a link that hands every event to sink, one after the other and in the switch's order. sink must not
// block for long: events wait meanwhile, and when too many do, the link is dropped and resynchronised.
func New(config Config, sink func(call.Event)) (*Link, error) {
	config = config.withDefaults()
	if err := config.Vocabulary.Check(); err != nil {
		return nil, fmt.Errorf("link to the switch: %w", err)
	}
	if _, err := authenticate(config.Password); err != nil || config.Password == "" {
		return nil, errors.New("link to the switch: the Event Socket's password is empty or holds a line end")
	}
	l := &Link{config: config, sink: sink, queue: make(chan call.Event, config.Events),
		jobs: map[string]call.Command{}}
	l.dials.legs = map[call.LegID]*dialling{}
	return l, nil
}

// Run keeps the link up until ctx ends, then closes both connections and returns nil. It must run once.
func (l *Link) Run(ctx context.Context) error {
	group := lifecycle.New(context.WithoutCancel(ctx))
	group.Go("sink", l.dispatch)
	pause := backoff{}
	last := ""
	for ctx.Err() == nil {
		up, err := l.live(ctx)
		if ctx.Err() != nil {
			break
		}
		if up {
			pause = backoff{}
		}
		// The same failure again and again is said once.
		if text := err.Error(); up || text != last {
			l.config.Logger.Warn("switch link lost", "address", l.config.Address, "up", up, "error", err)
			last = text
		}
		timer := time.NewTimer(pause.next(rand.Float64))
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
	// A sink that does not come back must not hold the end up.
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	return group.Stop(stopping)
}

// dispatch hands events to the sink.
func (l *Link) dispatch(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case event := <-l.queue:
			switch event.(type) {
			case call.CommandFailed, call.LinkUp, call.LinkDown: // ours, not the switch's
			default:
				l.stats.lag(time.Since(event.When()))
			}
			l.sink(event)
			l.stats.delivered.Add(1)
		}
	}
}

// Info returns what the switch last said about itself, and whether the link is up.
func (l *Link) Info() Info {
	l.mu.Lock()
	defer l.mu.Unlock()
	info := l.info
	info.Up = l.session != nil
	return info
}

// Stats returns the link's counters.
func (l *Link) Stats() Stats { return l.stats.read(len(l.queue)) }

// current returns the session, or nil while the link is down.
func (l *Link) current() *session {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.session
}

// Exists asks whether the switch still knows a leg. While the link is down it is an unavailable error.
func (l *Link) Exists(ctx context.Context, leg call.LegID) (bool, error) {
	f := &fields{}
	m, err := api("uuid_exists", f.leg(leg))
	if err = errors.Join(f.err, err); err != nil {
		return false, call.Errorf(call.Invalid, "ask the switch for leg %s: %v", leg, err)
	}
	s := l.current()
	if s == nil {
		return false, call.Errorf(call.Unavailable, "ask the switch for leg %s: the link is down", leg)
	}
	reply, err := s.commands.ask(ctx, m, l.config.CommandTimeout)
	if err != nil {
		return false, call.Errorf(call.Unavailable, "ask the switch for leg %s: %v", leg, err)
	}
	switch reply {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, call.Errorf(call.Unavailable, "ask the switch for leg %s: it answers %.60q", leg, reply)
}

// Resync lists the legs the switch has now. Each row of its list was asked for again by itself, since the list lags
// by some tenths of a second; a leg that is missing may still be one that was made a moment ago.
func (l *Link) Resync(ctx context.Context) ([]call.LegSnapshot, error) {
	s := l.current()
	if s == nil {
		return nil, call.Errorf(call.Unavailable, "list the switch's legs: the link is down")
	}
	legs, err := s.legs(ctx, l.config.CommandTimeout)
	if err != nil {
		return nil, call.Errorf(call.Unavailable, "list the switch's legs: %v", err)
	}
	return legs, nil
}
