package queue

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"upscaled/models"
	"upscaled/models/fault"
	"upscaled/server/job"
	"upscaled/server/queue/record"
)

const (
	// passDelay is how long a job rests that a worker without its model hands on,
	// and passPause after passRound such deliveries: then the workers that have it
	// are busy.
	passDelay = 50 * time.Millisecond
	passPause = 500 * time.Millisecond
	passRound = 16
	// modelPatience is how long a job waits for a worker with its model to be
	// started.
	modelPatience = 30 * time.Second
)

// modelsOf returns the models that a job names.
func modelsOf(o job.Options) (names []string) {
	names = append(names, models.Names(o.Model)...)
	if o.Second != nil {
		names = append(names, models.Names(o.Second.Model)...)
	}
	if o.Face != nil && o.Face.Restorer != "auto" {
		names = append(names, o.Face.Restorer)
	}
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}

// lacks returns a model of a job that a worker neither has nor can download, or "".
func lacks(w job.Worker, o job.Options) string {
	for _, name := range modelsOf(o) {
		if !slices.ContainsFunc(w.Models, func(m job.Model) bool { return models.SameName(m.Name, name) }) {
			return name
		}
	}
	return ""
}

// lacks returns the model that this worker lacks; a worker that is not listed runs
// everything.
func (p *presence) lacks(o job.Options) string {
	if e := p.snapshot(); e.Name != "" {
		return lacks(e.Worker, o)
	}
	return ""
}

// passOn hands a job that this worker cannot run back to the others. The server
// delivers it to each of them in turn. If no worker has the model, one may yet be
// started; then the job fails.
func (s *leaser) passOn(ctx context.Context, r record.Job, model string, message jetstream.Msg) error {
	workers, err := s.presence.fleet.Recent(ctx)
	if err != nil {
		return err
	}
	metadata, err := message.Metadata()
	if err != nil {
		return fmt.Errorf("read message: %w", err)
	}
	able, known := false, false
	for _, w := range workers {
		if lacks(w, r.Options) == "" {
			known = true
			able = able || w.State == job.WorkerReady || w.State == job.WorkerStarting
		}
	}
	switch l := s.lifecycle; {
	case able && metadata.NumDelivered%passRound != 0:
		return message.NakWithDelay(passDelay)
	case able, known, l.options.Now().Sub(r.Created) < modelPatience:
		return message.NakWithDelay(passPause)
	default:
		l.options.Log.Warn("no worker has the model", "job", r.ID, "model", model)
		r.State = job.Failed
		r.Failure = &job.Failure{Kind: fault.ModelMissing, Message: fmt.Sprintf("No worker of this server has the model %q or can download it.", model)}
		if err := l.finish(ctx, r, false); err != nil {
			return err
		}
		return message.Ack()
	}
}
