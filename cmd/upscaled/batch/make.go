package batch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"upscaled/engine"
	"upscaled/models/fault"
)

// make reads, upscales and publishes one image. A panic of a decoder or of the
// engine becomes an error of this image.
func (r *runner) make(ctx context.Context, index int, job Job) (outcome Outcome) {
	outcome.Job = job
	defer func() {
		if cause := recover(); cause != nil {
			outcome.Err = fault.Wrap(fault.Internal, fmt.Errorf("panic: %v\n%s", cause, debug.Stack()),
				"A defect in upscaled stopped this image; please report it.")
		}
	}()
	if job.Output != "" && r.keepExisting(job.Output, &outcome) {
		return outcome
	}
	data, err := job.Input.read()
	if err != nil {
		outcome.Err = err
		return outcome
	}
	request := r.Request
	request.Input, request.Page, request.Format = data, job.Input.Page, job.Format
	request.Progress = func(p engine.Progress) {
		r.notify(func(o Observer) { o.Progressed(index, p) })
	}
	if job.Output == "" {
		if outcome.Job.Output, err = r.lateName(ctx, job, request); err != nil {
			outcome.Err = err
			return outcome
		}
		if r.keepExisting(outcome.Job.Output, &outcome) {
			return outcome
		}
	}
	if outcome.Job.Output == Standard {
		outcome.Result, outcome.Err = r.toStandard(ctx, request)
	} else {
		outcome.Result, outcome.Err = r.toFile(ctx, request, outcome.Job.Output)
	}
	if r.KeepTimes && outcome.Err == nil && outcome.Job.Output != Standard && job.Input.data == nil {
		outcome.Err = keepTime(job.Input.Path, outcome.Job.Output)
	}
	return outcome
}

// keepTime sets an output's modification time to its input's.
func keepTime(input, output string) error {
	info, err := os.Stat(input)
	if err != nil {
		return unreadable(err)
	}
	if err := os.Chtimes(output, time.Time{}, info.ModTime()); err != nil {
		return unwritable(err)
	}
	return nil
}

// keepExisting reports whether an output exists and must stay; the outcome then
// holds the result of the job.
func (o Options) keepExisting(output string, outcome *Outcome) bool {
	if output == Standard || o.Overwrite {
		return false
	}
	_, err := os.Lstat(output)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return false
	case err != nil:
		outcome.Err = unwritable(err)
	case o.SkipExisting:
		outcome.Status = Skipped
	default:
		outcome.Err = exists(output)
	}
	return true
}

// lateName returns an output's name that depends on the model or the size.
func (r *runner) lateName(ctx context.Context, job Job, request engine.Request) (string, error) {
	described, err := r.Engine.Describe(ctx, request)
	if err != nil {
		return "", err
	}
	path, err := job.naming.Path(job.Input, described)
	if err == nil {
		r.mu.Lock()
		err = r.owners.claim(path, job.Input.Path)
		r.mu.Unlock()
	}
	if err != nil {
		return "", fault.New(fault.Invalid, "%s.", err)
	}
	return path, nil
}

func (r *runner) toFile(ctx context.Context, request engine.Request, output string) (engine.Result, error) {
	file, err := r.Temporaries.Create(filepath.Dir(output))
	if err != nil {
		return engine.Result{}, err
	}
	defer r.Temporaries.Discard(file)
	request.Output = &sink{file: file}
	result, err := r.Engine.Upscale(ctx, request)
	if err != nil {
		return result, err
	}
	if err := ctx.Err(); err != nil {
		return result, fault.Wrap(fault.Canceled, err, "The operation was canceled.")
	}
	return result, r.Temporaries.Publish(file, output, r.Overwrite)
}

// toStandard writes a temporary file first, so that a failure leaves no partial
// image on standard output.
func (r *runner) toStandard(ctx context.Context, request engine.Request) (engine.Result, error) {
	file, err := r.Temporaries.Create(os.TempDir())
	if err != nil {
		return engine.Result{}, err
	}
	defer r.Temporaries.Discard(file)
	request.Output = &sink{file: file}
	result, err := r.Engine.Upscale(ctx, request)
	if err != nil {
		return result, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return result, unwritable(err)
	}
	if _, err := io.Copy(r.Stdout, file); err != nil {
		return result, unwritable(err)
	}
	return result, nil
}

// sink is an output file with errors for users. It can seek because some encoders
// write their header last.
type sink struct{ file *os.File }

func (s *sink) Write(p []byte) (int, error) {
	n, err := s.file.Write(p)
	if err != nil {
		err = unwritable(err)
	}
	return n, err
}

func (s *sink) Seek(offset int64, whence int) (int64, error) {
	position, err := s.file.Seek(offset, whence)
	if err != nil {
		err = unwritable(err)
	}
	return position, err
}
