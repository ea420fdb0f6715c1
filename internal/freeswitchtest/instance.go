package freeswitchtest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	freeswitchconf "ramal/freeswitch-conf"
)

// PrefixVariable names the install prefix of the FreeSWITCH to start.
const PrefixVariable = "RAMAL_FREESWITCH"

// startLimit bounds one attempt to start; a cold start on a busy machine takes about 6 s.
const startLimit = 60 * time.Second

// Options is what a caller may choose; the zero value is a switch with generated sounds and no users.
type Options struct {
	// Prefix is the install prefix. Default: the value of RAMAL_FREESWITCH.
	Prefix string
	// Dir takes the configuration, the logs and the recordings. Default: a new temporary directory that Stop and Kill
	// remove (Start: the test's own).
	Dir string
	// MediaDir replaces the generated one, which has a fallback announcement of 880 Hz and hold music of 440 Hz.
	MediaDir string
	// Users are the SIP accounts of the domain at the start.
	Users []freeswitchconf.User
	// Adjust changes the settings before they are rendered (limits, log level, domain).
	Adjust func(*freeswitchconf.Settings)
	// Edit changes the rendered files before FreeSWITCH reads them: for tests of a switch that is configured wrongly.
	Edit func(confDir string) error
}

// Instance is a FreeSWITCH that answers on its Event Socket and has both SIP profiles running.
type Instance struct {
	// Settings is what it was rendered from: addresses, password, directories.
	Settings freeswitchconf.Settings
	// Version is what "version" answered, for example "FreeSWITCH Version 1.11.3~64bit".
	Version string
	// LogPath is FreeSWITCH's own log file.
	LogPath string

	process *os.Process
	ended   chan struct{} // closed when the process has ended
	remove  string        // directory to remove at the end; empty: none
}

// Start launches a FreeSWITCH for a test and kills it at the test's end. It skips the test where RAMAL_FREESWITCH is
// not set, and ends it where FreeSWITCH does not start. The log is shown when the test failed.
func Start(t testing.TB, options Options) *Instance {
	t.Helper()
	if options.Prefix == "" && os.Getenv(PrefixVariable) == "" {
		t.Skipf("needs a FreeSWITCH: set %s to its install prefix", PrefixVariable)
	}
	if options.Dir == "" {
		options.Dir = t.TempDir()
	}
	instance, err := Launch(t.Context(), options)
	if err != nil {
		t.Fatalf("start FreeSWITCH: %v", err)
	}
	t.Cleanup(func() {
		if err := instance.Kill(); err != nil {
			t.Errorf("end FreeSWITCH: %v", err)
		}
		if t.Failed() {
			t.Logf("end of %s:\n%s", instance.LogPath, tail(instance.LogPath, 4000))
		}
	})
	return instance
}

// Launch starts a FreeSWITCH and returns when it is ready for calls. ctx bounds the start only; the instance lives
// until Stop, Kill or the end of this process. A port that another process took meanwhile costs one more attempt.
func Launch(ctx context.Context, options Options) (*Instance, error) {
	if options.Prefix == "" {
		options.Prefix = os.Getenv(PrefixVariable)
	}
	binary := filepath.Join(options.Prefix, "bin", "freeswitch")
	if _, err := os.Stat(binary); err != nil {
		return nil, fmt.Errorf("find FreeSWITCH (%s=%q): %w", PrefixVariable, options.Prefix, err)
	}
	remove := ""
	if options.Dir == "" {
		dir, err := os.MkdirTemp("", "freeswitchtest")
		if err != nil {
			return nil, fmt.Errorf("make directory for FreeSWITCH: %w", err)
		}
		options.Dir, remove = dir, dir
	}
	var problems []error
	for attempt := range 3 {
		dir := filepath.Join(options.Dir, fmt.Sprintf("freeswitch%d", attempt+1))
		instance, err := launch(ctx, binary, dir, options)
		if err == nil {
			instance.remove = remove
			return instance, nil
		}
		problems = append(problems, err)
		if ctx.Err() != nil || !errors.Is(err, errPortTaken) {
			break
		}
	}
	if remove != "" {
		problems = append(problems, os.RemoveAll(remove))
	}
	return nil, errors.Join(problems...)
}

