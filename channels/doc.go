// Package channels will hold the conversation of the digital media (messages, their states, who may write next)
// as a pure machine; each medium has a folder of its own below.
//
// Nothing is here yet. A chat, a WhatsApp conversation or an e-mail becomes an interaction in the same queues as a
// call. This package will never talk to a provider: that is what the folders below do.
package channels
