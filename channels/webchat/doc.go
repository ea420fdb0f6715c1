// Package webchat will let visitors of a web site write to a queue: the widget's session, its messages and its
// reconnects.
//
// Nothing is here yet. It will never decide who answers: acd does.
package webchat
