package conformance

import (
	"strings"

	"ramal/carrier"
)

// hostileTexts are what strangers may put where their number, their name or the number they dial stands: the attempts
// of recording 14, the metacharacters of dial strings, Event Socket lines, application arguments and paths, and what is
// merely odd. Whatever they try to call is the trap; whatever they try to run would make the file canary.
func hostileTexts(trap *carrier.Phone, canary string) []string {
	nine := "sofia/external/9@" + trap.Addr()
	run := "system touch " + canary
	return []string{
		// recording 14
		"Maria Silva", "'Maria, Silva'", `'Maria\, O\'Neil'`, "a}" + nine, "'a}" + nine + "'",
		"^^:origination_caller_id_name=x:y=z",
		"${core_uuid}", "evil2=${core_uuid}", `multi=a\nb`, "a=1;b=x;y=2",
		// expansion
		"${" + run + "}", "${system(touch " + canary + ")}", "$${base_dir}", "$$", "${${" + run + "}}",
		"%[x]", "%{" + run + "}",
		"${reloadxml}", "${sofia_contact(1001)}", "${bg_" + run + "}", "`touch " + canary + "`", "$(touch " + canary + ")",
		// dial strings
		"{", "}", "[", "]", "<", ">", "{}", "[a=b]" + nine, "<a=b>" + nine, ",", "," + nine, "|" + nine,
		":_:" + nine, "^^;a=b",
		"a,origination_uuid=22222222-2222-4222-8222-222222222222", "a}user/1001",
		"}" + nine + " &" + run, "&park()", "&" + run,
		"1001%ramal", "9@" + trap.Addr(), "sip:9@" + trap.Addr(), "9;fs_path=sip:" + trap.Addr(), "loopback/9/public",
		// quoting
		"'", "''", `"`, `""`, `\`, `\\`, `\'`, "' ", "1'2", "a' " + nine, ";", "=", "(", ")",
		// the Event Socket's lines
		"\n\napi " + run + "\n\n", "\r\n\r\napi fsctl shutdown\r\n\r\n", "\napi status", "\r", "\n",
		"%0A%0Aapi%20status", "%0d%0a",
		"\nContent-Length: 99999\n\n", "\nevent plain all\n\n", "\nexit\n\n", "\r\nX-Evil: 1",
		// characters
		"\x00", "a\x00b", "\t", " ", "a  b", "\x7f", "\u0085", "\u2028", "\u202egnp.exe", "José", "Ｍaria", "😀", "é}",
		// paths, sources, SQL, HTML, spreadsheets
		"../../etc/passwd", "/etc/passwd", "http_cache://127.0.0.1/x.wav", "tone_stream://%(1,1,1)", "say:hello",
		"a!b", "a.wav@@8000",
		"'; DROP TABLE interaction; --", "<script>alert(1)</script>", "=1+1", "undef", "_undef_",
		// length
		strings.Repeat("9", 33), strings.Repeat("a", 150), strings.Repeat("{", 60),
	}
}
