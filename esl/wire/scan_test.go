package wire

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

const oddEvent = "Event-Name: DTMF\nvariable_a[1]: x\nno colon here\nEvent-Name: second\nDTMF-Digit: %23\r\n" +
	"variable_ramal_call: 1\nvariable_ramal_org: a%20b\nEmpty: \nvariable_evil: $%7Bx%7D\n\nEvent-Name: body\n"

func TestOnlyTheWantedHeadersAreRead(t *testing.T) {
	wanted := NewWanted("variable_ramal_", "DTMF-Digit", "Missing", "Event-Name", "Empty", "variable_ramal_org")
	var found Selected
	wanted.Select([]byte(oddEvent), &found)
	got := []string{}
	for _, v := range found.Values {
		if v == nil {
			got = append(got, "-")
			continue
		}
		got = append(got, DecodeValue(v))
	}
	for _, h := range found.Extra {
		got = append(got, string(h.Name)+"="+string(h.Value))
	}
	got = append(got, string(found.Body))
	want := []string{"#", "-", "DTMF", "", "a b", "variable_ramal_call=1", "Event-Name: body\n"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestSelectingHeadersAllocatesNothing(t *testing.T) {
	wanted := NewWanted("variable_ramal_", "DTMF-Digit", "Event-Name")
	var found Selected
	event := []byte(oddEvent)
	wanted.Select(event, &found)
	if n := testing.AllocsPerRun(100, func() { wanted.Select(event, &found) }); n != 0 {
		t.Errorf("%v allocations per event", n)
	}
}

func TestOddHeaderNamesAreScannedLikeOthers(t *testing.T) {
	var names []string
	scan := ScanHeaders([]byte(oddEvent))
	for scan.Next() {
		names = append(names, string(scan.Name()))
	}
	want := []string{"Event-Name", "variable_a[1]", "Event-Name", "DTMF-Digit", "variable_ramal_call",
		"variable_ramal_org", "Empty", "variable_evil"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if string(scan.Body()) != "Event-Name: body\n" {
		t.Errorf("body %q", scan.Body())
	}
}

func TestValuesAreEncodedAsFreeSwitchEncodesThem(t *testing.T) {
	for plain, encoded := range map[string]string{
		"Sun, 22 Nov 2026 09:13:26 GMT":      "Sun,%2022%20Nov%202026%2009%3A13%3A26%20GMT",
		"tone_stream://%(20000,0,440)":       "tone_stream%3A//%25(20000,0,440)",
		"$${a} 'b' \"c\" ~!*()_-.":           "$$%7Ba%7D%20'b'%20%22c%22%20~!*()_-.",
		"\r\n\x00é":                          "%0D%0A%00%C3%A9",
		"sofia/internal/sip:1@127.0.0.1?x&y": "sofia/internal/sip%3A1%40127.0.0.1%3Fx%26y",
	} {
		if got := EncodeValue(plain); got != encoded {
			t.Errorf("encode %q: %q, want %q", plain, got, encoded)
		}
		if got := DecodeValue([]byte(encoded)); got != plain {
			t.Errorf("decode %q: %q, want %q", encoded, got, plain)
		}
	}
	// What looks like an escape already is left alone, as the switch does.
	if got := EncodeValue("1001%127.0.0.1 %3a"); got != "1001%127.0.0.1%20%253a" {
		t.Errorf("quirk: %q", got)
	}
	for raw, want := range map[string]string{"%": "%", "%4": "%4", "%zz": "%zz", "a%41%": "aA%", "": ""} {
		if got := DecodeValue([]byte(raw)); got != want {
			t.Errorf("decode %q: %q, want %q", raw, got, want)
		}
	}
}
