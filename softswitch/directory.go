package softswitch

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// user is one SIP user of the directory file.
type user struct {
	id     string
	domain string
	a1     string // md5(user:domain:password) in hex; "" when password holds it
	pass   string
	vars   []variable
}

// hash is HA1 for a realm (RFC 2617 section 3.2.2.2). An a1-hash is only right for the domain it was made for.
func (u *user) hash(realm string) string {
	if u.a1 != "" {
		return u.a1
	}
	return md5hex(u.id + ":" + realm + ":" + u.pass)
}

func md5hex(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}

// userDirectory is what a directory file says. It is not changed after it was read.
type userDirectory struct {
	users map[string]*user
}

func (d *userDirectory) find(id string) (*user, bool) {
	u, ok := d.users[id]
	return u, ok
}

// loadDirectory reads the directory file. On an error the one read before stays.
func (sw *Switch) loadDirectory() error {
	d := &userDirectory{users: map[string]*user{}}
	if sw.users.Load() == nil {
		sw.users.Store(d)
	}
	if sw.cfg.Directory == "" {
		return nil
	}
	f, err := os.Open(sw.cfg.Directory)
	if errors.Is(err, os.ErrNotExist) {
		sw.users.Store(d) // the core writes it before its first reloadxml
		return nil
	}
	if err != nil {
		return fmt.Errorf("read directory: %w", err)
	}
	defer f.Close()
	if err := d.parse(f); err != nil {
		return fmt.Errorf("read directory %s: %w", sw.cfg.Directory, err)
	}
	sw.users.Store(d)
	return nil
}

// parse walks FreeSWITCH's directory XML: any nesting of document, section, domain, groups, group, users around user;
// params and variables of the user count, and the variables of its domain.
func (d *userDirectory) parse(r io.Reader) error {
	dec := xml.NewDecoder(r)
	domain, current := "", (*user)(nil)
	var domainVars []variable
	for {
		token, err := dec.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.StartElement:
			attr := attributes(t)
			switch t.Name.Local {
			case "domain":
				domain, domainVars = attr["name"], nil
			case "user":
				if attr["id"] == "" {
					return errors.New("user without id")
				}
				current = &user{id: attr["id"], domain: domain, vars: append([]variable{}, domainVars...)}
				d.users[current.id] = current
			case "param":
				if current != nil {
					current.param(attr["name"], attr["value"])
				}
			case "variable":
				v := variable{attr["name"], attr["value"]}
				if current != nil {
					current.vars = append(current.vars, v)
				} else {
					domainVars = append(domainVars, v)
				}
			}
		case xml.EndElement:
			if t.Name.Local == "user" {
				current = nil
			}
		}
	}
}

func (u *user) param(name, value string) {
	switch strings.ToLower(name) {
	case "a1-hash":
		u.a1 = strings.ToLower(value)
	case "password":
		u.pass = value
	}
}

func attributes(t xml.StartElement) map[string]string {
	m := make(map[string]string, len(t.Attr))
	for _, a := range t.Attr {
		m[a.Name.Local] = a.Value
	}
	return m
}
