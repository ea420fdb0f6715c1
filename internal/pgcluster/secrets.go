package pgcluster

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// The roles of a cluster. SuperRole is only used to make the other two and to answer the doctor.
const (
	SuperRole = "postgres"
	OwnerRole = "ramal_owner" // owns the database and runs migrations
	AppRole   = "ramal_app"   // what the program runs as: no BYPASSRLS, owns nothing
)

// secrets are the passwords of the roles, kept in secrets.json (0600) beside the data.
type secrets struct {
	Super string `json:"postgres"`
	Owner string `json:"ramal_owner"`
	App   string `json:"ramal_app"`
}

// loadSecrets reads the file or, when neither it nor a cluster exists, writes a new one.
func loadSecrets(p place) (secrets, error) {
	path := filepath.Join(p.dir, "secrets.json")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(p.data()); err == nil {
			return secrets{}, fmt.Errorf("the passwords of the cluster in %s are gone (%s): restore the file, "+
				"or move the directory away to begin anew", p.dir, path)
		}
		return newSecrets(path)
	}
	if err != nil {
		return secrets{}, fmt.Errorf("read passwords of the database: %w (was the cluster made by another user?)", err)
	}
	var s secrets
	if err := json.Unmarshal(text, &s); err != nil || s.Super == "" || s.Owner == "" || s.App == "" {
		return secrets{}, fmt.Errorf("read passwords of the database: %s is damaged", path)
	}
	return s, nil
}

func newSecrets(path string) (secrets, error) {
	s := secrets{Super: password(), Owner: password(), App: password()}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return secrets{}, fmt.Errorf("write passwords of the database: %w", err)
	}
	if err := os.WriteFile(path, append(text, '\n'), 0o600); err != nil {
		return secrets{}, fmt.Errorf("write passwords of the database: %w", err)
	}
	return s, nil
}

// password makes 128 random bits as hex: safe in SQL, URL and file without quoting.
func password() string {
	var b [16]byte
	rand.Read(b[:]) // never fails since Go 1.24
	return hex.EncodeToString(b[:])
}
