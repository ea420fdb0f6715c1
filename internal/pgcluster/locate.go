package pgcluster

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// SystemDir is where clusters go whose checkout the database's user cannot reach.
const SystemDir = "/var/lib/ramal"

const (
	dataName     = "data"
	locationName = "location" // says where the cluster of this directory really is
)

// place is a cluster's directory and the user of its server.
type place struct {
	dir string // holds data/, secrets.json, postgres.log and the socket
	id  identity
}

func (p place) data() string    { return filepath.Join(p.dir, dataName) }
func (p place) logFile() string { return filepath.Join(p.dir, "postgres.log") }

// locate finds the cluster that belongs to o.Dir, or decides where it is to be made. It makes the directory.
func locate(o Options) (place, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return place{}, fmt.Errorf("locate cluster: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return place{}, fmt.Errorf("locate cluster: %w", err)
	}
	if moved, ok, err := readLocation(dir); err != nil || ok {
		return at(moved, err)
	}
	p, err := at(dir, nil)
	if err != nil || !p.id.drop || p.id.canEnter(dir) {
		return p, err
	}
	if _, err := os.Stat(p.data()); err == nil {
		return place{}, fmt.Errorf("locate cluster: user %s can no longer reach %s: open the directories above it "+
			"(chmod o+x) or move it away to begin anew", p.id.name, p.data())
	}
	moved := filepath.Join(o.systemDir(), nameFor(dir), "pg")
	if err := os.MkdirAll(moved, 0o755); err != nil {
		return place{}, fmt.Errorf("locate cluster outside %s, which user %s cannot reach: %w", dir, p.id.name, err)
	}
	if !p.id.canEnter(moved) {
		return place{}, fmt.Errorf("locate cluster: user %s reaches neither %s nor %s", p.id.name, dir, moved)
	}
	if err := os.WriteFile(filepath.Join(dir, locationName), []byte(moved+"\n"), 0o644); err != nil {
		return place{}, fmt.Errorf("locate cluster: %w", err)
	}
	return at(moved, nil)
}

func at(dir string, err error) (place, error) {
	if err != nil {
		return place{}, err
	}
	id, err := pickIdentity(filepath.Join(dir, dataName))
	return place{dir: dir, id: id}, err
}

// readLocation follows the note left by an earlier move, so that a change of permissions does not lose the data.
func readLocation(dir string) (string, bool, error) {
	text, err := os.ReadFile(filepath.Join(dir, locationName))
	if errors.Is(err, fs.ErrNotExist) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("locate cluster: %w", err)
	}
	moved := strings.TrimSpace(string(text))
	if !filepath.IsAbs(moved) {
		return "", false, fmt.Errorf("locate cluster: %s holds no absolute path", filepath.Join(dir, locationName))
	}
	if err := os.MkdirAll(moved, 0o755); err != nil {
		return "", false, fmt.Errorf("locate cluster: %w", err)
	}
	return moved, true, nil
}

// nameFor derives a directory name from the checkout that holds dir (<checkout>/var/pg): readable, and unique by hash.
func nameFor(dir string) string {
	sum := sha256.Sum256([]byte(dir))
	base := filepath.Base(filepath.Dir(filepath.Dir(dir)))
	clean := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '_'
	}, base)
	return clean + "-" + hex.EncodeToString(sum[:4])
}
