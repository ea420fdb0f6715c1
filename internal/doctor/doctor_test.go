package doctor

//arch:table of faults and what is said of them

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"
)

type fakeDatabase struct {
	major   int
	err     error
	role    Role
	roleErr error
	now     time.Time
}

func (d fakeDatabase) Major(context.Context) (int, error)     { return d.major, d.err }
func (d fakeDatabase) Role(context.Context) (Role, error)     { return d.role, d.roleErr }
func (d fakeDatabase) Now(context.Context) (time.Time, error) { return d.now, d.err }

type fakeSwitch struct {
	facts SwitchFacts
	err   error
}

func (fakeSwitch) Address() string                              { return "127.0.0.1:8021" }
func (s fakeSwitch) Facts(context.Context) (SwitchFacts, error) { return s.facts, s.err }

type fakeTools map[string]func() ([]byte, error)

func (f fakeTools) Output(_ context.Context, name string, _ ...string) ([]byte, error) {
	return f[name]()
}

type fakePorts struct{ err error }

func (p fakePorts) Try(context.Context, string, string) error { return p.err }

type fakeDisk struct {
	free  uint64
	err   error
	write error
}

func (d fakeDisk) Free(string) (uint64, error) { return d.free, d.err }
func (d fakeDisk) Writable(string) error       { return d.write }

func sound(n int) func() ([]byte, error) {
	return func() ([]byte, error) { return make([]byte, n), nil }
}

func TestEachFaultIsFoundNamedAndComesWithAdvice(t *testing.T) {
	good := fakeDatabase{major: 15, role: Role{Name: "ramal_app"}}
	with := func(change func(*fakeDatabase)) fakeDatabase { d := good; change(&d); return d }
	current := func(context.Context) (bool, error) { return false, nil }
	sip := Port{Use: Text{"SIP", "SIP"}, Network: "udp", Address: "0.0.0.0:5060"}
	yes, no := func(context.Context) bool { return true }, func(context.Context) bool { return false }
	bothTools := func(f, e func() ([]byte, error)) fakeTools { return fakeTools{"ffmpeg": f, "espeak-ng": e} }
	for _, c := range []struct {
		name  string
		check Check
		want  Status
		says  string // in English
	}{
		{"database well", CheckDatabase(good, current), OK, "PostgreSQL 15 answers"},
		{"database away", CheckDatabase(fakeDatabase{err: errors.New("refused")}, current), Fail, "does not answer: refused"},
		{"database old", CheckDatabase(with(func(d *fakeDatabase) { d.major = 14 }), current), Fail, "14 is too old"},
		{"superuser", CheckDatabase(with(func(d *fakeDatabase) { d.role.Superuser = true }), current), Fail,
			"passes the wall"},
		{"bypass", CheckDatabase(with(func(d *fakeDatabase) { d.role.BypassRLS = true }), current), Fail, "NOBYPASSRLS"},
		{"role unknown", CheckDatabase(with(func(d *fakeDatabase) { d.roleErr = errors.New("denied") }), current), Fail,
			"denied"},
		{"schema behind", CheckDatabase(good, func(context.Context) (bool, error) { return true, nil }), Fail,
			"ramal migrate"},
		{"schema unknown", CheckDatabase(good, func(context.Context) (bool, error) { return false, errors.New("no table") }),
			Fail, "no table"},

		{"switch well", CheckSwitch(fakeSwitch{facts: SwitchFacts{Version: "FreeSWITCH Version 1.11.3",
			APIExpansion: "off"}}),
			OK, "answers at 127.0.0.1:8021"},
		{"switch away", CheckSwitch(fakeSwitch{err: fmt.Errorf("%w: refused", ErrUnreachable)}), Fail, "start the switch"},
		{"switch password", CheckSwitch(fakeSwitch{err: ErrPassword}), Fail, "event_socket.conf.xml"},
		{"switch acl", CheckSwitch(fakeSwitch{err: ErrACL}), Fail, "apply-inbound-acl"},
		{"expansion on", CheckSwitch(fakeSwitch{facts: SwitchFacts{Version: "1.11.3", APIExpansion: "on"}}), Fail,
			"could run commands"},
		{"development version", CheckSwitch(fakeSwitch{facts: SwitchFacts{Version: "1.11.0-dev"}}), Warn, "for tests only"},

		{"tools well", CheckMedia(bothTools(sound(1600), sound(5000))), OK, "espeak-ng works"},
		{"no ffmpeg", CheckMedia(bothTools(func() ([]byte, error) { return nil, exec.ErrNotFound }, sound(5000))),
			Fail, "apt-get install ffmpeg"},
		{"ffmpeg broken", CheckMedia(bothTools(func() ([]byte, error) { return nil, errors.New("libav missing") },
			sound(5000))),
			Fail, "libav missing"},
		{"no voice", CheckMedia(bothTools(sound(1600), sound(44))), Fail, "makes no sound"},

		{"port free", CheckPorts(fakePorts{}, no, sip), OK, "0.0.0.0:5060 udp is free (SIP)"},
		{"port ours", CheckPorts(fakePorts{syscall.EADDRINUSE}, yes, sip), OK, "in use by Ramal"},
		{"port another's", CheckPorts(fakePorts{syscall.EADDRINUSE}, no, sip), Fail, "another program"},
		{"port not allowed", CheckPorts(fakePorts{syscall.EACCES}, no, sip), Fail, "above 1023"},
		{"address not ours", CheckPorts(fakePorts{syscall.EADDRNOTAVAIL}, no, sip), Fail, "one of this machine"},

		{"disk well", CheckDisk(fakeDisk{free: 50 << 30}, "var"), OK, "51200 MB free"},
		{"disk getting full", CheckDisk(fakeDisk{free: 1 << 30}, "var"), Warn, "move the recordings"},
		{"disk full", CheckDisk(fakeDisk{free: 100 << 20}, "var"), Fail, "move the recordings"},
		{"disk read-only", CheckDisk(fakeDisk{write: syscall.EROFS}, "var"), Fail, "cannot write"},
		{"disk unknown", CheckDisk(fakeDisk{err: syscall.EIO}, "var"), Fail, "not known"},
	} {
		t.Run(c.name, func(t *testing.T) {
			results := Run(t.Context(), c.check)
			if got := Worst(results); got != c.want {
				t.Errorf("status %v, want %v", got, c.want)
			}
			var en, pt strings.Builder
			if err := Print(&en, results, "en"); err != nil {
				t.Fatal(err)
			}
			if err := Print(&pt, results, "pt-BR"); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(en.String(), c.says) {
				t.Errorf("says\n%swant %q", en.String(), c.says)
			}
			if strings.Contains(en.String()+pt.String(), "%!") {
				t.Errorf("a text is badly formatted:\n%s%s", en.String(), pt.String())
			}
			for _, r := range results {
				complete(t, r)
			}
		})
	}
}

