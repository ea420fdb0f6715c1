package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"

	"ramal/control"
	"ramal/esl"
	"ramal/internal/lifecycle"
	"ramal/media"
	"ramal/store"
)

// centre is everything that serve holds while it runs, in the order it is ended: last first.
type centre struct {
	cmd     *serveCmd
	places  places
	secrets *secrets
	logger  *slog.Logger
	cluster *database
	db      *store.DB
	lib     media.Library
	sw      running // the switch
	control *control.Centre
	link    *esl.Link
	group   *lifecycle.Group
	streams context.Context // ends when open live streams must close
	close   context.CancelFunc
}

// Run starts everything in order, serves, and ends everything in the reverse order.
func (c *serveCmd) Run() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	p, err := placesIn(c.State)
	if err != nil {
		return err
	}
	if err := p.make(); err != nil {
		return err
	}
	if old, alive, err := readRunning(p.serveState(), "serve"); err != nil {
		return err
	} else if alive {
		return fmt.Errorf("the centre runs already (pid %d, %s); `ramal stop` ends it", old.PID, old.HTTP)
	}
	s := &centre{cmd: c, places: p, logger: newLogger(os.Stderr, c.LogLevel)}
	err = s.start(ctx)
	if err == nil {
		err = s.wait(ctx)
	}
	stop()
	ending, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return errors.Join(err, s.stop(ending))
}

func (s *centre) start(ctx context.Context) error {
	var err error
	if s.secrets, err = loadSecrets(s.places.secrets()); err != nil {
		return fmt.Errorf("secrets: %w", err)
	}
	if err := s.startDatabase(ctx); err != nil {
		return err
	}
	if err := s.prepareSounds(ctx); err != nil {
		return err
	}
	if s.cmd.Demo {
		if err := seedDemo(ctx, s.db, s.secrets, s.places, s.cmd.SIPDomain, s.lib); err != nil {
			return fmt.Errorf("demonstration: %w", err)
		}
	}
	if err := renderAll(ctx, s.db, s.lib); err != nil {
		return fmt.Errorf("prompts: %w", err)
	}
	if err := writeDirectory(ctx, s.db, s.directoryFile(), s.cmd.SIPDomain); err != nil {
		return fmt.Errorf("file of SIP users: %w", err)
	}
	if err := s.findSwitch(ctx); err != nil {
		return err
	}
	if err := s.startCalls(ctx); err != nil {
		return err
	}
	return s.startWeb(ctx)
}

func (s *centre) directoryFile() string {
	if s.cmd.DirectoryFile != "" {
		return s.cmd.DirectoryFile
	}
	return s.places.directory()
}

func (s *centre) prepareSounds(ctx context.Context) error {
	s.lib = media.Library{Dir: s.places.media(), Synth: media.Espeak{}}
	if err := media.EnsureSystemSounds(ctx, s.places.media(), media.Espeak{}); err != nil {
		return fmt.Errorf("system sounds: %w", err)
	}
	return nil
}

// findSwitch takes the FreeSWITCH that was named, or the embedded switch.
func (s *centre) findSwitch(ctx context.Context) error {
	if s.cmd.Switch != "" {
		s.sw = running{ESL: s.cmd.Switch}
		return nil
	}
	internal, err := listenAddr(s.cmd.Internal, s.cmd.SIPHost, 5060, "udp", "tcp")
	if err != nil {
		return err
	}
	external, err := listenAddr(s.cmd.External, s.cmd.SIPHost, 5080, "udp", "tcp")
	if err != nil {
		return err
	}
	flags := []string{"--internal", internal, "--external", external, "--sip-domain", s.cmd.SIPDomain,
		"--rtp-min", fmt.Sprint(s.cmd.RTPMin), "--rtp-max", fmt.Sprint(s.cmd.RTPMax)}
	if s.cmd.Announce != "" {
		flags = append(flags, "--announce", s.cmd.Announce)
	}
	for _, network := range s.cmd.Trunks {
		flags = append(flags, "--trunks", network.String())
	}
	s.sw, err = switchStart{places: s.places, flags: flags, password: s.secrets.ESL, logger: s.logger}.find(ctx)
	return err
}

