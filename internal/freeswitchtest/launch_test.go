package freeswitchtest

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	freeswitchconf "ramal/freeswitch-conf"
)

func TestAStoppedSwitchLeavesNoProcessAndNoFile(t *testing.T) {
	if os.Getenv(PrefixVariable) == "" {
		t.Skipf("needs a FreeSWITCH: set %s", PrefixVariable)
	}
	instance, err := Launch(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := instance.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	select {
	case <-instance.Ended():
	default:
		t.Error("the process lives")
	}
	if _, err := os.Stat(instance.LogPath); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the log is there: %v", err)
	}
	if err := instance.Kill(); err != nil {
		t.Errorf("kill after the end: %v", err)
	}
}

func TestASwitchThatCannotBeDrivenDoesNotRun(t *testing.T) {
	if os.Getenv(PrefixVariable) == "" {
		t.Skipf("needs a FreeSWITCH: set %s", PrefixVariable)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := taken.Close(); err != nil {
			t.Error(err)
		}
	}()
	instance, err := Launch(t.Context(), Options{Dir: t.TempDir(), Adjust: func(s *freeswitchconf.Settings) {
		s.ESLAddress = netip.MustParseAddrPort(taken.Addr().String())
	}})
	if err == nil {
		t.Fatal(errors.Join(errors.New("it runs"), instance.Kill()))
	}
	if !errors.Is(err, errPortTaken) {
		t.Error(err)
	}
}

func TestAPrefixWithoutFreeSWITCHIsAnError(t *testing.T) {
	if _, err := Launch(t.Context(), Options{Prefix: t.TempDir()}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
