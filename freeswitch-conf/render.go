package freeswitchconf

import (
	"bytes"
	"embed"
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

//go:embed conf
var files embed.FS

const templateSuffix = ".tmpl"

// Render writes a complete configuration directory for FreeSWITCH's -conf flag: new directories 0700, files 0600 (one
// holds the Event Socket password; give them to the user that FreeSWITCH runs as). Files of an earlier Render are
// overwritten, others are left. The file of SIP users is created empty where there is none, since FreeSWITCH needs it
// to know the domain.
func Render(dir string, settings Settings) error {
	if err := settings.Validate(); err != nil {
		return fmt.Errorf("render FreeSWITCH configuration: %w", err)
	}
	settings = settings.withDefaults()
	err := fs.WalkDir(files, "conf", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(dir, filepath.FromSlash(strings.TrimPrefix(name, "conf")))
		if entry.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		content, err := renderFile(name, settings)
		if err != nil {
			return err
		}
		return replaceFile(strings.TrimSuffix(target, templateSuffix), content)
	})
	if err != nil {
		return fmt.Errorf("render FreeSWITCH configuration into %s: %w", dir, err)
	}
	if _, err := os.Stat(settings.DirectoryFile); errors.Is(err, fs.ErrNotExist) {
		return WriteDirectory(settings.DirectoryFile, settings.SIPDomain, nil)
	} else if err != nil {
		return fmt.Errorf("look for the file of SIP users: %w", err)
	}
	return nil
}

func renderFile(name string, settings Settings) ([]byte, error) {
	content, err := files.ReadFile(name)
	if err != nil || !strings.HasSuffix(name, templateSuffix) {
		return content, err
	}
	parsed, err := template.New(name).Funcs(template.FuncMap{"xml": escape}).Parse(string(content))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := parsed.Execute(&out, settings); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func escape(text string) (string, error) {
	var out strings.Builder
	err := xml.EscapeText(&out, []byte(text))
	return out.String(), err
}

// replaceFile writes a file so that a reader sees the old content or the new, never a part.
func replaceFile(path string, content []byte) (err error) {
	temporary, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(temporary.Name()))
		}
	}()
	if _, err = temporary.Write(content); err != nil {
		return errors.Join(err, temporary.Close())
	}
	if err = temporary.Close(); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
}

// Arguments returns FreeSWITCH's command line for a rendered configuration: in the foreground, without console, with
// everything it writes under stateDir (log/, db/, run/, …), which MakeStateDirs makes. Neither NAT-PMP nor UPnP is
// asked (-nonat).
func Arguments(confDir, stateDir string) []string {
	args := []string{"-nf", "-nc", "-nonat", "-conf", confDir}
	for _, name := range stateDirs {
		args = append(args, "-"+name, filepath.Join(stateDir, name))
	}
	return args
}

// stateDirs are both flags of FreeSWITCH and directories below the state directory.
var stateDirs = []string{
	"log", "run", "db", "temp", "storage", "cache", "recordings", "scripts", "htdocs", "grammar", "certs", "sounds",
}

// MakeStateDirs makes what Arguments names.
func MakeStateDirs(stateDir string) error {
	for _, name := range stateDirs {
		if err := os.MkdirAll(filepath.Join(stateDir, name), 0o700); err != nil {
			return fmt.Errorf("make FreeSWITCH state directory: %w", err)
		}
	}
	return nil
}
