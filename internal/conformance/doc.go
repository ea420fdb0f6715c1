// Package conformance holds two switches against each other: what a real FreeSWITCH said in the recordings of
// testdata/esl and what the switch under test says to the same commands with the same peers; and it starts whole sites
// (switch, core, database, SIPp peers, RTP end points) for scenarios that run on every switch.
//
// Canon is the table that says what may differ; Canonicalize applies it, Diff shows what is left. Replay plays the
// client's side of a recording. Only tests call this package. It never decides what a switch should do: the recordings
// do. A switch that stays silent makes a replay go on after a deadline, so that one difference does not hide the
// others.
package conformance
