package freeswitchtest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"
)

// errPortTaken says that FreeSWITCH runs without one of its sockets.
var errPortTaken = errors.New("a port was taken by somebody else")

// portTaken is what FreeSWITCH logs when it cannot listen: the Event Socket, a SIP profile.
var portTaken = []string{"Socket Error! Could not listen on", "Error Creating SIP UA for profile"}

// askLimit bounds one attempt to ask: on a port that was taken, somebody may listen who never answers.
const askLimit = time.Second

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
			return errors.New("the process has ended")
		case <-poll.C:
		}
		if last = i.askReady(ctx); last == nil {
			return nil
		}
		log, err := os.ReadFile(i.LogPath)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("read FreeSWITCH's log: %w", err)
		}
		for _, text := range portTaken {
			if strings.Contains(string(log), text) {
				return fmt.Errorf("%w: %s", errPortTaken, text)
			}
		}
	}
}

// askReady returns nil when the switch can take calls now.
func (i *Instance) askReady(ctx context.Context) error {
	link, err := dialLink(ctx, i.Settings.ESLAddress.String(), i.Settings.ESLPassword, askLimit)
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
