package engine

import (
	"context"
	"time"

	"upscaled/engine/fault"
	"upscaled/engine/picture"
	"upscaled/models/network"
	"upscaled/tiling"
)

// Where the receptive radius is out of reach, tiles throw away this many
// pixels on inner sides and blend over some more (see the README's table of
// seams).
const (
	affordableRadius = 64
	blendedCrop      = 48
	blendedRamp      = 16
)

// pass is one run of planes of one size through a network.
type pass struct {
	engine *Engine
	run    *run
	net    Network
	facts  network.Facts
	// planes all have the extended size; width and height are the true one.
	planes []picture.Raster
	// constant marks alpha planes of one value only: they need no network.
	constant      []bool
	width, height int
	grid          tiling.Grid
	pixels        int // budget of a tile, halved when the device is full
	// upper holds, a plane, the result rows that the next band blends with.
	upper []picture.Raster
}

// through runs planes through a network and hands out the results in bands
// from top to bottom, each band once and all planes with the same rows. Bands
// are the callee's, who gives them back to the pool.
func (r *run) through(ctx context.Context, net Network, planes []picture.Raster, emit func([]picture.Raster) error) error {
	p := &pass{
		engine: r.engine, run: r, net: net, facts: net.Facts(),
		width: planes[0].Width, height: planes[0].Height,
	}
	width := roundUp(max(p.width, p.facts.FixedWidth), p.facts.Multiple)
	height := roundUp(max(p.height, p.facts.FixedHeight), p.facts.Multiple)
	for _, plane := range planes {
		p.planes = append(p.planes, extended(plane, width, height))
		p.constant = append(p.constant, len(p.constant) > 0 && constant(plane))
	}
	p.pixels = r.tilePixels(p.facts)
	p.plan(0)
	for i := 0; i < len(p.grid.Rows); i++ {
		bands, err := p.band(ctx, p.grid.Rows[i])
		if fault.KindOf(err) == fault.DeviceMemory && p.pixels > minTilePixels {
			p.engine.sessions.clear()
			p.pixels /= 2
			p.plan(p.grid.Rows[i].Keep0 + p.grid.Rows[i].RampBefore/2)
			i = -1
			continue
		}
		if err != nil {
			return err
		}
		if err := p.leave(p.grid.Rows[i], bands, emit); err != nil {
			return err
		}
	}
	return nil
}

func roundUp(n, multiple int) int { return (n + multiple - 1) / multiple * multiple }

// plan cuts what is left of the picture from a row on.
func (p *pass) plan(start int) {
	m := tiling.Margins{Multiple: p.facts.Multiple}
	exact := p.facts.Radius > 0 && p.facts.Radius <= affordableRadius
	if exact {
		m.Crop = p.facts.Radius
	} else {
		m.Crop, m.Ramp = blendedCrop, blendedRamp
	}
	x, y := m, m
	x.Fixed, y.Fixed = p.facts.FixedWidth, p.facts.FixedHeight
	if p.facts.FixedWidth > 0 {
		x.Crop = min(x.Crop, p.facts.FixedWidth/4)
		y.Crop = min(y.Crop, p.facts.FixedHeight/4)
	}
	p.grid = tiling.Plan(start, p.planes[0].Width, p.planes[0].Height, x, y, tiling.Budget{
		Pixels: p.pixels, Rows: p.run.bandRows(p), Trims: p.facts.Trims,
	})
}

// band computes one row of tiles of every plane.
func (p *pass) band(ctx context.Context, row tiling.Span) ([]picture.Raster, error) {
	scale := p.facts.Scale
	bands := make([]picture.Raster, len(p.planes))
	for i, plane := range p.planes {
		bands[i] = p.run.pool.get(plane.Width*scale, row.Kept()*scale, plane.Channels, plane.Depth())
		if p.constant[i] {
			fill(bands[i], plane)
			p.run.advance(int64(p.width) * int64(row.Kept()))
			continue
		}
		for _, column := range p.grid.Columns {
			if err := p.tile(ctx, plane, bands[i], column, row); err != nil {
				return nil, err
			}
			p.run.advance(int64(column.Kept()) * int64(row.Kept()))
		}
	}
	return bands, nil
}

