package softswitch

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"ramal/carrier"
)

func TestACallerIsParkedAnsweredHearsATonePressesADigitAndHangsUp(t *testing.T) {
	r := startSwitch(t, nil)
	call, leg := r.callIn(carrier.CallOptions{})
	r.answered(call, leg)
	r.esl.exec(leg, "playback", "tone_stream://%(20000,0,440)")
	r.esl.wait(leg, "PLAYBACK_START")
	r.mustHear(call, 440)
	if _, err := call.SendDigits(r.ctx(), "1", 100*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if digit := r.esl.wait(leg, "DTMF"); digit.get("DTMF-Digit") != "1" || digit.get("DTMF-Source") != "RTP" {
		t.Errorf("digit %q from %q", digit.get("DTMF-Digit"), digit.get("DTMF-Source"))
	}
	if got := r.esl.ask("api uuid_break %s all", leg); got != "+OK\n" {
		t.Errorf("uuid_break: %q", got)
	}
	if got := r.esl.wait(leg, "PLAYBACK_STOP").get("Playback-Status"); got != "break" {
		t.Errorf("Playback-Status %q", got)
	}
	r.esl.exec(leg, "endless_playback", "tone_stream://%(200,100,440,480)")
	r.esl.waitHeader(leg, "PLAYBACK_STOP", "Playback-Status", "done") // one round is over, the next begins
	if err := call.Hangup(r.ctx()); err != nil {
		t.Fatal(err)
	}
	r.esl.wait(leg, "CHANNEL_DESTROY")
	got := r.esl.of(leg)
	rounds := 0
	for i := 0; i+1 < len(got); i++ {
		if got[i] == "PLAYBACK_STOP" && got[i+1] == "PLAYBACK_START" {
			rounds++
			got = append(got[:i], got[i+2:]...)
			i--
		}
	}
	want := []string{
		"CREATE", "CALLSTATE RINGING", "EXECUTE park", "PARK", "EXECUTE answer", "PROGRESS_MEDIA", "CALLSTATE EARLY",
		"ANSWER",
		"CALLSTATE ACTIVE", "EXECUTE_COMPLETE answer", "EXECUTE playback", "PLAYBACK_START", "DTMF", "PLAYBACK_STOP",
		"EXECUTE_COMPLETE playback", "EXECUTE endless_playback", "PLAYBACK_START", "HANGUP NORMAL_CLEARING", "PLAYBACK_STOP",
		"EXECUTE_COMPLETE endless_playback", "UNPARK", "EXECUTE_COMPLETE park", "CALLSTATE HANGUP", "HANGUP_COMPLETE",
		"DESTROY",
	}
	if diff := cmp.Diff(want, got); diff != "" || rounds == 0 {
		t.Errorf("%d rounds; events of recording 02 (-want +got):\n%s", rounds, diff)
	}
	if got := r.esl.ask("api uuid_exists %s", leg); got != "false" {
		t.Errorf("uuid_exists: %q", got)
	}
}

func TestACallerAndAnAgentHearEachOtherAndTheSurvivorIsParkedAgain(t *testing.T) {
	r := startSwitch(t, nil)
	call, caller := r.callIn(carrier.CallOptions{Audio: goertzelSource(600)})
	r.answered(call, caller)
	r.esl.exec(caller, "set", "park_after_bridge=true")
	r.esl.exec(caller, "endless_playback", "tone_stream://%(2000,4000,440,480)")
	r.esl.wait(caller, "PLAYBACK_START")
	phone := r.phone(carrier.Config{User: "1001", Behaviour: carrier.Answer(0)})
	agent := uuid.NewString()
	if got := r.esl.job("originate {origination_uuid=%s,originate_timeout=10,ignore_early_media=true,"+
		"origination_caller_id_number=5548999990001,origination_caller_id_name='Maria Silva'}sofia/external/1001@%s &park()",
		agent, phone.Addr()); got != "+OK "+agent+"\n" {
		t.Fatalf("originate: %q", got)
	}
	r.esl.wait(agent, "CHANNEL_PARK")
	talk, err := phone.NextCall(r.ctx())
	if err != nil {
		t.Fatal(err)
	}
	if talk.RemoteUser != "5548999990001" || talk.RemoteName != "Maria Silva" {
		t.Errorf("the agent's phone shows %q %q", talk.RemoteName, talk.RemoteUser)
	}
	talk.Play(goertzelSource(1000))
	if got := r.esl.ask("api uuid_bridge %s %s", caller, agent); got != "+OK "+agent+"\n" {
		t.Fatalf("uuid_bridge: %q", got)
	}
	r.esl.wait(caller, "CHANNEL_BRIDGE")
	r.mustHear(call, 1000)
	r.mustHear(talk, 600)
	if err := talk.Hangup(r.ctx()); err != nil {
		t.Fatal(err)
	}
	r.esl.wait(agent, "CHANNEL_DESTROY")
	e, _ := r.esl.waitFrom(0, "parked again", func(e heardEvent) bool {
		return e.name == "CHANNEL_PARK" && e.get("Channel-State") == "CS_PARK"
	})
	if e.get("Unique-ID") != caller || e.get("variable_last_bridge_hangup_cause") != "NORMAL_CLEARING" {
		t.Errorf("parked %s, cause %q", e.get("Unique-ID"), e.get("variable_last_bridge_hangup_cause"))
	}
	if got := r.esl.ask("api uuid_kill %s NORMAL_CLEARING", caller); got != "+OK\n" {
		t.Errorf("uuid_kill: %q", got)
	}
	end, err := call.WaitEnd(r.ctx())
	if err != nil {
		t.Fatal(err)
	}
	clearing := carrier.Cause{Protocol: "Q.850", Code: 16, Text: "NORMAL_CLEARING"}
	if end.Cause != clearing || end.Method != "BYE" {
		t.Errorf("the caller's BYE: %s %v", end.Method, end.Cause)
	}
	r.esl.wait(caller, "CHANNEL_DESTROY")
	want := strings.Join([]string{"UNPARK", "EXECUTE_COMPLETE park", "EXECUTE uuid_bridge", "BRIDGE", "CALL_UPDATE",
		"UNBRIDGE", "PARK",
		"HANGUP NORMAL_CLEARING", "UNPARK", "CALLSTATE HANGUP", "HANGUP_COMPLETE", "DESTROY"}, "\n")
	if got := strings.Join(r.esl.of(caller), "\n"); !strings.HasSuffix(got, want) {
		t.Errorf("caller's events:\n%s\nwant the end:\n%s", got, want)
	}
}

// Music that is broken off begins again; a prompt sent without event-lock is heard over it; digits wait (recording 02).
func TestHoldMusicGoesOnAfterABreakAndUnderAPrompt(t *testing.T) {
	r := startSwitch(t, nil)
	call, leg := r.callIn(carrier.CallOptions{})
	r.answered(call, leg)
	r.esl.exec(leg, "endless_playback", "tone_stream://%(60000,0,440)")
	r.mustHear(call, 440)
	r.esl.ask("api uuid_break %s", leg)
	r.esl.waitHeader(leg, "PLAYBACK_STOP", "Playback-Status", "break")
	r.mustHear(call, 440)
	r.esl.exec(leg, "playback", "tone_stream://%(60000,0,900)")
	r.mustHear(call, 900)
	r.esl.ask("api uuid_break %s all", leg)
	r.esl.waitHeader(leg, "CHANNEL_EXECUTE_COMPLETE", "Application", "playback")
	r.mustHear(call, 440)
	if got := strings.Count(strings.Join(r.esl.of(leg), " "), "EXECUTE_COMPLETE endless_playback"); got != 0 {
		t.Error("uuid_break ended endless_playback")
	}
}

func TestALoopOfAnApplicationEndsWithUuidBreak(t *testing.T) {
	r := startSwitch(t, nil)
	call, leg := r.callIn(carrier.CallOptions{})
	r.answered(call, leg)
	r.esl.ask("sendmsg %s\ncall-command: execute\nexecute-app-name: playback\n"+
		"execute-app-arg: tone_stream://%%(700,0,440)\nloops: -1", leg)
	r.esl.waitHeader(leg, "CHANNEL_EXECUTE", "variable_current_loop", "2")
	r.esl.ask("api uuid_break %s", leg)
	r.esl.waitHeader(leg, "PLAYBACK_STOP", "Playback-Status", "break")
	r.esl.exec(leg, "set", "after=1")
	r.esl.waitHeader(leg, "CHANNEL_EXECUTE_COMPLETE", "Application", "set")
	if got := r.esl.of(leg); got[len(got)-3] != "EXECUTE_COMPLETE playback" {
		t.Errorf("events %v", got)
	}
}
