package metrics

import (
	"cmp"

	"github.com/prometheus/client_golang/prometheus"

	"upscaled/engine"
	"upscaled/server/job"
)

// collector reads the state of queue and devices at every scrape.
type collector struct {
	version  string
	depth    func() job.Depth
	devices  func() []engine.DeviceUse
	restarts func() uint64

	again, build, queued, running, busy, memory, free *prometheus.Desc
}

func newCollector(o Options) *collector {
	describe := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &collector{
		version: o.Version, depth: o.Depth, devices: o.Devices, restarts: o.Restarts,
		again:   describe("upscaled_engine_restarts_total", "How often the engine process was restarted."),
		build:   describe("upscaled_build_info", "1, with the program's version.", "version"),
		queued:  describe("upscaled_jobs_queued", "Queued jobs of all processes of the queue."),
		running: describe("upscaled_jobs_running", "Running jobs of all processes of the queue."),
		busy:    describe("upscaled_device_busy_seconds_total", "Time during which at least one tile ran on the device.", "device"),
		memory:  describe("upscaled_device_memory_bytes", "The device's memory.", "device"),
		free:    describe("upscaled_device_memory_free_bytes", "The device's free memory.", "device"),
	}
}

// Describe implements prometheus.Collector.
func (s *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{s.again, s.build, s.queued, s.running, s.busy, s.memory, s.free} {
		out <- d
	}
}

// Collect implements prometheus.Collector. It omits unknown memory.
func (s *collector) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	gauge(s.build, 1, s.version)
	if s.depth != nil {
		depth := s.depth()
		gauge(s.queued, float64(depth.Queued))
		gauge(s.running, float64(depth.Running))
	}
	if s.restarts != nil {
		out <- prometheus.MustNewConstMetric(s.again, prometheus.CounterValue, float64(s.restarts()))
	}
	if s.devices == nil {
		return
	}
	seen := map[string]bool{}
	for _, d := range s.devices() {
		name := deviceLabel(d.Device)
		if seen[name] {
			continue // duplicate names would fail the whole scrape
		}
		seen[name] = true
		out <- prometheus.MustNewConstMetric(s.busy, prometheus.CounterValue, d.Busy.Seconds(), name)
		if d.Memory > 0 {
			gauge(s.memory, float64(d.Memory), name)
			gauge(s.free, float64(d.Free), name)
		}
	}
}

// deviceLabel returns the name of --device, such as "cuda:0" or "cpu".
func deviceLabel(d engine.Device) string {
	if d.ID == "" {
		return cmp.Or(d.Kind, other)
	}
	return d.Kind + ":" + d.ID
}
