package decode

import (
	"upscaled/engine/imagedata"
	"upscaled/engine/parallel"
)

// sample is the type of a raster's samples.
type sample interface{ uint8 | uint16 }

// rowFunc writes row y of a stored image, color interleaved and alpha separate;
// alpha is nil for opaque images.
type rowFunc[T sample] func(y int, color, alpha []T)

// layout describes stored pixels and their orientation.
type layout struct {
	width, height, channels int
	alpha                   bool
	// orientation is 1 to 8 as in TIFF 6.0, tag 274.
	orientation int
}

// band is the number of stored rows that are converted before they are rotated:
// few enough to stay in the cache, enough that the columns they become are
// written in long runs.
const band = 32

// assemble converts all rows in parallel straight into an upright frame. newRow
// returns a function for one worker, which may own scratch memory. Besides the
// frame it takes a band of rows per worker.
func assemble[T sample](l layout, newRow func() rowFunc[T]) imagedata.Frame {
	color, alpha := newSamples[T](l)
	parallel.Chunks(l.height, band, func() func(y0, y1 int) {
		row := newRow()
		rotate := rotator[T]{layout: l, color: color, alpha: alpha}
		return func(y0, y1 int) { rotate.rows(y0, y1, row) }
	})
	return frameOf(l, color, alpha)
}

// newSamples allocates an image's samples; alpha is nil without an alpha plane.
func newSamples[T sample](l layout) (color, alpha []T) {
	if l.alpha {
		alpha = make([]T, l.width*l.height)
	}
	return make([]T, l.width*l.height*l.channels), alpha
}

// frameOf wraps upright samples.
func frameOf[T sample](l layout, color, alpha []T) imagedata.Frame {
	width, height := l.width, l.height
	if l.orientation >= 5 {
		width, height = height, width
	}
	frame := imagedata.Frame{Color: rasterOf(width, height, l.channels, color)}
	if alpha != nil {
		frame.Alpha = new(rasterOf(width, height, 1, alpha))
	}
	return frame
}

func rasterOf[T sample](width, height, channels int, samples []T) imagedata.Raster {
	r := imagedata.Raster{Width: width, Height: height, Channels: channels}
	switch samples := any(samples).(type) {
	case []uint8:
		r.Pix = samples
	case []uint16:
		r.Pix16 = samples
	}
	return r
}
