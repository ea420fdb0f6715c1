package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"ramal/softswitch"
)

// softswitchCmd runs the embedded switch.
type softswitchCmd struct {
	State    string         `help:"Directory of this installation." default:"var"`
	ESL      string         `name:"esl" help:"Where the Event Socket listens." default:"127.0.0.1:0"`
	Internal string         `help:"Where agents' phones register (SIP, UDP and TCP)." default:"127.0.0.1:5060"`
	External string         `help:"Where calls come in (SIP, UDP and TCP)." default:"127.0.0.1:5080"`
	RTPMin   int            `name:"rtp-min" help:"First port for sound." default:"16384"`
	RTPMax   int            `name:"rtp-max" help:"Last port for sound." default:"32768"`
	Domain   string         `name:"sip-domain" help:"SIP domain of the agents." default:"ramal"`
	Announce string         `help:"IP address told to phones, when it is not the one listened on."`
	Trunks   []netip.Prefix `help:"Networks from which calls may come in; without it everybody may call."`
	LogLevel string         `help:"debug, info, warn or error." default:"info" enum:"debug,info,warn,error"`
}

// Run serves until it is told to end.
func (c *softswitchCmd) Run() error {
	p, err := placesIn(c.State)
	if err != nil {
		return err
	}
	secret, err := os.ReadFile(p.switchSecret())
	if err != nil {
		return fmt.Errorf("read the Event Socket's password: %w", err)
	}
	logger := newLogger(os.Stderr, c.LogLevel)
	sw, err := softswitch.New(softswitch.Config{ESLAddr: c.ESL, ESLPassword: strings.TrimSpace(string(secret)),
		InternalAddr: c.Internal, ExternalAddr: c.External, AdvertiseIP: c.Announce,
		RTPPortMin: c.RTPMin, RTPPortMax: c.RTPMax,
		TrunkNetworks: c.Trunks, SIPDomain: c.Domain, Directory: p.directory(), MediaDir: p.media(), Logger: logger})
	if err != nil {
		return fmt.Errorf("start the softswitch: %w", err)
	}
	state := running{PID: os.Getpid(), ESL: sw.ESLAddr(), Internal: sw.InternalAddr(), External: sw.ExternalAddr()}
	if err := state.write(p.switchState()); err != nil {
		sw.Close()
		return err
	}
	logger.Info("softswitch serves", "esl", state.ESL, "internal", state.Internal, "external", state.External)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	err = sw.Run(ctx)
	return errors.Join(err, os.Remove(p.switchState()))
}

// switchStart is how serve wants its embedded switch.
type switchStart struct {
	places   places
	flags    []string // for the softswitch command
	password string
	logger   *slog.Logger
}

// find returns the embedded switch that runs for this installation, or starts one. It lives on when we die.
func (s switchStart) find(ctx context.Context) (running, error) {
	state, alive, err := readRunning(s.places.switchState(), "softswitch")
	if err != nil {
		return running{}, err
	}
	if alive && answers(state.ESL) {
		s.logger.Info("softswitch found", "pid", state.PID, "esl", state.ESL)
		return state, nil
	}
	if err := replaceFile(s.places.switchSecret(), []byte(s.password+"\n"), 0o600); err != nil {
		return running{}, err
	}
	if err := os.Remove(s.places.switchState()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return running{}, err
	}
	return s.start(ctx)
}

func (s switchStart) start(ctx context.Context) (running, error) {
	self, err := os.Executable()
	if err != nil {
		return running{}, err
	}
	log, err := os.OpenFile(s.places.log("softswitch.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return running{}, err
	}
	defer log.Close()
	cmd := exec.Command(self, append([]string{"softswitch", "--state", s.places.dir}, s.flags...)...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // a core may be killed, calls may not
	if err := cmd.Start(); err != nil {
		return running{}, fmt.Errorf("start the softswitch: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	deadline := time.NewTimer(15 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if state, alive, _ := readRunning(s.places.switchState(), "softswitch"); alive && state.PID == cmd.Process.Pid &&
				answers(state.ESL) {
				return state, nil
			}
		case err := <-ended:
			return running{}, fmt.Errorf("the softswitch ended at once (%v); %s says why", err, log.Name())
		case <-deadline.C:
			return running{}, errors.Join(errors.New("the softswitch did not start within 15 s"), cmd.Process.Kill())
		case <-ctx.Done():
			return running{}, errors.Join(ctx.Err(), cmd.Process.Kill())
		}
	}
}

func answers(addr string) bool {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return false
	}
	return conn.Close() == nil
}

// endProcess asks a process to end and waits until it is gone; after the patience it is killed.
func endProcess(pid int, command string, patience time.Duration) error {
	if !isOurs(pid, command) {
		return nil
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("end %s (pid %d): %w", command, pid, err)
	}
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if !isOurs(pid, command) {
				return nil
			}
		case <-deadline.C:
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return err
			}
			return fmt.Errorf("%s (pid %d) did not end within %s and was killed", command, pid, patience)
		}
	}
}
