// Package recordings reads the conversations with a real FreeSWITCH that are kept in testdata/esl.
//
// Tests of esl feed the switch's side to the client; tests of softswitch play the client's side and compare. The
// format is plain text: each block is a line "> seconds bytes" (client to switch) or "< seconds bytes" (switch to
// client), then exactly that many raw bytes, then a line "---". Where the raw bytes do not end in a line feed, one
// is added before the "---" and is not part of them.
//
// The package only reads; a malformed recording is an error with file and offset. Production code does not import it.
package recordings