// complete holds a result to having both languages, and advice exactly when something is wrong.
func complete(t *testing.T, r Result) {
	t.Helper()
	for _, text := range []Text{r.Subject, r.What} {
		if text.PT == "" || text.EN == "" {
			t.Errorf("a language is missing: %+v", r)
		}
	}
	if (r.Status == OK) != reflect.DeepEqual(r.Do, Text{}) || (r.Do.PT == "") != (r.Do.EN == "") {
		t.Errorf("advice and status do not fit: %+v", r)
	}
}

func TestTheClockIsComparedWithinWhatTheRoundTripAllows(t *testing.T) {
	start := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name string
		trip time.Duration
		diff time.Duration // database's clock in the middle of the round trip
		want Status
	}{
		{"equal", time.Millisecond, 0, OK},
		{"two seconds behind", time.Millisecond, -2 * time.Second, Warn},
		{"a minute ahead", time.Millisecond, time.Minute, Fail},
		{"a slow answer proves nothing", 2 * time.Second, 900 * time.Millisecond, OK},
	} {
		t.Run(c.name, func(t *testing.T) {
			db := fakeDatabase{now: start.Add(c.trip/2 + c.diff)}
			results := Run(t.Context(), CheckClock(db, &fakeClock{wall: start, step: c.trip, elapsed: c.trip}))
			if got := Worst(results); got != c.want {
				t.Errorf("%v: %s", got, results[0].What.EN)
			}
			complete(t, results[0])
		})
	}
}

// fakeClock goes on by step on the wall and by elapsed on the monotonic clock between two readings.
type fakeClock struct {
	wall          time.Time
	mono          time.Duration
	step, elapsed time.Duration
}

func (c *fakeClock) Read() (time.Time, time.Duration) {
	defer func() { c.wall, c.mono = c.wall.Add(c.step), c.mono+c.elapsed }()
	return c.wall, c.mono
}

func TestAClockThatIsSetDuringTheCheckIsAFault(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	clock := &fakeClock{wall: now, step: time.Hour, elapsed: time.Millisecond}
	results := Run(t.Context(), CheckClock(fakeDatabase{now: now}, clock))
	if results[0].Status != Fail || !strings.Contains(results[0].What.EN, "jumped by 59m59.999s") {
		t.Errorf("%v: %s", results[0].Status, results[0].What.EN)
	}
}

func TestWithoutADatabaseTheClockIsAWarning(t *testing.T) {
	results := Run(t.Context(), CheckClock(fakeDatabase{err: errors.New("away")}, &fakeClock{}))
	if results[0].Status != Warn {
		t.Errorf("%+v", results[0])
	}
	complete(t, results[0])
}
