package freeswitchconf

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// User is one SIP account of the directory file.
type User struct {
	// Name is the user part of the SIP address: 1 to 64 of A-Z a-z 0-9 . _ -
	Name string
	// A1Hash is the digest secret in lower-case hexadecimal (HashA1). It is as good as the password.
	A1Hash string
}

var (
	userPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	hashPattern = regexp.MustCompile(`^[0-9a-f]{32}$`)
)

// HashA1 returns H(A1) of RFC 2617 section 3.2.2.2, md5(user:realm:password), the form that FreeSWITCH takes as
// "a1-hash". MD5 is what SIP phones speak; the realm is the SIP domain.
func HashA1(user, domain, password string) string {
	sum := md5.Sum([]byte(user + ":" + domain + ":" + password))
	return hex.EncodeToString(sum[:])
}

type xmlParam struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type xmlUser struct {
	ID     string     `xml:"id,attr"`
	Params []xmlParam `xml:"params>param"`
}

type xmlInclude struct {
	XMLName xml.Name `xml:"include"`
	Domain  struct {
		Name  string    `xml:"name,attr"`
		Users []xmlUser `xml:"users>user"`
	} `xml:"domain"`
}

// WriteDirectory replaces the file of SIP users, sorted by name; its directory is made where missing. FreeSWITCH reads
// it again on "reloadxml". A user twice, or one whose name or hash has not the form, is an error and leaves the old
// file.
func WriteDirectory(path, domain string, users []User) error {
	if !domainPattern.MatchString(domain) {
		return fmt.Errorf("write SIP directory: domain %q: want lower-case letters, digits, dots and hyphens", domain)
	}
	var include xmlInclude
	include.Domain.Name = domain
	users = slices.Clone(users)
	slices.SortFunc(users, func(a, b User) int { return strings.Compare(a.Name, b.Name) })
	for i, user := range users {
		if !userPattern.MatchString(user.Name) || !hashPattern.MatchString(user.A1Hash) {
			return fmt.Errorf("write SIP directory: user %q: name or hash not of the form", user.Name)
		}
		if i > 0 && users[i-1].Name == user.Name {
			return fmt.Errorf("write SIP directory: user %q twice", user.Name)
		}
		include.Domain.Users = append(include.Domain.Users, xmlUser{
			ID: user.Name, Params: []xmlParam{{Name: "a1-hash", Value: user.A1Hash}},
		})
	}
	var out bytes.Buffer
	encoder := xml.NewEncoder(&out)
	encoder.Indent("", "  ")
	if err := encoder.Encode(include); err != nil {
		return fmt.Errorf("write SIP directory: %w", err)
	}
	out.WriteByte('\n')
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("write SIP directory: %w", err)
	}
	if err := replaceFile(path, out.Bytes()); err != nil {
		return fmt.Errorf("write SIP directory: %w", err)
	}
	return nil
}
