// Package load measures whole sites under calls: how fast an agent who becomes free is offered the next caller, how
// many calls per second reach the queue, and how many bridged calls the softswitch carries with its packets in
// time.
//
// Its benchmarks report figures under their own names, which "make bench" collects (package internal/bench). They
// start what they measure as processes of their own: a core with its softswitch or a FreeSWITCH (package
// conformance), or a softswitch alone in a child of the test binary. Peers are SIPp, telephones of package carrier,
// and for bridged calls a lean answering machine and RTP generator of this package that handles packets in batches.
//
// After each load it looks whether everything is back: legs, calls, goroutines, descriptors. What is left fails the
// benchmark, and so does a peer that misbehaves; a load that the switch cannot carry is no failure but ends the
// search.
package load
