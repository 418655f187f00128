package serving

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"upscaled/cmd/upscaled/settings"
	"upscaled/server"
	"upscaled/server/admin"
	"upscaled/server/job"
	"upscaled/server/metrics"
	"upscaled/server/trace"
	"upscaled/server/worker"
)

// watched holds metrics, traces and profiles of a process; disabled parts are nil.
type watched struct {
	tracer *trace.Tracer
	ports  []*admin.Port
	log    *slog.Logger
	// requests, jobEnded, webhookEnded and jobBegins are notified by the server, the
	// queue, the webhooks and the worker.
	requests     []server.Observer
	jobEnded     func(job.Job)
	webhookEnded func(outcome string)
	jobBegins    func(context.Context, job.Job) (context.Context, func(worker.End))
	// running counts the ports that are served; stop ends them.
	running sync.WaitGroup
	stop    context.CancelFunc
}

// watch sets up metrics, traces and profiles and opens their ports, so that a port
// in use is reported before work begins. Scrapes are answered between serve and
// close, which must be called before the engine is closed.
func (p *Program) watch(ctx context.Context, s settings.Watch, self *system, log *slog.Logger) (*watched, error) {
	w := &watched{log: log, stop: func() {}}
	if err := w.open(ctx, p, s, self); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *watched) open(ctx context.Context, p *Program, s settings.Watch, self *system) error {
	endpoint, err := trace.Endpoint(s.Traces, p.LookupEnv)
	if err != nil {
		return err
	}
	if endpoint != "" {
		options := trace.Options{URL: endpoint, Ratio: s.TraceRatio, Service: "upscaled", Version: p.Version, Log: w.log}
		if w.tracer, err = trace.New(ctx, options); err != nil {
			return err
		}
		w.requests, w.jobBegins = append(w.requests, w.tracer), w.tracer.JobBegins
	}
	if s.Metrics != "" {
		names, err := p.modelNames()
		if err != nil {
			return err
		}
		counted := metrics.New(metrics.Options{
			Version: p.Version, Models: names, Depth: self.depth, Devices: self.devices, Restarts: self.restarts, Workers: self.workers, Log: w.log,
		})
		w.requests, w.jobEnded, w.webhookEnded = append(w.requests, counted), counted.JobEnded, counted.WebhookEnded
		if err := w.listen("metrics-listen", s.Metrics, admin.Metrics(counted.Handler(), self.unready(ctx))); err != nil {
			return err
		}
	}
	if s.Profiles != "" {
		return w.listen("pprof.listen", s.Profiles, admin.Profiles())
	}
	return nil
}

// modelNames returns the names that jobs may use.
func (p *Program) modelNames() ([]string, error) {
	store, err := p.Store()
	if err != nil {
		return nil, err
	}
	var all []string
	for _, e := range store.List() {
		all = append(all, e.Name)
	}
	return all, nil
}

func (w *watched) listen(flag, address string, handler http.Handler) error {
	port, err := admin.Listen(address, flag, handler, w.log)
	if err != nil {
		return err
	}
	w.ports = append(w.ports, port)
	w.log.Info("watched", "setting", flag, "address", port.Address().String())
	return nil
}

// serve answers on the ports until close, even while the process stops.
func (w *watched) serve(ctx context.Context) {
	ctx, w.stop = context.WithCancel(context.WithoutCancel(ctx))
	for _, p := range w.ports {
		w.running.Go(func() {
			if err := p.Run(ctx); err != nil {
				w.log.Error("the port is no longer served", "address", p.Address().String(), "error", err)
			}
		})
	}
}

// flushLimit bounds the time to send the last traces.
const flushLimit = 5 * time.Second

// close ends the ports and sends the last traces.
func (w *watched) close() {
	w.stop()
	w.running.Wait()
	for _, p := range w.ports {
		_ = p.Close() // only ports that never ran are still open
	}
	if w.tracer == nil {
		return
	}
	ctx, stop := context.WithTimeout(context.Background(), flushLimit)
	defer stop()
	if err := w.tracer.Shutdown(ctx); err != nil {
		w.log.Warn("traces are lost", "error", err)
	}
}
