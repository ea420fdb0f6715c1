package load

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"ramal/internal/conformance"
	"ramal/softswitch"
)

// switchVariable makes a child of the test binary the softswitch.
const switchVariable = "RAMAL_LOAD_SOFTSWITCH"

const eslPassword = "measured-on-loopback-only"

func TestMain(m *testing.M) {
	if dir := os.Getenv(switchVariable); dir != "" {
		if err := serveSwitch(dir); err != nil {
			fmt.Fprintln(os.Stderr, "softswitch:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	if err := conformance.RemoveBinary(); err != nil {
		fmt.Fprintln(os.Stderr, "remove the test's binary:", err)
		code = 1
	}
	os.Exit(code)
}

// serveSwitch is the child: a softswitch until its input ends. It answers each line of its input with one of its
// output: "goroutines" with how many there are, "profile <file>" and "profile" begin and end a CPU profile.
func serveSwitch(dir string) error {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	sw, err := softswitch.New(softswitch.Config{ESLAddr: "127.0.0.1:0", ESLPassword: eslPassword,
		InternalAddr: "127.0.0.1:0", ExternalAddr: "127.0.0.1:0", RTPPortMin: 10000, RTPPortMax: 30000, MediaDir: dir,
		MaxSessions: 4000, SessionsPerSecond: 4000})
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- sw.Run(ctx) }()
	fmt.Println(sw.ESLAddr())
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		word, arg, _ := strings.Cut(lines.Text(), " ")
		switch {
		case word == "goroutines":
			fmt.Println(runtime.NumGoroutine())
		case word == "profile" && arg != "":
			file, err := os.Create(arg)
			if err == nil {
				err = pprof.StartCPUProfile(file)
			}
			fmt.Println(err)
		case word == "profile":
			pprof.StopCPUProfile()
			fmt.Println("done")
		default:
			fmt.Println("what?")
		}
	}
	stop()
	return errors.Join(lines.Err(), <-ended)
}

// child is the softswitch as a process of its own.
type child struct {
	cmd   *exec.Cmd
	in    *os.File
	lines *bufio.Scanner
	esl   string
}

// startSwitch starts the child and ends it with the benchmark.
func startSwitch(b *testing.B) *child {
	b.Helper()
	self, err := os.Executable()
	must(b, err)
	read, write, err := os.Pipe()
	must(b, err)
	c := &child{cmd: exec.Command(self), in: write}
	c.cmd.Env = append(os.Environ(), switchVariable+"="+b.TempDir())
	c.cmd.Stdin, c.cmd.Stderr = read, os.Stderr
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := c.cmd.StdoutPipe()
	must(b, err)
	must(b, c.cmd.Start())
	must(b, read.Close())
	c.lines = bufio.NewScanner(out)
	b.Cleanup(func() {
		if err := errors.Join(c.in.Close(), c.cmd.Wait()); err != nil {
			b.Errorf("end the softswitch: %v", err)
		}
	})
	c.esl = c.line(b)
	return c
}

func (c *child) line(b *testing.B) string {
	b.Helper()
	if !c.lines.Scan() {
		b.Fatalf("the softswitch says nothing: %v", c.lines.Err())
	}
	return c.lines.Text()
}

func (c *child) ask(b *testing.B, what string) string {
	b.Helper()
	_, err := fmt.Fprintln(c.in, what)
	must(b, err)
	return c.line(b)
}

func (c *child) goroutines(b *testing.B) int {
	b.Helper()
	n, err := strconv.Atoi(c.ask(b, "goroutines"))
	must(b, err)
	return n
}

// cpu is the processor time that a process has used.
func cpu(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text), ") ") // behind the command's name
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat: %q", pid, text)
	}
	user, err1 := strconv.Atoi(f[11])
	system, err2 := strconv.Atoi(f[12])
	return time.Duration(user+system) * 10 * time.Millisecond, errors.Join(err1, err2) // USER_HZ is 100
}

// descriptors is how many files and sockets a process has open.
func descriptors(pid int) (int, error) {
	all, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	return len(all), err
}

// loadAverage is the machine's, for the reader of the figures.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return err.Error()
	}
	return strings.Join(strings.Fields(string(text))[:3], " ")
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// until looks again and again until ok, for so long at most.
func until(t testing.TB, what string, patience time.Duration, ok func() (bool, string)) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		good, now := ok()
		if good {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("not within %v: %s (%s)", patience, what, now)
		}
	}
}
