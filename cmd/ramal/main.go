// Command ramal is the one program of the Ramal contact centre.
//
// `ramal serve` runs the centre; `ramal softswitch` is the embedded switch, a process of its own that serve starts.
// Flags, environment and configuration files are read here and nowhere else.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/alecthomas/kong"
)

// version is set at build time.
var version = "development"

// cli is every command with its flags. A flag's environment variable is RAMAL_ and its name in capitals.
type cli struct {
	Config kong.ConfigFlag `help:"JSON file with flags' values, by name" env:"RAMAL_CONFIG"`

	Serve          serveCmd          `cmd:"" help:"Run the centre."`
	Softswitch     softswitchCmd     `cmd:"" help:"Run the embedded switch (serve starts it by itself)."`
	Stop           stopCmd           `cmd:"" help:"End what serve started, in order."`
	Ready          readyCmd          `cmd:"" help:"Say whether the centre is ready."`
	Migrate        migrateCmd        `cmd:"" help:"Bring the database's schema up to date."`
	Try            tryCmd            `cmd:"" help:"Place a real call to the running centre and say what both sides hear."`
	Doctor         doctorCmd         `cmd:"" help:"Say what is wrong and what to do."`
	FreeswitchConf freeswitchConfCmd `cmd:"" name:"freeswitch-conf" help:"Write the configuration of a FreeSWITCH."`
	Version        versionCmd        `cmd:"" help:"Say which version this is."`
	Internal       internalCmd       `cmd:"" hidden:"" help:"For Ramal's own use."`
}

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run() error {
	fmt.Println("ramal", version)
	return nil
}

// exitError ends the program with a status of its own; its text was printed already.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

func main() {
	var c cli
	k := kong.Parse(&c, kong.Name("ramal"), kong.DefaultEnvars("RAMAL"), kong.Configuration(kong.JSON),
		kong.Description("Open, telephony-first contact centre."), kong.ShortUsageOnError())
	err := k.Run()
	var status exitError
	switch {
	case err == nil:
	case errors.As(err, &status):
		os.Exit(int(status))
	default:
		fmt.Fprintln(os.Stderr, "ramal:", err)
		os.Exit(1)
	}
}
