package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"

	"github.com/spf13/cobra"

	"upscaled/cmd/upscaled/serving"
	"upscaled/cmd/upscaled/settings"
	"upscaled/engine/film"
	"upscaled/engine/imagedata"
)

// engineCommand is the command of the process that runs models for serve and worker.
const engineCommand = "engine"

// newEngineCommand is the main function of that process. Users never type it.
func newEngineCommand(a *app) *cobra.Command {
	var work settings.Engine
	cmd := &cobra.Command{
		Use: engineCommand, Short: "Run models for serve or worker, which start this", Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := a.program().RunEngine(cmd.Context(), work, func() { os.Exit(exitInternal) })
			if _, usage := errors.AsType[usageError](err); err == nil || usage { // it was started by hand
				return err
			}
			return codedError{err, exitCode(err)} // the parent shows it
		},
	}
	a.hasSettings(cmd, cmd.Flags(), false, work.Settings(), a.settings.compute())
	cmd.Flags().StringArrayVar(&a.assigned, "set", nil, "set KEY=VALUE")
	return cmd
}

// program returns the parts that servers and workers need.
func (a *app) program() *serving.Program {
	return &serving.Program{
		Log: a.stderr, Terminal: isTerminal, LookupEnv: a.lookupEnv, Version: build(), Model: a.settings.model, Store: a.openStore,
		Open: func(ctx context.Context, limits imagedata.Limits) (film.Engine, error) {
			return a.openUpscaler(ctx, limits)
		},
		Process: a.engineProcess, Arguments: a.engineArguments, StoreArguments: settings.Arguments(a.settings.store()), OnClose: a.onClose, Failpoint: a.failpoint,
		Usage: func(err error) error { return usageError{err} },
		IsUsage: func(err error) bool {
			_, usage := errors.AsType[usageError](err)
			return usage
		},
	}
}

// engineArguments returns the command line of the engine's process. It has all
// settings, so that the process reads no environment and no file.
func (a *app) engineArguments(w settings.Engine) []string {
	return append([]string{engineCommand}, settings.Arguments(a.settings.store(), w.Settings(), a.settings.compute())...)
}

// ownProcess returns a command that runs this program, even after an upgrade has
// replaced its file.
func ownProcess(arguments []string) *exec.Cmd {
	const running = "/proc/self/exe" // Linux
	path, err := os.Executable()
	now, nowErr := os.Stat(path)
	if self, selfErr := os.Stat(running); runtime.GOOS == "linux" && selfErr == nil && (err != nil || nowErr != nil || !os.SameFile(self, now)) {
		path = running
	}
	return exec.Command(path, arguments...)
}
