package engine

import (
	"context"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
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
	net    *network.Network
	facts  network.Info
	// planes all have the extended size; width and height are the true one.
	planes []imagedata.Raster
	// constant marks alpha planes of one value only: they need no network.
	constant      []bool
	width, height int
	grid          tiling.Grid
	pixels        int // budget of a tile, halved when the device is full
	// upper holds, a plane, the result rows that the next band blends with.
	upper []imagedata.Raster
}

// through runs planes through a network and hands out the results in bands
// from top to bottom, each band once and all planes with the same rows. Bands
// are the callee's, who gives them back to the pool.
func (r *run) through(ctx context.Context, net *network.Network, planes []imagedata.Raster, emit func([]imagedata.Raster) error) error {
	p := &pass{
		engine: r.engine, run: r, net: net, facts: net.Info(),
		width: planes[0].Width, height: planes[0].Height,
	}
	width := roundUp(max(p.width, p.facts.FixedWidth), p.facts.Multiple)
	height := roundUp(max(p.height, p.facts.FixedHeight), p.facts.Multiple)
	for _, plane := range planes {
		p.planes = append(p.planes, extended(plane, width, height))
		p.constant = append(p.constant, len(p.constant) > 0 && constant(plane))
	}
	all, release, ok, err := p.streams(ctx)
	if err != nil {
		return err
	}
	defer release()
	if ok {
		return p.streamed(ctx, all, emit)
	}
	p.pixels = r.tilePixels(net)
	p.plan(0)
	for cleared := !p.static(); ; {
		row, err := p.rows(ctx, emit)
		//guard:device-memory TestDeviceMemory => true
		if fault.KindOf(err) != fault.DeviceMemory || p.pixels <= minTilePixels {
			return err
		}
		// Sessions of other shapes may hold what is missing; if none did, the
		// tiles are too large.
		if others := p.engine.clear() > 1; !others || cleared {
			p.pixels /= 2
		}
		cleared = !cleared
		p.plan(p.grid.Rows[row].Keep0 + p.grid.Rows[row].RampBefore/2)
	}
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
	x.Multiple = evenStarts(p.facts)
	x.Fixed, y.Fixed = p.facts.FixedWidth, p.facts.FixedHeight
	if p.facts.FixedWidth > 0 {
		x.Crop = min(x.Crop, p.facts.FixedWidth/4)
		y.Crop = min(y.Crop, p.facts.FixedHeight/4)
	}
	budget := tiling.Budget{Pixels: p.pixels, Rows: p.run.bandRows(p), Trims: p.trims()}
	if p.static() {
		p.grid = tiling.PlanStatic(start, p.planes[0].Width, p.planes[0].Height, x, y, budget)
		return
	}
	p.grid = tiling.Plan(start, p.planes[0].Width, p.planes[0].Height, x, y, budget)
}

// evenStarts is what divides where tiles begin, so that a network's rows begin at
// even places of the picture's: kernels that compute two neighbours at once give
// a pixel the same bits in every tile then.
func evenStarts(f network.Info) int { return 2 * max(1, f.Multiple) }

// static says that sessions are opened for one shape, padded on all sides as
// published: nine graphs for the sides that are borders would each need
// setting up.
func (p *pass) static() bool { return p.engine.devices[0].static }

// trims says that tiles' results lack the receptive radius on inner sides.
func (p *pass) trims() bool { return p.facts.Trims && !p.static() }

// stitch copies the kept part of a tile's result.
func (p *pass) stitch(band, out imagedata.Raster, column, row tiling.Span) {
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
	if p.trims() && !s.First {
		return s.In0 + p.facts.Radius
	}
	return s.In0
}

// leave blends a band with the one above and hands out the rows that are
// final, without the extension.
func (p *pass) leave(row tiling.Span, bands []imagedata.Raster, emit func([]imagedata.Raster) error) error {
	scale := p.facts.Scale
	final := bands[0].Height - row.RampAfter*scale
	if row.RampBefore > 0 {
		for i, upper := range p.upper {
			blendRows(upper, bands[i])
		}
	}
	done := min(row.Keep0*scale+final, p.height*scale) - row.Keep0*scale
	result := make([]imagedata.Raster, len(bands))
	p.upper = nil
	for i, band := range bands {
		if row.RampAfter > 0 {
			// A copy, for the band itself leaves.
			tail := imagedata.NewRaster(band.Width, band.Height-final, band.Channels, band.Depth())
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
