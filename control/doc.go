// Package control is the running centre: it gives every call, and every organisation's queue engine, one owner, and
// carries facts to them and commands from them.
//
// It decides nothing about calls: that is done by the pure machines of call, ivr and acd, which it feeds. What it
// decides is who owns what, in which order things are handed over, what happens when an inbox is full, and what is
// compared with the switch after the link to it was lost. cmd/ramal makes one [Centre] and connects it to the ports
// declared in ports.go; package api reads its live view through an adapter there.
//
//	switch ── events ──► Centre.Event ──► owner of the call ──► call, ivr ──► commands ──► Switch.Do
//	                                        │       ▲
//	                                inputs  ▼       │ offers
//	                                      owner of the organisation's queues (acd)
//	                                        │
//	                                        ▼ facts, batched
//	                                      Journal ──► Log.Append
//
// Owners never wait for each other: they put values into bounded inboxes. A call's inbox that is full makes that call
// compare its legs with the switch; the queue engine's inbox that is full makes the call offer its input again a
// little later, in order; the journal's that is full loses the newest facts and counts them.
//
// When the other side fails: without the switch, calls go on there and owners keep their state until the link is
// back; a leg the switch does not know any more, asked twice, is closed as lost. Without the database, facts wait in
// memory up to a bound and calls go on.
package control
