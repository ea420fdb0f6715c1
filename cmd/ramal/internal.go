package main

import "ramal/media"

// internalCmd holds commands that Ramal runs itself.
type internalCmd struct {
	Decode decodeCmd `cmd:"" help:"Decode an uploaded sound (in a bounded child process)."`
}

type decodeCmd struct {
	Args []string `arg:"" help:"input output" passthrough:""`
}

// Run is the child of media.Decoder.
func (c *decodeCmd) Run() error {
	if status := media.RunDecodeChild(c.Args); status != 0 {
		return exitError(status)
	}
	return nil
}
