// Package doctor says what is wrong with the surroundings of Ramal, and what to do: database, switch, media tools,
// ports, clock, disk. `ramal doctor` prints it.
//
// Each check is a function of small probes that its caller gives it, so that this package knows no driver and every
// finding can be tested; package probe has the real ones. A check never changes anything, never waits longer than its
// deadline, and never hides an error: what a probe could not find out is itself a finding. Every text exists in
// Brazilian Portuguese and in English.
package doctor
