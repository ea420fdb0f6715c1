// Package dialer will decide whom a campaign calls next, when, and from which number: lists, attempts, calling
// windows, retry rules, do-not-call lists and pacing, as a pure machine that takes events and returns commands.
//
// Nothing is here yet. It will be driven by control, which owns one goroutine per running campaign; it will never
// read a clock, dial, or know package sim, which exercises it.
package dialer
