package engine

import (
	"context"

	"golang.org/x/sync/errgroup"

	"upscaled/engine/imagedata"
	"upscaled/models/network"
)

// streams opens the sessions of all planes that need a network, where the
// device takes whole pictures as streams of rows; ok is false where it does
// not, or where the user wants tiles of a size. Sessions are not the
// scheduler's: streams take turns by themselves, a few rows at a time, once
// there is memory for their rows.
func (p *pass) streams(ctx context.Context) (all []Streamer, release func(), ok bool, err error) {
	all = make([]Streamer, len(p.planes))
	var releases []func()
	release = func() {
		for _, each := range releases {
			each()
		}
	}
	if p.run.request.Tile > 0 || len(p.engine.devices) > 1 || p.static() || p.facts.FixedWidth > 0 {
		return nil, release, false, nil
	}
	share := 0.0
	for i, plane := range p.planes {
		if p.constant[i] {
			continue
		}
		session, done, err := p.open(ctx, p.engine.devices[0], p.options(plane))
		if err != nil {
			release()
			return nil, func() {}, false, err
		}
		releases = append(releases, done)
		if all[i], ok = session.(Streamer); ok && all[i].Widest() < plane.Width {
			all[i], ok = p.strips(all[i], plane)
		}
		if !ok {
			release()
			return nil, func() {}, false, nil
		}
		//guard:shared-memory TestStreamsShareMemory
		share += all[i].Share(plane.Width, plane.Height)
	}
	free, err := p.engine.rows.reserve(ctx, share, p.width*p.height)
	if err != nil {
		release()
		return nil, func() {}, false, err
	}
	releases = append(releases, free)
	return all, release, true, nil
}

// strips cuts a plane that is too wide for a stream.
func (p *pass) strips(inner Streamer, plane imagedata.Raster) (Streamer, bool) {
	s, fits := newStrips(inner, p.facts, plane.Width)
	channels := 0
	for _, each := range p.planes {
		channels += each.Channels
	}
	s.memory = p.run.stripMemory() * int64(plane.Channels) / int64(channels)
	s.around, s.computed = p.counted, p.run.advance
	return s, fits
}

// counted runs a plane or a part of it and counts that for the statistics.
func (p *pass) counted(in imagedata.Raster, run func() error) error {
	d := p.engine.devices[0]
	p.run.tileStarts(in)
	d.begin()
	err := run()
	d.end()
	p.run.tileDone(p.facts, in)
	return err
}

// options are those of a plane's graph of the whole picture.
func (p *pass) options(plane imagedata.Raster) network.Options {
	o := network.Options{
		Precision: p.engine.precision, Sample: network.Uint8, Channels: plane.Channels, Borders: network.AllBorders,
	}
	if plane.Pix16 != nil {
		o.Sample = network.Uint16
	}
	return o
}

// streamed runs whole planes and hands out their rows as they come, all planes
// with the same rows.
func (p *pass) streamed(ctx context.Context, all []Streamer, emit func([]imagedata.Raster) error) error {
	group, ctx := errgroup.WithContext(ctx)
	rows := make([]chan imagedata.Raster, len(p.planes))
	for i, plane := range p.planes {
		if all[i] == nil {
			continue
		}
		rows[i] = make(chan imagedata.Raster)
		send := func(r imagedata.Raster) error { return p.send(ctx, rows[i], r) }
		group.Go(func() error {
			defer close(rows[i])
			if wide, ok := all[i].(*strips); ok {
				return wide.Stream(ctx, plane, send)
			}
			return p.counted(plane, func() error { return all[i].Stream(ctx, plane, p.counting(send)) })
		})
	}
	group.Go(func() error { return p.join(ctx, rows, emit) })
	return group.Wait()
}

// counting tells progress, and sends rows on.
func (p *pass) counting(send func(imagedata.Raster) error) func(imagedata.Raster) error {
	done, told := 0, 0
	return func(r imagedata.Raster) error {
		done += r.Height
		now := min(done/p.facts.Scale, p.height)
		p.run.advance(int64(p.width) * int64(now-told))
		told = now
		return send(r)
	}
}

// send copies rows, which their stream uses again, without what the extension
// added on the right.
func (p *pass) send(ctx context.Context, to chan<- imagedata.Raster, r imagedata.Raster) error {
	band := p.run.pool.get(p.width*p.facts.Scale, r.Height, r.Channels, r.Depth())
	copyRegion(band, r, 0, 0)
	select {
	case to <- band:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// join hands out bands of all planes. The first plane's rows lead; the others'
// are gathered until they cover them.
func (p *pass) join(ctx context.Context, rows []chan imagedata.Raster, emit func([]imagedata.Raster) error) error {
	gathered := make([]gathering, len(rows))
	height := p.height * p.facts.Scale
	for top := 0; top < height; {
		lead, more, err := p.next(ctx, rows[0])
		if err != nil || !more {
			return err // a stream that ended early tells why itself
		}
		lead = lead.Rows(0, min(lead.Height, height-top))
		bands := []imagedata.Raster{lead}
		for i := 1; i < len(rows); i++ {
			band := p.run.pool.get(lead.Width, lead.Height, p.planes[i].Channels, p.planes[i].Depth())
			if rows[i] == nil {
				fill(band, p.planes[i])
				p.run.advance(int64(p.width) * int64(lead.Height) / int64(p.facts.Scale))
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
	for _, channel := range rows { // what the extension added below
		for more := channel != nil; more; {
			var err error
			if _, more, err = p.next(ctx, channel); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *pass) next(ctx context.Context, rows <-chan imagedata.Raster) (imagedata.Raster, bool, error) {
	select {
	case r, more := <-rows:
		return r, more, nil
	case <-ctx.Done():
		return imagedata.Raster{}, false, ctx.Err()
	}
}

// gathering is a plane's rows that were received and not handed out yet.
type gathering struct {
	rows imagedata.Raster
	from int
}

// gather fills a band with a plane's next rows.
func (p *pass) gather(ctx context.Context, rows <-chan imagedata.Raster, g *gathering, band imagedata.Raster) error {
	for to := 0; to < band.Height; {
		if g.from == g.rows.Height {
			r, more, err := p.next(ctx, rows)
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
