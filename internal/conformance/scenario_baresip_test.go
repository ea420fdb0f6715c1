package conformance

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"

	"ramal/media"
)

// softphone is a baresip, registered as a demonstration agent. It answers by itself, sends the agents' tone from a file
// and records what it hears (its own modules aufile, aubridge and sndfile: no sound card is needed).
type softphone struct {
	s    *stage
	dir  string
	proc *process
	end  func()
}

func (s *stage) softphone(extension string) *softphone {
	s.Helper()
	binary, err := exec.LookPath("baresip")
	if err != nil {
		s.Fatal("baresip is needed: apt-get install baresip")
	}
	password, err := s.site.SIPPassword(extension)
	s.must(err)
	p := &softphone{s: s, dir: s.TempDir()}
	tone := make([]int16, 60*media.SampleRate)
	s.must(media.ReadFull(media.Sine(agentTone, toneLevel), tone))
	play := filepath.Join(p.dir, "tone.wav")
	account := fmt.Sprintf("<sip:%s@%s>;auth_pass=%s;outbound=\"sip:%s;transport=udp\";answermode=auto;regint=600;"+
		"audio_codecs=pcma\n", extension, SiteDomain, password, s.site.Internal)
	for name, text := range map[string]string{"config": baresipConfig(play, p.dir), "accounts": account, "contacts": "",
		"uuid": "8b0f4b1e-2f5c-4a55-9f3a-5c1d7a0e6b11", "tone.wav": string(media.EncodeWAV(tone, media.SampleRate, 1))} {
		s.must(os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600))
	}
	p.proc, err = startProcess(binary, filepath.Join(p.dir, "log"), "-f", p.dir)
	s.must(err)
	p.end = sync.OnceFunc(func() {
		if err := p.proc.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
			s.Error(err)
		}
		var exit *exec.ExitError // its status after a signal says nothing
		if err := p.proc.wait(patience); err != nil && !errors.As(err, &exit) {
			s.Error(errors.Join(err, p.proc.kill()))
		}
	})
	s.Cleanup(func() {
		p.end()
		if log, err := os.ReadFile(filepath.Join(p.dir, "log")); err == nil && s.Failed() {
			s.Logf("baresip:\n%s", log)
		}
	})
	return p
}

// stop ends the softphone and gives what it heard in its call.
func (p *softphone) stop() []int16 {
	p.s.Helper()
	p.end()
	files, err := filepath.Glob(filepath.Join(p.dir, "dump-*-dec.wav"))
	p.s.must(err)
	if len(files) != 1 {
		p.s.Fatalf("baresip's recordings: %v", files)
	}
	samples, err := media.ReadWAV(files[0])
	p.s.must(err)
	return samples
}

// baresipConfig is a configuration without any device.
func baresipConfig(play, dir string) string {
	modules := "/usr/lib/baresip/modules"
	if found, err := filepath.Glob("/usr/lib/*/baresip/modules"); err == nil && len(found) > 0 {
		modules = found[0]
	}
	return fmt.Sprintf("module_path %s\nsip_listen 127.0.0.1:0\nrtp_timeout 0\naudio_source aufile,%s\n"+
		"audio_player aubridge,x\nsnd_path %s\nausrc_srate 8000\nauplay_srate 8000\nausrc_channels 1\nauplay_channels 1\n"+
		"module g711.so\nmodule aufile.so\nmodule aubridge.so\nmodule sndfile.so\n"+
		"module_app account.so\nmodule_app menu.so\n",
		modules, play, dir)
}
