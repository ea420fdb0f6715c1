// Package controltest is the world around the centre in tests: a simulated switch with phones and callers, settings,
// and a log that remembers. Inside testing/synctest its clock is virtual. It also runs transcripts: conversations
// written for people that a test replays and compares ([RunTranscript]).
//
// The simulated switch answers what FreeSWITCH answers at the level of call.Event; that it does so on the wire is the
// business of the recordings in testdata/esl and of the conformance suite.
package controltest
