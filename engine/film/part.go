package film

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"upscaled/engine"
	"upscaled/models/fault"
)

// Part is a chunk of a film that is upscaled apart from the others, on any machine.
type Part struct {
	Index int
	// Frames are those of the chunk, Before is how many come before.
	Frames []Frame
	Before int64
	// Start is the time of the film's first frame, End that of the frame after the
	// chunk, both in units of Film.Base.
	Start, End int64
	// Decoder is the version of ffmpeg that found Frames. Others may convert colors
	// otherwise, so that checksums mean nothing to them.
	Decoder string
}

// Inspect reads the headers of a film and counts its frames without decoding them, and
// checks the options.
func Inspect(ctx context.Context, o Options) (*Film, error) {
	o.Engine = nil
	r := newRun(o)
	defer r.close()
	if err := r.prepare(ctx); err != nil {
		return nil, err
	}
	found, err := r.Tools.probe(ctx, r.film.Path, "-select_streams", strconv.Itoa(r.film.video), "-count_packets", "-show_streams")
	if err == nil && len(found.Streams) == 1 {
		r.film.Frames, _ = strconv.ParseInt(found.Streams[0].Packets, 10, 64)
	}
	if err == nil && !r.modelNamed() {
		r.film.Drawn, err = r.drawn(ctx, r.film)
	}
	return r.film, err
}

// Split decodes a film and returns its parts. The result has the notes of the whole
// film and the number of its frames, but no size of the output.
func Split(ctx context.Context, o Options) ([]Part, engine.Result, error) {
	o.Engine = nil // which knows the size
	r := newRun(o)
	defer r.close()
	if err := r.prepare(ctx); err != nil {
		return nil, r.result, err
	}
	frames, err := r.readFrom(ctx, 0, nil, r.end)
	if err != nil {
		return nil, r.result, err
	}
	defer frames.close()
	var parts []Part
	for {
		next, err := frames.peek()
		if err != nil {
			return nil, r.result, err
		}
		if next == nil {
			break
		}
		last := len(parts) - 1
		if last < 0 || len(parts[last].Frames) == r.Chunk {
			parts = append(parts, Part{Index: len(parts), Before: frames.passed - 1, Start: next.time, Decoder: o.Tools.version})
			if last++; last > 0 {
				parts[last-1].End, parts[last].Start = next.time, parts[0].Start
			}
		}
		parts[last].Frames = append(parts[last].Frames, next.frame())
		frames.next = nil
	}
	if len(parts) == 0 {
		return nil, r.result, errEmpty()
	}
	last := &parts[len(parts)-1]
	at := last.Frames[len(last.Frames)-1].Time
	last.End = at + r.film.tail(at, r.end)
	if note := frames.note(); note != "" {
		r.note("%s", note)
	}
	r.result.Input.Width, r.result.Input.Height, r.result.Input.Frames = r.film.Width, r.film.Height, int(frames.passed)
	return parts, r.result, nil
}

func errEmpty() error {
	return fault.New(fault.Invalid, "The film has no frames between the times that were asked for.")
}

// UpscalePart upscales a part of a film and writes the chunk. The result counts the
// frames of the part in Input and those that were computed in Output. Options.Output
// only names the container.
func UpscalePart(ctx context.Context, o Options, p Part, w io.Writer) (engine.Result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	started := time.Now()
	r := newRun(o)
	defer r.close()
	if err := r.prepare(ctx); err != nil {
		return r.result, err
	}
	r.start, r.until, r.Chunk = p.Start, p.End, len(p.Frames)
	want := p.Frames
	if o.Tools.version != p.Decoder {
		want = slices.Clone(want)
		for i := range want {
			want[i].Sum = anySum
		}
	}
	frames, err := r.readFrom(ctx, p.Before, want, p.End)
	if err != nil {
		return r.result, err
	}
	defer frames.close()
	c, err := r.chunk(ctx, frames, p.Index, filepath.Dir(r.film.Path))
	if err != nil {
		return r.result, err
	}
	if c.frames != len(p.Frames) {
		_ = c.process.wait()
		return r.result, fault.New(fault.Internal, "the part has %d frames in place of %d", c.frames, len(p.Frames))
	}
	err = c.finish(ctx, r, func(write writer) error { return write(w, true) })
	r.result.Input.Frames, r.result.Output.Frames, r.result.Stats.Wall = c.frames, c.computed, time.Since(started)
	return r.result, err
}

// Join writes an upscaled film to a path: a number of chunks, which open opens, and
// everything else of the film. start is the time of its first frame. The video is in a
// file beside the path meanwhile.
func Join(ctx context.Context, o Options, start int64, chunks int, open func(index int) (io.ReadCloser, error), path string) (engine.Result, error) {
	o.Engine = nil
	r := newRun(o)
	defer r.close()
	if err := r.prepare(ctx); err != nil {
		return r.result, err
	}
	r.result.Notes = nil // Split has them
	video, err := os.Create(path + ".video")
	if err != nil {
		return r.result, unwritable(err)
	}
	defer os.Remove(video.Name())
	if err := errors.Join(feed(video, chunks, open), video.Close()); err != nil {
		return r.result, unwritable(err)
	}
	err = r.join(ctx, start, video.Name(), path)
	return r.result, err
}
