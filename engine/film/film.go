package film

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"upscaled/engine"
	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/encode"
	"upscaled/models/fault"
)

// Engine upscales frames. *upscaler.Upscaler implements it.
type Engine interface {
	engine.Upscaler
	Describe(context.Context, engine.Request) (engine.Result, error)
}

// Options say what to make of a film.
type Options struct {
	Tools  Tools
	Engine Engine
	// Input is the path of the film; Output is the upscaled film's, whose extension
	// chooses the container.
	Input, Output string
	// Request holds what is made of every frame. Its fields for files are ignored; its
	// model is Model unless it names one.
	Request engine.Request
	// Limits bound a frame.
	Limits imagedata.Limits
	Coding
	// From and To cut the film; To 0 is its end.
	From, To time.Duration
	// RefuseInterlaced refuses interlaced films in place of deinterlacing them.
	RefuseInterlaced bool
	// Chunk is the number of frames of a chunk; 0 is the usual one.
	Chunk int
	// Publish moves the finished film from a path to Output.
	Publish func(path string) error
}

// usualChunk is the number of frames of a chunk: a few seconds, so that key frames,
// which chunks begin with, are as far apart as usual.
const usualChunk = 96

// run is one call of Upscale.
type run struct {
	Options
	film          *Film
	to            container
	encoding      encoding
	work          *work
	width, height int    // of the output
	from, end     int64  // in units of film.Base, or noTime
	resumed       int64  // frames of an earlier run
	next          int    // index of the next chunk
	start         int64  // time of the film's first frame, or noTime
	until         int64  // time of the frame after the last chunk, if it is known, or noTime
	converted     string // path of a temporary copy of the film, or ""
	result        engine.Result
}

func newRun(o Options) *run { return &run{Options: o, start: noTime, until: noTime} }

// Upscale upscales a film. Chunks that an earlier call with the same options has
// finished are not computed again.
func Upscale(ctx context.Context, o Options) (engine.Result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	started := time.Now()
	r := newRun(o)
	defer r.close()
	if err := r.prepare(ctx); err != nil {
		return r.result, err
	}
	if err := r.open(); err != nil {
		return r.result, err
	}
	defer r.work.close()
	err := r.chunks(ctx)
	if err == nil {
		err = r.publish(ctx)
	}
	if done, _ := r.work.frames(); done > 0 && fault.KindOf(err) == fault.Canceled {
		r.note("%d frames are done; the same command goes on after them.", done)
	}
	r.result.Stats.Wall = time.Since(started)
	return r.result, err
}

func (r *run) note(format string, args ...any) {
	r.result.Notes = append(r.result.Notes, fmt.Sprintf(format, args...))
}

// Describe returns the result that Upscale would have, from the headers alone.
func Describe(ctx context.Context, o Options) (engine.Result, error) {
	r := newRun(o)
	defer r.close()
	err := r.prepare(ctx)
	return r.result, err
}

// prepare reads the film's headers and decides what is made of it.
func (r *run) prepare(ctx context.Context) (err error) {
	if r.to, err = containerOf(r.Output); err != nil {
		return err
	}
	path, err := r.readable(ctx)
	if err != nil {
		return err
	}
	if r.film, err = r.Tools.Probe(ctx, path, r.Limits); err != nil {
		return err
	}
	f := r.film
	if f.Interlaced && r.RefuseInterlaced {
		return fault.New(fault.Unsupported, "The film is interlaced; without --interlaced refuse it is deinterlaced.")
	}
	if r.encoding, err = r.Coding.choose(f, r.to); err != nil {
		return err
	}
	r.result.Notes = append(r.result.Notes, r.encoding.notes...)
	r.noteFilm()
	r.from, r.end = f.moment(r.From), f.moment(r.To)
	if r.Chunk == 0 {
		r.Chunk = usualChunk
	}
	r.Request.Input, r.Request.Output, r.Request.Page = nil, nil, 0
	if r.Engine == nil {
		return nil
	}
	if err := r.chooseModel(ctx); err != nil {
		return err
	}
	return r.size(ctx)
}

// noteFilm notes what is done to the film as a whole.
func (r *run) noteFilm() {
	f := r.film
	if f.Interlaced {
		r.note("The film is interlaced; its frames were deinterlaced.")
	}
	if f.turned {
		r.note("The film's rotation was applied to its frames.")
	}
	if f.dynamic {
		r.note("Metadata of HDR that changes with the frames (HDR10+, Dolby Vision) was left out.")
	}
}

