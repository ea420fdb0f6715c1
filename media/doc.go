// Package media is sound: G.711, WAV and MP3, tones, resampling, mixing, RTP pacing and play-out, RFC 4733 digits,
// prompts, hold music and text to speech.
//
// It decides how samples become packets and files and back, and whether a file that somebody uploaded is sound that a
// telephone can play. The softswitch, the SIP peer (carrier), the API and cmd/ramal call it. Everything that belongs
// to a packet (Pacer, JitterBuffer, DigitReceiver, DigitSender) is pure: the time is an argument, there is no
// goroutine and no lock, one owner uses each value.
//
// It never opens a network connection, never logs, never runs a shell, and never decodes an uploaded file in the
// caller's process: files of strangers are read by a child with bounded memory, processor and wall time (Decoder).
//
// When the other side fails: a lost, late or repeated packet is concealed and counted; a file that ends early ends
// its Source; a missing tool (ffmpeg, espeak-ng) is an error that names the package to install.
//
// All sound inside is linear 16 bit at 8000 samples a second, mono unless said otherwise; a frame is 160 samples, 20
// ms.
package media

import "time"

// SampleRate is the rate of all telephone sound here, in samples a second.
const SampleRate = 8000

// FrameSamples is the length of one frame in samples (20 ms).
const FrameSamples = 160

// FrameTime is the duration of one frame.
const FrameTime = 20 * time.Millisecond
