package engine

import (
	"context"
	"time"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/models/network"
	"upscaled/tiling"
)

// tile is one tile's way through a device.
type tile struct {
	plane       int
	column, row tiling.Span
	rowIndex    int
	// last says that it completes its row of tiles.
	last bool
	// constant tiles need no network: they stand for their plane's whole row.
	constant bool

	options network.Options
	in, out imagedata.Raster
	done    chan struct{} // closed when out or err is there
	err     error
}

// tiles lists the tiles of the plan in the order that they are stitched in.
func (p *pass) tiles() []*tile {
	var all []*tile
	for i, row := range p.grid.Rows {
		for plane := range p.planes {
			if p.constant[plane] {
				all = append(all, &tile{plane: plane, row: row, rowIndex: i, constant: true})
				continue
			}
			for _, column := range p.grid.Columns {
				all = append(all, &tile{plane: plane, column: column, row: row, rowIndex: i})
			}
		}
		all[len(all)-1].last = true
	}
	return all
}

// rows runs all tiles of the plan and hands out the bands. So many tiles are
// on their way that every device has one more waiting; they are stitched in
// order. After an error it tells the row of tiles that was not handed out.
func (p *pass) rows(ctx context.Context, emit func([]imagedata.Raster) error) (int, error) {
	ctx, stop := context.WithCancel(ctx)
	all, begun := p.tiles(), 0
	ahead := p.engine.scheduler.slots + 1
	defer func() {
		stop()
		for _, t := range all[:begun] {
			p.discard(t)
		}
	}()
	var bands []imagedata.Raster
	for at, t := range all {
		for ; begun < min(at+ahead, len(all)); begun++ {
			p.begin(ctx, all[begun])
		}
		if bands == nil {
			bands = p.bands(t.row)
		}
		if <-t.done; t.err != nil {
			return t.rowIndex, t.err
		}
		p.place(t, bands[t.plane])
		if t.last {
			if err := p.leave(t.row, bands, emit); err != nil {
				return t.rowIndex, err
			}
			bands = nil
		}
	}
	return 0, nil
}

// bands makes room for the results of a row of tiles.
func (p *pass) bands(row tiling.Span) []imagedata.Raster {
	bands := make([]imagedata.Raster, len(p.planes))
	for i, plane := range p.planes {
		bands[i] = p.run.pool.get(plane.Width*p.facts.Scale, row.Kept()*p.facts.Scale, plane.Channels, plane.Depth())
	}
	return bands
}

// begin sends a tile on its way.
func (p *pass) begin(ctx context.Context, t *tile) {
	t.done = make(chan struct{})
	if t.constant {
		close(t.done)
		return
	}
	p.cut(t)
	go func() {
		defer close(t.done)
		t.err = p.compute(ctx, t)
	}()
}

// cut takes a tile's input out of its plane and makes room for its output.
func (p *pass) cut(t *tile) {
	plane := p.planes[t.plane]
	t.options = p.options(plane)
	switch {
	case p.static():
		t.options.Width, t.options.Height = t.column.Seen(), t.row.Seen()
	case p.trims():
		t.options.Borders = network.Borders{Left: t.column.First, Top: t.row.First, Right: t.column.Last, Bottom: t.row.Last}
	}
	buffers, pool := p.engine.tiles, &p.run.pool
	t.in = buffers.get(pool, t.column.Seen(), t.row.Seen(), plane.Channels, plane.Depth())
	copyRegion(t.in, plane, t.column.In0, t.row.In0)
	width, height := OutputSize(p.facts, t.options.Borders, t.in.Width, t.in.Height)
	t.out = buffers.get(pool, width, height, plane.Channels, plane.Depth())
}

// place puts a tile's result into its band and gives its buffers back.
func (p *pass) place(t *tile, band imagedata.Raster) {
	if t.constant {
		fill(band, p.planes[t.plane])
		p.run.advance(int64(p.width) * int64(t.row.Kept()))
		return
	}
	p.stitch(band, t.out, t.column, t.row)
	p.run.advance(int64(t.column.Kept()) * int64(t.row.Kept()))
	p.discard(t)
}

// discard waits for a tile to end and gives its buffers back; it may be
// repeated.
func (p *pass) discard(t *tile) {
	<-t.done
	if t.in.Width > 0 {
		p.engine.tiles.put(&p.run.pool, t.in, t.out)
		t.in, t.out = imagedata.Raster{}, imagedata.Raster{}
	}
}

// compute runs one tile when it is the picture's turn.
func (p *pass) compute(ctx context.Context, t *tile) error {
	var session Session
	// A lone device opens its session while others' tiles run.
	if only := p.engine.devices; len(only) == 1 {
		opened, release, err := p.open(ctx, only[0], t.options)
		if err != nil {
			return err
		}
		defer release()
		session = opened
	}
	d, err := p.engine.scheduler.acquire(ctx, p.run)
	if err != nil {
		return err
	}
	defer p.engine.scheduler.release(d)
	if session == nil {
		opened, release, err := p.open(ctx, d, t.options)
		if err != nil {
			return err
		}
		defer release()
		session = opened
	}
	//guard:lost-device TestLostDevice
	if err := p.timed(ctx, d, session, t); err != nil {
		return err
	}
	if t.options.Precision == network.Float16 && blackened(t.in, t.out, p.facts.Scale) {
		return p.repeat(ctx, d, t)
	}
	return nil
}

// open gets the session of a graph on a device; the caller releases it.
func (p *pass) open(ctx context.Context, d *device, o network.Options) (Session, func(), error) {
	opening := time.Now()
	session, release, err := d.sessions.get(ctx, p.net, o)
	p.run.opened(time.Since(opening))
	return session, release, err
}

// timed runs a tile and counts it.
func (p *pass) timed(ctx context.Context, d *device, session Session, t *tile) error {
	p.run.tileStarts(t.in)
	d.begin()
	err := session.Run(ctx, t.in, t.out)
	d.end()
	p.run.tileDone(p.facts, t.in)
	return err
}

// repeat runs a tile again in float32, where nothing overflows. Only parts of
// a picture need it, so that all tiles stay alike elsewhere.
func (p *pass) repeat(ctx context.Context, d *device, t *tile) error {
	full := t.options
	full.Precision = network.Float32
	session, release, err := p.open(ctx, d, full)
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "A part of the picture overflowed in float16 and could not be run in float32: %s", fault.Sentence(err))
	}
	defer release()
	d.begin()
	defer d.end()
	return session.Run(ctx, t.in, t.out)
}
