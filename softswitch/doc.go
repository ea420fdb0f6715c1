// Package softswitch is the embedded switch: a small SIP and RTP switch that serves the Event Socket as FreeSWITCH
// does, so that the core drives both by one address in its configuration.
//
// It decides what a command of the Event Socket does to a leg, in which order events follow, what a caller's, an
// agent's or a trunk's SIP request becomes, and when each packet of sound is sent. It never decides what a call is
// for: the core does. cmd/ramal runs it as a process of its own (ramal softswitch), tests run it inside theirs on
// free ports:
//
//	sw, err := softswitch.New(softswitch.Config{ESLAddr: "127.0.0.1:0", InternalAddr: "127.0.0.1:0", …})
//	go sw.Run(ctx)
//	sw.ESLAddr(), sw.InternalAddr(), sw.ExternalAddr()
//
// How it is built: a goroutine per leg walks through FreeSWITCH's channel states and runs its applications (leg.go
// has the picture); commands from outside change fields under the leg's lock and wake it. Events are fired under that
// lock, so a leg's events are in the order of its changes. A few pumps pace the sound of all legs, 20 ms at a time; a
// receiver per leg fills its jitter buffer. A client of the Event Socket has a reader and a writer.
//
// When the other side fails: a phone whose port is closed fails its INVITE at once, one that never answers after the
// dial string's time; a caller who vanishes ends by RTPTimeout; a client that does not read is cut off and never
// holds up a call; when the core goes away, legs stay and the dead man's switch (sched_transfer) sends waiting
// callers to the announcement.
//
// What it does not do as FreeSWITCH does is listed in Deviations. It has no SRTP, no NAT traversal, no codec but G.711.
package softswitch
