package softswitch

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"ramal/carrier"
	"ramal/media"
)

func TestFailedOriginatesSayTheirCauseInJobAndHangup(t *testing.T) {
	r := startSwitch(t, nil)
	closed, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := closed.LocalAddr().String()
	closed.Close()
	phone := func(b carrier.Behaviour) string { return r.phone(carrier.Config{Behaviour: b}).Addr() }
	external := func(addr string) string { return "sofia/external/1001@" + addr }
	cases := []struct {
		name, endpoint, cause, disposition string
		made                               bool // a channel comes up for it
	}{
		{"busy", external(phone(carrier.Busy())), "USER_BUSY", "recv_refuse", true},
		{"declined", external(phone(carrier.Decline())), "CALL_REJECTED", "recv_refuse", true},
		{"not found", external(phone(carrier.NotFound())), "UNALLOCATED_NUMBER", "recv_refuse", true},
		{"unavailable", external(phone(carrier.Unavailable())), "NO_USER_RESPONSE", "recv_refuse", true},
		{"no answer", external(phone(carrier.RingOnly())), "NO_ANSWER", "send_cancel", true},
		{"closed port", external(gone), "NORMAL_TEMPORARY_FAILURE", "recv_refuse", true},
		{"no host", "sofia/external/9@127.0.0.1}x/1@127.0.0.1:1", "NORMAL_TEMPORARY_FAILURE", "recv_refuse", true},
		{"not registered", "sofia/internal/1002%ramal", "USER_NOT_REGISTERED", "", false},
		{"no gateway", "sofia/gateway/nogw/1", "INVALID_GATEWAY", "", false},
		{"no profile", "sofia/noprofile/1@127.0.0.1", "INVALID_PROFILE", "", false},
		{"no endpoint", "nosuchendpoint/x", "CHAN_NOT_IMPLEMENTED", "", false},
		{"user/ with api_expansion off", "user/1001@ramal", "CHAN_NOT_IMPLEMENTED", "", false},
		{"a space in a name", "sofia/external/1 1@127.0.0.1", "", "", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			id := uuid.NewString()
			got := r.esl.job("originate {origination_uuid=%s,originate_timeout=1}%s &park()", id, c.endpoint)
			if c.cause == "" {
				if !strings.HasPrefix(got, "-USAGE") && !strings.HasPrefix(got, "-ERR") {
					t.Errorf("job %q", got)
				}
				r.esl.wait(id, "CHANNEL_DESTROY")
				return
			}
			if want := "-ERR " + c.cause + "\n"; got != want {
				t.Errorf("job %q, want %q", got, want)
			}
			if !c.made {
				return
			}
			r.esl.wait(id, "CHANNEL_DESTROY")
			done := r.esl.wait(id, "CHANNEL_HANGUP_COMPLETE")
			if done.get("Hangup-Cause") != c.cause || done.get("variable_sip_hangup_disposition") != c.disposition {
				t.Errorf("%s, %s", done.get("Hangup-Cause"), done.get("variable_sip_hangup_disposition"))
			}
		})
	}
	if n := r.sw.Legs(); n != 0 {
		t.Errorf("%d legs are left", n)
	}
}

func TestALegKilledWhileItRingsIsCancelledWithAReason(t *testing.T) {
	for cause, want := range map[string]carrier.Cause{
		"ORIGINATOR_CANCEL": {Protocol: "SIP", Code: 487, Text: "ORIGINATOR_CANCEL"},
		"LOSE_RACE":         {Protocol: "SIP", Code: 200, Text: "Call completed elsewhere"},
		"NORMAL_CLEARING":   {Protocol: "Q.850", Code: 16, Text: "NORMAL_CLEARING"},
	} {
		t.Run(cause, func(t *testing.T) {
			r := startSwitch(t, nil)
			phone := r.phone(carrier.Config{Behaviour: carrier.RingOnly()})
			id := uuid.NewString()
			job := r.esl.start("originate {origination_uuid=%s}sofia/external/1001@%s &park()", id, phone.Addr())
			r.esl.wait(id, "CHANNEL_PROGRESS")
			call, err := phone.NextCall(r.ctx())
			if err != nil {
				t.Fatal(err)
			}
			r.esl.ask("api uuid_kill %s %s", id, cause)
			if got := r.esl.result(job); got != "-ERR "+cause+"\n" {
				t.Errorf("job %q", got)
			}
			end, err := call.WaitEnd(r.ctx())
			if err != nil || end.Method != "CANCEL" || end.Cause != want {
				t.Errorf("the phone saw %s %v (%v), want CANCEL %v", end.Method, end.Cause, err, want)
			}
			r.esl.wait(id, "CHANNEL_DESTROY")
		})
	}
}

func TestAnOriginatedLegUsesTheCodecItIsTold(t *testing.T) {
	r := startSwitch(t, nil)
	phone := r.phone(carrier.Config{Codecs: []media.Codec{media.PCMU, media.PCMA}})
	for _, codec := range []media.Codec{media.PCMA, media.PCMU} {
		got := r.esl.job("originate {absolute_codec_string=%s}sofia/external/1001@%s &park()", codec, phone.Addr())
		id := strings.TrimSpace(strings.TrimPrefix(got, "+OK "))
		if e := r.esl.wait(id, "CHANNEL_ANSWER"); e.get("Channel-Read-Codec-Name") != codec.String() {
			t.Errorf("wanted %s, got %s (%q)", codec, e.get("Channel-Read-Codec-Name"), got)
		}
		r.esl.ask("api uuid_kill %s", id)
		r.esl.wait(id, "CHANNEL_DESTROY")
	}
}

func TestTwoLawsAreJoined(t *testing.T) {
	r := startSwitch(t, nil)
	legs := make([]string, 2)
	calls := make([]*carrier.Call, 2)
	for i, codec := range []media.Codec{media.PCMA, media.PCMU} {
		phone := r.phone(carrier.Config{Codecs: []media.Codec{codec}})
		got := r.esl.job("originate sofia/external/1001@%s &park()", phone.Addr())
		legs[i] = strings.TrimSpace(strings.TrimPrefix(got, "+OK "))
		r.esl.wait(legs[i], "CHANNEL_PARK")
		call, err := phone.NextCall(r.ctx())
		if err != nil {
			t.Fatal(err)
		}
		call.Play(goertzelSource(500 + 300*float64(i)))
		calls[i] = call
	}
	r.esl.ask("api uuid_bridge %s %s", legs[0], legs[1])
	r.mustHear(calls[0], 800)
	r.mustHear(calls[1], 500)
}

func TestACommonUUIDIsRefused(t *testing.T) {
	r := startSwitch(t, nil)
	phone := r.phone(carrier.Config{})
	id := uuid.NewString()
	line := fmt.Sprintf("originate {origination_uuid=%s}sofia/external/1001@%s &park()", id, phone.Addr())
	got := []string{r.esl.job("%s", line), r.esl.job("%s", line)}
	if diff := cmp.Diff([]string{"+OK " + id + "\n", "-ERR DESTINATION_OUT_OF_ORDER\n"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
