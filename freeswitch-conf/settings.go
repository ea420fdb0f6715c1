package freeswitchconf

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Settings is what differs between two switches.
type Settings struct {
	// SIPDomain is the one domain of the agents' phones: the digest realm and the domain of registrations, whatever a
	// phone writes. Default "ramal".
	SIPDomain string
	// ESLAddress is where the Event Socket listens. Default 127.0.0.1:8021.
	ESLAddress netip.AddrPort
	// ESLPassword is required: at least 32 of A-Z a-z 0-9 _ - (GenerateESLPassword makes one).
	ESLPassword string
	// ESLAllow lists the networks that may reach the Event Socket besides loopback. It is required when ESLAddress is
	// not a loopback address, and refused when it contains everything (/0).
	ESLAllow []netip.Prefix
	// InternalSIP is where agents' phones register and call: an address of this machine, never 0.0.0.0. Default
	// 127.0.0.1:5060.
	InternalSIP netip.AddrPort
	// ExternalSIP is where callers and trunks arrive, likewise. Default 127.0.0.1:5080.
	ExternalSIP netip.AddrPort
	// RTPPortMin and RTPPortMax bound the UDP ports of media, both included; two per leg are used. Default 16384 to
	// 32767.
	RTPPortMin, RTPPortMax uint16
	// MediaDir holds system/fallback.wav, system/hold1.wav and the prompts. Absolute; required.
	MediaDir string
	// RecordingsDir is where recordings are written. Absolute; required.
	RecordingsDir string
	// DirectoryFile is the file of SIP users (WriteDirectory). Absolute; required.
	DirectoryFile string
	// MaxSessions bounds the legs at any time. Default 1000.
	MaxSessions int
	// SessionsPerSecond bounds new legs per second, in both directions together (FreeSWITCH admits one fewer).
	// Default 100.
	SessionsPerSecond int
	// LogLevel is one of debug, info, notice, warning, err, crit, alert. Default info.
	LogLevel string
}

var (
	logLevels       = []string{"debug", "info", "notice", "warning", "err", "crit", "alert"}
	domainPattern   = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$`)
	passwordPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{32,128}$`)
	// A path is put into XML, passes FreeSWITCH's preprocessor ($${...}) and ends in application arguments, where "!"
	// joins files, and blanks and commas separate arguments.
	pathPattern = regexp.MustCompile(`^/[\p{L}\p{N}/._+@=-]*$`)
)

// GenerateESLPassword returns 32 random bytes in URL-safe base64, as Settings.ESLPassword wants them.
func GenerateESLPassword() string {
	var secret [32]byte
	rand.Read(secret[:]) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(secret[:])
}

// withDefaults fills what was left empty and has a default.
func (s Settings) withDefaults() Settings {
	if s.SIPDomain == "" {
		s.SIPDomain = "ramal"
	}
	loopback := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	ports := map[*netip.AddrPort]uint16{&s.ESLAddress: 8021, &s.InternalSIP: 5060, &s.ExternalSIP: 5080}
	for address, port := range ports {
		if *address == (netip.AddrPort{}) {
			*address = netip.AddrPortFrom(loopback, port)
		}
	}
	if s.RTPPortMin == 0 && s.RTPPortMax == 0 {
		s.RTPPortMin, s.RTPPortMax = 16384, 32767
	}
	if s.MaxSessions == 0 {
		s.MaxSessions = 1000
	}
	if s.SessionsPerSecond == 0 {
		s.SessionsPerSecond = 100
	}
	if s.LogLevel == "" {
		s.LogLevel = "info"
	}
	return s
}

// Validate returns every problem of the settings at once, after defaults. A nil error means that Render can write them.
func (s Settings) Validate() error {
	s = s.withDefaults()
	var problems []error
	refuse := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if !domainPattern.MatchString(s.SIPDomain) {
		refuse("SIP domain %q: want lower-case letters, digits, dots and hyphens", s.SIPDomain)
	}
	if !passwordPattern.MatchString(s.ESLPassword) {
		refuse("Event Socket password: want 32 to 128 of A-Z a-z 0-9 _ -")
	}
	problems = append(problems, s.validateAddresses()...)
	if s.RTPPortMin < 1024 || int(s.RTPPortMax)-int(s.RTPPortMin) < 3 {
		refuse("RTP ports %d to %d: want at least four, from 1024 on", s.RTPPortMin, s.RTPPortMax)
	}
	for _, path := range []struct{ name, value string }{
		{"media directory", s.MediaDir}, {"recordings directory", s.RecordingsDir}, {"directory file", s.DirectoryFile},
	} {
		if !pathPattern.MatchString(path.value) || filepath.Clean(path.value) != path.value {
			refuse("%s %q: want a clean absolute path of letters, digits and / . _ + @ = -", path.name, path.value)
		}
	}
	if s.MaxSessions < 2 || s.SessionsPerSecond < 2 {
		refuse("session limits %d and %d per second: want at least 2", s.MaxSessions, s.SessionsPerSecond)
	}
	if !slices.Contains(logLevels, s.LogLevel) {
		refuse("log level %q: want one of %s", s.LogLevel, strings.Join(logLevels, ", "))
	}
	return errors.Join(problems...)
}

func (s Settings) validateAddresses() []error {
	var problems []error
	refuse := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	for _, socket := range []struct {
		name    string
		address netip.AddrPort
	}{{"Event Socket", s.ESLAddress}, {"internal SIP", s.InternalSIP}, {"external SIP", s.ExternalSIP}} {
		switch {
		case !socket.address.IsValid() || socket.address.Port() == 0 || socket.address.Addr().Zone() != "":
			refuse("%s address %s: want ADDRESS:PORT", socket.name, socket.address)
		case socket.address.Addr().IsUnspecified():
			refuse("%s address %s: name one address of this machine", socket.name, socket.address)
		}
	}
	if s.InternalSIP == s.ExternalSIP {
		refuse("internal and external SIP: both on %s", s.InternalSIP)
	}
	if !s.ESLAddress.Addr().IsLoopback() && len(s.ESLAllow) == 0 {
		refuse("Event Socket address %s: beyond loopback, say which networks may reach it", s.ESLAddress)
	}
	for _, network := range s.ESLAllow {
		if !network.IsValid() || network.Bits() == 0 || network.Addr().Zone() != "" {
			refuse("Event Socket allowed network %s: want a network smaller than everything", network)
		}
	}
	return problems
}
