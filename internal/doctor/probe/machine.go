package probe

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Tools runs the programs of this machine.
type Tools struct{}

// Output runs a program; when it fails the error carries the end of what it complained.
func (Tools) Output(ctx context.Context, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil && complaint.Len() > 0 {
		lines := strings.Split(strings.TrimSpace(complaint.String()), "\n")
		err = fmt.Errorf("%w: %s", err, lines[len(lines)-1])
	}
	return out, err
}

// Clock reads this machine's clocks.
type Clock struct{}

var began = time.Now()

// Read is the wall clock and the time since the program began.
func (Clock) Read() (time.Time, time.Duration) {
	now := time.Now()
	return now.Round(0), now.Sub(began)
}

// Ports tries the addresses of this machine.
type Ports struct{}

// Try listens on the address for a moment.
func (Ports) Try(ctx context.Context, network, address string) error {
	var lc net.ListenConfig
	if strings.HasPrefix(network, "udp") {
		c, err := lc.ListenPacket(ctx, network, address)
		if err != nil {
			return err
		}
		return c.Close()
	}
	l, err := lc.Listen(ctx, network, address)
	if err != nil {
		return err
	}
	return l.Close()
}

// Disk asks the file systems of this machine.
type Disk struct{}

// Free is what an ordinary user may still write, in bytes.
func (Disk) Free(dir string) (uint64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return st.Bavail * uint64(st.Bsize), nil
}

// Writable writes a file and removes it.
func (Disk) Writable(dir string) error {
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err := f.Write([]byte("ramal doctor\n")); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
