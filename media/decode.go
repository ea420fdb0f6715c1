package media

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Limits of the decoding child. The memory limit is on writable memory (RLIMIT_DATA): Go's runtime reserves address
// space far beyond what it uses, so RLIMIT_AS, which is set too, has to be wider.
const (
	childMemory  = 256 << 20
	childAddress = 2 << 30
	childCPU     = 60 // seconds
	childWall    = 60 * time.Second
	childFile    = 64 << 20
)

// Decoded tells what an accepted upload was and became.
type Decoded struct {
	Found   AudioFacts `json:"found"`
	Samples int        `json:"samples"` // of the written 8 kHz 16-bit mono file
	Leveled bool       `json:"leveled"` // brought to -18 LUFS; false without ffmpeg
}

// Duration is the length of the written file.
func (d Decoded) Duration() time.Duration { return time.Duration(d.Samples) * time.Second / SampleRate }

// childResult is the one line that the child prints.
type childResult struct {
	Decoded *Decoded       `json:"decoded,omitempty"`
	Reject  *RejectedError `json:"reject,omitempty"`
	Error   string         `json:"error,omitempty"`
}

// Decoder checks uploaded sound and turns it into what the switch plays, each file in a child process of its own with
// bounded memory (256 MB), processor time and wall time. It is safe for concurrent use.
type Decoder struct {
	Self string        // the program to start; it must call RunDecodeChild with the arguments after Args
	Args []string      // default: internal decode
	Wall time.Duration // default: a minute
}

// Decode reads the file in and writes out (8 kHz 16-bit mono WAV). A file that is refused gives a *RejectedError; out
// is then not written.
func (d Decoder) Decode(ctx context.Context, in, out string) (Decoded, error) {
	wall := d.Wall
	if wall == 0 {
		wall = childWall
	}
	ctx, cancel := context.WithTimeout(ctx, wall)
	defer cancel()
	args := d.Args
	if args == nil {
		args = []string{"internal", "decode"}
	}
	cmd := exec.CommandContext(ctx, d.Self, append(append([]string{}, args...), in, out)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "GOMAXPROCS=1",
		"GOMEMLIMIT=200MiB"} // no secret of ours
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // the child and its ffmpeg
	cmd.WaitDelay = 2 * time.Second
	stdout, stderr := limitedBuffer{limit: 1 << 16}, limitedBuffer{limit: 1 << 20}
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	runErr := cmd.Run()
	var result childResult
	if err := json.Unmarshal(stdout.Bytes(), &result); err == nil && runErr == nil {
		switch {
		case result.Decoded != nil:
			return *result.Decoded, nil
		case result.Reject != nil:
			return Decoded{}, result.Reject
		}
		return Decoded{}, fmt.Errorf("decode %s: %s", in, result.Error)
	}
	var exit *exec.ExitError
	if errors.Is(ctx.Err(), context.Canceled) || (runErr != nil && !errors.As(runErr, &exit)) {
		return Decoded{}, fmt.Errorf("decode %s: %w", in, errors.Join(ctx.Err(), runErr))
	}
	// Killed by a limit, by the clock, or it ran out of memory.
	return Decoded{}, reject(RejectResources, AudioFacts{}, fmt.Errorf("%w: %s", errors.Join(ctx.Err(), runErr),
		firstLine(stderr.String())))
}

func firstLine(s string) string {
	for i, c := range s {
		if c == '\n' || i > 200 {
			return s[:i]
		}
	}
	return s
}

