package serving

import (
	"cmp"
	"context"

	"upscaled/engine"
	"upscaled/models"
	"upscaled/models/network"
	"upscaled/server/dialect/native"
	"upscaled/server/job"
	"upscaled/server/queue"
)

// system reports the state of this process to the native API and the metrics. It
// is safe for concurrent use once the store of models is open.
type system struct {
	program *Program
	queue   *queue.Queue
	ready   *readiness
	// worker is set if this process runs jobs.
	worker bool
}

// Status implements native.System.
func (s *system) Status(ctx context.Context) (native.Status, error) {
	depth := s.queue.Depth()
	status := native.Status{
		Version: s.program.Version, Ready: s.ready.err(ctx) == nil, Queued: depth.Queued, Running: depth.Running,
	}
	if !s.worker {
		return status, nil
	}
	store, err := s.program.Store()
	if err != nil {
		return status, err
	}
	status.DefaultModel = s.defaultModel(store)
	if status.FaceRestorer.Name = store.BestRestorer(); status.FaceRestorer.Name == "" {
		status.FaceRestorer = native.FaceRestorer{Name: engine.Refiner, Refined: true}
	}
	return status, nil
}

// defaultModel returns the model of jobs that name none.
func (s *system) defaultModel(store *models.Store) string {
	if name := s.program.Model; name != "" {
		return store.CanonicalName(name)
	}
	kind := "cpu"
	if devices := s.devices(); len(devices) > 0 {
		kind = devices[0].Kind
	}
	return store.Default(kind)
}

// Models implements native.System. It lists the models of all workers.
func (s *system) Models(ctx context.Context) ([]native.Model, error) {
	var listed []job.Model
	preset := ""
	if s.worker {
		store, err := s.program.Store()
		if err != nil {
			return nil, err
		}
		listed, preset = listModels(store), s.defaultModel(store)
	}
	var all []native.Model
	for _, m := range s.fleetModels(ctx, listed) {
		all = append(all, native.Model{Model: m, Default: m.Name == preset})
	}
	return all, nil
}

// Devices implements native.System.
func (s *system) Devices(context.Context) ([]native.Device, error) {
	var all []native.Device
	for _, d := range s.devices() {
		precision := cmp.Or(map[network.Precision]string{network.Float16: "fp16", network.BFloat16: "bf16"}[d.Precision], "fp32")
		all = append(all, native.Device{Kind: d.Kind, Name: d.Name, MemoryBytes: d.Memory, FreeBytes: d.Free, Precision: precision})
	}
	return all, nil
}

// devices returns the engine's devices, nil before it is open.
func (s *system) devices() []engine.DeviceUse {
	if opened := s.ready.engine.Load(); opened != nil {
		return engine.DevicesOf(*opened)
	}
	return nil
}

// restarts returns how often the engine's process was restarted.
func (s *system) restarts() uint64 {
	if opened := s.ready.engine.Load(); opened != nil {
		if counter, ok := (*opened).(interface{ Restarts() uint64 }); ok {
			return counter.Restarts()
		}
	}
	return 0
}

// depth returns the queue's depth.
func (s *system) depth() job.Depth { return s.queue.Depth() }

// unready returns a function that reports why no job can run now; none can after
// ctx has ended.
func (s *system) unready(ctx context.Context) func(context.Context) error {
	return func(asking context.Context) error {
		if ctx.Err() != nil {
			return errStopping
		}
		return s.ready.err(asking)
	}
}

// WebhookSecret is the secret's name in the store; all processes sign webhooks
// with it.
const WebhookSecret = "webhooks"
