// Package carrier is a SIP peer with configurable behaviour: an agent's telephone, a caller, or a carrier's trunk,
// for `ramal try`, demonstrations and end-to-end tests.
//
// A Phone listens on one address, registers with digest, places calls and is called; each Call has its own RTP stream
// (G.711, RFC 4733 digits, symmetric RTP), plays what it is told and keeps everything it hears with the time of each
// packet. How an incoming call is treated (answered after a while, only rung, refused with any status) is a
// Behaviour.
//
// It decides nothing about routing and knows nothing of ESL, calls of the core or agents; it never logs digits or
// sound, and it does no NAT traversal, encryption or codec but G.711.
//
// When the other side fails: a request without an answer ends with sipgo's transaction time-out or the caller's
// context; a refused call is a *RefusedError with the status and the Reason header; a peer that disappears ends
// nothing by itself.
package carrier
