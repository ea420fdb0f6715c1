package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	freeswitchconf "ramal/freeswitch-conf"
	"ramal/internal/freeswitchtest"
	"ramal/internal/pgcluster"
)

// SiteDomain is the SIP domain of a site's agents.
const SiteDomain = "ramal"

// Site is one running switch with one core process of its own: own state directory, own database, free ports.
type Site struct {
	Dir        string // state directory (--state)
	Media      string
	Recordings string
	OwnerURL   string // database, as the schema's owner
	AppURL     string // database, as the application

	HTTP     string         // of the page and the API, with scheme; valid while the core runs
	ESL      string         // the switch's Event Socket
	Internal netip.AddrPort // SIP of the agents
	External netip.AddrPort // SIP of the callers

	FreeSWITCH *freeswitchtest.Instance // nil: the softswitch, a child of the core that outlives it

	flags []string
	core  *process
}

// OnSoftswitch runs a scenario on a site with the softswitch. A scenario is a function of its own, and its test on
// FreeSWITCH is a second one, named …_OnFreeSWITCH, that gives it to OnFreeSWITCH.
func OnSoftswitch(t *testing.T, scenario func(*testing.T, *Site)) {
	t.Helper()
	t.Run("Softswitch", func(t *testing.T) { scenario(t, StartSite(t, nil)) })
}

// OnFreeSWITCH runs a scenario on a site with a real FreeSWITCH; it skips the test where RAMAL_FREESWITCH is not set.
func OnFreeSWITCH(t *testing.T, scenario func(*testing.T, *Site)) {
	t.Helper()
	t.Run("FreeSWITCH", func(t *testing.T) { scenario(t, StartSiteOnFreeSWITCH(t)) })
}

// StartSiteOnFreeSWITCH starts a site with a FreeSWITCH of its own and ends both with the test; it skips the test where
// RAMAL_FREESWITCH is not set. Extra flags go to "ramal serve".
func StartSiteOnFreeSWITCH(t testing.TB, flags ...string) *Site {
	t.Helper()
	dir := t.TempDir()
	media, recordings := filepath.Join(dir, "media"), filepath.Join(dir, "recordings")
	if err := os.MkdirAll(media, 0o755); err != nil {
		t.Fatal(err)
	}
	fs := freeswitchtest.Start(t, freeswitchtest.Options{MediaDir: media,
		Adjust: func(s *freeswitchconf.Settings) { s.SIPDomain, s.RecordingsDir = SiteDomain, recordings }})
	return startSite(t, dir, fs, flags...)
}

// StartSite starts a site with the softswitch (fs nil) or with a FreeSWITCH whose MediaDir is <dir>/media and whose
// RecordingsDir is <dir>/recordings, and ends it with the test. Extra flags go to "ramal serve".
func StartSite(t testing.TB, fs *freeswitchtest.Instance, flags ...string) *Site {
	t.Helper()
	return startSite(t, t.TempDir(), fs, flags...)
}

