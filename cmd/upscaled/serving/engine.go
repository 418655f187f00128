package serving

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
	"upscaled/cmd/upscaled/settings"
	"upscaled/engine"
	"upscaled/engine/film"
	"upscaled/engine/upscaler"
	"upscaled/models/fault"
	"upscaled/server/worker/child"
)

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

// usageKind is the kind of usage errors that the engine's process returns.
const usageKind fault.Kind = "usage"

// RunEngine serves the parent process until it closes its pipe; abandon ends this
// process at once. Signals, which systemd and terminals send to all
// processes, are ignored: the parent lets the images in work finish.
func (p *Program) RunEngine(ctx context.Context, w settings.Engine, abandon func()) error {
	signal.Ignore(os.Interrupt, syscall.SIGTERM)
	requests, replies, err := child.Pipes()
	if err != nil {
		return p.Usage(err)
	}
	child.OfferToMemoryKiller()
	if limit, _ := p.LookupEnv("GOMEMLIMIT"); limit == "" && w.Memory > 0 {
		debug.SetMemoryLimit(w.Memory / 4 * 3) // native code has the rest
	}
	h := child.Host{
		Requests: requests, Replies: replies, Log: p.Log, Abandon: abandon,
		Open: func(ctx context.Context) (engine.Upscaler, error) {
			opened, warm, err := p.openHere(ctx, w)
			if err == nil {
				err = warm(ctx)
			}
			if p.IsUsage(err) {
				err = &fault.Error{Kind: usageKind, Message: err.Error()}
			}
			return opened, err
		},
	}
	return h.Serve(ctx)
}

// openForJobs opens the engine that jobs run on: in a process of its own unless
// engine.isolate is false. warm returns when the engine is ready; a device or
// model that cannot be opened is its error.
func (p *Program) openForJobs(ctx context.Context, w settings.Work, log *slog.Logger) (e engine.Upscaler, warm func(context.Context) error, err error) {
	if !w.Isolate || p.Process == nil {
		return p.openHere(ctx, w.Engine)
	}
	arguments := p.Arguments(w.Engine)
	isolated := child.New(child.Options{
		Command: func(last []engine.DeviceUse) *exec.Cmd { return p.Process(sameDevice(arguments, last)) },
		Memory:  w.Memory, Log: log,
	})
	p.OnClose(isolated.Close)
	return isolated, func(ctx context.Context) error {
		err := isolated.WarmUp(ctx)
		if fault.KindOf(err) == usageKind {
			return p.Usage(errors.New(fault.Sentence(err)))
		}
		return err
	}, nil
}

// openHere opens the engine in this process.
func (p *Program) openHere(ctx context.Context, w settings.Engine) (engine.Upscaler, func(context.Context) error, error) {
	opened, err := p.Open(ctx, w.Limits())
	if err != nil {
		return nil, nil, err
	}
	return film.Upscaler{Engine: opened, Limits: w.Limits()}, func(ctx context.Context) error {
		if w.NoWarmUp {
			return nil
		}
		return upscaler.WarmUp(ctx, opened)
	}, nil
}
