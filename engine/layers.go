package engine

import (
	"cmp"
	"context"
	"time"

	"upscaled/engine/imagedata"
	"upscaled/engine/resize"
	"upscaled/models/fault"
	"upscaled/models/network"
)

// layer is one way to upscale the image: by a model, or by resizing alone. A
// second one is blended over the first.
type layer struct {
	run *run
	// name is the model's, or the filter's if no model is loaded.
	name string
	// model is nil if a filter resizes and no face is to be enhanced.
	model  *network.Network
	filter Filter
	passes []size
}

// scale returns the layer's own scale, which counts if the request names no size.
func (l *layer) scale() int {
	if l.filter != "" {
		return 1
	}
	return l.model.Info().Scale
}

// loadModels loads the models of the layers.
func (r *run) loadModels(ctx context.Context) error {
	q := r.request
	first, err := r.loadLayer(ctx, q.Model, q.Filter)
	if err != nil {
		return err
	}
	r.layers = []*layer{first}
	if q.Second == nil {
		return nil
	}
	if v := q.Second.Visibility; !(v >= 0 && v <= 1) {
		return fault.New(fault.Invalid, "The visibility of the second model must be from 0 to 1, not %g.", v)
	}
	second, err := r.loadLayer(ctx, q.Second.Model, q.Second.Filter)
	r.layers = append(r.layers, second)
	return err
}

func (r *run) loadLayer(ctx context.Context, name string, filter Filter) (*layer, error) {
	switch filter {
	case "", Lanczos, Nearest:
	default:
		return nil, fault.New(fault.Invalid, "There is no filter %.40q.", filter)
	}
	if filter != "" && r.restoration == nil {
		return &layer{run: r, name: string(filter), filter: filter}, nil
	}
	options := r.engine.options
	l := &layer{run: r, name: cmp.Or(name, options.Library.Default(options.Runtime.Device().Kind)), filter: filter}
	var err error
	l.model, err = options.Library.Load(ctx, l.name, r.request.Denoise)
	return l, err
}

// upscale makes the layer of a frame, which it may change.
func (l *layer) upscale(ctx context.Context, f imagedata.Frame, emit emitter) error {
	if l.filter != "" {
		return l.resize(ctx, f, emit)
	}
	removeHalo(f)
	patches, err := l.run.patches(ctx, f.Color, l.run.width, l.run.height)
	if err != nil {
		return err
	}
	planes := planesOf(f)
	if first := l.passes[0]; first.width != f.Color.Width {
		planes = Lanczos.resizeTo(planes, first.width, first.height)
	}
	return l.runPasses(ctx, l.passes, planes, l.run.width, l.run.height, pasteFaces(patches, emit))
}

// resize resizes a frame without a model. If it has faces, a model and the
// restorer enhance them at the frame's own size before.
func (l *layer) resize(ctx context.Context, f imagedata.Frame, emit emitter) error {
	planes := planesOf(f)
	width, height := f.Color.Width, f.Color.Height
	f = copyOf(f)
	removeHalo(f)
	patches, err := l.run.patches(ctx, f.Color, width, height)
	if err != nil {
		return err
	}
	if len(patches) > 0 {
		planes = planesOf(f)
		all := passes(width, height, width, height, l.model.Info().Scale)
		l.run.expect(int64(width) * int64(height) * int64(len(planes)))
		planes, err = l.run.pool.whole(width, height, planes, func(emit emitter) error {
			return l.runPasses(ctx, all, planes, width, height, pasteFaces(patches, emit))
		})
		if err != nil {
			return err
		}
	}
	return emit(l.filter.resizeTo(planes, l.run.width, l.run.height))
}

// runPasses chains passes of the model and resizes the last one's output to a size.
func (l *layer) runPasses(ctx context.Context, all []size, planes []imagedata.Raster, width, height int, emit emitter) error {
	for _, next := range all[1:] {
		out, err := l.run.wholePass(ctx, l.model, planes)
		if err != nil {
			return err
		}
		planes = out
		for i := range planes {
			planes[i] = resize.Whole(planes[i], next.width, next.height)
		}
	}
	scale := l.model.Info().Scale
	return l.run.pass(ctx, l.model, planes, l.resizer(planes, scale, width, height, emit))
}

// resizer returns an emit function that resizes the output of a pass over planes.
func (l *layer) resizer(planes []imagedata.Raster, scale, width, height int, emit emitter) emitter {
	fromWidth, fromHeight := planes[0].Width*scale, planes[0].Height*scale
	if fromWidth == width && fromHeight == height {
		return emit
	}
	streams := make([]*resize.Stream, len(planes))
	for i, plane := range planes {
		streams[i] = resize.New(fromWidth, fromHeight, width, height, plane.Channels, plane.Depth())
	}
	return func(bands []imagedata.Raster) error {
		started := time.Now()
		out := make([]imagedata.Raster, len(bands))
		for i, band := range bands {
			out[i] = streams[i].Write(band)
		}
		l.run.pool.put(bands...)
		l.run.stats.Resize += time.Since(started)
		if out[0].Height == 0 {
			return nil
		}
		return emit(out)
	}
}

// resizeTo resizes planes by a filter. The result shares no memory with them.
func (f Filter) resizeTo(planes []imagedata.Raster, width, height int) []imagedata.Raster {
	out := make([]imagedata.Raster, len(planes))
	for i, plane := range planes {
		switch {
		case plane.Width == width && plane.Height == height:
			out[i] = clone(plane)
		case f == Nearest:
			out[i] = resize.Nearest(plane, width, height)
		default:
			out[i] = resize.Whole(plane, width, height)
		}
	}
	return out
}

// blendOver returns an emit function that blends bands over a whole image before it
// passes them on. Weights are in units of 2^-16, so that a sum of two 16-bit
// samples and the rounding just fit into 32 bits.
func blendOver(under []imagedata.Raster, visibility float64, emit emitter) emitter {
	top := 0
	return func(bands []imagedata.Raster) error {
		for i, band := range bands {
			rows := under[i].Rows(top, top+band.Height)
			mix(band.Pix, rows.Pix, visibility)
			mix(band.Pix16, rows.Pix16, visibility)
		}
		top += bands[0].Height
		return emit(bands)
	}
}

func mix[S samples](over, under []S, visibility float64) {
	const one = 1 << 16
	weight := uint32(visibility*one + 0.5)
	for i, u := range under {
		over[i] = S((uint32(u)*(one-weight) + uint32(over[i])*weight + one/2) >> 16)
	}
}

// crop returns an emit function that passes on the center of an image of a size.
func (r *run) crop(emit emitter) emitter {
	width, height := r.request.CropWidth, r.request.CropHeight
	if width == 0 {
		return emit
	}
	x0, y0, top := r.width/2-width/2, r.height/2-height/2, 0
	return func(bands []imagedata.Raster) error {
		from, end := max(y0-top, 0), min(y0+height-top, bands[0].Height)
		top += bands[0].Height
		if from >= end {
			r.pool.put(bands...)
			return nil
		}
		cut := make([]imagedata.Raster, len(bands))
		for i, band := range bands {
			cut[i] = r.pool.get(width, end-from, band.Channels, band.Depth())
			copyRegion(cut[i], band, x0, from)
		}
		r.pool.put(bands...)
		return emit(cut)
	}
}
