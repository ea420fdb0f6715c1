package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/coder/websocket"
	"github.com/labstack/echo/v4"
	"golang.org/x/time/rate"

	"ramal/call"
	"ramal/directory"
)

// Close codes of our own (RFC 6455 section 7.4.2).
const (
	closeSignedOut websocket.StatusCode = 4401
	closeForbidden websocket.StatusCode = 4403
)

// streamLive implements GET /api/live/stream. The session's cookie and the permission were checked before; the origin
// is checked here, since a WebSocket knows no same-origin policy.
func (a *API) streamLive(c echo.Context) error {
	req := requestOf(c)
	conn, err := websocket.Accept(c.Response(), c.Request(), nil) // nil: the origin must be the host itself
	if err != nil {
		a.cfg.Log.InfoContext(c.Request().Context(), "live stream refused", "error", err)
		return nil // Accept has answered
	}
	defer conn.CloseNow() // also when something panics
	conn.SetReadLimit(4 << 10)
	ctx, cancel := context.WithCancelCause(c.Request().Context())
	defer cancel(nil)
	stop := context.AfterFunc(a.cfg.Base, func() { cancel(errStopping) })
	defer stop()
	s := &stream{api: a, conn: conn, who: req.who, token: req.token, resync: make(chan struct{}, 1)}
	a.metrics.streams.Inc()
	defer a.metrics.streams.Dec()
	// The reader ends with the connection and not with ctx: a cancelled read would take the connection down before
	// it could be closed in order.
	read := make(chan struct{})
	go func() {
		defer close(read)
		cancel(s.read(context.WithoutCancel(ctx)))
	}()
	s.end(ctx, s.run(ctx))
	conn.CloseNow()
	<-read
	return nil
}

// Why a stream ends.
var (
	errStopping = errors.New("the program stops")
	errTooSlow  = errors.New("the client does not keep up")
	errGone     = errors.New("the client has gone")
)

// stream is one browser's connection. One goroutine reads, one writes.
type stream struct {
	api    *API
	conn   *websocket.Conn
	who    directory.Identity
	token  directory.Token
	resync chan struct{} // the client lost something
	last   uint64        // sequence number of the last update sent
}

// read takes what the client says, until the connection ends.
func (s *stream) read(ctx context.Context) error {
	limit := rate.NewLimiter(rate.Every(time.Second), 5)
	for {
		_, data, err := s.conn.Read(ctx)
		if err != nil {
			return err
		}
		var said struct {
			Type string `json:"type"`
		}
		if err := json.Unmarshal(data, &said); err != nil || said.Type != "resync" || !limit.Allow() {
			continue // a client that talks nonsense gets no answer
		}
		select {
		case s.resync <- struct{}{}:
		default: // one is under way
		}
	}
}

// run writes until something ends it.
func (s *stream) run(ctx context.Context) error {
	centre, org := s.api.cfg.Centre, s.who.User.Org
	updates, cancel, err := centre.Subscribe(org) // first, so that nothing falls between it and the snapshot
	if err != nil {
		return err
	}
	defer cancel()
	if err := s.snapshot(ctx); err != nil {
		return err
	}
	times := s.api.cfg.Stream
	tick, recheck := time.NewTicker(times.Tick), time.NewTicker(times.Recheck)
	defer tick.Stop()
	defer recheck.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case u, ok := <-updates:
			if !ok {
				return errTooSlow
			}
			err = s.update(ctx, u)
		case <-s.resync:
			err = s.snapshot(ctx)
		case <-tick.C:
			err = s.send(ctx, LiveFrame{Type: FrameTick, Seq: int64(s.last), At: s.api.cfg.Now().UTC()})
		case <-recheck.C:
			err = s.recheck(ctx)
		}
		if err != nil {
			return err
		}
	}
}

func (s *stream) snapshot(ctx context.Context) error {
	v, err := s.api.cfg.Centre.Live(s.who.User.Org)
	if err != nil {
		return err
	}
	s.last = v.Seq
	agents, calls, _ := s.api.show(ctx, s.who, v.Agents, v.Calls)
	return s.send(ctx, LiveFrame{Type: FrameSnapshot, Seq: int64(v.Seq), At: v.At, Agents: &agents, Calls: &calls})
}

// update sends what changed. One that the snapshot holds already is left out; after a gap there is a new snapshot.
func (s *stream) update(ctx context.Context, u Update) error {
	switch {
	case u.Seq <= s.last:
		return nil
	case u.Seq != s.last+1:
		return s.snapshot(ctx)
	}
	s.last = u.Seq
	agents, calls, gone := s.api.show(ctx, s.who, u.Agents, u.Calls)
	return s.send(ctx, LiveFrame{Type: FrameUpdate, Seq: int64(u.Seq), At: u.At, Agents: &agents, Calls: &calls,
		Gone: &gone})
}

// send writes one frame; a client that does not take it in time is cut off.
func (s *stream) send(ctx context.Context, f LiveFrame) error {
	data, err := json.Marshal(f)
	if err != nil {
		return err
	}
	// Not ended by ctx: a cancelled write would take the connection down before it could be closed in order.
	limited, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), s.api.cfg.Stream.Write, errTooSlow)
	defer cancel()
	if err := s.conn.Write(limited, websocket.MessageText, data); err != nil {
		if errors.Is(context.Cause(limited), errTooSlow) {
			return errTooSlow
		}
		return errors.Join(errGone, err)
	}
	return nil
}

// recheck looks whether the session still lives and what it may see: it may have been ended, or a role changed. A page
// that merely stands open does not keep it alive. While the database is away the stream goes on with what was known.
func (s *stream) recheck(ctx context.Context) error {
	who, _, err := s.api.find(ctx, s.token, s.api.cfg.Accounts.PeekSession)
	if call.CodeOf(err) == call.Unavailable {
		return nil
	}
	if err != nil {
		return err
	}
	if !who.May(directory.ViewLive) {
		return forbidden(directory.ViewLive)
	}
	s.who = who
	return nil
}

// end says good-bye in the way that tells the client what to do next.
func (s *stream) end(ctx context.Context, err error) {
	code, reason := websocket.StatusInternalError, "error"
	var f *fault
	switch {
	case errors.Is(err, errTooSlow):
		s.api.metrics.slow.Inc()
		code, reason = websocket.StatusTryAgainLater, "too slow"
	case errors.Is(err, errStopping):
		code, reason = websocket.StatusGoingAway, "stopping"
	case errors.As(err, &f) && f.status == http.StatusUnauthorized:
		code, reason = closeSignedOut, "signed out"
	case errors.As(err, &f) && f.status == http.StatusForbidden:
		code, reason = closeForbidden, "forbidden"
	case errors.Is(err, errGone), ctx.Err() != nil:
		return
	default:
		s.api.cfg.Log.ErrorContext(ctx, "live stream failed", "error", err)
	}
	if err := s.conn.Close(code, reason); err != nil {
		s.api.cfg.Log.DebugContext(ctx, "live stream not closed in order", "error", err)
	}
}
