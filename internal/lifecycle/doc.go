// Package lifecycle starts goroutines under a name and ends them in order.
//
// It decides when a part of the program stops: a [Group] runs functions, each with a context of its own, and
// when one of them fails or panics, or the group is told to stop, it ends them one after the other in the
// reverse order of their start, so that what was started first (the journal, the link to the switch) is still
// there for what was started later (the calls).
//
// Its callers are cmd/ramal, control, esl, softswitch and channels. It never restarts anything, never logs and
// never calls os.Exit: it reports the first failure to whoever waits. A function that does not come back after its
// context has ended cannot be killed in Go; Stop then gives up at its own deadline and names it.
package lifecycle
