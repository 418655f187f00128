package engine

import (
	"context"
	"time"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/models/network"
	"upscaled/tiling"
)

// pass runs a model once over planes of one size.
type pass struct {
	engine *Engine
	run    *run
	model  *network.Network
	info   network.Info // the model's
	// planes are extended to a size that the model accepts; width and height are the
	// image's own.
	planes []imagedata.Raster
	// constant marks alpha planes of a single value, which need no model.
	constant      []bool
	width, height int
}

// pass runs planes through a model and passes its output on in bands.
func (r *run) pass(ctx context.Context, model *network.Network, planes []imagedata.Raster, emit emitter) error {
	p := &pass{
		engine: r.engine, run: r, model: model, info: model.Info(),
		width: planes[0].Width, height: planes[0].Height,
	}
	width := roundUp(max(p.width, p.info.FixedWidth, p.info.Least), p.info.Multiple)
	height := roundUp(max(p.height, p.info.FixedHeight, p.info.Least), p.info.Multiple)
	for i, plane := range planes {
		p.planes = append(p.planes, extended(plane, width, height))
		p.constant = append(p.constant, i > 0 && constant(plane))
	}
	streams, release, ok, err := p.openStreams(ctx)
	if err != nil {
		return err
	}
	defer release()
	if ok {
		return p.runStreams(ctx, streams, emit)
	}
	return p.runTiles(ctx, emit)
}

// runTiles runs the pass in tiles. If the device runs out of memory, the rest of
// the image is planned again, in smaller tiles unless sessions of other shapes held
// the memory, and at last without other images beside it.
func (p *pass) runTiles(ctx context.Context, emit emitter) error {
	if err := p.checkWhole(); err != nil {
		return err
	}
	t := newTiler(p)
	t.plan(0)
	for cleared := !p.static(); ; {
		row, err := t.runGrid(ctx, emit)
		smallest := t.pixels <= minTilePixels
		//guard:device-memory TestDeviceMemory => true
		if fault.KindOf(err) != fault.DeviceMemory || smallest && t.alone && cleared {
			return err
		}
		if smallest && !t.alone {
			if err := p.engine.sharing.Acquire(ctx, everyTile); err != nil {
				return err
			}
			defer p.engine.sharing.Release(everyTile)
			t.alone, cleared = true, true
		}
		if others := p.engine.clear() > 1; !smallest && (!others || cleared) {
			t.pixels /= 2
		}
		cleared = !cleared
		t.plan(t.grid.Rows[row].Keep0 + t.grid.Rows[row].RampBefore/2)
	}
}

// static reports whether sessions are opened for one shape. Their graphs pad all
// sides, as published: nine graphs for all combinations of borders would each need
// to be set up.
func (p *pass) static() bool { return p.engine.devices[0].static }

// open returns the session of a graph on a device. The caller calls release.
func (p *pass) open(ctx context.Context, d *device, o network.Options) (session Session, release func(), err error) {
	started := time.Now()
	session, release, err = d.sessions.get(ctx, p.model, o)
	p.run.opened(time.Since(started))
	return session, release, err
}

// options returns the options of a plane's graph with all borders.
func (p *pass) options(plane imagedata.Raster) network.Options {
	o := network.Options{
		Precision: p.engine.precision, Sample: network.Uint8, Channels: plane.Channels, Borders: network.AllBorders,
	}
	if plane.Pix16 != nil {
		o.Sample = network.Uint16
	}
	return o
}

func roundUp(n, multiple int) int { return (n + multiple - 1) / multiple * multiple }

// Margins of blended tiles and strips: they drop blendedCrop pixels on inner sides and
// blend over blendedRamp more. Exact ones overlap by the receptive radius.
const (
	blendedCrop = 48
	blendedRamp = 16
)

// Margins of tiles that start at multiples of alignment; see Device.Alignment.
func blendedMargins(info network.Info, alignment int) tiling.Margins {
	return tiling.Margins{Crop: blendedCrop, Ramp: blendedRamp, Multiple: alignment * max(1, info.Multiple, info.Grid)}
}

func exactMargins(info network.Info, alignment int) tiling.Margins {
	return tiling.Margins{Crop: info.Radius, Multiple: alignment * max(1, info.Multiple, info.Grid)}
}
