package conformance

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// process is a child that runs until it ends or is ended, by its id.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has ended
	err   error         // how; valid when ended is closed
}

// startProcess starts a program whose output goes to the end of the file log.
func startProcess(binary, log string, args ...string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(binary, args...), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.Dir = filepath.Dir(log)
	if err := errors.Join(p.cmd.Start(), out.Close()); err != nil {
		return nil, fmt.Errorf("start %s: %w", binary, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// wait returns how the process ended, or an error after the patience.
func (p *process) wait(patience time.Duration) error {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.ended:
		return p.err
	case <-timer.C:
		return fmt.Errorf("%s %s did not end within %v", p.cmd.Path, p.cmd.Args[1], patience)
	}
}

// terminate asks the process to end (SIGTERM); after the patience it is killed, which is an error.
func (p *process) terminate(patience time.Duration) error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); errors.Is(err, os.ErrProcessDone) {
		return nil
	} else if err != nil {
		return err
	}
	if err := p.wait(patience); err != nil {
		return errors.Join(err, p.kill())
	}
	return nil
}

// kill ends the process at once; how it ended is then no error.
func (p *process) kill() error {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-p.ended
	return nil
}

// RamalBinary builds cmd/ramal once for this test process, or takes the one that RAMAL_BINARY names, and returns its
// path. RemoveBinary removes it.
var RamalBinary = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("RAMAL_BINARY"); path != "" {
		return filepath.Abs(path)
	}
	dir, err := os.MkdirTemp("", "ramal-binary")
	if err != nil {
		return "", err
	}
	binaryDir = dir
	path := filepath.Join(dir, "ramal")
	out, err := exec.Command("go", "build", "-o", path, "ramal/cmd/ramal").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build ramal: %w\n%s", err, out)
	}
	return path, nil
})

var binaryDir string

// RemoveBinary removes what RamalBinary built; TestMain calls it.
func RemoveBinary() error {
	if binaryDir == "" {
		return nil
	}
	return os.RemoveAll(binaryDir)
}

// rtpRange picks 400 media ports below Linux's ephemeral ports, so that switches side by side seldom meet.
func rtpRange() int { return 10000 + 400*rand.IntN(55) }
