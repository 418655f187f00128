// Package serving assembles servers and workers from their parts: the store of
// jobs and keys, the queue, HTTP, the engine in a process of its own, metrics and
// traces.
package serving

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"time"
	"upscaled/cmd/upscaled/settings"
	"upscaled/engine"
	"upscaled/engine/film"
	"upscaled/engine/imagedata"
	"upscaled/models"
	"upscaled/models/fault"
	"upscaled/server"
	"upscaled/server/job"
	"upscaled/server/queue"
	"upscaled/server/scratch"
	"upscaled/server/webhook"
	"upscaled/server/worker"

	"golang.org/x/sync/errgroup"
)

// Program holds the parts of the program that a server or worker needs.
type Program struct {
	// Log receives log lines; Terminal reports whether a stream is a terminal.
	Log       io.Writer
	Terminal  func(any) bool
	LookupEnv func(string) (string, bool)
	// Version is shown to clients, Model is the operator's choice or "".
	Version, Model string
	// Store opens the store of models, once.
	Store func() (*models.Store, error)
	// Open opens an engine in this process.
	Open func(context.Context, imagedata.Limits) (film.Engine, error)
	// Process returns the command of the process that runs models, with Arguments;
	// nil runs them in this one.
	Process   func(arguments []string) *exec.Cmd
	Arguments func(settings.Engine) []string
	// StoreArguments are the settings of the store of models, for other commands.
	StoreArguments []string
	// OnClose registers a function to call when the program ends.
	OnClose func(func() error)
	// Usage marks an error as a mistake in the settings, IsUsage recognizes it.
	Usage   func(error) error
	IsUsage func(error) bool
	// Failpoint is called after every step of a job; nil except in crash tests.
	Failpoint func(step queue.Failpoint, id string)
}

// Serve runs a whole server: store, queue, HTTP and, unless noWorker, a worker.
// HTTP and worker end first, while the queue still reports to waiting calls.
func (p *Program) Serve(ctx context.Context, config server.Config, q settings.Queue, w settings.Work, o settings.Watch, noWorker bool) error {
	log := p.logger(w)
	if _, err := p.Store(); err != nil { // several goroutines use it from here on
		return err
	}
	connection, err := p.connect(q, log)
	if err != nil {
		return err
	}
	ready := &readiness{check: connection.Healthy}
	self := &system{program: p, ready: ready, worker: !noWorker}
	watched, err := p.watch(ctx, o, self, log)
	if err != nil {
		return err
	}
	defer watched.close()
	back, err := p.openBackend(ctx, connection, w, q.NATS != "", config.APIs.Quotas(), watched.jobEnded, log)
	if err != nil {
		return err
	}
	self.queue = back.queue
	watched.serve(ctx)
	secret, err := connection.Secret(ctx, "result-links")
	if err != nil {
		return err
	}
	hookSecret, err := connection.Secret(ctx, WebhookSecret)
	if err != nil {
		return err
	}
	config.TLS.Cache = filepath.Join(q.Folder(p.LookupEnv), "certificates")
	films := scratch.New()
	p.OnClose(films.Close)
	config.FFmpeg = w.Films.FFmpeg
	config.Version, config.APIs.Native.Retention = p.Version, w.Retention
	changed, err := p.models(noWorker, log)
	if err != nil {
		return err
	}
	web, err := server.New(ctx, config, server.Parts{
		Queue: back.queue, Auth: back.accounts, Keys: back.accounts, Fleet: back.queue, System: self, Models: changed, Secrets: [][]byte{secret}, WebhookSecret: hookSecret, Ready: ready.err,
		Decoders: runtime.GOMAXPROCS(0), Scratch: func() (*os.File, error) { return films.Create("upload-*") }, Faces: p.faceCheck(w, noWorker), Observers: watched.requests, Log: log, Now: time.Now,
	})
	if err != nil {
		return err
	}
	hooks := webhook.New(webhook.Options{
		Deliveries: back.queue, Bodies: web.WebhookBodies(), Secret: hookSecret, Rules: config.FetchRules(),
		Ended: watched.webhookEnded, Log: log, Now: time.Now,
	})
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
			group.Go(func() error { return p.work(ctx, back, w, log, self, watched) })
		}
		return group.Wait()
	})
}

