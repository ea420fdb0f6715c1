package carrier

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ramal/media"
)

// startBaresip starts a real softphone that registers at r, answers by itself and plays 1000 Hz. stop ends it and
// gives what it heard.
func startBaresip(t *testing.T, r *registrar, user string) (stop func() []int16) {
	t.Helper()
	if _, err := exec.LookPath("baresip"); err != nil {
		t.Fatal("baresip is needed: apt-get install baresip")
	}
	dir := t.TempDir()
	tone := make([]int16, 20*media.SampleRate)
	for src, at := media.Sine(1000, -12), 0; at < len(tone); at += media.FrameSamples {
		if _, err := src.ReadFrame(tone[at:]); err != nil {
			t.Fatal(err)
		}
	}
	play := filepath.Join(dir, "tone.wav")
	if err := os.WriteFile(play, media.EncodeWAV(tone, media.SampleRate, 1), 0o600); err != nil {
		t.Fatal(err)
	}
	modules, err := filepath.Glob("/usr/lib*/**/baresip/modules/g711.so")
	if err != nil || len(modules) == 0 {
		modules = []string{"/usr/lib/baresip/modules/g711.so"}
	}
	config := strings.Join([]string{"module_path " + filepath.Dir(modules[0]), "sip_listen 127.0.0.1:0", "rtp_timeout 0",
		"audio_source aufile," + play, "audio_player aubridge,x", "snd_path " + dir, "ausrc_srate 8000",
		"auplay_srate 8000", "ausrc_channels 1", "auplay_channels 1", "module g711.so", "module aufile.so",
		"module aubridge.so", "module sndfile.so", "module_app account.so", "module_app menu.so", ""}, "\n")
	account := fmt.Sprintf("<sip:%s@ramal>;auth_pass=%s;outbound=\"sip:%s;transport=udp\";answermode=auto;"+
		"regint=600;audio_codecs=pcma\n", user, r.password, r.addr)
	for name, text := range map[string]string{"config": config, "accounts": account, "contacts": "", "uuid": "x"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("baresip", "-f", dir)
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	end := sync.OnceFunc(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		_ = cmd.Wait() // its status after a signal says nothing
	})
	t.Cleanup(func() {
		end()
		if t.Failed() {
			t.Logf("baresip:\n%s", log.String())
		}
	})
	return func() []int16 {
		end()
		dumps, err := filepath.Glob(filepath.Join(dir, "dump-*-dec.wav"))
		if err != nil || len(dumps) != 1 {
			t.Fatalf("baresip's recordings: %v %v", dumps, err)
		}
		samples, err := media.ReadWAV(dumps[0])
		if err != nil {
			t.Fatal(err)
		}
		return samples
	}
}

func TestARealSoftphoneTalksWithAPhone(t *testing.T) {
	r := newRegistrar(t, "udp")
	stop := startBaresip(t, r, "1001")
	ctx := testContext(t)
	select {
	case <-r.changed:
	case <-ctx.Done():
		t.Fatal("baresip did not register")
	}
	r.mu.Lock()
	contact := strings.TrimPrefix(r.contacts[0], "sip:")
	r.mu.Unlock()
	_, hostport, _ := strings.Cut(contact, "@")
	hostport, _, _ = strings.Cut(hostport, ";")
	phone := newTestPhone(t, Config{User: "2000"})
	user, _, _ := strings.Cut(contact, "@")
	call, err := phone.CallAddr(ctx, user, hostport, CallOptions{Audio: media.Sine(440, -12)})
	if err != nil {
		t.Fatal(err)
	}
	if err := call.WaitAnswer(ctx); err != nil {
		t.Fatal(err)
	}
	since := time.Now().Add(300 * time.Millisecond)
	wantTone(t, "the phone", call, since, 1000)
	if _, err := call.SendDigits(ctx, "5", 100*time.Millisecond); err != nil {
		t.Error(err)
	}
	if err := call.Hangup(ctx); err != nil {
		t.Error(err)
	}
	heard := stop()
	if len(heard) < media.SampleRate {
		t.Fatalf("baresip heard %d samples", len(heard))
	}
	if db := media.ToneOverRest(heard[len(heard)/4:len(heard)*3/4], media.SampleRate, 440); db < 20 {
		t.Errorf("baresip hears 440 Hz %.1f dB over the rest", db)
	}
}