func launch(ctx context.Context, binary, dir string, options Options) (*Instance, error) {
	settings, err := render(dir, options)
	if err != nil {
		return nil, err
	}
	stateDir := filepath.Join(dir, "state")
	console, err := os.Create(filepath.Join(dir, "console.log"))
	if err != nil {
		return nil, fmt.Errorf("make console log: %w", err)
	}
	command := exec.Command(binary, freeswitchconf.Arguments(filepath.Join(dir, "conf"), stateDir)...)
	command.Dir, command.Stdout, command.Stderr = dir, console, console
	ended, err := startProcess(command)
	if err := errors.Join(err, console.Close()); err != nil {
		return nil, fmt.Errorf("start %s: %w", binary, err)
	}
	instance := &Instance{
		Settings: settings, LogPath: filepath.Join(stateDir, "log", "freeswitch.log"),
		process: command.Process, ended: ended,
	}
	if err := instance.awaitReady(ctx); err != nil {
		err = fmt.Errorf("FreeSWITCH did not become ready: %w\n%s%s", err,
			tail(filepath.Join(dir, "console.log"), 1000), tail(instance.LogPath, 3000))
		return nil, errors.Join(err, instance.Kill())
	}
	return instance, nil
}

// render writes configuration, users and sounds into dir.
func render(dir string, options Options) (freeswitchconf.Settings, error) {
	ports, err := freePorts(3)
	if err != nil {
		return freeswitchconf.Settings{}, err
	}
	address := func(port uint16) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)
	}
	first := rtpRange()
	settings := freeswitchconf.Settings{
		SIPDomain: "ramal", ESLAddress: address(ports[0]), ESLPassword: freeswitchconf.GenerateESLPassword(),
		InternalSIP: address(ports[1]), ExternalSIP: address(ports[2]),
		RTPPortMin: first, RTPPortMax: first + rtpRangeSize - 1,
		MediaDir: options.MediaDir, RecordingsDir: filepath.Join(dir, "recordings"),
		DirectoryFile: filepath.Join(dir, "directory", "ramal.xml"), LogLevel: "info",
	}
	if settings.MediaDir == "" {
		settings.MediaDir = filepath.Join(dir, "media")
		if err := writeSounds(settings.MediaDir); err != nil {
			return settings, err
		}
	}
	if options.Adjust != nil {
		options.Adjust(&settings)
	}
	for _, err := range []error{
		os.MkdirAll(settings.RecordingsDir, 0o755),
		freeswitchconf.MakeStateDirs(filepath.Join(dir, "state")),
		writeCertificates(filepath.Join(dir, "state", "certs")),
		freeswitchconf.WriteDirectory(settings.DirectoryFile, settings.SIPDomain, options.Users),
		freeswitchconf.Render(filepath.Join(dir, "conf"), settings),
	} {
		if err != nil {
			return settings, fmt.Errorf("prepare FreeSWITCH: %w", err)
		}
	}
	if options.Edit != nil {
		if err := options.Edit(filepath.Join(dir, "conf")); err != nil {
			return settings, fmt.Errorf("edit FreeSWITCH configuration: %w", err)
		}
	}
	return settings, nil
}

// PID is the process id, for tests that stop or kill the switch under way.
func (i *Instance) PID() int { return i.process.Pid }

// Ended is closed when the process has ended, whoever ended it.
func (i *Instance) Ended() <-chan struct{} { return i.ended }

// Stop asks FreeSWITCH to end (calls are hung up; this takes it some seconds) and kills it when ctx ends first.
func (i *Instance) Stop(ctx context.Context) error {
	if err := i.process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop FreeSWITCH %d: %w", i.PID(), err)
	}
	select {
	case <-i.ended:
		return i.cleanUp()
	case <-ctx.Done():
		return errors.Join(fmt.Errorf("stop FreeSWITCH %d: %w", i.PID(), ctx.Err()), i.Kill())
	}
}

// Kill ends FreeSWITCH at once and waits until it is gone. A second call does nothing.
func (i *Instance) Kill() error {
	if err := i.process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill FreeSWITCH %d: %w", i.PID(), err)
	}
	<-i.ended
	return i.cleanUp()
}

func (i *Instance) cleanUp() error {
	if i.remove == "" {
		return nil
	}
	return os.RemoveAll(i.remove)
}

// tail returns the end of a file for an error message; what cannot be read is said in its place.
func tail(path string, size int) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return strings.ToValidUTF8(string(content[max(0, len(content)-size):]), "?")
}
