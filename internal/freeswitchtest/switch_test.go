package freeswitchtest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	freeswitchconf "ramal/freeswitch-conf"
)

const (
	password  = "correct horse"
	waitLimit = 15 * time.Second
)

// conversation is a link whose failures end the test.
type conversation struct {
	t *testing.T
	*link
}

func converse(t *testing.T, instance *Instance) *conversation {
	t.Helper()
	l, err := dialLink(t.Context(), instance.Settings.ESLAddress.String(), instance.Settings.ESLPassword, waitLimit)
	if err != nil {
		t.Fatalf("connect to the Event Socket: %v", err)
	}
	t.Cleanup(func() {
		if err := l.close(); err != nil {
			t.Error(err)
		}
	})
	c := &conversation{t: t, link: l}
	c.command("event plain CHANNEL_PARK CHANNEL_ANSWER CHANNEL_BRIDGE CHANNEL_HANGUP CHANNEL_DESTROY PLAYBACK_START " +
		"PLAYBACK_STOP BACKGROUND_JOB CUSTOM sofia::register sofia::register_failure")
	return c
}

func (c *conversation) command(text string) string {
	c.t.Helper()
	reply, err := c.send(text)
	if err != nil {
		c.t.Fatal(err)
	}
	return strings.TrimSuffix(reply, "\n")
}

// replies sends an API command and checks what it answers.
func (c *conversation) replies(command, want string) {
	c.t.Helper()
	if got := c.command("api " + command); got != want {
		c.t.Fatalf("%s: got %q, want %q", command, got, want)
	}
}

// event takes the first event of that name that has the headers, given as name, value, name, value …
func (c *conversation) event(name string, headers ...string) event {
	c.t.Helper()
	found, err := c.await(time.Now().Add(waitLimit), func(e event) bool {
		matches := e.get("Event-Name") == name
		for i := 0; i+1 < len(headers); i += 2 {
			matches = matches && e.get(headers[i]) == headers[i+1]
		}
		return matches
	})
	if err != nil {
		c.t.Fatalf("wait for %s %v: %v", name, headers, err)
	}
	return found
}

func (c *conversation) execute(leg, application, argument string) {
	c.t.Helper()
	text := fmt.Sprintf("sendmsg %s\ncall-command: execute\nexecute-app-name: %s", leg, application)
	if argument != "" {
		text += "\nexecute-app-arg: " + argument
	}
	if reply := c.command(text); reply != "+OK" {
		c.t.Fatalf("execute %s: %s", application, reply)
	}
}

// originate dials and returns what the job said, and the leg it would be.
func (c *conversation) originate(destination string) (leg, result string) {
	c.t.Helper()
	leg, job := uuid.NewString(), uuid.NewString()
	reply := c.command(fmt.Sprintf("bgapi originate {origination_uuid=%s,originate_timeout=10}%s &park()\nJob-UUID: %s",
		leg, destination, job))
	if reply != "+OK Job-UUID: "+job {
		c.t.Fatalf("originate %s: %s", destination, reply)
	}
	return leg, strings.TrimSuffix(c.event("BACKGROUND_JOB", "Job-UUID", job).body, "\n")
}

// parkedAgent dials a registered user and returns the leg when it is parked.
func (c *conversation) parkedAgent(user string) string {
	c.t.Helper()
	leg, result := c.originate("sofia/internal/" + user + "%ramal")
	if result != "+OK "+leg {
		c.t.Fatalf("dial %s: %s", user, result)
	}
	c.event("CHANNEL_PARK", "Unique-ID", leg)
	return leg
}

func startWithUsers(t *testing.T, names ...string) *Instance {
	t.Helper()
	var options Options
	for _, name := range names {
		options.Users = append(options.Users, freeswitchconf.User{
			Name: name, A1Hash: freeswitchconf.HashA1(name, "ramal", password),
		})
	}
	return Start(t, options)
}

func TestTwoSwitchesRunSideBySideAndRefuseWhatRamalDoesNotUse(t *testing.T) {
	first, second := Start(t, Options{}), Start(t, Options{})
	for _, instance := range []*Instance{first, second} {
		if !strings.HasPrefix(instance.Version, "FreeSWITCH Version 1.") {
			t.Errorf("version: %q", instance.Version)
		}
		c := converse(t, instance)
		c.replies("fsctl api_expansion", "+OK api_expansion is off ")
		c.replies("global_getvar ramal_sip_domain", "ramal")
		for _, command := range []string{
			"system", "bg_system", "bg_spawn", "load", "sched_api", "eval", "global_setvar", "json",
		} {
			c.replies(command+" x", "-ERR "+command+" Command not found!")
		}
	}
	if first.PID() == second.PID() || first.Settings.ESLAddress == second.Settings.ESLAddress {
		t.Errorf("not two switches: %d and %d", first.PID(), second.PID())
	}
}

