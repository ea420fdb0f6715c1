package freeswitchconf

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheDirectoryFileNamesUsersWithTheirHash(t *testing.T) {
	path := filepath.Join(t.TempDir(), "directory", "ramal.xml")
	// HashA1: the example of RFC 2617 section 3.5 has H(A1) 939e7578ed9e3c518a452acee763bce9.
	users := []User{
		{Name: "Mufasa", A1Hash: HashA1("Mufasa", "testrealm@host.com", "Circle Of Life")},
		{Name: "1001", A1Hash: "0123456789abcdef0123456789abcdef"},
	}
	if err := WriteDirectory(path, "ramal", users); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const want = `<include>
  <domain name="ramal">
    <users>
      <user id="1001">
        <params>
          <param name="a1-hash" value="0123456789abcdef0123456789abcdef"></param>
        </params>
      </user>
      <user id="Mufasa">
        <params>
          <param name="a1-hash" value="939e7578ed9e3c518a452acee763bce9"></param>
        </params>
      </user>
    </users>
  </domain>
</include>
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestADirectoryWithABadUserLeavesTheOldFile(t *testing.T) {
	const hash = "0123456789abcdef0123456789abcdef"
	path := filepath.Join(t.TempDir(), "ramal.xml")
	if err := WriteDirectory(path, "ramal", []User{{"1001", hash}}); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, users := range map[string][]User{
		"no name": {{"", hash}}, "name with syntax": {{`1"/>`, hash}}, "name with variable": {{"$${x}", hash}},
		"password instead of hash": {{"1001", "secret"}}, "twice": {{"1001", hash}, {"1001", hash}},
	} {
		if err := WriteDirectory(path, "ramal", users); err == nil {
			t.Errorf("%s: was written", name)
		}
	}
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(before), string(after)); diff != "" {
		t.Error(diff)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("files left: %v, %v", left, err)
	}
}
