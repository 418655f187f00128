package metrics

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"upscaled/server/job"
)

// mostNames bounds the workers and the keys that have series of their own; the rest
// are counted together as "other".
const mostNames = 100

// names are the label values that were seen first. A counter must not change its
// label, so that those that came later stay "other".
type names struct {
	mutex sync.Mutex
	known map[string]bool
}

func (n *names) label(name string) string {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	//guard:key-series TestManyKeysAndWorkers
	if !n.known[name] && len(n.known) >= mostNames {
		return other
	}
	if n.known == nil {
		n.known = map[string]bool{}
	}
	n.known[name] = true
	return name
}

// workerCollector reads the workers of the queue.
type workerCollector func() []job.Worker

// Describe implements prometheus.Collector, as deviceCollector's does.
func (workerCollector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector. The workers with most jobs come first.
func (workers workerCollector) Collect(out chan<- prometheus.Metric) {
	all := slices.Clone(workers())
	slices.SortStableFunc(all, func(a, b job.Worker) int { return cmp.Compare(b.Succeeded+b.Failed, a.Succeeded+a.Failed) })
	states := map[job.WorkerState]int{}
	total := map[string]job.Worker{}
	for n, w := range all {
		states[w.State]++
		name := w.Name
		//guard:worker-series TestManyKeysAndWorkers
		if n >= mostNames {
			name = other
		}
		sum := total[name]
		sum.Jobs, sum.Succeeded, sum.Failed = append(sum.Jobs, w.Jobs...), sum.Succeeded+w.Succeeded, sum.Failed+w.Failed
		if sum.Heartbeat.IsZero() || w.Heartbeat.Before(sum.Heartbeat) {
			sum.Heartbeat = w.Heartbeat
		}
		total[name] = sum
	}
	send := func(name, help string, kind prometheus.ValueType, value float64, labels ...string) {
		var keys, values []string
		for i := 0; i < len(labels); i += 2 {
			keys, values = append(keys, labels[i]), append(values, labels[i+1])
		}
		out <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, keys, nil), kind, value, values...)
	}
	for _, state := range []job.WorkerState{job.WorkerStarting, job.WorkerReady, job.WorkerDraining, job.WorkerDrained, job.WorkerLost} {
		send("upscaled_workers", "Workers of the queue by state.", prometheus.GaugeValue, float64(states[state]), "state", string(state))
	}
	for name, w := range total {
		send("upscaled_worker_jobs_running", "Jobs that a worker runs.", prometheus.GaugeValue, float64(len(w.Jobs)), "worker", name)
		send("upscaled_worker_heartbeat_age_seconds", "Time since a worker was last heard of.", prometheus.GaugeValue, max(0, time.Since(w.Heartbeat).Seconds()), "worker", name)
		for outcome, count := range map[job.State]int64{job.Succeeded: w.Succeeded, job.Failed: w.Failed} {
			send("upscaled_worker_jobs_total", "Jobs that a worker has ended since its start.", prometheus.CounterValue, float64(count), "worker", name, "outcome", string(outcome))
		}
	}
}