func TestACallFromOutsideIsParkedAndHearsTheFallbackWithinSevenSecondsWhereNobodyTakesIt(t *testing.T) {
	instance := Start(t, Options{})
	c := converse(t, instance)
	called := time.Now()
	caller := sipp(t, "caller_wait.xml", "-s", "+554830000000", instance.Settings.ExternalSIP.String())
	parked := c.event("CHANNEL_PARK")
	leg := parked.get("Unique-ID")
	for name, want := range map[string]string{
		"variable_ramal_entry": "1", "variable_ramal_number": "+554830000000", "Caller-Context": "public",
		"variable_playback_terminators": "none", "Answer-State": "ringing",
	} {
		if got := parked.get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	c.event("CHANNEL_ANSWER", "Unique-ID", leg)
	caller.media.hears(t, FallbackTone, waitLimit)
	if after := time.Since(called); after > 7*time.Second {
		t.Errorf("the fallback was heard after %v", after)
	}
	if cause := c.event("CHANNEL_HANGUP", "Unique-ID", leg).get("Hangup-Cause"); cause != "NORMAL_TEMPORARY_FAILURE" {
		t.Errorf("hang-up cause: %s", cause)
	}
	caller.succeeds()
}

func TestTheDeadMansSwitchIsCancelledAndArmedAgain(t *testing.T) {
	instance := Start(t, Options{})
	c := converse(t, instance)
	sipp(t, "caller_wait.xml", "-s", "4002", instance.Settings.ExternalSIP.String())
	leg := c.event("CHANNEL_PARK").get("Unique-ID")
	c.replies("sched_del "+leg, "+OK Deleted: 1")
	c.replies("sched_del "+leg, "+OK Deleted: 0")
	c.replies("sched_transfer +1 "+leg+" ramal_fallback XML ramal", "+OK")
	c.event("PLAYBACK_START", "Unique-ID", leg, "Playback-File-Path", instance.Settings.MediaDir+"/system/fallback.wav")
}

func TestInternalExtensionsAreNotReachedFromOutside(t *testing.T) {
	instance := Start(t, Options{})
	c := converse(t, instance)
	for _, number := range []string{"ramal_hold", "ramal_fallback", "park", "1;2"} {
		sipp(t, "caller_wait.xml", "-s", number, instance.Settings.ExternalSIP.String())
		if cause := c.event("CHANNEL_HANGUP").get("Hangup-Cause"); cause != "NO_ROUTE_DESTINATION" {
			t.Errorf("%s: hang-up cause %s", number, cause)
		}
	}
}

func TestAPhoneThatRegistersToTheAddressIsDialledUnderTheDomainWithAPIExpansionOff(t *testing.T) {
	instance := startWithUsers(t, "1001", "1002")
	c := converse(t, instance)
	if _, result := c.originate("sofia/internal/1001%ramal"); result != "-ERR USER_NOT_REGISTERED" {
		t.Fatalf("dialled before it registered: %s", result)
	}
	phone := agent(t, "agent_wait.xml")
	register(t, instance.Settings.InternalSIP, "1001", password, phone.port).succeeds()
	registered := c.event("CUSTOM", "Event-Subclass", "sofia::register")
	for name, want := range map[string]string{"user_name": "1001", "domain_name": "ramal", "expires": "600"} {
		if got := registered.get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	c.replies("uuid_kill "+c.parkedAgent("1001"), "+OK")
	phone.succeeds()

	register(t, instance.Settings.InternalSIP, "1002", "wrong", phone.port)
	c.event("CUSTOM", "Event-Subclass", "sofia::register_failure", "to-user", "1002")
	if _, result := c.originate("sofia/internal/1002%ramal"); result != "-ERR USER_NOT_REGISTERED" {
		t.Errorf("registered with a wrong password: %s", result)
	}
}

func TestUsersWrittenWhileItRunsAreKnownAfterReloadxml(t *testing.T) {
	instance := Start(t, Options{})
	c := converse(t, instance)
	err := freeswitchconf.WriteDirectory(instance.Settings.DirectoryFile, "ramal",
		[]freeswitchconf.User{{Name: "1003", A1Hash: freeswitchconf.HashA1("1003", "ramal", password)}})
	if err != nil {
		t.Fatal(err)
	}
	c.replies("reloadxml", "+OK [Success]")
	register(t, instance.Settings.InternalSIP, "1003", password, 9).succeeds()
	c.event("CUSTOM", "Event-Subclass", "sofia::register", "user_name", "1003")
}

func TestAnAgentsOwnCallIsAuthenticatedAndParkedUnderTheAgentsName(t *testing.T) {
	instance := startWithUsers(t, "1001")
	c := converse(t, instance)
	sipp(t, "agent_calls.xml", "-s", "08001234", "-au", "1001", "-ap", password, instance.Settings.InternalSIP.String())
	parked := c.event("CHANNEL_PARK")
	for name, want := range map[string]string{
		"variable_ramal_entry": "agent", "variable_ramal_number": "08001234", "variable_user_name": "1001",
		"Caller-Context": "agents",
	} {
		if got := parked.get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestTheCallerHearsMusicWhenTheAgentHangsUpAndCanBeTakenByTheNextAgent(t *testing.T) {
	instance := startWithUsers(t, "1001", "1002")
	c := converse(t, instance)
	firstPhone := agent(t, "agent_bye.xml", "-d", "500")
	secondPhone := agent(t, "agent_wait.xml")
	register(t, instance.Settings.InternalSIP, "1001", password, firstPhone.port).succeeds()
	register(t, instance.Settings.InternalSIP, "1002", password, secondPhone.port).succeeds()

	caller := sipp(t, "caller_wait.xml", "-s", "4002", instance.Settings.ExternalSIP.String())
	leg := c.event("CHANNEL_PARK").get("Unique-ID")
	c.replies("sched_del "+leg, "+OK Deleted: 1")
	c.execute(leg, "answer", "")
	c.event("CHANNEL_ANSWER", "Unique-ID", leg)
	c.replies("uuid_setvar "+leg+" transfer_after_bridge ramal_hold:XML:ramal", "+OK")
	first := c.parkedAgent("1001")
	c.replies("uuid_bridge "+leg+" "+first, "+OK "+first)
	c.event("CHANNEL_BRIDGE", "Unique-ID", leg)
	c.event("CHANNEL_HANGUP", "Unique-ID", first)
	caller.media.hears(t, HoldTone, waitLimit)
	c.replies("uuid_getvar "+leg+" transfer_after_bridge", "ramal_hold:XML:ramal")
	c.replies("sched_del "+leg, "+OK Deleted: 1")

	second := c.parkedAgent("1002")
	c.replies("uuid_bridge "+leg+" "+second, "+OK "+second)
	c.event("CHANNEL_BRIDGE", "Unique-ID", leg)
	c.replies("uuid_kill "+leg, "+OK")
	if cause := c.event("CHANNEL_HANGUP", "Unique-ID", second).get("Hangup-Cause"); cause != "NORMAL_CLEARING" {
		t.Errorf("the agent's leg ended with %s", cause)
	}
	secondPhone.succeeds()
}

func TestHoldMusicIsEndedByParkAndByTransferButOnlyRestartedByBreak(t *testing.T) {
	instance := Start(t, Options{})
	c := converse(t, instance)
	music := instance.Settings.MediaDir + "/system/hold1.wav"
	sipp(t, "caller_wait.xml", "-s", "4002", instance.Settings.ExternalSIP.String())
	leg := c.event("CHANNEL_PARK").get("Unique-ID")
	c.execute(leg, "answer", "")
	c.event("CHANNEL_ANSWER", "Unique-ID", leg)

	c.replies("uuid_transfer "+leg+" ramal_hold XML ramal", "+OK")
	c.event("PLAYBACK_START", "Unique-ID", leg, "Playback-File-Path", music)
	c.replies("uuid_break "+leg+" all", "+OK")
	c.event("PLAYBACK_STOP", "Unique-ID", leg, "Playback-Status", "break")
	c.event("PLAYBACK_START", "Unique-ID", leg, "Playback-File-Path", music)
	c.replies("uuid_park "+leg, "+OK")
	c.event("CHANNEL_PARK", "Unique-ID", leg)

	c.replies("uuid_transfer "+leg+" ramal_hold XML ramal", "+OK")
	c.event("PLAYBACK_START", "Unique-ID", leg, "Playback-File-Path", music)
	c.replies("uuid_transfer "+leg+" park inline", "+OK")
	c.event("CHANNEL_PARK", "Unique-ID", leg)
}
