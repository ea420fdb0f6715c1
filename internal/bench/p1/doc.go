// Package p1 measures figure P1: how long it takes from the moment in which an interaction can be offered to an agent
// (the caller waits and the agent is available, whichever came last) until it is offered.
//
// One [Load] is played to several dispatchers, one after the other, in real time: [Core] is the running centre
// (control.Centre) on a switch that does nothing but note the time of each Dial; [Polling] is a dispatcher with the
// documented rules of FreeSWITCH's mod_callcenter in plain memory. A [Ledger] takes the times of both alike. Only
// benchmarks call this package; it decides nothing. A dispatcher that does not offer every call is an error, not a
// figure.
//
// The figures on real calls (p1.softswitch.*, p1.freeswitch.*, and p1.ratio_p50 beside [Polling]) belong into
// p1_test.go, too: the marked place there.
package p1
