package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"ramal/internal/doctor"
	"ramal/internal/doctor/probe"
	"ramal/internal/pgcluster"
	"ramal/store"
)

// doctorCmd says what is wrong with the surroundings, and what to do.
type doctorCmd struct {
	State          string `help:"Directory of this installation." default:"var"`
	Lang           string `help:"pt or en; without it as the environment says." enum:"pt,en,auto" default:"auto"`
	DatabaseURL    string `name:"database-url" help:"PostgreSQL; or our own." env:"DATABASE_URL,RAMAL_DATABASE_URL"`
	OwnerURL       string `name:"database-owner-url" help:"PostgreSQL, as the schema's owner."`
	Switch         string `help:"Event Socket of a FreeSWITCH; without it the embedded switch."`
	SwitchPassword string `help:"File with the Event Socket's password." type:"existingfile"`
	HTTP           string `name:"http" help:"Where the page listens." default:"127.0.0.1:8080"`
	Internal       string `help:"Where agents' phones register." default:"127.0.0.1:5060"`
	External       string `help:"Where calls come in." default:"127.0.0.1:5080"`
}

// Run prints what was found; something that does not work is status 1.
func (c *doctorCmd) Run() error {
	p, err := placesIn(c.State)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	var checks []doctor.Check
	if db, owner, ok := c.database(p); ok {
		d := probe.Database{URL: db}
		pending := func(ctx context.Context) (bool, error) { return store.Pending(ctx, owner) }
		checks = append(checks, doctor.CheckDatabase(d, pending), doctor.CheckClock(d, probe.Clock{}))
	} else {
		checks = append(checks, notRunning)
	}
	if sw, ok, err := c.event(p); err != nil {
		return err
	} else if ok {
		checks = append(checks, doctor.CheckSwitch(sw))
	}
	ours := func(ctx context.Context) bool { return ready(ctx, p) == "" }
	checks = append(checks, doctor.CheckMedia(probe.Tools{}), doctor.CheckPorts(probe.Ports{}, ours, c.ports()...),
		doctor.CheckDisk(probe.Disk{}, p.dir))
	results := doctor.Run(ctx, checks...)
	if err := doctor.Print(os.Stdout, results, c.language()); err != nil {
		return err
	}
	for _, r := range results {
		if r.Status == doctor.Fail {
			return exitError(1)
		}
	}
	return nil
}

func (c *doctorCmd) language() string {
	if c.Lang != "auto" {
		return c.Lang
	}
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := os.Getenv(name); v != "" {
			if strings.HasPrefix(v, "pt") {
				return "pt"
			}
			return "en"
		}
	}
	return "pt"
}

func (c *doctorCmd) database(p places) (app, owner string, ok bool) {
	if c.DatabaseURL != "" {
		if c.OwnerURL == "" {
			return c.DatabaseURL, c.DatabaseURL, true
		}
		return c.DatabaseURL, c.OwnerURL, true
	}
	cluster, err := pgcluster.Attach(pgcluster.Options{Dir: p.postgres()})
	if err != nil {
		return "", "", false
	}
	return cluster.AppURL(), cluster.OwnerURL(), true
}

// notRunning stands for the private cluster while it is down, which is no fault.
func notRunning(context.Context) []doctor.Result {
	return []doctor.Result{{Subject: doctor.Text{PT: "Banco de dados", EN: "Database"}, Status: doctor.Warn,
		What: doctor.Text{PT: "o banco de dados próprio não está em execução", EN: "the private database is not running"},
		Do:   doctor.Text{PT: "inicie o Ramal com `make run`", EN: "start Ramal with `make run`"}}}
}

func (c *doctorCmd) event(p places) (probe.Switch, bool, error) {
	if c.Switch != "" {
		if c.SwitchPassword == "" {
			return probe.Switch{}, false, errors.New("--switch needs --switch-password: a file with the Event Socket's password")
		}
		word, err := os.ReadFile(c.SwitchPassword)
		return probe.Switch{Addr: c.Switch, Password: strings.TrimSpace(string(word))}, err == nil, err
	}
	state, alive, err := readRunning(p.switchState(), "softswitch")
	if err != nil || !alive {
		return probe.Switch{}, false, err
	}
	s, err := loadSecrets(p.secrets())
	if err != nil {
		return probe.Switch{}, false, fmt.Errorf("secrets: %w", err)
	}
	return probe.Switch{Addr: state.ESL, Password: s.ESL}, true, nil
}

func (c *doctorCmd) ports() []doctor.Port {
	return []doctor.Port{
		{Use: doctor.Text{PT: "página", EN: "page"}, Network: "tcp", Address: c.HTTP},
		{Use: doctor.Text{PT: "ramais (SIP)", EN: "agents' phones (SIP)"}, Network: "udp", Address: c.Internal},
		{Use: doctor.Text{PT: "chamadas (SIP)", EN: "incoming calls (SIP)"}, Network: "udp", Address: c.External},
	}
}
