package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
)

//arch:table of the flags of serve

// serveCmd runs the centre: database, switch, calls, web.
type serveCmd struct {
	State    string `help:"Directory of this installation." default:"var"`
	Demo     bool   `help:"Make a demonstration centre when there is none."`
	HTTP     string `name:"http" help:"Where the page and the API listen; without it 127.0.0.1:8080, or a free port."`
	TLSCert  string `name:"tls-cert" help:"Certificate file (PEM); with it the page speaks HTTPS." type:"existingfile"`
	TLSKey   string `name:"tls-key" help:"Key file of the certificate (PEM)." type:"existingfile"`
	LogLevel string `help:"debug, info, warn or error; without it info, or warn on a terminal." enum:"debug,info,warn,error,auto" default:"auto"`

	DatabaseURL string `name:"database-url" help:"PostgreSQL, as the application's role; without it a private cluster is used." env:"DATABASE_URL,RAMAL_DATABASE_URL"`
	OwnerURL    string `name:"database-owner-url" help:"PostgreSQL, as the schema's owner, for migrations; without it the same as database-url."`

	Switch         string `help:"Event Socket of a FreeSWITCH (host:port); without it the embedded switch is started."`
	SwitchPassword string `help:"File with the Event Socket's password." type:"existingfile"`
	SwitchMedia    string `help:"The media directory as the switch sees it; without it as we see it."`
	SwitchRecords  string `name:"switch-recordings" help:"The recordings directory as the switch sees it; without it as we see it."`
	SIPDomain      string `name:"sip-domain" help:"SIP domain of the agents." default:"ramal"`
	DirectoryFile  string `help:"Where the switch's file of SIP users is written; without it below the state directory."`

	SIPHost  string         `name:"sip-host" help:"Address on which the embedded switch listens; 0.0.0.0 lets phones of the network in." default:"127.0.0.1"`
	Internal string         `help:"Where agents' phones register (host:port); without it sip-host:5060, or a free port."`
	External string         `help:"Where calls come in (host:port); without it sip-host:5080, or a free port."`
	RTPMin   int            `name:"rtp-min" help:"First port for sound." default:"16384"`
	RTPMax   int            `name:"rtp-max" help:"Last port for sound." default:"32768"`
	Announce string         `help:"IP address told to phones, when it is not the one listened on."`
	Trunks   []netip.Prefix `help:"Networks from which calls may come in to the embedded switch; without it everybody may call."`

	KeepSwitch bool `help:"Leave the embedded switch and the private database running at the end (for upgrades)."`
}

// Validate reports everything that is wrong with the flags at once; kong calls it.
func (c *serveCmd) Validate() error {
	var problems []error
	bad := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	for flag, addr := range map[string]string{"http": c.HTTP, "switch": c.Switch, "internal": c.Internal, "external": c.External} {
		if addr == "" {
			continue
		}
		if _, port, err := net.SplitHostPort(addr); err != nil || port == "" {
			bad("--%s %q: want host:port, for example 127.0.0.1:8080", flag, addr)
		}
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		bad("--tls-cert and --tls-key: give both or none")
	}
	if c.Switch != "" && c.SwitchPassword == "" {
		bad("--switch needs --switch-password: a file with the Event Socket's password")
	}
	if c.OwnerURL != "" && c.DatabaseURL == "" {
		bad("--database-owner-url needs --database-url")
	}
	if net.ParseIP(c.SIPHost) == nil {
		bad("--sip-host %q: want an IP address, for example 0.0.0.0", c.SIPHost)
	}
	if c.RTPMin < 1024 || c.RTPMax > 65535 || c.RTPMax-c.RTPMin < 100 {
		bad("--rtp-min %d and --rtp-max %d: want at least 100 ports between 1024 and 65535", c.RTPMin, c.RTPMax)
	}
	return errors.Join(problems...)
}
