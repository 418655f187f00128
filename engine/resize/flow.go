package resize

import "upscaled/engine/parallel"

// flow is a stream of samples S under weights W.
type flow[S uint8 | uint16, W int64 | float32] struct {
	inStride, outStride, channels int
	// columns and rows are the taps of the outputs; nil if the side stays.
	columns, rows []taps[W]
	across        func(out, in []S, columns []taps[W], stride, channels int, scratch []W)
	down          func(out, rows []S, t taps[W])
	// window holds input rows from start on, resized horizontally.
	window          []S
	start, received int
	written         int
}

func newFlow[S uint8 | uint16, W int64 | float32](inWidth, inHeight, outWidth, outHeight, channels int, convert func([]float64, []W)) *flow[S, W] {
	f := &flow[S, W]{inStride: inWidth * channels, outStride: outWidth * channels, channels: channels}
	if inWidth != outWidth {
		f.columns = kernel(inWidth, outWidth, convert)
	}
	if inHeight != outHeight {
		f.rows = kernel(inHeight, outHeight, convert)
	}
	return f
}

// write takes a band and returns the samples of the rows that are final.
func (f *flow[S, W]) write(band []S, height int) []S {
	if f.rows == nil {
		out := make([]S, height*f.outStride)
		f.widen(out, band, height)
		return out
	}
	f.forget(height)
	held := len(f.window)
	f.window = f.window[:held+height*f.outStride]
	f.widen(f.window[held:], band, height)
	f.received += height
	end := f.written
	for end < len(f.rows) && f.rows[end].end() <= f.received {
		end++
	}
	first, out := f.written, make([]S, (end-f.written)*f.outStride)
	parallel.Chunks(end-first, 4, func() func(from, to int) {
		return func(from, to int) {
			for y := from; y < to; y++ {
				t := f.rows[first+y]
				f.down(out[y*f.outStride:][:f.outStride], f.window[(t.first-f.start)*f.outStride:], t)
			}
		}
	})
	f.written = end
	return out
}

// widen resizes a band horizontally.
func (f *flow[S, W]) widen(out, band []S, height int) {
	if f.columns == nil {
		copy(out, band)
		return
	}
	parallel.Chunks(height, 16, func() func(from, to int) {
		scratch := make([]W, f.inStride)
		return func(from, to int) {
			f.across(out[from*f.outStride:to*f.outStride], band[from*f.inStride:to*f.inStride],
				f.columns, f.inStride, f.channels, scratch)
		}
	})
}

// forget drops the rows that no later output needs and makes room for more.
func (f *flow[S, W]) forget(more int) {
	keep := f.received
	if f.written < len(f.rows) {
		keep = min(keep, f.rows[f.written].first)
	}
	rest := f.window[(keep-f.start)*f.outStride:]
	if need := len(rest) + more*f.outStride; need > cap(f.window) {
		grown := make([]S, len(rest), need)
		copy(grown, rest)
		f.window = grown
	} else {
		f.window = f.window[:copy(f.window[:cap(f.window)], rest)]
	}
	f.start = keep
}