func startSite(t testing.TB, dir string, fs *freeswitchtest.Instance, flags ...string) *Site {
	t.Helper()
	site := &Site{Dir: dir, Media: filepath.Join(dir, "media"), Recordings: filepath.Join(dir, "recordings"),
		FreeSWITCH: fs}
	site.OwnerURL, site.AppURL = pgcluster.ForTest(t)
	site.flags = []string{"serve", "--state", dir, "--demo", "--http", "127.0.0.1:0", "--log-level", "debug",
		"--sip-domain", SiteDomain, "--database-url", site.AppURL, "--database-owner-url", site.OwnerURL, "--keep-switch"}
	if fs == nil {
		first := rtpRange()
		site.flags = append(site.flags, "--internal", "127.0.0.1:0", "--external", "127.0.0.1:0",
			"--rtp-min", fmt.Sprint(first), "--rtp-max", fmt.Sprint(first+398))
	} else {
		password := filepath.Join(dir, "freeswitch-password")
		if err := os.WriteFile(password, []byte(fs.Settings.ESLPassword+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		site.ESL = fs.Settings.ESLAddress.String()
		site.Internal, site.External = fs.Settings.InternalSIP, fs.Settings.ExternalSIP
		site.flags = append(site.flags, "--switch", site.ESL, "--switch-password", password,
			"--directory-file", fs.Settings.DirectoryFile)
	}
	site.flags = append(site.flags, flags...) // the last one of a name counts
	t.Cleanup(func() { site.end(t) })
	site.StartCore(t)
	return site
}

// StartCore starts the core (again) and returns when /readyz says yes and the addresses are known.
func (s *Site) StartCore(t testing.TB) {
	t.Helper()
	binary, err := RamalBinary()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	if s.core, err = startProcess(binary, filepath.Join(s.Dir, "core.log"), s.flags...); err != nil {
		t.Fatal(err)
	}
	if err := s.awaitReady(ctx, binary); err != nil {
		t.Fatalf("the core does not become ready: %v\n%s", err, s.CoreLog())
	}
}

// awaitReady asks "ramal ready", which waits, and reads what serve wrote down.
func (s *Site) awaitReady(ctx context.Context, binary string) error {
	asked, err := startProcess(binary, filepath.Join(s.Dir, "ready.log"), "ready", "--state", s.Dir, "--wait", "80s")
	if err != nil {
		return err
	}
	select {
	case <-asked.ended:
		if asked.err != nil {
			return asked.err
		}
	case <-s.core.ended:
		return errors.Join(fmt.Errorf("the core has ended: %w", s.core.err), asked.kill())
	case <-ctx.Done():
		return errors.Join(ctx.Err(), asked.kill())
	}
	return s.readState()
}

func (s *Site) readState() error {
	var state struct{ HTTP, ESL, Internal, External string }
	data, err := os.ReadFile(filepath.Join(s.Dir, "run", "serve.json"))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, &state); err != nil {
		return fmt.Errorf("read what serve wrote down: %w", err)
	}
	s.HTTP = state.HTTP
	if s.FreeSWITCH != nil {
		return nil
	}
	s.ESL = state.ESL
	var errs [2]error
	s.Internal, errs[0] = netip.ParseAddrPort(state.Internal)
	s.External, errs[1] = netip.ParseAddrPort(state.External)
	return errors.Join(errs[:]...)
}

// StopCore ends the core in order and leaves switch and calls alone.
func (s *Site) StopCore(t testing.TB) {
	t.Helper()
	if err := s.core.terminate(40 * time.Second); err != nil {
		t.Fatalf("stop the core: %v\n%s", err, s.CoreLog())
	}
}

// KillCore ends the core as a power cut would (kill -9) and leaves the switch alone.
func (s *Site) KillCore(t testing.TB) {
	t.Helper()
	if err := s.core.kill(); err != nil {
		t.Fatal(err)
	}
}

// CoreLog is the end of what the core has logged.
func (s *Site) CoreLog() string {
	text, err := os.ReadFile(filepath.Join(s.Dir, "core.log"))
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-6000):])
}

// SIPPassword is the SIP password of a demonstration agent (extension 1001 …).
func (s *Site) SIPPassword(extension string) (string, error) { return s.secret("sip", extension) }

// WebPassword is the password with which that e-mail address signs in.
func (s *Site) WebPassword(email string) (string, error) { return s.secret("passwords", email) }

func (s *Site) secret(kind, name string) (string, error) {
	data, err := os.ReadFile(filepath.Join(s.Dir, "secrets.json"))
	if err != nil {
		return "", fmt.Errorf("read the demonstration's secrets: %w", err)
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(data, &all); err != nil {
		return "", err
	}
	words := map[string]string{}
	if err := json.Unmarshal(all[kind], &words); err != nil {
		return "", fmt.Errorf("secrets of kind %s: %w", kind, err)
	}
	word, ok := words[name]
	if !ok {
		return "", fmt.Errorf("the demonstration has no %s secret for %s", kind, name)
	}
	return word, nil
}

// ESLPassword is the Event Socket's password.
func (s *Site) ESLPassword() (string, error) {
	if s.FreeSWITCH != nil {
		return s.FreeSWITCH.Settings.ESLPassword, nil
	}
	word, err := os.ReadFile(filepath.Join(s.Dir, "switch", "esl-password"))
	return strings.TrimSpace(string(word)), err
}

// end stops the core and then what it left behind (--keep-switch).
func (s *Site) end(t testing.TB) {
	if s.core != nil {
		if err := s.core.terminate(40 * time.Second); err != nil {
			t.Errorf("end the core: %v", err)
		}
	}
	if s.FreeSWITCH == nil && s.core != nil {
		binary, err := RamalBinary()
		if err != nil {
			t.Errorf("end the softswitch: %v", err)
			return
		}
		stop, err := startProcess(binary, filepath.Join(s.Dir, "stop.log"), "stop", "--state", s.Dir)
		if err == nil {
			err = stop.wait(40 * time.Second)
		}
		if err != nil {
			t.Errorf("end the softswitch: %v", err)
		}
	}
	if t.Failed() {
		t.Logf("end of the core's log:\n%s", s.CoreLog())
		if text, err := os.ReadFile(filepath.Join(s.Dir, "log", "softswitch.log")); err == nil {
			t.Logf("end of the softswitch's log:\n%s", text[max(0, len(text)-3000):])
		}
	}
}
