package film

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"os"
	"path/filepath"

	"upscaled/engine"
)

// chunks upscales the frames that no finished chunk holds.
func (r *run) chunks(ctx context.Context) error {
	var want []Frame
	if n := len(r.work.done); n > 0 {
		if want = []Frame{r.work.done[n-1].next}; want[0].Time == noTime {
			return nil
		}
		r.start = r.work.done[0].first
	}
	frames, err := r.readFrom(ctx, r.resumed, want, r.end)
	if err != nil {
		return err
	}
	defer frames.close()
	// The encoder of a chunk finishes while the next chunk is upscaled.
	finished := func() error { return nil }
	for {
		next, err := frames.peek()
		if err != nil || next == nil {
			if note := frames.note(); note != "" {
				r.note("%s", note)
			}
			return errors.Join(err, finished())
		}
		c, err := r.chunk(ctx, frames, r.next, r.work.folder)
		r.next++
		if before := finished(); err == nil {
			err = before
		}
		if err != nil {
			return err
		}
		done := make(chan error, 1)
		go func() {
			done <- c.finish(ctx, r, func(write writer) error {
				return r.work.add(c.chunk, func(to io.Writer) error {
					first := c.index == 0
					if first {
						if _, err := to.Write(beginning()); err != nil {
							return err
						}
					}
					return write(to, first)
				})
			})
		}()
		finished = func() error { return <-done }
	}
}

// coded is a chunk whose frames were all passed to its encoder.
type coded struct {
	chunk
	process *process
	path    string
	shown   []span
}

// chunk upscales the frames of the chunk with an index, and encodes them into a folder.
func (r *run) chunk(ctx context.Context, frames *reader, index int, folder string) (*coded, error) {
	c := &coded{path: filepath.Join(folder, fmt.Sprintf("encoding-%d-%d", os.Getpid(), index))}
	c.index = index
	c.process = r.Tools.command(ctx, nil, r.encoding.arguments(r.film, r.width, r.height, c.path)...)
	if err := c.process.start(true, false); err != nil {
		return nil, err
	}
	s := &source{frames: frames, limit: r.Chunk}
	request := r.Request
	request.Source, request.Encoder = s, &sink{w: c.process.in, keep: r.encoding.alpha, once: r.to.animation, yuv: r.encoding.subsampler(r.film, r.width, r.height)}
	if r.Request.Progress != nil {
		request.Progress = r.progress(frames)
	}
	result, err := r.Engine.Upscale(ctx, request)
	r.count(result)
	if closed := c.process.in.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = c.times(r, frames, s)
	}
	if err != nil {
		if said := c.process.wait(); errors.Is(err, errEncoder) {
			err = ended(ctx, errors.Join(said, err), "ffmpeg could not encode the film; does it have this codec, and is there room on the disk?")
		}
		_ = os.Remove(c.path)
		return nil, err
	}
	return c, nil
}

// progress returns a callback for the progress of a chunk, which reports the progress of
// the film: the frames of this run, measured as the engine does.
func (r *run) progress(frames *reader) func(engine.Progress) {
	before := frames.passed - 1 // one has been read ahead
	return func(p engine.Progress) {
		expected := max(r.expected()-r.resumed, before+1)
		frame := p.Total / int64(r.Chunk)
		done := before*frame + p.Done
		r.Request.Progress(engine.Progress{Done: done, Total: max(expected*frame, done)})
	}
}

// expected estimates the number of frames.
func (r *run) expected() int64 {
	f := r.film
	if r.until != noTime { // of a part
		return int64(r.Chunk)
	}
	from, to := r.From.Seconds(), f.duration
	if r.To > 0 {
		to = min(to, r.To.Seconds())
	}
	if from == 0 && r.To == 0 || f.duration == 0 {
		return f.Frames
	}
	return int64(math.Round(max(0, to-from) * f.Rate.Value()))
}

// count adds the figures of a chunk to those of the film.
func (r *run) count(result engine.Result) {
	to, from := &r.result.Stats, result.Stats
	to.Decode += from.Decode
	to.Open += from.Open
	to.Session += from.Session
	to.Resize += from.Resize
	to.Encode += from.Encode
	to.Tiles += from.Tiles
	to.Pixels += from.Pixels
	to.Needed += from.Needed
	to.Flops += from.Flops
	if to.FirstTile == 0 {
		to.FirstTile, to.TileWidth, to.TileHeight = from.FirstTile, from.TileWidth, from.TileHeight
	}
}

// times converts the times of a chunk's frames. A frame is shown until the next one.
func (c *coded) times(r *run, frames *reader, s *source) error {
	next, err := frames.peek()
	if err != nil {
		return err
	}
	shown := s.shown
	c.frames, c.computed, c.first, c.last = len(shown), len(s.starts), shown[0], shown[len(shown)-1]
	if c.next = (Frame{Time: noTime}); next != nil {
		c.next = next.frame()
	}
	end := c.next.Time
	switch {
	case r.until != noTime:
		end = r.until
	case next == nil:
		end = c.last + r.film.tail(c.last, r.end)
	}
	if r.start == noTime {
		r.start = c.first
	}
	if r.to.animation {
		shown = s.starts
	}
	for i, at := range shown {
		until := end
		if i+1 < len(shown) {
			until = shown[i+1]
		}
		from := r.film.Base.nanoseconds(at - r.start)
		c.shown = append(c.shown, span{from, r.film.Base.nanoseconds(until-r.start) - from})
	}
	return nil
}

// nanoseconds converts a number of units to the nearest nanosecond.
func (b Ratio) nanoseconds(units int64) int64 {
	high, low := bits.Mul64(uint64(units)*uint64(b.Num), 1e9)
	low, carry := bits.Add64(low, uint64(b.Den)/2, 0)
	nanoseconds, _ := bits.Div64(high+carry, low, uint64(b.Den))
	return int64(nanoseconds)
}

// tail returns how long the last frame is shown: to the end of the stream if that is
// stated, else as long as frames usually are.
func (f *Film) tail(last, end int64) int64 {
	const longest = 3600 // seconds
	left := f.ends - last
	if end != noTime && f.ends > end {
		left = end - last
	}
	if left < 1 || float64(left)*f.Base.Value() > longest {
		return f.step()
	}
	return left
}

// writer writes a chunk, with or without the description of the video before it.
type writer func(to io.Writer, tracks bool) error

// finish waits for the encoder, sets the timestamps of the frames and passes the chunk's
// writer to keep.
func (c *coded) finish(ctx context.Context, r *run, keep func(writer) error) error {
	defer os.Remove(c.path)
	if err := c.process.wait(); err != nil {
		return ended(ctx, err, "ffmpeg could not encode the film; does it have this codec, and is there room on the disk?")
	}
	file, err := os.Open(c.path)
	if err != nil {
		return unwritable(err)
	}
	defer file.Close()
	return keep(func(to io.Writer, tracks bool) error {
		if tracks {
			return retime(file, to, c.shown, r.adapt)
		}
		return retime(file, to, c.shown, nil)
	})
}

// adapt completes the description of the video in a chunk.
func (r *run) adapt(tracks *element) {
	entry := tracks.child(idTrackEntry)
	if r.film.Variable {
		entry.remove(idDefaultDuration)
	}
	if r.film.light != (mastering{}) {
		r.film.light.store(entry.child(idVideo).child(idColor))
	}
}
