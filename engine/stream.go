package engine

import (
	"context"

	"golang.org/x/sync/errgroup"

	"upscaled/engine/imagedata"
)

// openStreams opens the sessions of all planes that need a model. It reports false
// if the device cannot stream rows or the user asked for tiles of a certain size or
// for several orientations, which tiles are turned to.
// These sessions bypass the scheduler: streams take turns by themselves, a few rows
// at a time, as soon as there is memory for their rows.
func (p *pass) openStreams(ctx context.Context) (streams []Streamer, release func(), ok bool, err error) {
	var releases []func()
	release = func() {
		for _, each := range releases {
			each()
		}
	}
	if p.run.request.Tile > 0 || p.run.request.TTA || len(p.engine.devices) > 1 || p.static() || p.info.FixedWidth > 0 {
		return nil, release, false, nil
	}
	defer func() {
		if !ok {
			release()
			release = func() {}
		}
	}()
	streams = make([]Streamer, len(p.planes))
	share := 0.0
	for i, plane := range p.planes {
		if p.constant[i] {
			continue
		}
		session, done, err := p.open(ctx, p.engine.devices[0], p.options(plane))
		if err != nil {
			return nil, release, false, err
		}
		releases = append(releases, done)
		streamer, ok := session.(Streamer)
		if ok && streamer.Widest() < plane.Width {
			streamer, ok = p.strips(streamer, plane)
		}
		if !ok {
			return nil, release, false, nil
		}
		streams[i] = streamer
		//guard:shared-memory TestStreamsShareMemory
		share += streamer.Share(plane.Width, plane.Height)
	}
	free, err := p.engine.rows.reserve(ctx, share, p.width*p.height)
	if err != nil {
		return nil, release, false, err
	}
	releases = append(releases, free)
	return streams, release, true, nil
}

// strips cuts a plane that is too wide for a stream.
func (p *pass) strips(inner Streamer, plane imagedata.Raster) (Streamer, bool) {
	s, fits := newStrips(inner, p.info, plane.Width)
	channels := 0
	for _, each := range p.planes {
		channels += each.Channels
	}
	s.memory = p.engine.stripMemory() * int64(plane.Channels) / int64(channels)
	s.around = func(in imagedata.Raster, run func() error) error { return p.counted(p.engine.devices[0], in, run) }
	s.computed = p.run.advance
	return s, fits
}

// counted runs a tile, a strip or a whole plane and counts it in the statistics.
func (p *pass) counted(d *device, in imagedata.Raster, run func() error) error {
	p.run.tileStarts(in)
	d.begin()
	err := run()
	d.end()
	p.run.tileDone(p.info, in)
	return err
}

// runStreams runs whole planes and passes on their rows, the same of all planes.
func (p *pass) runStreams(ctx context.Context, streams []Streamer, emit emitter) error {
	group, ctx := errgroup.WithContext(ctx)
	rows := make([]chan imagedata.Raster, len(p.planes))
	for i, plane := range p.planes {
		if streams[i] == nil {
			continue
		}
		rows[i] = make(chan imagedata.Raster)
		send := func(r imagedata.Raster) error { return p.send(ctx, rows[i], r) }
		group.Go(func() error {
			defer close(rows[i])
			if wide, ok := streams[i].(*strips); ok {
				return wide.Stream(ctx, plane, send)
			}
			return p.counted(p.engine.devices[0], plane, func() error { return streams[i].Stream(ctx, plane, p.advancing(send)) })
		})
	}
	group.Go(func() error { return p.join(ctx, rows, emit) })
	return group.Wait()
}

// advancing counts the rows that it passes on as progress.
func (p *pass) advancing(send func(imagedata.Raster) error) func(imagedata.Raster) error {
	done, counted := 0, 0
	return func(r imagedata.Raster) error {
		done += r.Height
		now := min(done/p.info.Scale, p.height)
		p.run.advance(int64(p.width) * int64(now-counted))
		counted = now
		return send(r)
	}
}

// send copies rows, which belong to their stream, without the plane's extension on the
// right.
func (p *pass) send(ctx context.Context, to chan<- imagedata.Raster, r imagedata.Raster) error {
	band := p.run.pool.get(p.width*p.info.Scale, r.Height, r.Channels, r.Depth())
	copyRegion(band, r, 0, 0)
	select {
	case to <- band:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// join passes on bands of all planes. The first plane's rows decide their heights;
// the others' are gathered.
func (p *pass) join(ctx context.Context, rows []chan imagedata.Raster, emit emitter) error {
	gathered := make([]gathering, len(rows))
	height := p.height * p.info.Scale
	for top := 0; top < height; {
		lead, more, err := receive(ctx, rows[0])
		if err != nil || !more {
			return err // the error of a stream that ended early is its own
		}
		lead = lead.Rows(0, min(lead.Height, height-top))
		bands := []imagedata.Raster{lead}
		for i := 1; i < len(rows); i++ {
			band := p.run.pool.get(lead.Width, lead.Height, p.planes[i].Channels, p.planes[i].Depth())
			if rows[i] == nil {
				fill(band, p.planes[i])
				p.run.advance(int64(p.width) * int64(lead.Height) / int64(p.info.Scale))
			} else if err := p.gather(ctx, rows[i], &gathered[i], band); err != nil {
				return err
			}
			bands = append(bands, band)
		}
		top += lead.Height
		if err := emit(bands); err != nil {
			return err
		}
	}
	return drain(ctx, rows)
}

// drain receives the rows of the planes' extension below the image.
func drain(ctx context.Context, rows []chan imagedata.Raster) error {
	for _, channel := range rows {
		for more := channel != nil; more; {
			var err error
			if _, more, err = receive(ctx, channel); err != nil {
				return err
			}
		}
	}
	return nil
}

func receive(ctx context.Context, rows <-chan imagedata.Raster) (imagedata.Raster, bool, error) {
	select {
	case r, more := <-rows:
		return r, more, nil
	case <-ctx.Done():
		return imagedata.Raster{}, false, ctx.Err()
	}
}

// gathering holds received rows of a plane, of which those before from were passed
// on.
type gathering struct {
	rows imagedata.Raster
	from int
}

// gather fills a band with a plane's next rows.
func (p *pass) gather(ctx context.Context, rows <-chan imagedata.Raster, g *gathering, band imagedata.Raster) error {
	for to := 0; to < band.Height; {
		if g.from == g.rows.Height {
			r, more, err := receive(ctx, rows)
			if err != nil || !more {
				return err
			}
			g.rows, g.from = r, 0
		}
		count := min(band.Height-to, g.rows.Height-g.from)
		target := band.Rows(to, to+count)
		source := g.rows.Rows(g.from, g.from+count)
		copy(target.Pix, source.Pix)
		copy(target.Pix16, source.Pix16)
		to, g.from = to+count, g.from+count
		if g.from == g.rows.Height {
			p.run.pool.put(g.rows)
		}
	}
	return nil
}