// RunDecodeChild is the child: args are the input and the output path. It limits itself, prints one JSON line on
// standard output and returns the exit status. Only cmd/ramal (ramal internal decode) and tests call it, as the only
// thing the process does.
func RunDecodeChild(args []string) int {
	result := childResult{}
	if err := limitSelf(); err != nil {
		result.Error = err.Error()
	} else if len(args) != 2 {
		result.Error = "want an input and an output path"
	} else {
		ctx, cancel := context.WithTimeout(context.Background(), childWall)
		defer cancel()
		decoded, err := decodeFile(ctx, args[0], args[1])
		var missing *MissingToolError
		switch {
		case err == nil:
			result.Decoded = &decoded
		case errors.As(err, &result.Reject):
		case errors.As(err, &missing):
			result.Reject = reject(RejectTool, decoded.Found, err)
		default:
			result.Error = err.Error()
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		return 1
	}
	return 0
}

func limitSelf() error {
	for _, l := range []struct {
		name  string
		what  int
		limit uint64
	}{
		{"data", syscall.RLIMIT_DATA, childMemory}, {"address space", syscall.RLIMIT_AS, childAddress},
		{"cpu", syscall.RLIMIT_CPU, childCPU}, {"file size", syscall.RLIMIT_FSIZE, childFile}, {"core", syscall.RLIMIT_CORE,
			0},
	} {
		if memory := l.what == syscall.RLIMIT_DATA || l.what == syscall.RLIMIT_AS; memory && !limitMemory {
			continue
		}
		if err := syscall.Setrlimit(l.what, &syscall.Rlimit{Cur: l.limit, Max: l.limit}); err != nil {
			return fmt.Errorf("limit %s: %w", l.name, err)
		}
	}
	return nil
}

func decodeFile(ctx context.Context, in, out string) (Decoded, error) {
	f, err := os.Open(in)
	if err != nil {
		return Decoded{}, fmt.Errorf("decode: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxUpload+1))
	if err != nil {
		return Decoded{}, fmt.Errorf("decode: %w", err)
	}
	up, err := inspectUpload(data)
	if err != nil {
		return Decoded{}, err
	}
	d := Decoded{Found: up.facts}
	samples, err := up.decode(ctx)
	if err != nil {
		return d, err
	}
	if len(samples) == 0 {
		return d, reject(RejectEmpty, up.facts, nil)
	}
	var missing *MissingToolError
	if loud, err := measureLoudness(ctx, samples); err == nil {
		Gain(samples, loud.gain())
		d.Leveled = true
	} else if !errors.As(err, &missing) { // without ffmpeg the file keeps its level
		return d, err
	}
	d.Samples = len(samples)
	return d, writeAtomic(out, EncodeWAV(samples, SampleRate, 1))
}

// decode gives 8 kHz mono.
func (u *upload) decode(ctx context.Context) ([]int16, error) {
	if u.mp3 == nil {
		samples, err := u.decodeWAV()
		if err != nil {
			return nil, reject(RejectDamaged, u.facts, err)
		}
		return samples, nil
	}
	if u.mp3.lowRate {
		raw, _, err := ffmpeg(ctx, u.mp3.frames, []string{"-f", "mp3"}, telephoneOutput)
		return fromBytes(raw), u.blame(err)
	}
	mono, err := u.mp3.decodeMono()
	if err != nil {
		return nil, reject(RejectDamaged, u.facts, err)
	}
	raw, _, err := ffmpeg(ctx, rawBytes(mono), rawInput(u.mp3.rate), telephoneOutput)
	var missing *MissingToolError
	if errors.As(err, &missing) {
		return Resample(mono, u.mp3.rate, SampleRate)
	}
	return fromBytes(raw), u.blame(err)
}

// blame makes a failure of ffmpeg a damaged file, unless ffmpeg is absent.
func (u *upload) blame(err error) error {
	var missing *MissingToolError
	if err == nil || errors.As(err, &missing) {
		return err
	}
	return reject(RejectDamaged, u.facts, err)
}

func rawBytes(samples []int16) []byte {
	out := make([]byte, 2*len(samples))
	for i, s := range samples {
		binary.LittleEndian.PutUint16(out[2*i:], uint16(s))
	}
	return out
}

func fromBytes(raw []byte) []int16 {
	out := make([]int16, len(raw)/2)
	for i := range out {
		out[i] = int16(binary.LittleEndian.Uint16(raw[2*i:]))
	}
	return out
}
