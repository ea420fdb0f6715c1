package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	freeswitchconf "ramal/freeswitch-conf"
)

// freeswitchConfCmd writes what a real FreeSWITCH needs to be driven by this centre.
type freeswitchConfCmd struct {
	Out        string         `help:"Directory to write; it must be empty or missing." required:""`
	State      string         `help:"Directory of this installation." default:"var"`
	ESL        netip.AddrPort `name:"esl" help:"Where the Event Socket listens." default:"127.0.0.1:8021"`
	ESLAllow   []netip.Prefix `name:"esl-allow" help:"Networks that may reach it, when that is not loopback."`
	Internal   netip.AddrPort `help:"Where agents' phones register: an address of that machine." default:"127.0.0.1:5060"`
	External   netip.AddrPort `help:"Where calls come in." default:"127.0.0.1:5080"`
	Domain     string         `name:"sip-domain" help:"SIP domain of the agents." default:"ramal"`
	Media      string         `help:"The media directory as that machine sees it; without it this installation's."`
	Recordings string         `help:"The recordings directory as that machine sees it; without it this installation's."`
	Directory  string         `help:"The file of SIP users as that machine sees it; without it this installation's."`
	RTPMin     uint16         `name:"rtp-min" help:"First port for sound." default:"16384"`
	RTPMax     uint16         `name:"rtp-max" help:"Last port for sound." default:"32767"`
	Sessions   int            `help:"Legs at the same time." default:"1000"`
	PerSecond  int            `help:"New legs per second." default:"100"`
}

// Run writes the configuration and the file with the Event Socket's password beside it.
func (c *freeswitchConfCmd) Run() error {
	p, err := placesIn(c.State)
	if err != nil {
		return err
	}
	if err := p.make(); err != nil {
		return err
	}
	out, err := filepath.Abs(c.Out)
	if err != nil {
		return err
	}
	if entries, err := os.ReadDir(out); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is not empty: name a new directory, so that no configuration of yours is overwritten", out)
	} else if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	or := func(a, b string) string {
		if a != "" {
			return a
		}
		return b
	}
	s := freeswitchconf.Settings{SIPDomain: c.Domain, ESLAddress: c.ESL, ESLPassword: freeswitchconf.GenerateESLPassword(),
		ESLAllow: c.ESLAllow, InternalSIP: c.Internal, ExternalSIP: c.External, RTPPortMin: c.RTPMin, RTPPortMax: c.RTPMax,
		MediaDir: or(c.Media, p.media()), RecordingsDir: or(c.Recordings, p.recordings()),
		DirectoryFile: or(c.Directory, p.directory()), MaxSessions: c.Sessions, SessionsPerSecond: c.PerSecond}
	if err := freeswitchconf.Render(out, s); err != nil {
		return err
	}
	secret := filepath.Join(out, "esl-password")
	if err := replaceFile(secret, []byte(s.ESLPassword+"\n"), 0o600); err != nil {
		return err
	}
	fmt.Printf("Written to %s. Then:\n  ramal serve --switch %s --switch-password %s\n", out, c.ESL, secret)
	return nil
}
