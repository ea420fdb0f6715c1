package arch

import "strings"

// module is the path of this repository's module; an import below it is one of ours.
const module = "ramal"

// domain is what the design calls "the pure packages" in the import table.
var domain = []string{"call", "survey", "directory", "report", "ivr", "acd", "dialer"}

// pure lists the directories whose code must be free of clocks, goroutines and I/O: the domain, the worlds that
// exercise it, and the conversation of the digital channels (not the media below it).
var pure = append([]string{"sim", "channels"}, domain...)

// forbiddenNames are package names that say nothing.
var forbiddenNames = []string{"util", "utils", "common", "helper", "helpers", "manager", "models", "pkg"}

// everything in a row of the table means that the package may import all of ours.
const everything = "*"

// row is one line of the import table: what the packages below dir may import of ours beside what is below dir
// itself. The longest dir that fits a package counts.
type row struct {
	dir string
	may []string
}

var table = []row{
	{"call", nil},
	{"survey", []string{"call"}},
	{"directory", []string{"call"}},
	{"report", []string{"call"}},
	{"ivr", []string{"call", "directory", "survey"}},
	{"acd", []string{"call", "directory", "survey"}},
	{"dialer", []string{"call", "directory", "survey"}},
	{"sim", domain},
	{"media", nil},
	{"control", with(domain, "internal/lifecycle")},
	{"control/controltest", []string{everything}}, // for tests only
	{"esl", []string{"call", "internal/lifecycle"}},
	{"esl/wire", nil},
	{"softswitch", []string{"esl/wire", "media", "internal/lifecycle"}},
	{"carrier", []string{"esl/wire", "media", "internal/lifecycle"}},
	{"channels", []string{"call", "acd", "directory", "internal/lifecycle"}},
	{"notify", []string{"call", "internal/lifecycle"}},
	{"store", with(domain, "channels")},
	{"api", with(domain, "channels", "media", "web")},
	{"web", nil},
	{"freeswitch-conf", nil},
	{"cmd", []string{everything}},
	{"internal", []string{everything}},
}

// notFor names imports that a row would allow but that only some directories may have.
var notFor = []struct {
	path  string
	only  []string // directories below which it is allowed
	cause string
}{
	{"ramal/sim", []string{"sim", "cmd", "internal"}, "the domain must not know its own simulation"},
	{"ramal/control/controltest", []string{"control/controltest", "internal"}, "it is for tests"},
	{"github.com/percipia/eslgo", []string{"esl"}, "the Event Socket is spoken by package esl alone"},
}

func with(list []string, more ...string) []string {
	return append(append([]string(nil), list...), more...)
}

// rowFor finds the row of a package's directory (slash separated, relative to the repository).
func rowFor(dir string) (row, bool) {
	var best row
	found := false
	for _, r := range table {
		if below(dir, r.dir) && (!found || len(r.dir) > len(best.dir)) {
			best, found = r, true
		}
	}
	return best, found
}

// allows says whether the row lets its packages import the package in directory target.
func (r row) allows(target string) bool {
	if below(target, r.dir) {
		return true
	}
	for _, m := range r.may {
		if m == everything || m == target || isTree(m) && below(target, m) {
			return true
		}
	}
	return false
}

// isTree says whether naming dir in the table includes what is below it: a sub-package of a pure package is as pure;
// that channels/whatsapp may be imported does not follow from channels.
func isTree(dir string) bool { return dir != "channels" && dir != "esl/wire" }

func below(dir, root string) bool {
	return dir == root || strings.HasPrefix(dir, root+"/")
}

func isPure(dir string) bool {
	if dir == "channels" {
		return true
	}
	for _, p := range pure {
		if p != "channels" && below(dir, p) {
			return true
		}
	}
	return false
}

// layout lists the folders that the design names. Each has Go files, or at least its doc.go.
var layout = []string{
	"cmd/ramal", "call", "ivr", "acd", "dialer", "report", "survey", "directory", "media", "channels",
	"channels/webchat", "channels/whatsapp", "channels/email", "channels/mercadolivre", "channels/generic",
	"channels/bot", "notify", "control", "control/controltest", "esl", "esl/wire", "softswitch", "sim", "carrier",
	"store", "api", "web", "freeswitch-conf", "internal/lifecycle", "internal/arch",
}
