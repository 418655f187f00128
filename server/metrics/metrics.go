// Package metrics exports Prometheus metrics. It counts requests, submissions, ended
// jobs and webhook calls; the state of queue and devices is read at every scrape, and
// nothing runs in between.
//
// Labels have few values whatever clients send: an API is a dialect's name or another
// value of server.RequestEnd.API; a model is one that made a result or is in the
// catalog, else "other"; keys and workers are the first or busiest hundred.
package metrics

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"upscaled/engine"
	"upscaled/server/job"
)

// Options configure a Metrics.
type Options struct {
	// Version is the program's.
	Version string
	// Models are the names that jobs may request; others are counted as
	// "other".
	Models []string
	// Depth returns the state of the queue and Devices the engine's devices; nil
	// means none. Like Restarts, both may be called concurrently.
	Depth   func() job.Depth
	Devices func() []engine.DeviceUse
	// Workers returns the workers of the queue; nil means none.
	Workers func() []job.Worker
	// Restarts returns how often the engine process was restarted; nil means
	// there is no such process.
	Restarts func() uint64
	Log      *slog.Logger
}

// Metrics counts in a registry of its own. Its methods may be called
// concurrently.
type Metrics struct {
	registry *prometheus.Registry
	models   map[string]bool
	log      *slog.Logger

	jobs, input, output, credits *prometheus.CounterVec
	requests, webhooks           *prometheus.CounterVec
	keyJobs, keySeconds          *prometheus.CounterVec
	keys                         names
	wait, run, requestTime       *prometheus.HistogramVec
}

// jobBuckets are in seconds: jobs take from milliseconds to an hour.
func jobBuckets() []float64 {
	return []float64{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 150, 300, 900, 3600}
}

// requestBuckets are in seconds: some requests wait for jobs, others do not.
func requestBuckets() []float64 {
	return []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300}
}

// New returns metrics that count from zero.
func New(o Options) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(), models: map[string]bool{}, log: o.Log,
		jobs:       counter("upscaled_jobs_total", "Finished jobs by outcome.", "api", "model", "outcome"),
		input:      counter("upscaled_input_pixels_total", "Input pixels of succeeded jobs.", "api", "model"),
		output:     counter("upscaled_output_pixels_total", "Result pixels of succeeded jobs.", "api", "model"),
		credits:    counter("upscaled_credits_charged_total", "Credits charged for accepted jobs; later refunds are not subtracted.", "api"),
		requests:   counter("upscaled_http_requests_total", "Handled requests; status 499 is a client that disconnected.", "api", "method", "status"),
		keyJobs:    counter("upscaled_key_jobs_total", "Finished jobs by key, of the first hundred; the rest are other.", "key", "outcome"),
		keySeconds: counter("upscaled_key_engine_seconds_total", "Engine time of succeeded jobs by key, of the first hundred.", "key"),
		webhooks:   counter("upscaled_webhooks_total", "Webhook calls by outcome: delivered, retried or given_up.", "outcome"),
		wait:       histogram("upscaled_job_wait_seconds", "Time from a job's acceptance to its first start.", jobBuckets(), "api", "model"),
		run:        histogram("upscaled_job_run_seconds", "Time from a job's first start to its end, including retries.", jobBuckets(), "api", "model", "outcome"),
		requestTime: histogram("upscaled_http_request_seconds",
			"Time from a request's header to the end of its response, including waiting for jobs and event streams.", requestBuckets(), "api"),
	}
	for _, name := range o.Models {
		m.models[name] = true
	}
	m.registry.MustRegister(m.jobs, m.input, m.output, m.credits, m.requests, m.webhooks, m.keyJobs, m.keySeconds, m.wait, m.run, m.requestTime,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	o.register(m.registry)
	return m
}

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

func histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
}

// Handler handles scrapes, at most two at a time and ten seconds each.
func (m *Metrics) Handler() http.Handler {
	const atOnce, limit = 2, 10 * time.Second
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(m.log.Handler(), slog.LevelWarn), MaxRequestsInFlight: atOnce, Timeout: limit,
	})
}
