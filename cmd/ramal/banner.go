package main

import (
	"fmt"
	"net"
	"slices"
	"strings"

	"ramal/store"
)

// banner is what a person needs to know once the centre runs.
func (s *centre) banner(r running) string {
	var b strings.Builder
	line := func(name, value string) { fmt.Fprintf(&b, "  %-12s %s\n", name, value) }
	fmt.Fprintf(&b, "\nRamal is ready.\n\n")
	line("Page", r.HTTP)
	if s.cmd.Demo {
		for _, a := range store.DemoAccounts() {
			line("Login", fmt.Sprintf("%-32s %s   (%s)", a.Email, s.secrets.Passwords[string(a.Email)], a.Name))
		}
	}
	if r.External == "" {
		line("Switch", r.ESL)
	} else {
		line("Call in", fmt.Sprintf("sip:%s@%s   from any SIP phone, without an account", store.DemoNumber, r.External))
		line("Agents", fmt.Sprintf("phones register at %s, SIP domain %s:", r.Internal, s.cmd.SIPDomain))
	}
	if s.cmd.Demo {
		for _, a := range store.DemoAccounts() {
			if a.SIP != "" {
				line("", fmt.Sprintf("user %s   password %s   (%s)", a.SIP, s.secrets.SIP[a.SIP], a.Name))
			}
		}
	}
	if host, _, err := net.SplitHostPort(r.External); err == nil && slices.Contains([]string{"127.0.0.1", "::1"}, host) {
		line("", "only this machine can call; `make run SIP_HOST=0.0.0.0` lets phones of the network in")
	}
	line("Try it", "bin/ramal try   places a call and tells what both sides hear")
	line("Stop", "Ctrl-C, or `make stop`")
	return b.String()
}