// faceCheck returns a check that no face restorer is missing, for jobs that are
// submitted. It returns nil if the operator allows a substitute or other processes
// run the jobs: workers then check.
func (p *Program) faceCheck(w settings.Work, noWorker bool) func(context.Context) error {
	if noWorker || engine.FaceMissing(w.Faces.Missing) != engine.Refuse {
		return nil
	}
	name := w.Faces.Restorer
	if name == "auto" {
		name = ""
	}
	return func(ctx context.Context) error {
		store, err := p.Store()
		if err == nil {
			_, _, err = store.LoadRestorer(ctx, name)
		}
		return err
	}
}

// underQueue calls run while the queue runs, and ends the queue last.
func underQueue(ctx context.Context, back backend, run func(context.Context) error) error {
	queueContext, stopQueue := context.WithCancel(context.WithoutCancel(ctx))
	defer stopQueue()
	queue := make(chan error, 1)
	running, stopRunning := context.WithCancel(ctx)
	defer stopRunning()
	go func() {
		queue <- back.queue.Run(queueContext)
		stopRunning() // run depends on the queue
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
func (p *Program) work(ctx context.Context, back backend, w settings.Work, log *slog.Logger, self *system, watched *watched) error {
	defer p.attend(ctx, back.queue, self)()
	ready := self.ready
	opened, warm, err := p.openForJobs(ctx, w, log)
	if err != nil {
		return err
	}
	ready.engine.Store(&opened)
	started := time.Now()
	if err := warm(ctx); err != nil {
		return err
	}
	if !w.NoWarmUp {
		log.Info("warmed up", "seconds", time.Since(started).Seconds())
	}
	ready.set()
	o := worker.Options{
		Source: back.queue, Engine: opened, Lanes: map[job.Lane]int{job.Small: w.Small, job.Large: w.Large}, Grace: w.Grace, Log: log,
		Faces: w.Faces.Request(), Begins: watched.jobBegins,
	}
	if w.Parts > 0 {
		o.Films, err = worker.NewFilms(ctx, back.queue, w.Films.FFmpeg, w.Limits())
		if fault.KindOf(err) == fault.Unsupported {
			log.Info("films are left to other workers", "reason", err)
		} else if err != nil {
			return err
		} else {
			p.OnClose(o.Films.Close)
			o.Lanes[job.Films], o.Lanes[job.Parts] = filmSlots, w.Parts
		}
	}
	return worker.New(o).Run(ctx)
}

// filmSlots is how many films a worker splits and joins at once, which costs little.
const filmSlots = 4

var (
	errWarming    = errors.New("the model is loading")
	errRestarting = errors.New("the engine's process ended and is started again")
	errStopping   = errors.New("stopping")
)

// readiness reports whether jobs can run now.
type readiness struct {
	warm atomic.Bool
	// engine is the worker's engine, nil until it is open.
	engine atomic.Pointer[engine.Upscaler]
	check  func(context.Context) error
}

// set marks the worker as ready.
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

// Work runs jobs that a server accepted, until ctx ends.
func (p *Program) Work(ctx context.Context, q settings.Queue, w settings.Work, o settings.Watch) error {
	log := p.logger(w)
	connection, err := p.Join(q, log, false)
	if fault.KindOf(err) == fault.NotFound {
		return p.Usage(fmt.Errorf("no upscaled server is running on the data folder %s; start 'upscaled serve', or name an external queue with --nats", q.Folder(p.LookupEnv)))
	} else if err != nil {
		return err
	}
	ready := &readiness{check: connection.Healthy}
	self := &system{program: p, ready: ready, worker: true}
	watched, err := p.watch(ctx, o, self, log)
	if err != nil {
		return err
	}
	defer watched.close()
	back, err := p.openBackend(ctx, connection, w, true, nil, watched.jobEnded, log)
	if err != nil {
		return err
	}
	self.queue = back.queue
	watched.serve(ctx)
	return underQueue(ctx, back, func(ctx context.Context) error {
		return p.work(ctx, back, w, log, self, watched)
	})
}
