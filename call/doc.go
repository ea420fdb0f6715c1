// Package call is the vocabulary of the centre and the machine of one call.
//
// It decides what happens to the legs of one call: when a caller is answered, waits with music, is dialled an
// agent, is joined, recorded and let go. The owner of a call (package control) calls it with facts ([Event]s of
// the switch, timers that fired, what the flow and the queue engine want) and carries out the [Command]s it
// returns. It never does I/O, never reads a clock (the time is in the event), never blocks, never logs.
//
// When the other side fails: an event that makes no sense in the present state is ignored and counted
// ([Call.Ignored]), because switches repeat, reorder and lie; a command that the switch refused comes back as
// [CommandFailed] and leads to the next best thing for the caller, never to silence; a leg that never reports its
// end is killed again and then given up by a timer, so that no call lives for ever.
package call
