package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"

	"upscaled/cmd/upscaled/batch"
	"upscaled/cmd/upscaled/flags"
	"upscaled/cmd/upscaled/report"
	"upscaled/cmd/upscaled/settings"
	"upscaled/engine/imagedata"
	"upscaled/models"
	"upscaled/models/fault"
	"upscaled/server/queue"

	"github.com/spf13/cobra"
)

// app is the program apart from its process: settings, streams and the parts that
// commands open on demand. One command runs at a time.
type app struct {
	console
	commandSettings
	closers
	settings engineSettings
	// parsed is set once the command line is parsed; errors before that are usage
	// errors.
	parsed bool
	// temporaries tracks unfinished outputs.
	temporaries batch.Temporaries
	store       *models.Store // nil before openStore
	// announced is the set of downloads whose license was shown.
	announced map[string]bool
	// openUpscaler opens the engine with limits for inputs; tests replace it.
	openUpscaler func(context.Context, imagedata.Limits) (batchEngine, error)
	// engineProcess returns the command, which runs this program, of the process
	// that runs models for serve and worker; nil runs them in this process.
	engineProcess func(arguments []string) *exec.Cmd
	// failpoint is called after every step of a job; nil except in crash tests.
	failpoint func(step queue.Failpoint, id string)
}

func newApp(s streams, lookupEnv func(string) (string, bool)) *app {
	a := &app{
		console:         console{streams: s, lookupEnv: lookupEnv},
		commandSettings: commandSettings{declared: map[*cobra.Command]*settings.Set{}},
	}
	a.openUpscaler = a.openEngine
	return a
}

// run executes one command line and returns the exit code. Errors that were not
// shown yet are written to standard error as one sentence.
func (a *app) run(ctx context.Context, args []string) int {
	root := newRootCommand(a)
	root.SetArgs(flags.WithCommand(root, args))
	command, err := root.ExecuteContextC(ctx)
	if err != nil && !a.parsed {
		err = usageError{err}
	}
	if closing := a.close(); err == nil {
		err = closing
	}
	err = unlessInterrupted(ctx, err)
	a.complain(err, command.CommandPath())
	return exitCode(err)
}

// complain writes a command's error to standard error, unless it was shown before.
func (a *app) complain(err error, command string) {
	var coded codedError
	var usage usageError
	switch {
	case err == nil, errors.As(err, &coded):
	case errors.As(err, &usage):
		fmt.Fprintf(a.stderr, "upscaled: %s\nSee '%s --help'.\n", usage.Error(), command)
	case fault.KindOf(err) == fault.Canceled:
		fmt.Fprintln(a.stderr, "upscaled: interrupted")
	default:
		fmt.Fprintf(a.stderr, "upscaled: %s\n", report.Sentence(err))
	}
}

// abandon removes unfinished files just before the process is forced to end.
func (a *app) abandon() { a.temporaries.RemoveAll() }
