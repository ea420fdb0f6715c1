package softswitch

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strconv"
	"time"
)

// Config says where a Switch listens and what it may do. Addresses are host:port; port 0 chooses a free one (see the
// accessors of Switch). The zero value of a field means the default named with it.
type Config struct {
	ESLAddr      string // Event Socket, TCP; default 127.0.0.1:8021
	ESLPassword  string // required
	InternalAddr string // SIP of the agents, UDP and TCP on one port; default 127.0.0.1:5060
	ExternalAddr string // SIP of callers and trunks, UDP and TCP on one port; default 127.0.0.1:5080

	// AdvertiseIP is written into SDP, Via and Contact. Default: the address listened on, or, when that is 0.0.0.0, the
	// machine's address towards its default route.
	AdvertiseIP string
	RTPPortMin  int // first port for RTP, even; default 16384
	RTPPortMax  int // last port for RTP; default 32768

	SIPDomain string // the domain every registration is put into (force-register-domain); default "ramal"
	Directory string // FreeSWITCH XML file of the SIP users; read at start and by reloadxml; none: nobody can register
	MediaDir  string // where relative sound paths begin, with system/fallback.wav and system/hold1.wav

	TrunkNetworks []netip.Prefix // who may call in on the external profile; empty: everybody, as FreeSWITCH without an ACL

	MaxSessions       int // legs at the same time; default 1000
	SessionsPerSecond int // new legs per second, each leg counted as FreeSWITCH does; default 200
	ClientQueue       int // bytes waiting for one ESL client before it is cut off; default 8 MiB

	// MinExpires is what a registration lasts at least, whatever the phone asks for (sip-force-expires-min), so that
	// phones outlive a restart of the core; default 600 s.
	MinExpires time.Duration

	Heartbeat    time.Duration // default 20 s
	ShowLag      time.Duration // how far "show" lags behind the events (recording 20); default 200 ms, negative: none
	RTPTimeout   time.Duration // an answered leg without any RTP for so long ends with MEDIA_TIMEOUT; default 300 s
	APIExpansion bool          // FreeSWITCH's api_expansion at start; Ramal runs with it off
	Dialplan     Dialplan      // default: RamalDialplan()
	Globals      map[string]string
	Logger       *slog.Logger // default: discard
}

func (c Config) withDefaults() (Config, error) {
	c.ESLAddr = cmp.Or(c.ESLAddr, "127.0.0.1:8021")
	c.InternalAddr = cmp.Or(c.InternalAddr, "127.0.0.1:5060")
	c.ExternalAddr = cmp.Or(c.ExternalAddr, "127.0.0.1:5080")
	c.RTPPortMin = cmp.Or(c.RTPPortMin, 16384)
	c.RTPPortMax = cmp.Or(c.RTPPortMax, 32768)
	c.SIPDomain = cmp.Or(c.SIPDomain, "ramal")
	c.MaxSessions = cmp.Or(c.MaxSessions, 1000)
	c.SessionsPerSecond = cmp.Or(c.SessionsPerSecond, 200)
	c.ClientQueue = cmp.Or(c.ClientQueue, 8<<20)
	c.MinExpires = cmp.Or(c.MinExpires, 600*time.Second)
	c.Heartbeat = cmp.Or(c.Heartbeat, 20*time.Second)
	c.ShowLag = cmp.Or(c.ShowLag, 200*time.Millisecond)
	c.RTPTimeout = cmp.Or(c.RTPTimeout, 300*time.Second)
	if c.Dialplan == nil {
		c.Dialplan = RamalDialplan()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	var problems []error
	if c.ESLPassword == "" {
		problems = append(problems, errors.New("no password for the Event Socket"))
	}
	if c.RTPPortMin < 1024 || c.RTPPortMax > 65535 || c.RTPPortMax-c.RTPPortMin < 2 {
		problems = append(problems,
			fmt.Errorf("RTP ports %d to %d: want a range within 1024–65535", c.RTPPortMin, c.RTPPortMax))
	}
	for _, addr := range []string{c.ESLAddr, c.InternalAddr, c.ExternalAddr} {
		if _, _, err := splitAddr(addr); err != nil {
			problems = append(problems, err)
		}
	}
	return c, errors.Join(problems...)
}

func splitAddr(addr string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, fmt.Errorf("address %q: %w", addr, err)
	}
	port, err = strconv.Atoi(text)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("address %q: bad port", addr)
	}
	if host != "" && net.ParseIP(host).To4() == nil {
		return "", 0, fmt.Errorf("address %q: want an IPv4 address, not a name", addr)
	}
	return host, port, nil
}

// advertised is the address peers are told for a socket bound to host.
func (c Config) advertised(host string) string {
	if c.AdvertiseIP != "" {
		return c.AdvertiseIP
	}
	if ip := net.ParseIP(host); ip != nil && !ip.IsUnspecified() {
		return ip.String()
	}
	// Connecting a UDP socket sends nothing; it asks the kernel which address it would use.
	if conn, err := net.Dial("udp4", "192.0.2.1:9"); err == nil {
		defer conn.Close()
		if addr, ok := conn.LocalAddr().(*net.UDPAddr); ok {
			return addr.IP.String()
		}
	}
	return "127.0.0.1"
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	return name
}
