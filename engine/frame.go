package engine

import (
	"context"
	"time"

	"upscaled/engine/face/align"
	"upscaled/engine/imagedata"
	"upscaled/engine/resize"
	"upscaled/models/network"
)

// emitter receives an image in bands from top to bottom: the same rows of the color
// plane and, if there is one, of the alpha plane. It owns the bands and returns
// them to the run's pool.
type emitter func(bands []imagedata.Raster) error

// frames upscales every frame. The encoder works on one band while the next is
// computed.
func (r *run) frames(ctx context.Context) error {
	w := newWriter(r.encoder, &r.pool, r.toSRGB)
	err := r.eachFrame(ctx, w)
	if closeErr := w.finish(err != nil); err == nil {
		err = closeErr
	}
	r.stats.Encode = w.spent
	return err
}

func (r *run) eachFrame(ctx context.Context, w *writer) error {
	for {
		frame, more, err := r.nextFrame()
		if err != nil || !more {
			return err
		}
		if err := w.send(item{begin: true, delay: frame.Delay}); err != nil {
			return err
		}
		if err := r.frame(ctx, frame, r.crop(w.write)); err != nil {
			return err
		}
	}
}

// frame runs the layers. The last one streams to the output, the one below it is
// made whole first.
func (r *run) frame(ctx context.Context, f imagedata.Frame, emit emitter) error {
	last := len(r.layers) - 1
	if last > 0 {
		under, err := r.whole(r.width, r.height, planesOf(f), func(emit emitter) error {
			return r.layer(ctx, r.layers[0], copyOf(f), emit)
		})
		if err != nil {
			return err
		}
		emit = blendOver(under, r.request.Second.Visibility, emit)
	}
	return r.layer(ctx, r.layers[last], f, emit)
}

// layer upscales a frame, which it may change, in one way.
func (r *run) layer(ctx context.Context, l *layer, f imagedata.Frame, emit emitter) error {
	if l.filter != "" {
		return r.filtered(ctx, l, f, emit)
	}
	r.removeHalo(f)
	patches, err := r.patches(ctx, f.Color, r.width, r.height)
	if err != nil {
		return err
	}
	planes := planesOf(f)
	if first := l.passes[0]; first.width != f.Color.Width {
		planes = Lanczos.resizeTo(planes, first.width, first.height)
	}
	return r.runPasses(ctx, l.model, l.passes, planes, r.width, r.height, pasteFaces(patches, emit))
}

// filtered resizes a frame without a model. If it has faces, a model and the
// restorer enhance them at the frame's own size before.
func (r *run) filtered(ctx context.Context, l *layer, f imagedata.Frame, emit emitter) error {
	planes := planesOf(f)
	width, height := f.Color.Width, f.Color.Height
	f = copyOf(f)
	r.removeHalo(f)
	patches, err := r.patches(ctx, f.Color, width, height)
	if err != nil {
		return err
	}
	if len(patches) > 0 {
		planes = planesOf(f)
		all := passes(width, height, width, height, l.model.Info().Scale)
		r.expect(int64(width) * int64(height) * int64(len(planes)))
		planes, err = r.whole(width, height, planes, func(emit emitter) error {
			return r.runPasses(ctx, l.model, all, planes, width, height, pasteFaces(patches, emit))
		})
		if err != nil {
			return err
		}
	}
	return emit(l.filter.resizeTo(planes, r.width, r.height))
}

// runPasses chains passes of a model and resizes the last one's output to a size.
func (r *run) runPasses(ctx context.Context, model *network.Network, all []size, planes []imagedata.Raster, width, height int, emit emitter) error {
	for _, next := range all[1:] {
		out, err := r.wholePass(ctx, model, planes)
		if err != nil {
			return err
		}
		planes = out
		for i := range planes {
			planes[i] = resize.Whole(planes[i], next.width, next.height)
		}
	}
	scale := model.Info().Scale
	return r.pass(ctx, model, planes, r.resizer(planes, scale, width, height, emit))
}

// resizer returns an emit function that resizes the output of a pass over planes.
func (r *run) resizer(planes []imagedata.Raster, scale, width, height int, emit emitter) emitter {
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
		r.pool.put(bands...)
		r.stats.Resize += time.Since(started)
		if out[0].Height == 0 {
			return nil
		}
		return emit(out)
	}
}

// wholePass runs planes through a model and returns the whole result.
func (r *run) wholePass(ctx context.Context, model *network.Network, planes []imagedata.Raster) ([]imagedata.Raster, error) {
	scale := model.Info().Scale
	return r.whole(planes[0].Width*scale, planes[0].Height*scale, planes, func(emit emitter) error {
		return r.pass(ctx, model, planes, emit)
	})
}

// whole gathers the bands of an image with the channels and depths of planes.
func (r *run) whole(width, height int, planes []imagedata.Raster, produce func(emitter) error) ([]imagedata.Raster, error) {
	whole := make([]imagedata.Raster, len(planes))
	for i, plane := range planes {
		whole[i] = imagedata.NewRaster(width, height, plane.Channels, plane.Depth())
	}
	top := 0
	err := produce(func(bands []imagedata.Raster) error {
		for i, band := range bands {
			rows := whole[i].Rows(top, top+band.Height)
			copy(rows.Pix, band.Pix)
			copy(rows.Pix16, band.Pix16)
		}
		top += bands[0].Height
		r.pool.put(bands...)
		return nil
	})
	return whole, err
}

// pasteFaces returns an emit function that blends patches into the bands.
func pasteFaces(patches []*align.Patch, emit emitter) emitter {
	if len(patches) == 0 {
		return emit
	}
	top := 0
	return func(bands []imagedata.Raster) error {
		for _, p := range patches {
			p.Blend(bands[0], top)
		}
		top += bands[0].Height
		return emit(bands)
	}
}

func planesOf(f imagedata.Frame) []imagedata.Raster {
	if f.Alpha == nil {
		return []imagedata.Raster{f.Color}
	}
	return []imagedata.Raster{f.Color, *f.Alpha}
}

func copyOf(f imagedata.Frame) imagedata.Frame {
	f.Color = clone(f.Color)
	return f
}

func (r *run) removeHalo(f imagedata.Frame) {
	if f.Alpha != nil && !constant(*f.Alpha) {
		withoutHalo(f.Color, *f.Alpha)
	}
}
