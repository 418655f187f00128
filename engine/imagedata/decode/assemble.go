package decode

import (
	"runtime"
	"sync"

	"upscaled/engine/imagedata"
)

// sample is what a raster is made of.
type sample interface{ uint8 | uint16 }

// rowFunc writes row y of a stored picture, color interleaved and alpha apart;
// alpha is nil for pictures without.
type rowFunc[T sample] func(y int, color, alpha []T)

// layout describes stored pixels and how to turn them.
type layout struct {
	width, height, channels int
	alpha                   bool
	// orientation is 1 to 8 as in TIFF 6.0, tag 274.
	orientation int
}

// band is the number of stored rows that are converted at a time before
// they are turned: few enough to stay in the cache, enough that the columns
// they become are written in long pieces.
const band = 32

// assemble converts all rows, in parallel, straight into an upright frame.
// newRow gives every worker its own function, which may thus own scratch.
// Beyond the frame it needs a band of rows per worker.
func assemble[T sample](l layout, newRow func() rowFunc[T]) imagedata.Frame {
	color := make([]T, l.width*l.height*l.channels)
	var alpha []T
	if l.alpha {
		alpha = make([]T, l.width*l.height)
	}
	bands := (l.height + band - 1) / band
	workers := min(runtime.GOMAXPROCS(0), bands)
	var group sync.WaitGroup
	var failures panics
	for worker := range workers {
		group.Go(func() {
			defer failures.keep()
			row := newRow()
			turn := turner[T]{layout: l, color: color, alpha: alpha}
			for b := worker; b < bands; b += workers {
				turn.rows(b*band, min((b+1)*band, l.height), row)
			}
		})
	}
	group.Wait()
	failures.raise()
	return frameOf(l, color, alpha)
}

// panics carries a worker's panic to the caller, where it can be recovered.
type panics struct {
	sync.Mutex
	first any
}

func (p *panics) keep() {
	if cause := recover(); cause != nil {
		p.Lock()
		defer p.Unlock()
		p.first = cause
	}
}

func (p *panics) raise() {
	if p.first != nil {
		panic(p.first)
	}
}

// frameOf wraps upright samples.
func frameOf[T sample](l layout, color, alpha []T) imagedata.Frame {
	width, height := l.width, l.height
	if l.orientation >= 5 {
		width, height = height, width
	}
	frame := imagedata.Frame{Color: rasterOf(width, height, l.channels, color)}
	if alpha != nil {
		plane := rasterOf(width, height, 1, alpha)
		frame.Alpha = &plane
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
