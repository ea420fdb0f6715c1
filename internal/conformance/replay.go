package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"time"

	"ramal/esl/wire"
)

// Switch is a running switch as a replay sees it.
type Switch struct {
	ESL      string // host:port
	Password string
	Internal netip.AddrPort // SIP of the agents
	External netip.AddrPort // SIP of the callers
}

// maxPause bounds recorded pauses: the driver of the recordings sometimes waited for a time-out of its own.
const maxPause = 3200 * time.Millisecond

// Replay plays the client's side of a recording against a switch, with the peers of plan (scenarios in peers, files in
// dir), and returns what passed, in terms of the recording: file names and the password are mapped back. notes say
// where the switch did not do what was waited for; the replay goes on after that.
func Replay(ctx context.Context, sw Switch, rec Conversation, plan Plan, peers, dir string) (
	got Conversation, notes []string, err error) {
	acts, err := Canon.acts(rec, plan)
	if err != nil {
		return nil, nil, err
	}
	r := &replay{sw: sw, rec: rec, plan: plan, peers: peers, dir: dir, ids: map[string]string{},
		ports: map[string]string{},
		seen:  map[string]int{}, excused: map[string]int{}}
	defer func() { err = errors.Join(err, r.close()) }()
	if err := r.startAgents(ctx); err != nil {
		return nil, nil, err
	}
	if err := r.connect(ctx); err != nil {
		return nil, nil, err
	}
	for _, a := range acts {
		if err := r.do(ctx, a); err != nil {
			return r.got, r.notes, err
		}
	}
	err = r.drain(ctx)
	return r.got, r.notes, err
}

type replay struct {
	sw    Switch
	rec   Conversation
	plan  Plan
	peers string
	dir   string

	conn   net.Conn
	begun  time.Time
	frames chan Item // closed when the connection ends
	failed error     // why it ended; valid when frames is closed
	phones []*Phone

	got     Conversation
	notes   []string
	ids     map[string]string // UUID of the switch under test → UUID of the recording
	ports   map[string]string // recorded port → port of this run
	seen    map[string]int    // items per stream of the recording
	excused map[string]int    // items that were waited for in vain
	legs    int               // inbound legs seen
	replies int
}

func (r *replay) close() error {
	var errs []error
	if r.conn != nil {
		errs = append(errs, r.conn.Close())
		for range r.frames { // until the reader has ended
		}
	}
	for _, p := range r.phones {
		errs = append(errs, p.Close())
	}
	return errors.Join(errs...)
}

func (r *replay) startAgents(ctx context.Context) error {
	for port, scenario := range r.plan.Agents {
		phone, err := StartPhone(ctx, PhoneConfig{Scenario: r.scenario(scenario), Dir: r.dir})
		if err != nil {
			return err
		}
		r.phones = append(r.phones, phone)
		r.ports[port] = fmt.Sprint(phone.Port)
	}
	for i := range r.rec {
		for _, m := range agentPort.FindAllStringSubmatch(r.rec[i].Text, -1) {
			if r.rec[i].Kind != Command || r.ports[m[1]] != "" {
				continue
			}
			port, err := freePort() // nobody listens there (07f)
			if err != nil {
				return err
			}
			r.ports[m[1]] = fmt.Sprint(port)
		}
	}
	return nil
}

func (r *replay) scenario(name string) string { return filepath.Join(r.peers, name+".xml") }

func (r *replay) connect(ctx context.Context) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", r.sw.ESL)
	if err != nil {
		return fmt.Errorf("connect to the switch: %w", err)
	}
	r.conn, r.begun, r.frames = conn, time.Now(), make(chan Item, 64)
	go func() {
		defer close(r.frames)
		frames := wire.NewFrameReader(conn, wire.Limits{})
		for {
			f, err := frames.Next()
			if err != nil {
				r.failed = err
				return
			}
			r.frames <- fromFrame(f, time.Since(r.begun))
		}
	}()
	return nil
}

// do waits for what came before the act in the recording, and for the recorded pause, and acts.
func (r *replay) do(ctx context.Context, a act) error {
	if err := r.await(ctx, a); err != nil {
		return err
	}
	if pause := min(a.pause, maxPause); pause >= 20*time.Millisecond {
		if _, err := r.readUntil(ctx, time.Now().Add(pause), func() bool { return false }); err != nil {
			return err
		}
	}
	if a.command == "" {
		return r.startPeer(ctx, a)
	}
	command := r.toSwitch(a.command)
	if err := r.conn.SetWriteDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	r.got = append(r.got, Item{Kind: Command, At: time.Since(r.begun), Text: a.command})
	if _, err := io.WriteString(r.conn, command+"\n\n"); err != nil {
		return fmt.Errorf("send %q: %w", a.command, err)
	}
	return nil
}

