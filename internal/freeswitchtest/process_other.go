//go:build !linux

package freeswitchtest

import "os/exec"

// startProcess starts the command and returns a channel that is closed when it has ended.
func startProcess(command *exec.Cmd) (ended chan struct{}, err error) {
	if err := command.Start(); err != nil {
		return nil, err
	}
	ended = make(chan struct{})
	go func() {
		_ = command.Wait() // how it ended is the caller's to judge
		close(ended)
	}()
	return ended, nil
}
