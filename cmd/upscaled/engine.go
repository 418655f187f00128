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

// engineVerb is the verb of the process that serve and worker run models in.
const engineVerb = "engine"

// newEngineCommand is that process's side. Users never type it.
func newEngineCommand(a *app) *cobra.Command {
	var work workSettings
	cmd := &cobra.Command{
		Use: engineVerb, Short: "Run models for serve or worker, which start this", Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runEngine(cmd.Context(), work) },
	}
	a.declareEngine(cmd.Flags(), &work)
	return cmd
}

// declareEngine declares the engine process's own settings, beside those of every
// verb.
func (a *app) declareEngine(flags *pflag.FlagSet, w *workSettings) {
	w.declareEngine(flags)
	a.addComputeFlags(flags)
}

// engineArguments returns the command line of the engine process for a verb's
// settings, from whatever source. It is complete, so that the process reads no
// environment and no file.
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

// ownProcess returns a command that runs this program, even after an upgrade has
// replaced its file.
func ownProcess(arguments []string) *exec.Cmd {
	const running = "/proc/self/exe" // Linux
	path, err := os.Executable()
	now, nowErr := os.Stat(path)
	if self, selfErr := os.Stat(running); selfErr == nil && (err != nil || nowErr != nil || !os.SameFile(self, now)) {
		path = running
	}
	return exec.Command(path, arguments...)
}

// sameDevice binds --device auto to the devices of the previous process: a GPU that
// is gone is then an error, and no reason to continue on the CPU.
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

// usageKind is the kind under which the engine process reports a usageError.
const usageKind fault.Kind = "usage"

// runEngine serves the process that started this one until it hangs up. It ignores
// signals, which systemd and terminals send to all processes: the parent lets the
// images in work finish.
func (a *app) runEngine(ctx context.Context, w workSettings) error {
	signal.Ignore(os.Interrupt, syscall.SIGTERM)
	requests, replies, err := child.Pipes()
	if err != nil {
		return usageError{err}
	}
	child.OfferToMemoryKiller()
	if limit, _ := a.lookupEnv("GOMEMLIMIT"); limit == "" && w.engineMemory > 0 {
		debug.SetMemoryLimit(w.engineMemory / 4 * 3) // the rest is for native code
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
		return codedError{err, exitCode(err)} // the parent shows it
	}
	return nil
}

// openForJobs opens the engine for jobs: in a process of its own, or in this one
// with --isolate=false. warm returns when it is ready, or the error of its device
// or model.
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
