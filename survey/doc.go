// Package survey will hold satisfaction surveys: questions, scales and what counts as an answer, the same for voice
// and for text.
//
// Nothing is here yet. It will be used by ivr, acd and the conversations of the digital channels. It will never ask
// anybody anything: it says what to ask next and judges the answer.
package survey
