package probe

import (
	"errors"
	"io/fs"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ramal/esl/wire"
	"ramal/internal/doctor"
	"ramal/internal/pgcluster"
)

func TestTheDoctorFindsARealDatabaseWellAndItsSuperuserNot(t *testing.T) {
	owner, app := pgcluster.ForTest(t)
	results := doctor.Run(t.Context(), doctor.CheckDatabase(Database{URL: app}, nil),
		doctor.CheckClock(Database{URL: app}, Clock{}))
	if doctor.Worst(results) != doctor.OK {
		t.Errorf("%+v", results)
	}
	r, err := Database{URL: owner}.Role(t.Context())
	if err != nil || r.Name != pgcluster.OwnerRole || r.BypassRLS || r.Superuser {
		t.Errorf("owner: %+v, %v", r, err)
	}
	if _, err := (Database{URL: "postgres://x:y@127.0.0.1:1/z"}).Major(t.Context()); err == nil {
		t.Error("a database that is not there answers")
	}
}

// eventSocket serves one client as FreeSWITCH does and returns its address.
func eventSocket(t *testing.T, password, expansion string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		conn.Write(wire.AppendAuthRequest(nil))
		for commands := wire.NewCommandReader(conn, wire.Limits{}); ; {
			c, err := commands.Next()
			if err != nil {
				return
			}
			conn.Write(answer(c.Line, password, expansion))
		}
	}()
	return l.Addr().String()
}

func answer(line, password, expansion string) []byte {
	switch line {
	case "auth " + password:
		return wire.AppendReply(nil, "+OK accepted")
	case "api version":
		return wire.AppendAPIResponse(nil, "FreeSWITCH Version 1.11.3-release (64bit)\n")
	case "api fsctl api_expansion":
		return wire.AppendAPIResponse(nil, expansion)
	}
	return wire.AppendReply(nil, "-ERR invalid")
}

func TestTheEventSocketIsAskedForVersionAndExpansion(t *testing.T) {
	s := Switch{Addr: eventSocket(t, "secret", "+OK api_expansion is on \n"), Password: "secret"}
	facts, err := s.Facts(t.Context())
	if err != nil || facts != (doctor.SwitchFacts{Version: "FreeSWITCH Version 1.11.3-release (64bit)",
		APIExpansion: "on"}) {
		t.Errorf("%+v, %v", facts, err)
	}
}

func TestASwitchThatDoesNotKnowTheQuestionIsNotAccused(t *testing.T) {
	s := Switch{Addr: eventSocket(t, "secret", "-ERR fsctl: no such option\n"), Password: "secret"}
	if facts, err := s.Facts(t.Context()); err != nil || facts.APIExpansion != "" {
		t.Errorf("%+v, %v", facts, err)
	}
}

func TestWhatIsWrongWithTheEventSocketIsTold(t *testing.T) {
	if _, err := (Switch{Addr: eventSocket(t, "secret", ""), Password: "wrong"}).Facts(t.Context()); !errors.Is(err,
		doctor.ErrPassword) {
		t.Errorf("wrong password: %v", err)
	}
	if _, err := (Switch{Addr: "127.0.0.1:1", Password: "x"}).Facts(t.Context()); !errors.Is(err, doctor.ErrUnreachable) {
		t.Errorf("nobody there: %v", err)
	}
	if _, err := (Switch{Addr: "127.0.0.1:1", Password: "x\n\napi shutdown"}).Facts(t.Context()); !errors.Is(err,
		doctor.ErrPassword) {
		t.Errorf("a password with a line end: %v", err)
	}
}

func TestToolsReportWhatTheyComplainAbout(t *testing.T) {
	if _, err := (Tools{}).Output(t.Context(), "no-such-program-of-ours"); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("missing program: %v", err)
	}
	_, err := Tools{}.Output(t.Context(), "/bin/sh", "-c", "echo first >&2; echo no voice >&2; exit 3")
	if err == nil || !strings.HasSuffix(err.Error(), "no voice") {
		t.Errorf("failing program: %v", err)
	}
}

func TestAPortThatIsHeldIsTold(t *testing.T) {
	for _, network := range []string{"tcp", "udp"} {
		address := hold(t, network)
		if err := (Ports{}).Try(t.Context(), network, address); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("%s held: %v", network, err)
		}
		if err := (Ports{}).Try(t.Context(), network, "127.0.0.1:0"); err != nil {
			t.Errorf("%s free: %v", network, err)
		}
	}
}

func hold(t *testing.T, network string) string {
	t.Helper()
	if network == "udp" {
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c.LocalAddr().String()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

func TestTheDiskIsReadAndLeftAsItWas(t *testing.T) {
	dir := t.TempDir()
	if free, err := (Disk{}).Free(dir); err != nil || free == 0 {
		t.Errorf("free %d, %v", free, err)
	}
	if err := (Disk{}).Writable(dir); err != nil {
		t.Error(err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if err := (Disk{}).Writable(filepath.Join(dir, "absent")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("absent directory: %v", err)
	}
}

func TestTheClocksGoOnTogether(t *testing.T) {
	wall, mono := Clock{}.Read()
	if wall.After(time.Now()) || mono < 0 {
		t.Errorf("%v, %v", wall, mono)
	}
}