func (r *replay) await(ctx context.Context, a act) error {
	patience := r.plan.Patience
	if patience == 0 {
		patience = 4*time.Second + a.gap
	}
	ready := func() bool {
		for stream, n := range a.need {
			if r.seen[stream]+r.excused[stream] < n {
				return false
			}
		}
		return true
	}
	ok, err := r.readUntil(ctx, time.Now().Add(patience), ready)
	if err != nil || ok {
		return err
	}
	for stream, n := range a.need {
		if missing := n - r.seen[stream] - r.excused[stream]; missing > 0 {
			what := a.command
			if what == "" {
				what = a.peer
			}
			r.notes = append(r.notes, fmt.Sprintf("before %q: %d of stream %s did not come in %v",
				oneLine(what), missing, stream, patience))
			r.excused[stream] += missing
		}
	}
	return nil
}

// readUntil takes in frames until ready or the time has come; it reports whether ready.
func (r *replay) readUntil(ctx context.Context, until time.Time, ready func() bool) (bool, error) {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	for !ready() {
		select {
		case item, open := <-r.frames:
			if !open {
				return false, fmt.Errorf("the switch closed the connection: %w", r.failed)
			}
			r.take(item)
		case <-timer.C:
			return false, nil
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
	return true, nil
}

// drain reads what the switch says after the last command, until it closes the connection.
func (r *replay) drain(ctx context.Context) error {
	_, err := r.readUntil(ctx, time.Now().Add(3*time.Second), func() bool { return false })
	if r.failed != nil && errors.Is(r.failed, io.EOF) {
		return nil // exit ends the connection
	}
	if err == nil {
		r.notes = append(r.notes, "the switch did not close the connection after exit")
	}
	return err
}

func (r *replay) take(item Item) {
	r.learn(&item)
	item.Text = r.toRecording(item.Text)
	item.Body = r.toRecording(item.Body)
	for i, h := range item.Headers {
		item.Headers[i].Value = r.toRecording(h.Value)
	}
	r.got = append(r.got, item)
	if item.Kind == Event && Canon.dropsEvent(&item) {
		return
	}
	r.seen[rawStream(&item)]++
}

// learn finds which UUID of the recording a UUID that the switch chose stands for.
func (r *replay) learn(item *Item) {
	switch {
	case isInbound(item):
		r.legs++
		if id := nth(r.rec, r.legs, isInbound); id != nil {
			r.ids[item.Get("Unique-ID")] = id.Get("Unique-ID")
		}
	case item.Kind == Reply:
		r.replies++
		recorded := nth(r.rec, r.replies, func(i *Item) bool { return i.Kind == Reply })
		if recorded == nil {
			return
		}
		ours, theirs := jobNamed.FindStringSubmatch(item.Text), jobNamed.FindStringSubmatch(recorded.Text)
		if ours != nil && theirs != nil {
			r.ids[ours[1]] = theirs[1]
		}
	}
}

func nth(c Conversation, n int, is func(*Item) bool) *Item {
	for i := range c {
		if is(&c[i]) {
			if n--; n == 0 {
				return &c[i]
			}
		}
	}
	return nil
}

// toSwitch puts a recorded command into terms of this run.
func (r *replay) toSwitch(command string) string {
	for ours, theirs := range r.ids {
		command = strings.ReplaceAll(command, theirs, ours)
	}
	command = agentPort.ReplaceAllStringFunc(command, func(text string) string {
		return "@127.0.0.1:" + r.ports[strings.TrimPrefix(text, "@127.0.0.1:")]
	})
	command = strings.ReplaceAll(command, "/tmp/", r.dir+"/")
	if strings.HasPrefix(command, "auth ") {
		return "auth " + r.sw.Password
	}
	return command
}

func (r *replay) toRecording(text string) string {
	if strings.Contains(text, r.dir) {
		text = strings.ReplaceAll(text, r.dir+"/", "/tmp/")
	}
	return uuidPattern.ReplaceAllStringFunc(text, func(id string) string {
		if recorded, ok := r.ids[id]; ok {
			return recorded
		}
		return id
	})
}

func (r *replay) startPeer(ctx context.Context, a act) error {
	cfg := PhoneConfig{Scenario: r.scenario(a.peer), Dir: r.dir, Calls: 1, Target: r.sw.Internal, Tone: 700}
	if a.caller {
		cfg.Target = r.sw.External
		cfg.Number = r.rec[a.item].Get("Caller-Destination-Number")
	} else if port := r.ports["25151"]; port != "" {
		cfg.Replace = map[string]string{":25151>": ":" + port + ">"}
	}
	phone, err := StartPhone(ctx, cfg)
	if err != nil {
		return err
	}
	r.phones = append(r.phones, phone)
	return nil
}