// tile computes one tile and copies what it keeps into the band.
func (p *pass) tile(ctx context.Context, plane, band picture.Raster, column, row tiling.Span) error {
	o := network.Options{
		Precision: p.engine.precision, Sample: network.Uint8, Channels: plane.Channels,
		Borders: network.AllBorders,
	}
	if plane.Pix16 != nil {
		o.Sample = network.Uint16
	}
	if p.facts.Trims {
		o.Borders = network.Borders{Left: column.First, Top: row.First, Right: column.Last, Bottom: row.Last}
	}
	in := p.run.pool.get(column.Seen(), row.Seen(), plane.Channels, plane.Depth())
	copyRegion(in, plane, column.In0, row.In0)
	width, height := OutputSize(p.facts, o.Borders, in.Width, in.Height)
	out := p.run.pool.get(width, height, plane.Channels, plane.Depth())
	defer p.run.pool.put(in, out)
	if err := p.compute(ctx, o, in, out); err != nil {
		return err
	}
	p.stitch(band, out, column, row)
	return nil
}

// compute runs one tile when it is the picture's turn.
func (p *pass) compute(ctx context.Context, o network.Options, in, out picture.Raster) error {
	opening := time.Now()
	session, release, err := p.engine.sessions.get(ctx, p.net, o)
	if err != nil {
		return err
	}
	defer release()
	p.run.stats.Open += time.Since(opening)
	if err := p.engine.scheduler.acquire(ctx); err != nil {
		return err
	}
	defer p.engine.scheduler.release()
	p.run.tileStarts(in)
	started := time.Now()
	if err := session.Run(ctx, in, out); err != nil {
		return err
	}
	p.run.tileDone(p.facts, in, time.Since(started))
	if o.Precision == network.Float16 && black(out) && !black(in) {
		o.Precision = network.Float32
		full, releaseFull, err := p.engine.sessions.get(ctx, p.net, o)
		if err != nil {
			return err
		}
		defer releaseFull()
		return full.Run(ctx, in, out)
	}
	return nil
}

func black(r picture.Raster) bool {
	return constant(r) && (r.Pix16 != nil && r.Pix16[0] == 0 || r.Pix16 == nil && r.Pix[0] == 0)
}

// stitch copies the kept part of a tile's result.
func (p *pass) stitch(band, out picture.Raster, column, row tiling.Span) {
	scale, channels := p.facts.Scale, band.Channels
	x0 := (column.Keep0 - p.origin(column)) * scale * channels
	y0 := (row.Keep0 - p.origin(row)) * scale
	width := column.Kept() * scale * channels
	ramp := column.RampBefore * scale * channels
	at := column.Keep0 * scale * channels
	height := row.Kept() * scale
	if band.Pix16 != nil {
		tiling.Copy(band.Pix16, band.Width*channels, at, out.Pix16, out.Width*channels, x0, y0, width, height, ramp, channels)
	} else {
		tiling.Copy(band.Pix, band.Width*channels, at, out.Pix, out.Width*channels, x0, y0, width, height, ramp, channels)
	}
}

// origin is the input pixel at which a span's result begins.
func (p *pass) origin(s tiling.Span) int {
	if p.facts.Trims && !s.First {
		return s.In0 + p.facts.Radius
	}
	return s.In0
}

// leave blends a band with the one above and hands out the rows that are
// final, without the extension.
func (p *pass) leave(row tiling.Span, bands []picture.Raster, emit func([]picture.Raster) error) error {
	scale := p.facts.Scale
	final := bands[0].Height - row.RampAfter*scale
	if row.RampBefore > 0 {
		for i, upper := range p.upper {
			stride := bands[i].Width * bands[i].Channels
			if upper.Pix16 != nil {
				tiling.BlendRows(upper.Pix16, bands[i].Pix16[:len(upper.Pix16)], stride)
			} else {
				tiling.BlendRows(upper.Pix, bands[i].Pix[:len(upper.Pix)], stride)
			}
		}
	}
	done := min(row.Keep0*scale+final, p.height*scale) - row.Keep0*scale
	result := make([]picture.Raster, len(bands))
	p.upper = nil
	for i, band := range bands {
		if row.RampAfter > 0 {
			// A copy, for the band itself leaves.
			tail := picture.NewRaster(band.Width, band.Height-final, band.Channels, band.Depth())
			copyRegion(tail, band, 0, final)
			p.upper = append(p.upper, tail)
		}
		if result[i] = band.Rows(0, max(done, 0)); band.Width != p.width*scale {
			result[i] = p.run.pool.get(p.width*scale, max(done, 0), band.Channels, band.Depth())
			copyRegion(result[i], band, 0, 0)
			p.run.pool.put(band)
		}
	}
	if done <= 0 {
		return nil
	}
	return emit(result)
}
