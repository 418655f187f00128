package batch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"time"

	"upscaled/engine"
	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/decode"
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
	if job.naming.Film(job.Input) {
		r.makeFilm(ctx, index, &outcome)
		return outcome
	}
	before, _ := os.Stat(job.Input.Path) // nil for standard input
	data, err := job.Input.read()
	if err == nil && job.naming.kind == inPlace {
		err = replaceable(data, job)
	}
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
	outcome.Result, outcome.Err = r.write(ctx, request, outcome.Job, before)
	if r.DryRun && outcome.Err == nil {
		outcome.Status = Planned
	}
	return outcome
}

// write makes an output, or describes it. input describes the input's file.
func (r *runner) write(ctx context.Context, request engine.Request, job Job, input fs.FileInfo) (result engine.Result, err error) {
	describe, upscale := r.Engine.Describe, r.Engine.Upscale
	if job.paged() {
		describe, upscale = pagewise(describe), pagewise(upscale)
	}
	switch {
	case r.DryRun:
		return describe(ctx, request)
	case job.Output == Standard:
		return r.toStandard(ctx, request, upscale)
	case job.naming.kind == inPlace:
		result, err = r.toFile(ctx, request, upscale, job.Output, input)
	default:
		result, err = r.toFile(ctx, request, upscale, job.Output, nil)
	}
	if r.KeepTimes && err == nil && job.Input.data == nil && input != nil {
		if err = os.Chtimes(job.Output, time.Time{}, input.ModTime()); err != nil {
			err = unwritable(err)
		}
	}
	return result, err
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
	return r.lateNamed(job, described)
}

// lateNamed claims the name of an output once it is described.
func (r *runner) lateNamed(job Job, described engine.Result) (string, error) {
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

// replaceable reports why an input must not be replaced: only one page of several
// would be left.
func replaceable(data []byte, job Job) error {
	if job.Format != imagedata.TIFF {
		return nil
	}
	//guard:replaced-pages TestReplaceKeepsPages
	if pages := decode.Pages(data); pages > 1 && !job.paged() {
		return fault.New(fault.Unsupported, "The file has %d pages and would be replaced by one; add --pages all.", pages)
	}
	return nil
}

// toFile makes an output. original describes the file that it replaces, or is nil.
func (r *runner) toFile(ctx context.Context, request engine.Request, upscale step, output string, original fs.FileInfo) (engine.Result, error) {
	return r.toTemporary(ctx, request, upscale, filepath.Dir(output), func(file *os.File) error {
		if err := ctx.Err(); err != nil {
			return fault.Wrap(fault.Canceled, err, "The operation was canceled.")
		}
		if original != nil {
			if err := succeed(file, original, output); err != nil {
				return err
			}
		}
		return r.Temporaries.Publish(file, output, r.Overwrite || original != nil)
	})
}

// toTemporary writes an output to a temporary file, which finish moves or copies.
func (r *runner) toTemporary(ctx context.Context, request engine.Request, upscale step, folder string, finish func(*os.File) error) (engine.Result, error) {
	file, err := r.Temporaries.Create(folder)
	if err != nil {
		return engine.Result{}, err
	}
	defer r.Temporaries.Discard(file)
	request.Output = &sink{file: file}
	result, err := upscale(ctx, request)
	if err == nil {
		err = finish(file)
	}
	return result, err
}

// succeed prepares a file to replace an original, which must not have changed since
// it was read.
func succeed(file *os.File, original fs.FileInfo, path string) error {
	now, err := os.Stat(path)
	//guard:changed-original TestReplaceKeepsWhatChanged
	if err != nil || now.Size() != original.Size() || !now.ModTime().Equal(original.ModTime()) {
		return fault.New(fault.Invalid, "The file changed while it was upscaled, so it was not replaced.")
	}
	if err := file.Chmod(original.Mode().Perm()); err != nil && runtime.GOOS != "windows" {
		return unwritable(err)
	}
	return nil
}

// toStandard writes a temporary file first, so that a failure leaves no partial
// image on standard output.
func (r *runner) toStandard(ctx context.Context, request engine.Request, upscale step) (engine.Result, error) {
	return r.toTemporary(ctx, request, upscale, os.TempDir(), func(file *os.File) error {
		_, err := file.Seek(0, io.SeekStart)
		if err == nil {
			_, err = io.Copy(r.Stdout, file)
		}
		if err != nil {
			return unwritable(err)
		}
		return nil
	})
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
