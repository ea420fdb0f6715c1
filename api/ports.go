package api

import (
	"context"
	"io/fs"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ramal/acd"
	"ramal/call"
	"ramal/directory"
	"ramal/ivr"
)

// Accounts finds people and keeps their sessions. Package store satisfies it.
type Accounts interface {
	BeginSignIn(ctx context.Context, email directory.Email, address string, at time.Time) (directory.SignInStart, error)
	FailSignIn(ctx context.Context, start directory.SignInStart, email directory.Email, address string, at time.Time,
	) (until time.Time, err error)
	OpenSession(ctx context.Context, user directory.User, hash [32]byte, ses directory.Session) error
	FindSession(ctx context.Context, org call.OrgID, hash [32]byte, at time.Time,
	) (directory.Identity, directory.Session, error)
	// PeekSession is FindSession without keeping the session alive.
	PeekSession(ctx context.Context, org call.OrgID, hash [32]byte, at time.Time,
	) (directory.Identity, directory.Session, error)
	EndSession(ctx context.Context, s directory.Scope, sessionID string, at time.Time) error
}

// Records is what happened. Package store satisfies it.
type Records interface {
	RecentInteractions(ctx context.Context, s directory.Scope, f directory.InteractionFilter,
	) ([]directory.Interaction, error)
	Interaction(ctx context.Context, s directory.Scope, id call.ID,
	) (directory.Interaction, []directory.Moment, error)
	Recordings(ctx context.Context, s directory.Scope, id call.ID) ([]directory.Recording, error)
	Audit(ctx context.Context, s directory.Scope, e directory.AuditEntry) error
}

// Settings is what an organisation is set up with. Package store satisfies it.
type Settings interface {
	Org(ctx context.Context, org call.OrgID) (directory.Org, error)
	Numbers(ctx context.Context, org call.OrgID) ([]ivr.Number, error)
	Breaks(ctx context.Context, org call.OrgID) ([]directory.Break, error)
	Queues(ctx context.Context, org call.OrgID) ([]acd.Queue, error)
	Agents(ctx context.Context, org call.OrgID) ([]acd.Agent, error)
}

// LiveCall is one call as people who watch see it. From is personal: it leaves this package masked unless the viewer
// may see it.
type LiveCall struct {
	call.Summary
	Protocol string
	From     call.Party
	To       call.Number
}

// LiveView is everything that happens in an organisation now.
type LiveView struct {
	Seq    uint64 // of the last update that it holds
	At     time.Time
	Agents []acd.AgentView
	Calls  []LiveCall
}

// Update is what changed since the update before; Seq rises by one each time.
type Update struct {
	Seq    uint64
	At     time.Time
	Agents []acd.AgentView
	Calls  []LiveCall // changed or new; one in call.PhaseEnded is in no later view
}

// Centre is the running centre.
type Centre interface {
	Live(org call.OrgID) (LiveView, error)
	// Subscribe returns the updates from now on; the channel is closed when the reader does not keep up.
	Subscribe(org call.OrgID) (updates <-chan Update, cancel func(), err error)
	// SetAgentState asks for a state; by is who asks: the agent, or somebody who manages agents.
	SetAgentState(ctx context.Context, org call.OrgID, agent call.AgentID, want acd.State, reason string,
		by directory.UserID) error
}

// Probe is one thing that must work for the program to be ready.
type Probe struct {
	Name  string
	Check func(context.Context) error
}

// Config is what the interface needs. All fields but those said to be optional must be set.
type Config struct {
	Accounts Accounts
	Records  Records
	Settings Settings
	Centre   Centre

	Recordings fs.FS // the recordings directory; its files must be seekable (os.Root.FS)
	Ready      []Probe
	Metrics    *prometheus.Registry
	Log        *slog.Logger

	// Base ends when the program stops: open streams are then closed in order.
	Base context.Context
	// TLS says that browsers reach us by https: the cookie is then marked Secure.
	TLS bool
	// Zone is in which time of day a lock's end is told; optional, UTC.
	Zone *time.Location
	// Now is the clock; optional.
	Now func() time.Time
	// Stream holds the stream's times; optional.
	Stream StreamTimes
}

// StreamTimes are the times of a live stream. The zero value of each means its default.
type StreamTimes struct {
	Tick    time.Duration // at least so often something is sent; 2 s
	Write   time.Duration // a client that takes longer for one frame is cut off; 5 s
	Recheck time.Duration // so often the session is looked at again; 15 s
}

func (c *Config) defaults() {
	if c.Zone == nil {
		c.Zone = time.UTC
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	set := func(d *time.Duration, to time.Duration) {
		if *d == 0 {
			*d = to
		}
	}
	set(&c.Stream.Tick, 2*time.Second)
	set(&c.Stream.Write, 5*time.Second)
	set(&c.Stream.Recheck, 15*time.Second)
}

func (c *Config) missing() string {
	switch {
	case c.Accounts == nil:
		return "Accounts"
	case c.Records == nil:
		return "Records"
	case c.Settings == nil:
		return "Settings"
	case c.Centre == nil:
		return "Centre"
	case c.Recordings == nil:
		return "Recordings"
	case c.Metrics == nil:
		return "Metrics"
	case c.Log == nil:
		return "Log"
	case c.Base == nil:
		return "Base"
	}
	return ""
}
