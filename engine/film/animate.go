package film

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/encode"
)

// animate writes the frames of a video as an animated image, which repeats forever.
func (r *run) animate(ctx context.Context, video, path string) error {
	format := imagedata.Format(r.to.muxer)
	if others := len(r.film.Streams) - 1; others > 0 {
		r.note("Sound and other streams were left out: %s files hold none.", format.Name())
	}
	made := *r.film
	delays, err := made.delays(video, format)
	if err != nil {
		return err
	}
	made.Alpha = r.encoding.alpha
	header := encode.Header{Width: made.Width, Height: made.Height, Channels: 3, Depth: made.Depth, Alpha: made.Alpha}
	for _, delay := range delays {
		if delay > 0 {
			header.Frames++
		}
	}
	if left := len(delays) - header.Frames; left > 0 {
		r.note("%d frames were left out: %s files hold at most %d in a second.", left, format.Name(), time.Second/leastDelay(format))
	}
	r.result.Output.Frames = header.Frames
	file, err := os.Create(path)
	if err != nil {
		return unwritable(err)
	}
	defer file.Close()
	whole, err := encode.New(file, header, encode.Options{Format: format, Quality: r.Request.Quality, Lossless: r.Request.Lossless})
	if err != nil {
		return err
	}
	if err := r.Tools.encodeAll(ctx, &made, video, delays, whole); err != nil {
		return err
	}
	return unwritable(file.Sync())
}

// encodeAll passes the frames of a video to an image encoder but for those without a
// delay.
func (t Tools) encodeAll(ctx context.Context, f *Film, video string, delays []time.Duration, whole encode.Encoder) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p := t.command(ctx, nil, quiet("-protocol_whitelist", "file", "-f", "matroska", "-i", "file:"+video,
		"-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", rawPixels(f.Depth, f.Alpha), "pipe:1")...)
	if err := p.start(false, true); err != nil {
		return err
	}
	failed := func(err error) error {
		cancel()
		_ = p.wait()
		return err
	}
	for _, delay := range delays {
		raw := make([]byte, rawSize(f.Width, f.Height, f.Depth, f.Alpha))
		if _, err := io.ReadFull(p.out, raw); err != nil {
			return ended(ctx, failed(fmt.Errorf("%w: %s", err, p.said.text())), "The upscaled frames could not be read again.")
		}
		if delay == 0 {
			continue
		}
		frame := f.frame(raw)
		err := whole.BeginFrame(delay)
		if err == nil {
			err = whole.WriteBand(frame.Color, frame.Alpha)
		}
		if err != nil {
			return failed(unwritable(err))
		}
	}
	if err := p.wait(); err != nil {
		return ended(ctx, err, "The upscaled frames could not be read again.")
	}
	return unwritable(whole.Close())
}

// delays sets the size to that of a video, and returns how long each of its frames is
// shown in an animation, 0 for those that are left out.
func (f *Film) delays(video string, format imagedata.Format) ([]time.Duration, error) {
	file, err := os.Open(video)
	if err != nil {
		return nil, unwritable(err)
	}
	defer file.Close()
	c, err := readChunk(file)
	if err != nil {
		return nil, err
	}
	tracks, err := parse(c.tracks, idTrackEntry, idVideo)
	if err != nil {
		return nil, err
	}
	size := (&element{children: tracks}).child(idTrackEntry).child(idVideo)
	f.Width, f.Height = int(number(size.child(idPixelWidth).data)), int(number(size.child(idPixelHeight).data))
	shown := make([]span, len(c.packets)) // FFV1 keeps the order of display
	for i, p := range c.packets {
		shown[i] = span{p.time, p.length}
	}
	return schedule(shown, unitOf(format), leastDelay(format)), nil
}

// unitOf returns the unit in which a format stores delays. PNG stores fractions.
func unitOf(f imagedata.Format) time.Duration {
	switch f {
	case imagedata.GIF:
		return 10 * time.Millisecond
	case imagedata.WebP:
		return time.Millisecond
	}
	return 1
}

// leastDelay returns the shortest delay that browsers keep: they show frames of 10 ms or
// less for 100 ms.
func leastDelay(f imagedata.Format) time.Duration {
	return max(2*unitOf(f), 11*time.Millisecond)
}

// schedule rounds the times of frames to a unit, so that errors do not add up, and
// returns their delays. Frames that would follow another one too soon have none.
func schedule(shown []span, unit, least time.Duration) []time.Duration {
	delays, last, begun := make([]time.Duration, len(shown)), -1, time.Duration(0)
	for i, s := range shown {
		from := time.Duration(s.from).Round(unit)
		if last >= 0 && from-begun < least {
			continue
		}
		if last >= 0 {
			delays[last] = from - begun
		}
		last, begun = i, from
	}
	if last >= 0 {
		end := shown[len(shown)-1]
		delays[last] = max(least, time.Duration(end.from+end.length).Round(unit)-begun)
	}
	return delays
}
