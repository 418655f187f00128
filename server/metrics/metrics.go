// Package metrics counts what a process does, for Prometheus. It implements
// the observers of server, jobs and webhook; the state of queue and devices is
// asked for at every scrape, and nothing runs in between.
//
// Labels have few values whatever clients send: an API is a dialect's name or
// one of server.RequestEnd's, a model is one that made a result or is in the
// catalogue, else "other".
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

// Options make a Metrics.
type Options struct {
	// Version is the program's.
	Version string
	// Models are the networks that a job may have asked for by name; others
	// are counted as "other".
	Models []string
	// Depth tells the queue's and Devices the engine's state; nil is none.
	// Like Restarts, both may be called concurrently.
	Depth   func() job.Depth
	Devices func() []engine.DeviceUse
	// Restarts tells how often the engine's process was started again; nil is
	// no such process.
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
	wait, run, requestTime       *prometheus.HistogramVec
}

// jobBuckets are seconds: jobs take from milliseconds to an hour.
func jobBuckets() []float64 {
	return []float64{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 150, 300, 900, 3600}
}

// requestBuckets are seconds: requests wait for jobs or are answered at once.
func requestBuckets() []float64 {
	return []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300}
}

// New makes metrics that count from zero.
func New(o Options) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(), models: map[string]bool{}, log: o.Log,
		jobs:     counter("upscaled_jobs_total", "Jobs that reached their end, by how.", "api", "model", "outcome"),
		input:    counter("upscaled_input_pixels_total", "Pixels of the pictures of succeeded jobs.", "api", "model"),
		output:   counter("upscaled_output_pixels_total", "Pixels of the results of succeeded jobs.", "api", "model"),
		credits:  counter("upscaled_credits_charged_total", "Credits taken for accepted jobs; those that are given back later are not subtracted.", "api"),
		requests: counter("upscaled_http_requests_total", "Requests that were answered; status 499 is a client that left.", "api", "method", "status"),
		webhooks: counter("upscaled_webhooks_total", "Calls of webhooks by outcome: delivered, retried or given_up.", "outcome"),
		wait:     histogram("upscaled_job_wait_seconds", "Time from a job's acceptance to its first start.", jobBuckets(), "api", "model"),
		run:      histogram("upscaled_job_run_seconds", "Time from a job's first start to its end, further tries included.", jobBuckets(), "api", "model", "outcome"),
		requestTime: histogram("upscaled_http_request_seconds",
			"Time from a request's header to the end of its answer, waiting for jobs and streams of events included.", requestBuckets(), "api"),
	}
	for _, name := range o.Models {
		m.models[name] = true
	}
	m.registry.MustRegister(m.jobs, m.input, m.output, m.credits, m.requests, m.webhooks, m.wait, m.run, m.requestTime,
		newCollector(o), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

func histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
}

// Handler answers scrapes, two at a time and within ten seconds each.
func (m *Metrics) Handler() http.Handler {
	const atOnce, limit = 2, 10 * time.Second
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(m.log.Handler(), slog.LevelWarn), MaxRequestsInFlight: atOnce, Timeout: limit,
	})
}
