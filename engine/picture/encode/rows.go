package encode

import (
	"encoding/binary"
	"runtime"
	"sync"

	"upscaled/engine/picture"
)

// layout is how a format wants a row's samples.
type layout struct {
	channels int // 1 or 3 colour channels
	alpha    bool
	depth    int
	order    binary.ByteOrder // of 16-bit samples
	bgr      bool
}

// pixel is the bytes of one pixel.
func (l layout) pixel() int {
	n := l.channels
	if l.alpha {
		n++
	}
	return n * l.depth / 8
}

// row writes one row of a band. color and alpha are samples of that row in the
// band's depth; alpha is nil when there is none, and is laid on white when the
// layout has none.
func (l layout) row(out []byte, color, alpha picture.Raster, hasAlpha bool, y int) {
	c := color.Rows(y, y+1)
	var a picture.Raster
	if hasAlpha {
		a = alpha.Rows(y, y+1)
	}
	switch {
	case l.depth == 16:
		l.wide(out, c.Pix16, a.Pix16, color.Channels)
	case c.Pix16 != nil:
		l.narrow(out, eight(c.Pix16), eight(a.Pix16), color.Channels)
	default:
		l.narrow(out, c.Pix, a.Pix, color.Channels)
	}
}

// eight rounds 16-bit samples to 8 bits.
func eight(in []uint16) []uint8 {
	if in == nil {
		return nil
	}
	out := make([]uint8, len(in))
	for i, v := range in {
		out[i] = uint8((uint32(v)*255 + 32767) / 65535)
	}
	return out
}

func (l layout) narrow(out, color, alpha []uint8, channels int) {
	if alpha != nil && !l.alpha {
		color = onWhite(color, alpha, channels)
	}
	if l.channels == channels && !l.alpha && !l.bgr {
		copy(out, color)
		return
	}
	step := l.pixel()
	for x, i := 0, 0; i < len(color); x, i = x+1, i+channels {
		p := out[x*step : x*step+step : x*step+step]
		r, g, b := color[i], color[i+channels/2], color[i+channels-1]
		switch {
		case l.channels == 1:
			p[0] = r
		case l.bgr:
			p[0], p[1], p[2] = b, g, r
		default:
			p[0], p[1], p[2] = r, g, b
		}
		if l.alpha {
			p[step-1] = alpha[x]
		}
	}
}

func (l layout) wide(out []byte, color, alpha []uint16, channels int) {
	step, at := l.pixel(), 0
	for x := 0; at < len(color); x, at = x+1, at+channels {
		p := out[x*step : x*step+step]
		for c := range channels {
			l.order.PutUint16(p[2*c:], color[at+c])
		}
		if l.alpha {
			l.order.PutUint16(p[step-2:], alpha[x])
		}
	}
}

// onWhite lays straight colour on white.
func onWhite(color, alpha []uint8, channels int) []uint8 {
	out := make([]uint8, len(color))
	for x, a := range alpha {
		for c := range channels {
			v := uint32(color[x*channels+c])*uint32(a) + 255*(255-uint32(a))
			out[x*channels+c] = uint8((v + 127) / 255)
		}
	}
	return out
}

// inParallel runs work for 0..n-1 on all cores and waits.
func inParallel(n int, work func(i int)) {
	workers := min(n, runtime.GOMAXPROCS(0))
	if workers <= 1 {
		for i := range n {
			work(i)
		}
		return
	}
	var next sync.Mutex
	var group sync.WaitGroup
	at := 0
	for range workers {
		group.Go(func() {
			for {
				next.Lock()
				i := at
				at++
				next.Unlock()
				if i >= n {
					return
				}
				work(i)
			}
		})
	}
	group.Wait()
}
