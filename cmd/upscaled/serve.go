package main

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"upscaled/engine"
	"upscaled/models/fault"
	"upscaled/server"
	"upscaled/server/worker"
)

const serveHelp = `Serves a web page, an API of its own, and those of mnml, AILab, maskr, artnex,
aetherforge, Replicate and AUTOMATIC1111: a client written for one of them works
when its base URL is changed to this server's. Jobs are kept in --data and
survive whatever happens to the process.

With no keys configured every call passes and the server listens on this
machine only; 'upscaled keys new' makes the first one.`

const serveExample = `  upscaled serve
  upscaled serve --listen 0.0.0.0:8080 --public-url https://upscale.example.com
  upscaled serve --config /etc/upscaled.toml
  upscaled serve --no-worker --nats nats://queue.example.com:4222`

func newServeCommand(a *app) *cobra.Command {
	var queue queueSettings
	var work workSettings
	var config server.Config
	var watching operationSettings
	var noWorker bool
	cmd := &cobra.Command{
		Use: "serve", Short: "Serve the web page and the upscaling APIs", Long: serveHelp, Example: serveExample,
		Annotations: map[string]string{checksItself: "yes"},
		RunE: func(cmd *cobra.Command, _ []string) error {
			config.Grace, config.MaxPixels, config.MaxSide, config.DecodeMemory = work.grace, work.pixels, work.side, work.memory
			problems := slices.Concat(a.problems, work.problems(), watching.problems(), config.Problems())
			if err := mistaken(problems); err != nil {
				return err
			}
			work.engineArguments = engineArguments(cmd.Flags())
			return a.serve(cmd.Context(), config, queue, work, watching, noWorker)
		},
	}
	declareServer(cmd.Flags(), &config, &work.perKey, &noWorker)
	queue.declare(cmd.Flags())
	work.declare(cmd.Flags())
	watching.declare(cmd.Flags())
	a.addComputeFlags(cmd.Flags())
	addFileFlag(cmd.Flags())
	return cmd
}

// serve is the whole server: store, queue, HTTP and, unless others do that,
// the worker. HTTP and worker end first, while the queue still tells waiting
// calls of their jobs.
func (a *app) serve(ctx context.Context, config server.Config, q queueSettings, w workSettings, o operationSettings, noWorker bool) error {
	log := newLogger(a.stderr, w)
	if _, err := a.openStore(); err != nil { // several goroutines use it from here on
		return err
	}
	connection, err := a.connect(q, log)
	if err != nil {
		return err
	}
	ready := &readiness{check: connection.Healthy}
	self := &system{app: a, ready: ready, worker: !noWorker}
	watched, err := a.watch(ctx, o, self, log)
	if err != nil {
		return err
	}
	defer watched.close()
	back, err := a.openBackend(ctx, connection, w, q.nats != "", config.APIs.Quotas(), watched.forJobs(), log)
	if err != nil {
		return err
	}
	self.queue = back.queue
	watched.serve(ctx)
	secret, err := connection.Secret(ctx, "result-links")
	if err != nil {
		return err
	}
	config.TLS.Cache = filepath.Join(q.folder(a.lookupEnv), "certificates")
	config.Version, config.APIs.Native.Retention = build(), w.retention
	web, err := server.New(ctx, config, server.Parts{
		Queue: back.queue, Auth: back.accounts, System: self, Secrets: [][]byte{secret}, Ready: ready.err,
		Decoders: runtime.GOMAXPROCS(0), Faces: a.faceCheck(w, noWorker), Observers: watched.forServer(), Log: log, Now: time.Now,
	})
	if err != nil {
		return err
	}
	hooks, err := a.webhooks(ctx, connection, back, config, web, watched.forWebhooks(), log)
	if err != nil {
		return err
	}
	address, err := web.Listen()
	if err != nil {
		return err
	}
	log.Info("listening", "address", address.String(), "url", config.TLS.Scheme()+"://"+address.String())
	return underQueue(ctx, back, func(ctx context.Context) error {
		group, ctx := errgroup.WithContext(ctx)
		group.Go(func() error { return web.Run(ctx) })
		group.Go(func() error { return hooks.Run(ctx) })
		if noWorker {
			ready.set()
		} else {
			group.Go(func() error { return a.work(ctx, back, w, log, ready, watched.forWorker()) })
		}
		return group.Wait()
	})
}

// faceCheck says before a job is accepted that its faces could not be
// enhanced, where the operator wants no substitute and this process runs the
// jobs; nil leaves it to the workers.
func (a *app) faceCheck(w workSettings, noWorker bool) func(context.Context) error {
	if noWorker || engine.FaceMissing(w.faces.missing) != engine.Refuse {
		return nil
	}
	name := w.faces.restorer
	if name == "auto" {
		name = ""
	}
	return func(ctx context.Context) error {
		store, err := a.openStore()
		if err == nil {
			_, _, err = store.LoadRestorer(ctx, name)
		}
		return err
	}
}

// underQueue runs something while the queue runs, and ends the queue last.
func underQueue(ctx context.Context, back backend, run func(context.Context) error) error {
	queueContext, stopQueue := context.WithCancel(context.WithoutCancel(ctx))
	defer stopQueue()
	queue := make(chan error, 1)
	running, stopRunning := context.WithCancel(ctx)
	defer stopRunning()
	go func() {
		queue <- back.queue.Run(queueContext)
		stopRunning() // nothing works without it
	}()
	err := run(running)
	stopQueue()
	if queueErr := <-queue; err == nil {
		err = queueErr
	}
	if ctx.Err() != nil && fault.KindOf(err) == fault.Canceled {
		err = nil // the way a server ends
	}
	return err
}

// work opens the engine, warms it up and runs jobs.
func (a *app) work(ctx context.Context, back backend, w workSettings, log *slog.Logger, ready *readiness, observers []worker.Observer) error {
	opened, warm, err := a.openForJobs(ctx, w, log)
	if err != nil {
		return err
	}
	ready.engine.Store(&opened)
	started := time.Now()
	if err := warm(ctx); err != nil {
		return err
	}
	if !w.warmUpDisabled {
		log.Info("warmed up", "seconds", time.Since(started).Seconds())
	}
	ready.set()
	return worker.New(worker.Options{
		Source: back.queue, Engine: opened, Small: w.small, Large: w.large, Grace: w.grace, Log: log,
		Faces: w.faces.request(), Observers: observers,
	}).Run(ctx)
}

var (
	errWarming    = errors.New("the network is loading")
	errRestarting = errors.New("the engine's process ended and is started again")
	errStopping   = errors.New("stopping")
)

// readiness is whether jobs can be run now.
type readiness struct {
	warm atomic.Bool
	// engine is the worker's once it is open.
	engine atomic.Pointer[engine.Upscaler]
	check  func(context.Context) error
}

// set says that the worker is ready.
func (r *readiness) set() { r.warm.Store(true) }

func (r *readiness) err(ctx context.Context) error {
	if !r.warm.Load() {
		return errWarming
	}
	if opened := r.engine.Load(); opened != nil {
		//guard:ready-while-restarting TestNotReadyWhileTheEngineRestarts
		if isolated, ok := (*opened).(interface{ Ready() error }); ok && isolated.Ready() != nil {
			return errRestarting
		}
	}
	return r.check(ctx)
}
