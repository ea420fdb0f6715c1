package esl

import (
	"net/netip"
	"regexp"
	"strings"
)

// leastVersion closes CVE-2026-116779 (a SIP MESSAGE runs API commands) and what was found before it.
var leastVersion = [3]int{1, 11, 3}

var versionNumber = regexp.MustCompile(`^(\d+)\.(\d+)\.(\d+)`)

// posture lists what a link can see to be wrong with a switch; what only its configuration shows (modules,
// profiles, ACL) is looked at by ramal doctor.
func posture(config Config, info Info) (problems []string) {
	if !recent(info.Version) {
		problems = append(problems, "version "+info.Version+" has known holes: upgrade FreeSWITCH to 1.11.3 or newer")
	}
	if config.Password == "ClueCon" || len(config.Password) < 24 {
		problems = append(problems, "the Event Socket's password is the default or short, and it gives full control: "+
			"set one of 24 random characters or more")
	}
	host := config.Address
	if i := strings.LastIndexByte(host, ':'); i >= 0 {
		host = strings.Trim(host[:i], "[]")
	}
	address, err := netip.ParseAddr(host)
	if err == nil && !address.Unmap().IsLoopback() && !address.Unmap().IsPrivate() {
		problems = append(problems, "the Event Socket is reached at the public address "+host+" and is not encrypted: "+
			"bind it to loopback or a private network")
	}
	return problems
}

// recent tells whether a version as FreeSWITCH writes it (1.11.3-dev, 1.12.0-release~64bit) is new enough.
func recent(version string) bool {
	found := versionNumber.FindStringSubmatch(version)
	if found == nil {
		return false
	}
	for i, least := range leastVersion {
		if n := atoi(found[i+1]); n != least {
			return n > least
		}
	}
	return true
}
