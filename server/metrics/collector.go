package metrics

import (
	"cmp"

	"github.com/prometheus/client_golang/prometheus"

	"upscaled/engine"
)

// register adds the metrics that are read at every scrape.
func (o Options) register(registry *prometheus.Registry) {
	gauge := func(name, help string, labels prometheus.Labels, value func() float64) {
		registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}, value))
	}
	gauge("upscaled_build_info", "1, with the program's version.", prometheus.Labels{"version": o.Version}, func() float64 { return 1 })
	if o.Depth != nil {
		gauge("upscaled_jobs_queued", "Queued jobs of all processes of the queue.", nil, func() float64 { return float64(o.Depth().Queued) })
		gauge("upscaled_jobs_running", "Running jobs of all processes of the queue.", nil, func() float64 { return float64(o.Depth().Running) })
	}
	if o.Restarts != nil {
		registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "upscaled_engine_restarts_total", Help: "How often the engine process was restarted.",
		}, func() float64 { return float64(o.Restarts()) }))
	}
	if o.Workers != nil {
		registry.MustRegister(workerCollector(o.Workers))
	}
	if o.Devices != nil {
		registry.MustRegister(deviceCollector(o.Devices))
	}
}

// deviceCollector reads the devices, whose number is not known before.
type deviceCollector func() []engine.DeviceUse

// Describe implements prometheus.Collector. Without descriptions the registry
// accepts whatever Collect sends.
func (deviceCollector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector. It omits unknown memory.
func (devices deviceCollector) Collect(out chan<- prometheus.Metric) {
	labels := []string{"device"}
	busy := prometheus.NewDesc("upscaled_device_busy_seconds_total", "Time during which at least one tile ran on the device.", labels, nil)
	memory := prometheus.NewDesc("upscaled_device_memory_bytes", "The device's memory.", labels, nil)
	free := prometheus.NewDesc("upscaled_device_memory_free_bytes", "The device's free memory.", labels, nil)
	lost := prometheus.NewDesc("upscaled_device_lost", "1 once the device has stopped working while others go on.", labels, nil)
	seen := map[string]bool{}
	for _, d := range devices() {
		name := deviceLabel(d.Device)
		if seen[name] {
			continue // duplicate names would fail the whole scrape
		}
		seen[name] = true
		out <- prometheus.MustNewConstMetric(busy, prometheus.CounterValue, d.Busy.Seconds(), name)
		gone := 0.0
		if d.Lost {
			gone = 1
		}
		out <- prometheus.MustNewConstMetric(lost, prometheus.GaugeValue, gone, name)
		if d.Memory > 0 {
			out <- prometheus.MustNewConstMetric(memory, prometheus.GaugeValue, float64(d.Memory), name)
			out <- prometheus.MustNewConstMetric(free, prometheus.GaugeValue, float64(d.Free), name)
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
