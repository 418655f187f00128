package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"

	"upscaled/cmd/upscaled/batch"
	"upscaled/cmd/upscaled/report"
	"upscaled/cmd/upscaled/settings"
	"upscaled/engine/imagedata"
	"upscaled/models"
	"upscaled/models/fault"
	"upscaled/server/queue"

	"github.com/spf13/cobra"
)

// app is the program without its process: settings, streams and the parts that
// verbs open when they need them. Verbs are run one after another.
type app struct {
	streams
	settings engineSettings
	// declared are the settings of each verb, assigned the values of --set.
	declared  map[*cobra.Command]*settings.Set
	assigned  []string
	lookupEnv func(string) (string, bool)
	// parsed says that the command line was understood; errors before that are
	// mistakes of usage.
	parsed bool
	// problems are what is wrong with the environment and the settings file.
	problems []string
	// closers run in reverse order when the program ends.
	closers []func() error
	// temporaries are the unfinished outputs.
	temporaries batch.Temporaries
	// report shows the running verb's work; nil before a verb set it.
	report report.Reporter
	store  *models.Store // nil before openStore
	// announced are the downloads whose licence was shown.
	announced map[string]bool
	// openUpscaler opens the engine with limits for inputs; tests put a fake here.
	openUpscaler func(context.Context, imagedata.Limits) (batchEngine, error)
	// engineProcess makes the command of the process that serve and worker run
	// networks in, which is this program; nil, as in most tests, runs them here.
	engineProcess func(arguments []string) *exec.Cmd
	// failpoint is called after every step of a job; nil except in crash tests.
	failpoint func(step queue.Failpoint, id string)
}

func newApp(s streams, lookupEnv func(string) (string, bool)) *app {
	a := &app{streams: s, lookupEnv: lookupEnv, declared: map[*cobra.Command]*settings.Set{}}
	a.openUpscaler = a.openEngine
	return a
}

// run executes one command line and gives the exit code. Errors that were not
// shown yet are one sentence on standard error.
func (a *app) run(ctx context.Context, args []string) int {
	root := newRootCommand(a)
	root.SetArgs(args)
	verb, err := root.ExecuteContextC(ctx)
	if err != nil && !a.parsed {
		err = usageError{err}
	}
	if closing := a.close(); err == nil {
		err = closing
	}
	a.complain(err, verb.CommandPath())
	return exitCode(err)
}

// complain writes the one sentence of a verb's error.
func (a *app) complain(err error, verb string) {
	var coded codedError
	var usage usageError
	switch {
	case err == nil, errors.As(err, &coded):
	case errors.As(err, &usage):
		fmt.Fprintf(a.stderr, "upscaled: %s\nSee '%s --help'.\n", usage.Error(), verb)
	case fault.KindOf(err) == fault.Canceled:
		fmt.Fprintln(a.stderr, "upscaled: interrupted")
	default:
		fmt.Fprintf(a.stderr, "upscaled: %s\n", report.Sentence(err))
	}
}

// onClose registers what to release at the end.
func (a *app) onClose(release func() error) { a.closers = append(a.closers, release) }

// close releases everything that verbs opened, newest first.
func (a *app) close() error {
	var all []error
	for len(a.closers) > 0 {
		last := len(a.closers) - 1
		all = append(all, a.closers[last]())
		a.closers = a.closers[:last]
	}
	return errors.Join(all...)
}

// abandon removes unfinished files just before the process is forced to end.
func (a *app) abandon() { a.temporaries.RemoveAll() }
