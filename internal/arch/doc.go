// Package arch holds the shape of the repository against its design: which package may import which of ours, what
// the pure packages must not contain, that every package says what it is for, and that nobody names a package
// "util".
//
// It reads the source and reports findings with file and line; its tests run it on this repository and on small
// sources that break each rule. It never changes a file and is never linked into the program.
//
// A pure package (call, ivr, acd, …) decides from events alone, so that the same code runs live, in tests and in the
// simulator. An iteration over a map there is a finding, because its order is random, unless the line (or the one
// above it) says why the order does not matter:
//
//	for id := range agents { //arch:order-free counts only
package arch
