package freeswitchconf

import (
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func validSettings(dir string) Settings {
	return Settings{
		ESLPassword: GenerateESLPassword(), MediaDir: "/var/lib/ramal/media", RecordingsDir: "/var/lib/ramal/recordings",
		DirectoryFile: filepath.Join(dir, "directory", "ramal.xml"),
	}
}

// rendered returns the content of every file of a rendered directory by its path.
func rendered(t *testing.T, settings Settings) map[string]string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "conf")
	if err := Render(dir, settings); err != nil {
		t.Fatal(err)
	}
	content := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v", name, info.Mode())
		}
		text, err := os.ReadFile(filepath.Join(dir, name))
		content[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestEveryRenderedFileIsWellFormedXML(t *testing.T) {
	content := rendered(t, validSettings(t.TempDir()))
	for _, name := range []string{
		"freeswitch.xml", "vars.xml", "dialplan/public.xml", "dialplan/agents.xml", "dialplan/ramal.xml",
		"sip_profiles/internal.xml", "sip_profiles/external.xml", "autoload_configs/event_socket.conf.xml",
	} {
		if content[name] == "" {
			t.Errorf("%s is missing", name)
		}
	}
	for name, text := range content {
		if strings.HasSuffix(name, templateSuffix) || strings.Contains(text, "{{") {
			t.Errorf("%s: a template was left", name)
		}
		decoder := xml.NewDecoder(strings.NewReader(text))
		for {
			if _, err := decoder.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Errorf("%s: %v", name, err)
				break
			}
		}
	}
}

func TestThePasswordStandsInTheEventSocketsFileOnly(t *testing.T) {
	settings := validSettings(t.TempDir())
	for name, text := range rendered(t, settings) {
		there := strings.Contains(text, settings.ESLPassword)
		if there != (name == "autoload_configs/event_socket.conf.xml") {
			t.Errorf("%s: password there: %v", name, there)
		}
	}
}

func TestNothingIsLookedUpAndNothingDangerousIsAllowed(t *testing.T) {
	settings := validSettings(t.TempDir())
	settings.ESLAddress = netip.MustParseAddrPort("10.1.2.3:8021")
	settings.ESLAllow = []netip.Prefix{netip.MustParsePrefix("10.1.2.0/24")}
	content := rendered(t, settings)
	for name, text := range content {
		for _, word := range []string{
			"stun:", "auto-nat", "ClueCon", `name="ext-rtp-ip"`, `name="ext-sip-ip"`, "mod_xml_rpc", "mod_rtmp", "mod_verto",
			"mod_xml_curl", "mod_lua",
		} {
			if strings.Contains(text, word) {
				t.Errorf("%s contains %s", name, word)
			}
		}
	}
	allowed := content["autoload_configs/switch.conf.xml"]
	for _, command := range []string{
		"system", "bg_system", "bg_spawn", "spawn", "bgsystem", "load", "unload", "reload", "sched_api", "eval", "expand",
		"global_setvar", "json", "execute_extension", "shutdown", "set_global",
	} {
		if strings.Contains(allowed, "."+command+".a") {
			t.Errorf("%s is allowed", command)
		}
	}
	for file, want := range map[string]string{
		"autoload_configs/switch.conf.xml":       `<param name="api-expansion" value="false"/>`,
		"autoload_configs/acl.conf.xml":          `<node type="allow" cidr="10.1.2.0/24"/>`,
		"autoload_configs/event_socket.conf.xml": `<param name="listen-ip" value="10.1.2.3"/>`,
		"sip_profiles/internal.xml":              `<param name="auth-calls" value="true"/>`,
		"sip_profiles/external.xml":              `<param name="enable-chat" value="false"/>`,
	} {
		if !strings.Contains(content[file], want) {
			t.Errorf("%s: no %s", file, want)
		}
	}
}

func TestRenderingAgainKeepsTheFileOfUsers(t *testing.T) {
	dir := t.TempDir()
	settings := validSettings(dir)
	if err := Render(filepath.Join(dir, "conf"), settings); err != nil {
		t.Fatal(err)
	}
	users := []User{{Name: "1001", A1Hash: HashA1("1001", "ramal", "x")}}
	if err := WriteDirectory(settings.DirectoryFile, "ramal", users); err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadFile(settings.DirectoryFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := Render(filepath.Join(dir, "conf"), settings); err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile(settings.DirectoryFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(written), string(kept)); diff != "" {
		t.Error(diff)
	}
}

func TestSettingsThatFreeSWITCHWouldMisreadAreRefused(t *testing.T) {
	for name, change := range map[string]func(*Settings){
		"no password":                  func(s *Settings) { s.ESLPassword = "" },
		"short password":               func(s *Settings) { s.ESLPassword = "ClueCon" },
		"password with syntax":         func(s *Settings) { s.ESLPassword = strings.Repeat("a", 31) + `"` },
		"domain with blank":            func(s *Settings) { s.SIPDomain = "a b" },
		"socket beyond loopback":       func(s *Settings) { s.ESLAddress = netip.MustParseAddrPort("10.0.0.1:8021") },
		"socket for everybody":         func(s *Settings) { s.ESLAllow = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")} },
		"SIP on every address":         func(s *Settings) { s.ExternalSIP = netip.MustParseAddrPort("0.0.0.0:5080") },
		"both profiles on one address": func(s *Settings) { s.ExternalSIP = netip.MustParseAddrPort("127.0.0.1:5060") },
		"no RTP port":                  func(s *Settings) { s.RTPPortMin, s.RTPPortMax = 20000, 20000 },
		"relative media directory":     func(s *Settings) { s.MediaDir = "var/media" },
		"media directory with syntax":  func(s *Settings) { s.MediaDir = "/var/${system reboot}" },
		"path that climbs":             func(s *Settings) { s.RecordingsDir = "/var/../etc" },
		"no directory file":            func(s *Settings) { s.DirectoryFile = "" },
		"limit of one leg":             func(s *Settings) { s.MaxSessions = 1 },
		"unknown log level":            func(s *Settings) { s.LogLevel = "loud" },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			settings := validSettings(dir)
			change(&settings)
			if err := Render(filepath.Join(dir, "conf"), settings); err == nil {
				t.Error("was rendered")
			}
			if _, err := os.Stat(filepath.Join(dir, "conf")); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("something was written: %v", err)
			}
		})
	}
}
