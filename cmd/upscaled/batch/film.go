package batch

import (
	"context"
	"os"
	"time"

	"upscaled/engine"
	"upscaled/engine/film"
	"upscaled/models/fault"
)

// makeFilm upscales one film. An interrupted one leaves a folder beside its output,
// from which a later run goes on.
func (r *runner) makeFilm(ctx context.Context, index int, outcome *Outcome) {
	job := outcome.Job
	switch {
	case job.Input.data != nil, job.Output == Standard:
		outcome.Err = fault.New(fault.Unsupported, "A film is read from a file and written to one; name both.")
		return
	case job.naming.kind == inPlace:
		outcome.Err = fault.New(fault.Unsupported, "A film is not replaced by its output; name another one with --out.")
		return
	}
	o := r.Films
	if o.Tools, outcome.Err = film.Find(ctx, r.FFmpeg); outcome.Err != nil {
		return
	}
	o.Engine, o.Request, o.Input = r.Engine, r.Request, job.Input.Path
	o.Request.Progress = func(p engine.Progress) {
		r.notify(func(observer Observer) { observer.Progressed(index, p) })
	}
	if job.Output == "" {
		if job.Output, outcome.Err = r.lateFilmName(ctx, job, o); outcome.Err != nil || r.keepExisting(job.Output, outcome) {
			outcome.Job = job
			return
		}
		outcome.Job = job
	}
	o.Output = job.Output
	if r.DryRun {
		if outcome.Result, outcome.Err = film.Describe(ctx, o); outcome.Err == nil {
			outcome.Status = Planned
		}
		return
	}
	before, _ := os.Stat(job.Input.Path)
	o.Publish = func(path string) error {
		file, err := os.Open(path)
		if err != nil {
			return unwritable(err)
		}
		return r.Temporaries.Publish(file, job.Output, r.Overwrite)
	}
	if outcome.Result, outcome.Err = film.Upscale(ctx, o); outcome.Err == nil && r.KeepTimes && before != nil {
		outcome.Err = os.Chtimes(job.Output, time.Time{}, before.ModTime())
	}
}

// lateFilmName returns a film's name that depends on the model or the size.
func (r *runner) lateFilmName(ctx context.Context, job Job, o film.Options) (string, error) {
	path, err := job.naming.Path(job.Input, engine.Result{})
	if err != nil {
		return "", fault.New(fault.Invalid, "%s.", err)
	}
	o.Output = path // for its extension
	described, err := film.Describe(ctx, o)
	if err != nil {
		return "", err
	}
	return r.lateNamed(job, described)
}
