// Package acd is the queue engine of one organisation: who waits, who is free, who gets whom, and why.
//
// One [Engine] holds all queues and agents of an organisation. Its owner (package control, one goroutine) gives it
// inputs one after the other ([Engine.Step]) and carries out what it returns: offers to calls, timers, facts about
// agents. It decides on the event that makes a match possible; nothing polls. It never does I/O, never reads a clock
// and never touches a call: whether an agent's phone rings, is busy or is answered comes back as an input.
//
// Every state of an agent that is not idle is a lease with a deadline: an offer whose outcome never arrives is
// withdrawn when its lease runs out, and the agent is free again.
package acd
