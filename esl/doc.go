// Package esl is the link to a switch over its Event Socket: commands out, facts in.
//
// It decides how a [call.Command] is written for the switch and which [call.Event] an event of the switch is; when
// a link counts as dead; how fast legs may be placed. Package control calls it: [Link.Do] returns at once, what
// came of the command arrives as events at the link's sink, in the order in which the switch sent them. cmd/ramal
// runs the link.
//
// A link has two connections to its switch: commands with their replies on one, events on the other, so that a slow
// command never delays an event. Each has one reader and one writer. Replies are paired with commands in order, and
// every command has a deadline of its own. Nothing is ever read past a missed deadline or an error: both
// connections are closed, dialled again with a jittered pause, the events are subscribed first, then the legs are
// listed, and the sink gets call.LinkUp with them before any newer event.
//
// It never decides anything about a call, never keeps one alive or ends one by itself, and never lets a byte that
// it did not build reach the switch: the builder (builder.go) is the only way to a command, it is made of typed
// fields, and free text (a display name, a dialled string that is no number) does not enter commands at all.
//
// When the other side fails: a switch that stops answering, stops sending events (HEARTBEAT is watched), floods, or
// breaks the protocol costs the link, never the program; commands in flight come back as call.CommandFailed, the
// sink gets call.LinkDown. Calls go on in the switch meanwhile. When the sink is too slow and the bounded queue to
// it is full, the link is dropped and resynchronised, which is the same thing to its users.
package esl