// listenAddr is the address that was asked for, or host with the usual port, or, when that is taken, a free one (port
// 0): a second installation on one machine must not fail for a port nobody chose.
func listenAddr(asked, host string, usual int, networks ...string) (string, error) {
	if asked != "" {
		return asked, nil
	}
	addr := net.JoinHostPort(host, fmt.Sprint(usual))
	for _, network := range networks {
		var c io.Closer
		var err error
		if network == "udp" {
			c, err = net.ListenPacket("udp", addr)
		} else {
			c, err = net.Listen("tcp", addr)
		}
		if errors.Is(err, syscall.EADDRINUSE) {
			return net.JoinHostPort(host, "0"), nil
		}
		if err != nil {
			return "", fmt.Errorf("listen on %s/%s: %w", addr, network, err)
		}
		if err := c.Close(); err != nil {
			return "", err
		}
	}
	return addr, nil
}

func (s *centre) startCalls(ctx context.Context) error {
	password := s.secrets.ESL
	if s.cmd.SwitchPassword != "" {
		word, err := os.ReadFile(s.cmd.SwitchPassword)
		if err != nil {
			return fmt.Errorf("the Event Socket's password: %w", err)
		}
		password = strings.TrimSpace(string(word))
	}
	or := func(a, b string) string {
		if a != "" {
			return a
		}
		return b
	}
	ports := storePorts{s.db}
	sw := &lateSwitch{}
	s.control = control.New(control.Config{Node: "switch-1", Switch: sw, Settings: ports, Protocols: ports, Log: ports,
		Logger: s.logger, NewID: func() string { return uuid.Must(uuid.NewV7()).String() }})
	link, err := esl.New(esl.Config{Address: s.sw.ESL, Password: password, Logger: s.logger,
		Vocabulary: esl.Vocabulary{Domain: s.cmd.SIPDomain, Media: or(s.cmd.SwitchMedia, s.places.media()),
			Recordings: or(s.cmd.SwitchRecords, s.places.recordings())}}, s.control.Event)
	if err != nil {
		return err
	}
	sw.Link = link
	s.link = link
	if err := s.control.Start(ctx); err != nil {
		return err
	}
	s.group = lifecycle.New(context.Background())
	s.streams, s.close = context.WithCancel(context.Background())
	s.group.Go("switch link", link.Run)
	return nil
}

// lateSwitch closes the circle between control, which commands the link, and the link, which feeds control.
type lateSwitch struct{ *esl.Link }

// wait serves until a signal, or until a part fails.
func (s *centre) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		s.logger.Info("ending on request")
		return nil
	case <-s.group.Done():
		return fmt.Errorf("a part of the centre ended: %w", s.group.Wait())
	case <-s.control.Done():
		return errors.New("the owners of calls ended")
	}
}

func (s *centre) stop(ctx context.Context) error {
	var errs []error
	if s.group != nil { // web first, then the link
		s.close()
		errs = append(errs, s.group.Stop(ctx))
	}
	if s.control != nil {
		errs = append(errs, s.control.Stop(ctx))
	}
	if s.db != nil {
		s.db.Close()
	}
	if s.cmd.KeepSwitch {
		s.logger.Info("switch and database are left running")
	} else {
		if s.sw.PID != 0 {
			errs = append(errs, endProcess(s.sw.PID, "softswitch", 10*time.Second))
		}
		errs = append(errs, s.cluster.stop(ctx))
	}
	if err := os.Remove(s.places.serveState()); err != nil && !errors.Is(err, os.ErrNotExist) {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// newLogger writes to w; on a terminal, unless told otherwise, only what needs attention.
func newLogger(w *os.File, level string) *slog.Logger {
	var l slog.Level
	switch info, err := w.Stat(); {
	case level != "auto":
		if err := l.UnmarshalText([]byte(level)); err != nil {
			l = slog.LevelInfo
		}
	case err == nil && info.Mode()&os.ModeCharDevice != 0:
		l = slog.LevelWarn
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: l}))
}
