package esl

import (
	"fmt"
	"slices"
	"strings"

	"github.com/percipia/eslgo/command"
	eslcall "github.com/percipia/eslgo/command/call"

	"ramal/esl/wire"
)

// Words of the protocol that commands and translation share.
const (
	apiOriginate = "originate"
	appPlay      = "playback"
	appPlayLoop  = "endless_playback"
)

// message is one command as the switch reads it, its blank line included. Only the functions of this file make one,
// and only messages (and the poke) are written to a switch.
type message struct {
	text  string
	reply string // content type of the switch's answer
}

// poke is a bare newline. The switch ignores it between commands, but its listener wakes from its 20 ms poll and
// sends the events that wait (mod_event_socket.c read_packet).
var poke = []byte("\n")

// api runs a command of the switch and waits for its output. The arguments must come from fields.
func api(name string, arguments ...string) (message, error) {
	return finish(command.API{Command: name, Arguments: strings.Join(arguments, " ")}, wire.TypeAPIResponse)
}

// bgapi runs a command of the switch in the background; its output comes as BACKGROUND_JOB with the given Job-UUID.
func bgapi(job, name string, arguments ...string) (message, error) {
	return finish(background{
		API: command.API{Command: name, Arguments: strings.Join(arguments, " "), Background: true}, job: job,
	}, wire.TypeCommandReply)
}

// background adds the Job-UUID header, which eslgo has no field for.
type background struct {
	command.API
	job string
}

func (b background) BuildMessage() string { return b.API.BuildMessage() + "\nJob-UUID: " + b.job }

// execute runs an application on a leg at once, inside what it is doing: music goes on after an announcement.
func execute(leg, application, argument string) (message, error) {
	// eslgo writes the argument's header even when it is empty; finish leaves it out.
	return finish(&eslcall.Execute{UUID: leg, AppName: application, AppArgs: argument}, wire.TypeCommandReply)
}

// executeInTurn runs an application behind those that were sent in turn before it (event-lock): without, FreeSWITCH
// runs a second playback nested in the first.
func executeInTurn(leg, application, argument string) (message, error) {
	return finish(&eslcall.Execute{UUID: leg, AppName: application, AppArgs: argument, Sync: true},
		wire.TypeCommandReply)
}

func authenticate(password string) (message, error) {
	return finish(command.Auth{Password: password}, wire.TypeCommandReply)
}

func subscribe(events []string) (message, error) {
	return finish(command.Event{Format: "plain", Listen: events}, wire.TypeCommandReply)
}

// finish encodes a command with eslgo and makes it end exactly once: eslgo checks nothing, so a line end that
// slipped into a field would begin a header or a second command. Its header lines come in random order and with CR
// LF; they are sorted and end with LF, since the switch looks for a CR first and for an LF only without one.
func finish(cmd command.Command, reply string) (message, error) {
	lines := strings.Split(strings.ReplaceAll(cmd.BuildMessage(), "\r\n", "\n"), "\n")
	headers := lines[1:]
	slices.Sort(headers)
	kept := lines[:1]
	for _, header := range headers {
		name, value, ok := strings.Cut(header, ": ")
		if !ok || !only(name, func(c byte) bool { return isWord(c) && c != '.' && c != '_' }) {
			return message{}, fmt.Errorf("%w: header %.60q", ErrUnsafe, header)
		}
		if value != "" {
			kept = append(kept, header)
		}
	}
	kept[0] = strings.TrimRight(kept[0], " ")
	for _, line := range kept {
		if line == "" || strings.ContainsAny(line, "\r\n\x00") {
			return message{}, fmt.Errorf("%w: line %.60q", ErrUnsafe, line)
		}
	}
	if len(kept) > 1+maxHeaders(cmd) {
		return message{}, fmt.Errorf("%w: %d lines in one command", ErrUnsafe, len(kept))
	}
	return message{text: strings.Join(kept, "\n") + "\n\n", reply: reply}, nil
}

// maxHeaders is how many header lines a command of this kind can have; one more means that a field held a line end.
func maxHeaders(cmd command.Command) int {
	switch cmd.(type) {
	case background:
		return 1 // Job-UUID
	case *eslcall.Execute:
		return 5 // Call-Command, Event-Lock, Execute-App-Name, Execute-App-Arg, Loops
	}
	return 0
}
