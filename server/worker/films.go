package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"time"

	"upscaled/engine"
	"upscaled/engine/film"
	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/server/job"
	"upscaled/server/scratch"
)

// A film is a job whose worker splits it into parts. Each part is a job of its own,
// whose input is a film.Part, for whichever worker takes it. The film's worker waits for
// them and joins the results. If that worker dies, the next one finds the parts that
// were made: their IDs follow from the film's.

// Films upscales films.
type Films struct {
	queue  job.Queue
	tools  film.Tools
	ffmpeg string
	limits imagedata.Limits
	copies *copies
}

// NewFilms returns Films on the queue that the worker takes jobs from; ffmpeg is an
// argument of film.Find. The caller closes it after the worker has ended.
func NewFilms(ctx context.Context, queue job.Queue, ffmpeg string, limits imagedata.Limits) (*Films, error) {
	tools, err := film.Find(ctx, ffmpeg)
	if err != nil {
		return nil, err
	}
	return &Films{queue, tools, ffmpeg, limits, &copies{folder: scratch.New(), films: map[string]*localFilm{}}}, nil
}

// Close removes temporary files.
func (f *Films) Close() error { return f.copies.folder.Close() }

// FilmOptionsOf returns the options of a film, without those of the process.
func FilmOptionsOf(o job.Options) film.Options {
	seconds := func(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
	c := film.Coding{Codec: o.Film.Codec, Preset: o.Film.Preset, Quality: -1}
	if o.Film.Quality != nil {
		c.Quality = *o.Film.Quality
	}
	request := engine.Request{Model: o.Model, Denoise: o.Denoise, Quality: o.Quality, Lossless: o.Lossless}
	return film.Options{Output: "film." + o.Format, Request: request, Coding: c, From: seconds(o.Film.From), To: seconds(o.Film.To)}
}

// part upscales a part of a film.
func (w *Worker) part(ctx context.Context, lease job.Lease, to io.Writer) (engine.Result, error) {
	f, j := w.options.Films, lease.Job()
	input, err := lease.Input(ctx)
	if err != nil {
		return engine.Result{}, fmt.Errorf("read part: %w", err)
	}
	o := FilmOptionsOf(j.Options)
	task := film.Task{Coding: o.Coding, Output: o.Output, FFmpeg: f.ffmpeg, From: o.From, To: o.To}
	if err := json.Unmarshal(input, &task.Part); err != nil {
		return engine.Result{}, fmt.Errorf("read part: %w", err)
	}
	path, release, err := f.copies.open(ctx, j.Film, lease.OpenFilm)
	if err != nil {
		return engine.Result{}, err
	}
	defer release()
	task.Path = path
	request := RequestOf(j.Options, w.options.Faces)
	request.Format, request.Output, request.Progress = "", to, progress(lease)
	if request.Film, err = json.Marshal(task); err != nil {
		return engine.Result{}, fmt.Errorf("describe part: %w", err)
	}
	return w.options.Engine.Upscale(ctx, request)
}

// film upscales a film into a temporary file.
func (w *Worker) film(ctx context.Context, lease job.Lease) (*os.File, job.Result, error) {
	f, j := w.options.Films, lease.Job()
	path, release, err := f.copies.open(ctx, j.ID, lease.OpenFilm)
	if err != nil {
		return nil, job.Result{}, err
	}
	defer release()
	o := FilmOptionsOf(j.Options)
	o.Tools, o.Limits, o.Input = f.tools, f.limits, path
	parts, split, err := film.Split(ctx, o)
	if err != nil {
		return nil, job.Result{}, err
	}
	//guard:film-frames TestFilmsAreWhatTheySay
	if most := j.Options.Film.Frames; int64(split.Input.Frames) > most {
		return nil, job.Result{}, fault.New(fault.Invalid, "The film has more than the %d frames that its header states.", most)
	}
	made, err := f.await(ctx, lease, parts)
	if err != nil {
		return nil, job.Result{}, err
	}
	out, err := f.copies.folder.Create("joined-*")
	if err != nil {
		return nil, job.Result{}, err
	}
	open := func(i int) (io.ReadCloser, error) {
		content, _, err := f.queue.Open(ctx, partID(j.ID, i))
		return content, err
	}
	joined, err := film.Join(ctx, o, parts[0].Start, len(parts), open, out.Name())
	if err != nil {
		return nil, job.Result{}, errors.Join(err, out.Close(), os.Remove(out.Name()))
	}
	if note := j.Options.Film.Note; note != "" {
		split.Notes = append([]string{note}, split.Notes...)
	}
	return out, sum(made, j.Options.Format, split, joined.Notes), nil
}

// sum returns the result of a film from its parts' results.
func sum(parts []job.Result, format string, split engine.Result, notes []string) job.Result {
	whole := parts[0]
	whole.Format, whole.InputWidth, whole.InputHeight, whole.Seconds, whole.Frames, whole.Computed = format, split.Input.Width, split.Input.Height, 0, 0, 0
	for _, p := range parts {
		whole.Seconds += p.Seconds
		whole.Frames += p.Frames
		whole.Computed += p.Computed
	}
	all := slices.Concat(split.Notes, parts[0].Notes, notes)
	whole.Notes = nil
	for i, note := range all {
		if !slices.Contains(all[:i], note) {
			whole.Notes = append(whole.Notes, note)
		}
	}
	if whole.Computed < whole.Frames {
		whole.Notes = append(whole.Notes, film.NoteEqual(int64(whole.Frames), int64(whole.Computed)))
	}
	return whole
}

func partID(film string, index int) string { return film + "-" + strconv.Itoa(index) }

// openParts is how many parts of a film wait or run at once: enough for several workers,
// and few enough for the queue.
const openParts = 32

// await submits the parts of a film that are missing and returns the results of all.
func (f *Films) await(ctx context.Context, lease job.Lease, parts []film.Part) ([]job.Result, error) {
	const interval = time.Second // between two looks at progress
	results := make([]job.Result, len(parts))
	all, done := frames(parts), 0
	var open []int
	for next := 0; next < len(parts) || len(open) > 0; {
		for ; next < len(parts) && len(open) < openParts; next++ {
			if err := f.submit(ctx, lease.Job(), parts[next]); fault.KindOf(err) == fault.Busy && len(open) > 0 {
				break // there is room when another part has ended
			} else if err != nil {
				return nil, err
			}
			open = append(open, next)
		}
		running := 0.0
		for _, i := range slices.Clone(open) {
			p, err := f.queue.Get(ctx, partID(lease.Job().ID, i))
			switch {
			case err != nil:
				return nil, err
			case p.State == job.Succeeded:
				results[i] = *p.Result
				done += len(parts[i].Frames)
				open = slices.DeleteFunc(open, func(other int) bool { return other == i })
			case p.State == job.Failed:
				return nil, fault.New(p.Failure.Kind, "%s", p.Failure.Message)
			case p.State == job.Canceled:
				return nil, fault.Wrap(fault.Canceled, job.ErrLost, "The operation was canceled.")
			default:
				running += p.Progress * float64(len(parts[i].Frames))
			}
		}
		lease.Progress((float64(done) + running) / float64(all))
		if len(open) > 0 {
			soon, stop := context.WithTimeout(ctx, interval)
			_, _ = f.queue.Wait(soon, partID(lease.Job().ID, open[0])) // the next look shows why it returned
			stop()
		}
		if err := ctx.Err(); err != nil {
			return nil, fault.Wrap(fault.Canceled, err, "The operation was canceled.")
		}
	}
	return results, nil
}

func frames(parts []film.Part) (all int) {
	for _, p := range parts {
		all += len(p.Frames)
	}
	return all
}

// submit submits a part unless there is one, which another worker submitted before. Those
// that failed before an operator let the film run again are replaced.
func (f *Films) submit(ctx context.Context, j job.Job, p film.Part) error {
	text, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("describe part: %w", err)
	}
	id := partID(j.ID, p.Index)
	known, err := f.queue.Get(ctx, id)
	switch {
	case err == nil && known.State != job.Failed && known.State != job.Canceled, err == nil && !known.Created.Before(j.Started):
		return nil
	case err == nil:
		err = f.queue.Delete(ctx, id)
	}
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return err
	}
	_, err = f.queue.Submit(ctx, job.Spec{ID: id, API: j.API, Film: j.ID, Options: j.Options, Trace: j.Trace}, text)
	if fault.KindOf(err) == fault.Conflict {
		return nil
	}
	return err
}
