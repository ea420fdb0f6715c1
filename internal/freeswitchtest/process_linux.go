package freeswitchtest

import (
	"os/exec"
	"runtime"
	"syscall"
)

// startProcess starts the command and returns a channel that is closed when it has ended. The kernel kills the process
// when the thread that started it ends (Pdeathsig), so one goroutine keeps that thread for the process's whole life.
func startProcess(command *exec.Cmd) (ended chan struct{}, err error) {
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	started := make(chan error)
	ended = make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := command.Start()
		started <- err
		if err == nil {
			// How it ended is the caller's to judge: it asks for the end, or finds it in the log.
			_ = command.Wait()
		}
		close(ended)
	}()
	return ended, <-started
}
