package serving

import (
	"context"
	"os"
	"slices"
	"sync"
	"time"

	"upscaled/models"
	"upscaled/server/job"
	"upscaled/server/queue"
)

// attend lists this process among the workers until the returned function is
// called. Once ctx has ended it takes no more jobs, and is shown as draining.
func (p *Program) attend(ctx context.Context, q *queue.Queue, self *system) (leave func()) {
	host, _ := os.Hostname() // "" gets a name too
	started := time.Now().UTC()
	stopDrain := context.AfterFunc(ctx, func() { q.SetDraining(true) })
	stopSignals := drainOnSignal(q.SetDraining)
	attending, stop := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	running.Go(func() {
		q.Attend(attending, host, func(w *job.Worker) {
			w.Version, w.Started, w.Ready = p.Version, started, self.ready.warm.Load()
			w.Devices, w.Models = self.deviceNames(), self.workerModels()
		})
	})
	return func() {
		stopSignals()
		stopDrain()
		stop()
		running.Wait()
	}
}

// workers returns the workers for the metrics, none while the store does not answer.
func (s *system) workers() []job.Worker {
	const limit = 2 * time.Second
	ctx, stop := context.WithTimeout(context.Background(), limit)
	defer stop()
	all, _ := s.queue.Recent(ctx) // the queue logs its outages
	return all
}

func (s *system) deviceNames() []string {
	names := []string{}
	for _, d := range s.devices() {
		name := d.Kind
		if d.ID != "" {
			name += ":" + d.ID
		}
		if d.Name != "" {
			name += " " + d.Name
		}
		names = append(names, name)
	}
	return names
}

// workerModels returns the models that jobs on this worker may name: those that are
// installed and, unless the program is offline, those that it can download.
func (s *system) workerModels() []job.Model {
	store, err := s.program.Store()
	if err != nil {
		return []job.Model{}
	}
	return slices.DeleteFunc(listModels(store), func(m job.Model) bool { return !m.Installed && store.Offline() })
}

// listModels returns the models of a store that jobs may name, installed or not.
func listModels(store *models.Store) []job.Model {
	all := []job.Model{}
	for _, e := range store.List() {
		if e.Kind != models.Upscale && !e.RestoresFaces {
			continue
		}
		m := job.Model{
			Name: e.Name, Summary: e.Description, Scale: e.Scale, Installed: e.Installed,
			Denoise: e.Denoise, Licence: e.Licence, Origin: e.Origin, Faces: e.RestoresFaces,
			Author: e.Author, Source: e.Source, Tags: append([]string{}, e.Tags...), NonCommercial: e.NonCommercial,
			Tiles: string(e.Tiles), Radius: e.Radius,
			Title: e.Title, VariantOf: e.VariantOf, Bytes: e.Size, Imported: e.Imported, Notice: e.Notice,
		}
		if m.Faces {
			m.Scale = 0
		}
		all = append(all, m)
	}
	return all
}

// fleetModels adds the models of other workers to those of this process. While the
// store does not answer there are none.
func (s *system) fleetModels(ctx context.Context, all []job.Model) []job.Model {
	workers, err := s.queue.Recent(ctx)
	if err != nil {
		return all
	}
	own := s.queue.WorkerName() // whose heartbeat may be older than the store of models
	for _, w := range workers {
		if w.Name == own {
			continue
		}
		for _, m := range w.Models {
			at := slices.IndexFunc(all, func(known job.Model) bool { return models.SameName(known.Name, m.Name) })
			if at < 0 {
				all = append(all, m)
			} else {
				all[at].Installed = all[at].Installed || m.Installed
			}
		}
	}
	return all
}
