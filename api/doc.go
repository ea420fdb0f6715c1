// Package api is all HTTP of Ramal, on Echo: JSON for the browser application and for programs, the live stream,
// sign-in, the probes, and the files of package web.
//
// It decides who asks, whether they may ([routes], default-deny: a route without an entry does not start), whether the
// request is what openapi.yaml says, and in which words an error is told. cmd/ramal makes it with [New] and gives it
// its ports ([Config]): the store, the running centre, probes.
//
// It never touches SQL, a call or the switch, never decides for an organisation other than the session's, and never
// shows a caller's number to somebody without the permission.
//
// When the other side fails: a browser that is too slow is cut off and connects again; a lost update is noticed by its
// sequence number and answered with a new snapshot; an error without a class is told as our fault under a reference
// that finds it in the log.
package api