// moment returns the timestamp of a time from the film's beginning, noTime of 0.
func (f *Film) moment(at time.Duration) int64 {
	if at <= 0 {
		return noTime
	}
	seconds := at.Seconds() + float64(f.started)/1e6
	return int64(math.Ceil(seconds/f.Base.Value() - 1e-6))
}

// described returns a frame of the film for a description.
func (r *run) described() *source {
	return &source{frames: &reader{decoding: &decoding{film: r.film}}, limit: 1}
}

// size decides the size of the upscaled frames.
func (r *run) size(ctx context.Context) error {
	r.Request.Source = r.described()
	described, err := r.Engine.Describe(ctx, r.Request)
	if err != nil {
		return err
	}
	r.result.Input, r.result.Model = described.Input, described.Model
	r.width, r.height = described.Output.Width, described.Output.Height
	evenWidth, evenHeight := r.encoding.even()
	if evenWidth {
		r.width += r.width % 2
	}
	if evenHeight {
		r.height += r.height % 2
	}
	if r.width != described.Output.Width || r.height != described.Output.Height {
		r.note("The film was made %dx%d pixels, because sides of %s are even.", r.width, r.height, r.encoding.Codec)
	}
	if r.to.animation {
		header := encode.Header{Width: r.width, Height: r.height, Channels: 3, Depth: 8, Frames: 1}
		if err := encode.Check(header, encode.Options{Format: imagedata.Format(r.to.muxer), Quality: r.Request.Quality}); err != nil {
			return err
		}
	}
	const least = 64 // of SVT-AV1
	if r.encoding.Codec == AV1 && min(r.width, r.height) < least {
		return fault.New(fault.Unsupported, "The film would be %dx%d pixels; a side of %s has at least %d. Choose a larger size or another codec.", r.width, r.height, AV1, least)
	}
	if most := r.encoding.most(); max(r.width, r.height) > most {
		return fault.New(fault.TooLarge, "The film would be %dx%d pixels; a side of %s has at most %d. Choose a smaller size, such as --fit 3840x2160.", r.width, r.height, r.encoding.Codec, most)
	}
	r.Request.Size = engine.Size{Width: r.width, Height: r.height}
	if color := r.film.Color; color.Guessed && !color.output(r.encoding.pixels, r.width, r.height).Guessed {
		r.note("The film does not state its color matrix; it was taken for %s, as players do at its size, and the output states that.", color.Matrix)
	}
	r.result.Output = imagedata.Info{Format: imagedata.Format(r.to.muxer), Width: r.width, Height: r.height, Channels: 3, Depth: r.film.Depth, Alpha: r.encoding.alpha}
	return nil
}

// open opens the work folder.
func (r *run) open() error {
	info, err := os.Stat(r.Input)
	path, errPath := filepath.Abs(r.Input)
	if err = errors.Join(err, errPath); err != nil {
		return fault.Wrap(fault.NotFound, err, "The film cannot be read.")
	}
	r.work, err = openWork(r.Output, plan{
		Version: 3, Path: path, Bytes: info.Size(), Changed: info.ModTime().UnixNano(), From: r.from, To: r.end, Request: r.Request,
		Codec: r.encoding.Codec, Preset: r.encoding.Preset, Quality: r.encoding.Quality, Pixels: r.encoding.pixels, Encoder: r.Tools.version, Chunk: r.Chunk,
	})
	if err != nil {
		return err
	}
	if r.resumed, _ = r.work.frames(); r.resumed > 0 {
		r.note("%d frames of an earlier run were kept.", r.resumed)
	}
	r.next = len(r.work.done)
	return nil
}

// NoteEqual says how many frames were computed.
func NoteEqual(all, computed int64) string {
	return fmt.Sprintf("%d of %d frames equal the frame before and were computed once.", all-computed, all)
}

// publish joins the chunks and moves the film to its name.
func (r *run) publish(ctx context.Context) error {
	all, computed := r.work.frames()
	if all == 0 {
		return errEmpty()
	}
	if all > computed {
		r.note("%s", NoteEqual(all, computed))
	}
	r.result.Output.Frames = int(all)
	path := filepath.Join(r.work.folder, joined)
	if err := r.join(ctx, r.work.done[0].first, filepath.Join(r.work.folder, videoName), path); err != nil {
		return err
	}
	if err := r.Publish(path); err != nil {
		return err
	}
	r.work.remove()
	return nil
}
