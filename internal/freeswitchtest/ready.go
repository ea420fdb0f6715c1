package freeswitchtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// errPortTaken says that FreeSWITCH runs or ran without one of its sockets.
var errPortTaken = errors.New("a port was taken by somebody else")

// awaitReady polls until the Event Socket answers and both SIP profiles run.
func (i *Instance) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	last := errors.New("not asked yet")
	for {
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), last)
		case <-i.ended:
			// event_socket's stop-on-bind-error ends a switch that cannot be driven
			return fmt.Errorf("%w: the process has ended", errPortTaken)
		case <-poll.C:
		}
		if last = i.askReady(ctx); last == nil || errors.Is(last, errPortTaken) {
			return last
		}
	}
}

// askReady returns nil when the switch can take calls now.
func (i *Instance) askReady(ctx context.Context) error {
	link, err := dialLink(ctx, i.Settings.ESLAddress.String(), i.Settings.ESLPassword)
	if err != nil {
		return err
	}
	defer link.close()
	version, err := link.api("version")
	if err != nil {
		return err
	}
	profiles, err := link.api("sofia status")
	if err != nil {
		return err
	}
	for _, name := range []string{"internal", "external"} {
		if !profileRuns(profiles, name) {
			return fmt.Errorf("SIP profile %s is not running:\n%s", name, profiles)
		}
	}
	i.Version = strings.TrimSpace(version)
	return nil
}

func profileRuns(profiles, name string) bool {
	for line := range strings.Lines(profiles) {
		fields := strings.Fields(line)
		if len(fields) >= 4 && fields[0] == name && fields[1] == "profile" && fields[3] == "RUNNING" {
			return true
		}
	}
	return false
}
