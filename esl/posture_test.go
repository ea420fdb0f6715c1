package esl

import (
	"strings"
	"testing"
	"testing/synctest"
)

func TestTheSwitchsPostureIsLookedAt(t *testing.T) {
	const long = "0123456789abcdef0123456789"
	for _, c := range []struct {
		address, password, version string
		want                       string // a word of the one problem, "" for none
	}{
		{"127.0.0.1:8021", long, "1.11.3-dev", ""},
		{"[::1]:8021", long, "1.12.0", ""},
		{"10.1.2.3:8021", long, "2.0.0-release~64bit", ""},
		{"switch.internal:8021", long, "1.11.10", ""},
		{"127.0.0.1:8021", long, "1.11.2-release", "upgrade"},
		{"127.0.0.1:8021", long, "1.10.12", "upgrade"},
		{"127.0.0.1:8021", long, "", "upgrade"},
		{"127.0.0.1:8021", "ClueCon", "1.11.3", "password"},
		{"127.0.0.1:8021", "0123456789", "1.11.3", "password"},
		{"192.0.2.1:8021", long, "1.11.3", "public"},
		{"[2001:db8::1]:8021", long, "1.11.3", "public"},
	} {
		got := posture(Config{Address: c.address, Password: c.password}, Info{Version: c.version})
		if c.want == "" && len(got) != 0 || c.want != "" && (len(got) != 1 || !strings.Contains(got[0], c.want)) {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

func TestASwitchWithABadPostureIsRefusedInProductionOnly(t *testing.T) {
	for _, production := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, func(_ *rig, c *Config) { c.Production = production }) // its password is short
			defer r.stop()
			if got := r.told(); production == (len(got) == 1) {
				t.Errorf("production %v: %q", production, got)
			}
			if info := r.link.Info(); info.Up == production {
				t.Errorf("production %v: %+v", production, info)
			}
		})
	}
}
