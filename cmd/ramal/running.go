package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"ramal/internal/pgcluster"
)

// stopCmd ends what runs in an installation.
type stopCmd struct {
	State string `help:"Directory of this installation." default:"var"`
}

// Run ends the centre; when it was killed, the switch and the private database that it left behind.
func (c *stopCmd) Run() error {
	p, err := placesIn(c.State)
	if err != nil {
		return err
	}
	state, alive, err := readRunning(p.serveState(), "serve")
	if err != nil {
		return err
	}
	found := alive
	var errs []error
	if alive {
		errs = append(errs, endProcess(state.PID, "serve", 40*time.Second))
	}
	if sw, alive, err := readRunning(p.switchState(), "softswitch"); err != nil {
		errs = append(errs, err)
	} else if alive {
		found = true
		errs = append(errs, endProcess(sw.PID, "softswitch", 10*time.Second))
	}
	switch cluster, err := pgcluster.Attach(pgcluster.Options{Dir: p.postgres()}); {
	case err == nil:
		found = true
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		errs = append(errs, cluster.Stop(ctx))
	case !errors.Is(err, pgcluster.ErrNotRunning):
		errs = append(errs, err)
	}
	if err := os.Remove(p.serveState()); err != nil && !errors.Is(err, os.ErrNotExist) {
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if found {
		fmt.Println("Ramal has ended.")
	} else {
		fmt.Println("Ramal was not running.")
	}
	return nil
}

// readyCmd asks the running centre whether it is ready.
type readyCmd struct {
	State string        `help:"Directory of this installation." default:"var"`
	Wait  time.Duration `help:"How long to wait for it."`
}

// Run prints what serve printed when it became ready; not ready is status 1.
func (c *readyCmd) Run() error {
	p, err := placesIn(c.State)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), max(c.Wait, 2*time.Second))
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		why := ready(ctx, p)
		if why == "" {
			state, _, err := readRunning(p.serveState(), "serve")
			fmt.Print(state.Banner)
			return err
		}
		if c.Wait == 0 || ctx.Err() != nil {
			fmt.Fprintln(os.Stderr, "not ready:", why)
			return exitError(1)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// ready says why the centre is not ready, "" when it is.
func ready(ctx context.Context, p places) string {
	state, alive, err := readRunning(p.serveState(), "serve")
	switch {
	case err != nil:
		return err.Error()
	case !alive:
		return "it does not run (`make run` starts it)"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, state.HTTP+"/readyz", nil)
	if err != nil {
		return err.Error()
	}
	res, err := localClient().Do(req)
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Sprintf("%s/readyz says %s", state.HTTP, res.Status)
	}
	return ""
}
