package carrier

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	freeswitchconf "ramal/freeswitch-conf"
	"ramal/internal/freeswitchtest"
	"ramal/media"
)

func TestPhonesRegisterAndCallAtARealFreeSWITCH(t *testing.T) {
	dir := t.TempDir()
	ctx := testContext(t)
	users := []freeswitchconf.User{{Name: "1001", A1Hash: freeswitchconf.HashA1("1001", "ramal", "secret")}}
	instance := freeswitchtest.Start(t, freeswitchtest.Options{MediaDir: dir, Users: users})
	if err := media.EnsureSystemSounds(ctx, dir, media.Espeak{}); err != nil {
		t.Fatal(err)
	}
	inside, outside := instance.Settings.InternalSIP.String(), instance.Settings.ExternalSIP.String()

	for _, network := range []string{"udp", "tcp"} {
		agent := newTestPhone(t, Config{User: "1001", Password: "secret", Domain: "ramal", Proxy: inside, Transport: network})
		if got, err := agent.Register(ctx, 10*time.Minute); err != nil || got.Expires < time.Minute {
			t.Errorf("%s: registered %+v %v", network, got, err)
		}
		if network == "udp" {
			continue
		}
		// An agent's own call is challenged, parked, and taken by the announcement.
		call, err := agent.Dial(ctx, "5000", CallOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := call.Hangup(ctx); err != nil {
			t.Error(err)
		}
	}
	caller := newTestPhone(t, Config{User: "11999990000", Domain: "127.0.0.1", Proxy: outside})
	call, err := caller.Call(ctx, "5000", CallOptions{Name: "Maria"})
	if err != nil {
		t.Fatal(err)
	}
	if err := call.Hangup(ctx); err != nil {
		t.Error(err)
	}
	if end, err := call.WaitEnd(ctx); err != nil || !end.Local || end.Method != "CANCEL" || end.Status != 487 {
		t.Errorf("given up while parked: %+v %v", end, err)
	}
	var refused *RefusedError
	stranger := newTestPhone(t, Config{User: "1001", Password: "wrong", Domain: "ramal", Proxy: inside})
	if _, err := stranger.Register(ctx, time.Minute); !errors.As(err, &refused) || refused.Status != 403 {
		t.Errorf("a wrong password: %v", err)
	}

	want, err := media.ReadWAV(filepath.Join(dir, media.SystemFallback))
	if err != nil {
		t.Fatal(err)
	}
	calls := map[media.Codec]*Call{}
	for _, codec := range []media.Codec{media.PCMA,
		media.PCMU} { // side by side: each waits five seconds for the announcement
		caller := newTestPhone(t, Config{User: "11999990000", Domain: "127.0.0.1", Proxy: outside,
			Codecs: []media.Codec{codec}})
		if calls[codec], err = caller.Call(ctx, "5000", CallOptions{Name: "Maria"}); err != nil {
			t.Fatalf("%v: %v", codec, err)
		}
	}
	for codec, call := range calls {
		end, err := call.WaitEnd(ctx)
		if err != nil || end.Local || end.Cause.Text != "NORMAL_TEMPORARY_FAILURE" || end.Cause.Code != 41 {
			t.Errorf("%v: the end is %+v %v", codec, end, err)
		}
		heard := call.Heard(time.Time{}, time.Time{})
		if r, _ := media.NormalizedCrossCorrelation(heard.Samples, want); r < 0.95 {
			t.Errorf("%v: the announcement correlates with its file by %.3f over %d samples", codec, r, len(heard.Samples))
		}
	}
}
