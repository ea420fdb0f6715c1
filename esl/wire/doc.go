// Package wire is the framing of FreeSWITCH's Event Socket (ESL), both ways, and nothing else.
//
// It decides where a frame, a command, a header and a body begin and end, and how values are percent-encoded. Package
// esl (the client) reads frames and event headers with it; package softswitch (a server) reads commands and writes
// replies and events with it. Both therefore agree on one reading of the protocol, which is the one of FreeSWITCH
// (mod_event_socket.c, switch_event.c, switch_utils.c), held against recorded conversations.
//
// It never dials, authenticates, sets a deadline, starts a goroutine, or knows what a command or an event means.
//
// The other side is not trusted: lengths are checked before they are believed (a negative, non-numeric,
// contradicting or too large Content-Length is an error), header blocks end at a limit, and memory grows only with
// bytes that really arrived. After an error the stream is out of step and must be closed. A reader keeps its buffer
// between calls, so what Next returned is valid only until the next call.
package wire
