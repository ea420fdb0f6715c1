package media

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// MissingToolError says which program is absent and which Debian package brings it.
type MissingToolError struct{ Program, Package string }

func (e *MissingToolError) Error() string {
	return fmt.Sprintf("%s is not installed: apt-get install %s", e.Program, e.Package)
}

// maxToolOutput bounds what a tool may write: half an hour at 8000 Hz and 16 bits, and a little.
const maxToolOutput = 1800*SampleRate*2 + 1<<20

// limitedBuffer fails the writer that exceeds it, which ends the tool.
type limitedBuffer struct {
	bytes.Buffer
	limit int
}

func (b *limitedBuffer) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.limit {
		return 0, fmt.Errorf("more than %d bytes of output", b.limit)
	}
	return b.Buffer.Write(p)
}

// runTool runs a program without a shell, with stdin as its input, a clean environment and bounded output.
func runTool(ctx context.Context, program, debianPackage string, stdin []byte, args ...string) (stdout, stderr []byte,
	err error) {
	path, err := exec.LookPath(program)
	if err != nil {
		return nil, nil, &MissingToolError{program, debianPackage}
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C.UTF-8", "HOME=/nonexistent"}
	cmd.Dir = "/"
	cmd.Stdin = bytes.NewReader(stdin)
	out, diag := limitedBuffer{limit: maxToolOutput}, limitedBuffer{limit: 1 << 20}
	cmd.Stdout, cmd.Stderr = &out, &diag
	cmd.WaitDelay = 2 * time.Second
	if err := cmd.Run(); err != nil {
		return nil, nil, fmt.Errorf("run %s: %w: %s", program, errors.Join(ctx.Err(), err), lastLine(diag.String()))
	}
	return out.Bytes(), diag.Bytes(), nil
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	line := lines[len(lines)-1]
	return line[:min(len(line), 300)]
}

// ffmpeg converts input, described by inArgs, as outArgs say. It can open nothing but its pipes and stops after half
// an hour of sound.
func ffmpeg(ctx context.Context, input []byte, inArgs, outArgs []string) (stdout, stderr []byte, err error) {
	args := []string{"-nostdin", "-hide_banner", "-nostats", "-v", "info", "-threads", "1", "-protocol_whitelist", "pipe"}
	args = append(append(args, inArgs...), "-i", "pipe:0", "-t", "1800", "-vn", "-map_metadata", "-1")
	return runTool(ctx, "ffmpeg", "ffmpeg", input, append(args, outArgs...)...)
}

func rawInput(rate int) []string {
	return []string{"-f", "s16le", "-ar", strconv.Itoa(rate), "-ac", "1"}
}

var telephoneOutput = []string{"-f", "s16le", "-ar", "8000", "-ac", "1", "pipe:1"}

// Loudness of prompts and music, as two passes of loudnorm would set it.
const (
	targetLUFS = -18.0
	maxPeakDB  = -2.0
	maxBoostDB = 20.0 // more would lift the noise of a nearly silent file
)

// loudness is what ffmpeg's loudnorm (EBU R128) measures.
type loudness struct{ integrated, peak float64 }

func measureLoudness(ctx context.Context, samples []int16) (loudness, error) {
	_, diag, err := ffmpeg(ctx, rawBytes(samples), rawInput(SampleRate),
		[]string{"-af", "loudnorm=print_format=json", "-f", "null", "-"})
	if err != nil {
		return loudness{}, fmt.Errorf("measure loudness: %w", err)
	}
	var found struct {
		I  string `json:"input_i"`
		TP string `json:"input_tp"`
	}
	at := bytes.LastIndexByte(diag, '{')
	if at < 0 {
		return loudness{}, errors.New("measure loudness: ffmpeg printed no result")
	}
	if err := json.NewDecoder(bytes.NewReader(diag[at:])).Decode(&found); err != nil {
		return loudness{}, fmt.Errorf("measure loudness: %w", err)
	}
	integrated, err1 := strconv.ParseFloat(found.I, 64) // "-inf" for silence
	peak, err2 := strconv.ParseFloat(found.TP, 64)
	if err := errors.Join(err1, err2); err != nil {
		return loudness{}, fmt.Errorf("measure loudness: %w", err)
	}
	return loudness{integrated, peak}, nil
}

// gain is what brings the sound to targetLUFS without a peak above maxPeakDB.
func (l loudness) gain() float64 {
	if math.IsInf(l.integrated, 0) || l.integrated < -70 {
		return 0 // silence, or shorter than EBU R128 can measure (400 ms)
	}
	return min(targetLUFS-l.integrated, maxPeakDB-l.peak, maxBoostDB)
}
