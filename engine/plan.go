package engine

import (
	"context"
	"math"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
)

// maxSide is the longest side of a result, in pixels.
const maxSide = 1 << 20

// SideTooLong is the cause within a fault.TooLarge: a result's longer side would
// have Side pixels, of at most Limit.
type SideTooLong struct{ Side, Limit int64 }

func (e *SideTooLong) Error() string { return "a side of the result would be too long" }

// plan decides the output's size and the passes of every layer.
func (r *run) plan(context.Context) error {
	q := r.request
	out, err := q.scaled(r.input, r.layers[0].scale())
	if err != nil {
		return err
	}
	r.width, r.height = out.Width, out.Height
	if err := q.checkCrop(out); err != nil {
		return err
	}
	width, height := q.reduced(r.input.Width, r.input.Height)
	planes := int64(1)
	if r.input.Alpha {
		planes = 2
	}
	for _, l := range r.layers {
		if l.filter != "" {
			continue
		}
		l.passes = passes(width, height, r.width, r.height, l.scale())
		for _, p := range l.passes {
			r.total += int64(p.width) * int64(p.height) * planes * int64(r.input.Frames)
		}
	}
	r.stats.Needed = r.total
	r.report()
	return nil
}

// scaled returns the output of a request before it is cropped. scale is the
// model's, which counts if the request names no size.
func (q Request) scaled(in imagedata.Info, scale int) (imagedata.Info, error) {
	out := in
	out.Format = in.Format.Output()
	if out.Meta = (imagedata.Metadata{}); q.Format != "" {
		out.Format = q.Format
	}
	width, height := q.reduced(in.Width, in.Height)
	var err error
	out.Width, out.Height, err = q.Size.target(width, height, scale)
	return out, err
}

func (q Request) checkCrop(out imagedata.Info) error {
	if q.CropWidth == 0 && q.CropHeight == 0 {
		return nil
	}
	if q.CropWidth < 1 || q.CropHeight < 1 || q.CropWidth > out.Width || q.CropHeight > out.Height {
		return fault.New(fault.Invalid, "A crop of %dx%d pixels does not fit into %dx%d.", q.CropWidth, q.CropHeight, out.Width, out.Height)
	}
	return nil
}

// target returns the exact output size for an input size, rounded to the nearest
// pixel and at least 1.
func (s Size) target(width, height, scale int) (int, int, error) {
	w, h := float64(width), float64(height)
	x, y := float64(scale), float64(scale) // the scale of each axis
	set := 0
	if s.Scale != 0 {
		set++
		x, y = s.Scale, s.Scale
		if !(s.Scale >= 0.1 && s.Scale <= 16) {
			return 0, 0, fault.New(fault.Invalid, "The scale must be between 0.1 and 16, not %g.", s.Scale)
		}
	}
	if s.Longest != 0 {
		set++
		x = float64(s.Longest) / max(w, h)
		y = x
	}
	if s.FitWidth != 0 || s.FitHeight != 0 {
		set++
		if s.FitWidth < 1 || s.FitHeight < 1 {
			return 0, 0, fault.New(fault.Invalid, "The box to fit into needs a width and a height of at least 1.")
		}
		x = min(float64(s.FitWidth)/w, float64(s.FitHeight)/h)
		y = x
	}
	if s.Width != 0 || s.Height != 0 {
		set++
		x, y = float64(s.Width)/w, float64(s.Height)/h
		if s.Height == 0 {
			y = x
		} else if s.Width == 0 {
			x = y
		}
	}
	if set > 1 {
		return 0, 0, fault.New(fault.Invalid, "Give the output size in one way only: scale, width and height, longest side, or a box to fit into.")
	}
	if x <= 0 || y <= 0 {
		return 0, 0, fault.New(fault.Invalid, "The output size must be at least 1 pixel.")
	}
	outW, outH := math.Round(w*x), math.Round(h*y)
	if outW > maxSide || outH > maxSide {
		return 0, 0, fault.Wrap(fault.TooLarge, &SideTooLong{int64(min(max(outW, outH), 1<<62)), maxSide}, "The output would be %.0fx%.0f pixels; a side can have at most %d.", outW, outH, maxSide)
	}
	return max(1, int(outW)), max(1, int(outH)), nil
}

// reduced returns an input's size after MaxInputWidth, aspect ratio kept.
func (q Request) reduced(width, height int) (int, int) {
	if q.MaxInputWidth <= 0 || width <= q.MaxInputWidth {
		return width, height
	}
	scale := float64(q.MaxInputWidth) / float64(width)
	return q.MaxInputWidth, max(1, int(math.Round(float64(height)*scale)))
}

// size is the input size of one pass, in pixels.
type size struct{ width, height int }

// passes returns the input sizes of the passes that reach at least a target. If one
// pass is not enough, the image is resized to target/scale between passes, so that
// the last pass ends at the target and no pass computes more pixels than it must.
func passes(width, height, targetWidth, targetHeight, scale int) []size {
	all := []size{{width, height}}
	for scale > 1 {
		last := all[len(all)-1]
		if last.width*scale >= targetWidth && last.height*scale >= targetHeight {
			return all
		}
		all = append(all, size{
			width:  nextSide(last.width, targetWidth, scale),
			height: nextSide(last.height, targetHeight, scale),
		})
	}
	return all
}

// nextSide returns a side of the next pass's input: as small as reaches the target,
// and no larger than the output of the pass before.
func nextSide(side, target, scale int) int {
	return max(1, min(side*scale, max((target+scale-1)/scale, side)))
}
