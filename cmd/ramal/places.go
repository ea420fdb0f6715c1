package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// places are the files of one installation, all below one directory.
type places struct{ dir string }

func placesIn(dir string) (places, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return places{}, fmt.Errorf("state directory %s: %w", dir, err)
	}
	return places{abs}, nil
}

func (p places) media() string          { return filepath.Join(p.dir, "media") }
func (p places) recordings() string     { return filepath.Join(p.dir, "recordings") }
func (p places) postgres() string       { return filepath.Join(p.dir, "pg") }
func (p places) directory() string      { return filepath.Join(p.dir, "switch", "directory", "ramal.xml") }
func (p places) switchSecret() string   { return filepath.Join(p.dir, "switch", "esl-password") }
func (p places) secrets() string        { return filepath.Join(p.dir, "secrets.json") }
func (p places) serveState() string     { return filepath.Join(p.dir, "run", "serve.json") }
func (p places) switchState() string    { return filepath.Join(p.dir, "run", "softswitch.json") }
func (p places) log(name string) string { return filepath.Join(p.dir, "log", name) }

// make creates the directories. Media and recordings may be read by a switch that runs as another user.
func (p places) make() error {
	for dir, mode := range map[string]fs.FileMode{p.dir: 0o755, p.media(): 0o755, p.recordings(): 0o755,
		filepath.Dir(p.directory()): 0o755, filepath.Dir(p.serveState()): 0o755, filepath.Join(p.dir, "log"): 0o755} {
		if err := os.MkdirAll(dir, mode); err != nil {
			return fmt.Errorf("make directory: %w", err)
		}
	}
	return nil
}

// running is what a long-lived process writes down about itself.
type running struct {
	PID      int    `json:"pid"`
	HTTP     string `json:"http,omitempty"`     // address of the web page and API
	ESL      string `json:"esl,omitempty"`      // the switch's Event Socket
	Internal string `json:"internal,omitempty"` // SIP of the agents
	External string `json:"external,omitempty"` // SIP of callers
	Banner   string `json:"banner,omitempty"`
	Cluster  bool   `json:"cluster,omitempty"` // the database is a private cluster
}

// write replaces the file as a whole.
func (r running) write(path string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return replaceFile(path, data, 0o600)
}

// readRunning reads the file and looks whether its process lives and is one of ours.
func readRunning(path, command string) (r running, alive bool, err error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return r, false, nil
	}
	if err != nil {
		return r, false, err
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return r, false, fmt.Errorf("%s: %w", path, err)
	}
	return r, isOurs(r.PID, command), nil
}

// isOurs says whether the process lives and is a ramal with that command, not a stranger who got its number.
func isOurs(pid int, command string) bool {
	if pid <= 1 || syscall.Kill(pid, 0) != nil {
		return false
	}
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return errors.Is(err, fs.ErrNotExist) && !isLinux() // no /proc: believe the file
	}
	args := strings.Split(string(line), "\x00")
	return len(args) > 1 && args[1] == command
}

func isLinux() bool {
	_, err := os.Stat("/proc/self")
	return err == nil
}

func replaceFile(path string, data []byte, mode fs.FileMode) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(data)
	err = errors.Join(err, tmp.Chmod(mode), tmp.Close())
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.Rename(tmp.Name(), path)
}

// secrets are generated once and kept in a file that only its owner reads. Passwords are those of the demonstration.
type secrets struct {
	ESL       string            `json:"esl"`
	Passwords map[string]string `json:"passwords,omitempty"` // by e-mail
	SIP       map[string]string `json:"sip,omitempty"`       // by extension
	fresh     bool
}

func loadSecrets(path string) (*secrets, error) {
	s := &secrets{Passwords: map[string]string{}, SIP: map[string]string{}}
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.ESL, s.fresh = randomWord(32), true
		return s, s.save(path)
	case err != nil:
		return nil, err
	}
	if err := json.Unmarshal(data, s); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

func (s *secrets) save(path string) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return replaceFile(path, data, 0o600)
}

// ensure returns the word under key, made when it is missing; made tells so.
func ensure(m map[string]string, key string, bytes int) (word string, made bool) {
	if w, ok := m[key]; ok {
		return w, false
	}
	m[key] = randomWord(bytes)
	return m[key], true
}

// randomWord is n random bytes in URL-safe base64.
func randomWord(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails (crypto/rand, since Go 1.24)
	return base64.RawURLEncoding.EncodeToString(b)
}
