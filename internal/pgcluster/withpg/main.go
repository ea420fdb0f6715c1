// Command withpg runs a command with a PostgreSQL cluster for tests beside it, which it names in RAMAL_TEST_PG and
// ends afterwards: one cluster for all test binaries of `go test ./...`.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"ramal/internal/pgcluster"
)

func main() {
	code, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "withpg:", err)
	}
	os.Exit(code)
}

func run(args []string) (int, error) {
	if len(args) == 0 {
		return 2, errors.New("usage: withpg COMMAND [ARGUMENT ...]")
	}
	start, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	c, err := pgcluster.StartVolatile(start)
	if err != nil {
		return 1, err
	}
	// A signal from the terminal reaches the command too; one sent to us alone is passed on. We stay to clean up.
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), pgcluster.TestEnv+"="+c.Dir)
	if err := cmd.Start(); err != nil {
		return 1, err
	}
	go func() {
		for s := range signals {
			cmd.Process.Signal(s) // an error means that it has just ended
		}
	}()
	err = cmd.Wait()
	stop, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if serr := c.Stop(stop); serr != nil {
		return 1, serr
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return max(exit.ExitCode(), 1), nil
	}
	if err != nil {
		return 1, err
	}
	return 0, nil
}
