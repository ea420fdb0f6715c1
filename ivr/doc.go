// Package ivr is what a caller hears before an agent: the flow document and the machine that walks it.
//
// A [Flow] is a versioned JSON document ([Parse] checks it against its schema and for dead ends). A [Session] walks
// one version of it for one call: its owner (package control) hands it the call's events and carries out the
// commands it returns (play, stop, timer, enqueue, end). It never does I/O and never reads a clock.
//
// When the other side fails: a prompt that is missing on the switch counts as played, is noted, and the flow goes
// on; a caller who presses nothing or the wrong key ends in the menu's fallback; a flow can never leave a caller in
// silence.
package ivr
