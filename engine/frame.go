package engine

import (
	"context"

	"upscaled/engine/face/align"
	"upscaled/engine/imagedata"
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
		under, err := r.pool.whole(r.width, r.height, planesOf(f), func(emit emitter) error {
			return r.layers[0].upscale(ctx, copyOf(f), emit)
		})
		if err != nil {
			return err
		}
		emit = blendOver(under, r.request.Second.Visibility, emit)
	}
	return r.layers[last].upscale(ctx, f, emit)
}

// wholePass runs planes through a model and returns the whole result.
func (r *run) wholePass(ctx context.Context, model *network.Network, planes []imagedata.Raster) ([]imagedata.Raster, error) {
	scale := model.Info().Scale
	return r.pool.whole(planes[0].Width*scale, planes[0].Height*scale, planes, func(emit emitter) error {
		return r.pass(ctx, model, planes, emit)
	})
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

func removeHalo(f imagedata.Frame) {
	if f.Alpha != nil && !constant(*f.Alpha) {
		withoutHalo(f.Color, *f.Alpha)
	}
}
