package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"
)

// startWeb serves the page and the API, and says so.
func (s *centre) startWeb(ctx context.Context) error {
	addr, err := listenAddr(s.cmd.HTTP, "127.0.0.1", 8080, "tcp")
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("listen for the page: %w", err)
	}
	handler, err := s.handler(s.streams)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	scheme := "http"
	if s.cmd.TLSCert != "" {
		pair, err := tls.LoadX509KeyPair(s.cmd.TLSCert, s.cmd.TLSKey)
		if err != nil {
			return errors.Join(fmt.Errorf("certificate: %w", err), listener.Close())
		}
		listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12})
		scheme = "https"
	}
	s.group.Go("web", func(ctx context.Context) error { return serveUntil(ctx, server, listener) })
	state := running{PID: os.Getpid(), HTTP: scheme + "://" + listener.Addr().String(), ESL: s.sw.ESL,
		Internal: s.sw.Internal, External: s.sw.External, Cluster: s.cluster != nil}
	state.Banner = s.banner(state)
	if err := state.write(s.places.serveState()); err != nil {
		return err
	}
	if err := s.awaitLink(ctx); err != nil {
		return err
	}
	fmt.Print(state.Banner)
	return nil
}

func serveUntil(ctx context.Context, server *http.Server, listener net.Listener) error {
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("web server: %w", err)
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := server.Shutdown(ending)
	if errors.Is(err, context.DeadlineExceeded) { // live streams never end by themselves
		err = server.Close()
	}
	return err
}

// awaitLink waits until the switch is connected; one that is away is said and not waited for any longer: calls then
// begin as soon as it comes.
func (s *centre) awaitLink(ctx context.Context) error {
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !s.control.Health().LinkUp {
		select {
		case <-tick.C:
		case <-deadline.C:
			s.logger.Warn("the switch does not answer yet", "address", s.sw.ESL)
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// localClient asks the centre on this machine, whatever its certificate says: it only ever talks to the address that
// serve itself wrote down.
func localClient() *http.Client {
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
}
