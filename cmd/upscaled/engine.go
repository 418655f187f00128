package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"runtime/debug"
	"slices"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"upscaled/engine"
	"upscaled/engine/imagedata"
	"upscaled/engine/upscaler"
	"upscaled/models/fault"
	"upscaled/server/worker/child"
)

// engineVerb is the verb of the process that serve and worker run networks in.
const engineVerb = "engine"

// newEngineCommand is that process's side. Nobody types it.
func newEngineCommand(a *app) *cobra.Command {
	var work workSettings
	cmd := &cobra.Command{
		Use: engineVerb, Short: "Run networks for serve or worker, which start this", Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runEngine(cmd.Context(), work) },
	}
	a.declareEngine(cmd.Flags(), &work)
	return cmd
}

// declareEngine declares the settings that the engine's process has of its
// own; those of every verb come to them.
func (a *app) declareEngine(flags *pflag.FlagSet, w *workSettings) {
	w.declareEngine(flags)
	a.addComputeFlags(flags)
}

// engineArguments are the command line of the engine's process with the
// settings that a verb has, wherever it has them from: all are said, so that
// the process asks no environment and no file.
func engineArguments(settings *pflag.FlagSet) []string {
	known := pflag.NewFlagSet(engineVerb, pflag.ContinueOnError)
	empty := &app{}
	empty.addStoreFlags(known)
	empty.declareEngine(known, &workSettings{})
	arguments := []string{engineVerb}
	known.VisitAll(func(f *pflag.Flag) {
		if flag := settings.Lookup(f.Name); flag != nil {
			arguments = append(arguments, "--"+f.Name+"="+flag.Value.String())
		}
	})
	return arguments
}

// ownProcess is a command that runs this program. It is the file that runs now
// even where another one has taken its place, as an upgrade does.
func ownProcess(arguments []string) *exec.Cmd {
	const running = "/proc/self/exe" // Linux
	path, err := os.Executable()
	now, nowErr := os.Stat(path)
	if self, selfErr := os.Stat(running); selfErr == nil && (err != nil || nowErr != nil || !os.SameFile(self, now)) {
		path = running
	}
	return exec.Command(path, arguments...)
}

// sameDevice are the arguments for the devices of the process before: a GPU
// that is gone is an error then, not a reason for --device auto to go on with
// the processor.
func sameDevice(arguments []string, last []engine.DeviceUse) []string {
	auto := slices.Index(arguments, "--device=auto")
	if auto < 0 || len(last) == 0 {
		return arguments
	}
	device := last[0].Kind
	if last[0].ID != "" {
		device += ":" + last[0].ID
	}
	arguments = slices.Clone(arguments)
	arguments[auto] = "--device=" + device
	return arguments
}

// usageKind is how a usageError arrives from the engine's process.
const usageKind fault.Kind = "usage"

// runEngine serves the process that started this one until it says that it is
// enough. Signals are for that one alone: systemd and terminals send them to
// all processes, and the pictures in work are to end well.
func (a *app) runEngine(ctx context.Context, w workSettings) error {
	signal.Ignore(os.Interrupt, syscall.SIGTERM)
	requests, replies, err := child.Pipes()
	if err != nil {
		return usageError{err}
	}
	child.OfferToMemoryKiller()
	if limit, _ := a.lookupEnv("GOMEMLIMIT"); limit == "" && w.engineMemory > 0 {
		debug.SetMemoryLimit(w.engineMemory / 4 * 3) // native code has the rest
	}
	h := child.Host{
		Requests: requests, Replies: replies, Log: a.stderr, Abandon: func() { os.Exit(exitInternal) },
		Open: func(ctx context.Context) (engine.Upscaler, error) {
			opened, warm, err := a.openHere(ctx, w)
			if err == nil {
				err = warm(ctx)
			}
			var usage usageError
			if errors.As(err, &usage) {
				err = &fault.Error{Kind: usageKind, Message: usage.Error()}
			}
			return opened, err
		},
	}
	if err := h.Serve(ctx); err != nil {
		return codedError{err, exitCode(err)} // the other process shows it
	}
	return nil
}

// openForJobs opens the engine that jobs run on: in a process of its own unless
// --isolate=false asks for this one. warm returns when it is ready; a device or
// network that cannot be had is its error.
func (a *app) openForJobs(ctx context.Context, w workSettings, log *slog.Logger) (e engine.Upscaler, warm func(context.Context) error, err error) {
	if !w.isolate || a.engineProcess == nil {
		return a.openHere(ctx, w)
	}
	isolated := child.New(child.Options{
		Command: func(last []engine.DeviceUse) *exec.Cmd { return a.engineProcess(sameDevice(w.engineArguments, last)) },
		Memory:  w.engineMemory, Log: log,
	})
	a.onClose(isolated.Close)
	return isolated, func(ctx context.Context) error {
		err := isolated.WarmUp(ctx)
		if fault.KindOf(err) == usageKind {
			return usageError{errors.New(fault.Sentence(err))}
		}
		return err
	}, nil
}

// openHere opens the engine in this process.
func (a *app) openHere(ctx context.Context, w workSettings) (engine.Upscaler, func(context.Context) error, error) {
	opened, err := a.openUpscaler(ctx, imagedata.Limits{Pixels: w.pixels, Side: w.side, Memory: w.memory})
	if err != nil {
		return nil, nil, err
	}
	return opened, func(ctx context.Context) error {
		if w.warmUpDisabled {
			return nil
		}
		return upscaler.WarmUp(ctx, opened)
	}, nil
}
