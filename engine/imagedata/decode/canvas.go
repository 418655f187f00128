package decode

import (
	"slices"
	"time"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
)

// disposal is how a frame's area is prepared for the next frame.
type disposal uint8

const (
	keep       disposal = iota // it stays
	clearArea                  // it becomes transparent
	revertArea                 // it is restored as it was before the frame
)

// maxFrames bounds an animation: a frame of one pixel takes 15 bytes of a file,
// and the model runs on each. Real animations have some hundred frames; at 30 per
// second this is eleven minutes.
const maxFrames = 20_000

// checkFrames is called while frames are counted, before more memory is used.
func checkFrames(frames int) error {
	//guard:frame-count TestHostileFiles/APNG_of_100000_frames TestHostileFiles/GIF_of_700000_frames_of_a_pixel TestHostileFiles/animated_WebP_of_100000_frames
	if frames > maxFrames {
		return fault.New(fault.TooLarge, "The animation has more than %d frames; cut it into parts first.", maxFrames)
	}
	return nil
}

// patch is the rectangle of the canvas that an animation's frame draws.
type patch struct {
	x, y, width, height int
	delay               time.Duration
	after               disposal
	// over blends with the canvas; otherwise the patch replaces it.
	over bool
}

// covers reports whether the patch covers the whole canvas.
func (p patch) covers(width, height int) bool {
	return p.x == 0 && p.y == 0 && p.width == width && p.height == height
}

// inside reports whether the patch lies within the canvas.
func (p patch) inside(width, height int) bool {
	return p.x >= 0 && p.y >= 0 && p.width >= 0 && p.height >= 0 &&
		p.x <= width-p.width && p.y <= height-p.height
}

// canvas composes an animation. It starts transparent; its alpha is nil if the
// layout says that no composed frame is transparent anywhere.
type canvas[T sample] struct {
	layout
	color, alpha []T
	pending      *patch
	// The area under the pending patch, if it is to be reverted.
	savedColor, savedAlpha []T
}

func newCanvas[T sample](l layout) *canvas[T] {
	c := &canvas[T]{layout: l}
	c.color, c.alpha = newSamples[T](l)
	return c
}

// draw draws a patch and returns the composed frame, which the caller owns; alpha
// is nil for an opaque patch.
func (c *canvas[T]) draw(p patch, color, alpha []T) imagedata.Frame {
	c.dispose()
	if p.after == revertArea {
		c.save(p)
	}
	for y := range p.height {
		var alphaRow []T
		if alpha != nil {
			alphaRow = alpha[y*p.width : (y+1)*p.width]
		}
		c.drawRow(p, p.y+y, color[y*p.width*c.channels:(y+1)*p.width*c.channels], alphaRow)
	}
	c.pending = &p
	frame := assemble(c.layout, c.copyRows)
	frame.Delay = p.delay
	return frame
}

func (c *canvas[T]) copyRows() rowFunc[T] {
	stride := c.width * c.channels
	return func(y int, color, alpha []T) {
		copy(color, c.color[y*stride:(y+1)*stride])
		if alpha != nil {
			copy(alpha, c.alpha[y*c.width:(y+1)*c.width])
		}
	}
}

func (c *canvas[T]) drawRow(p patch, y int, color, alpha []T) {
	start := y*c.width + p.x
	under := c.color[start*c.channels:][:len(color)]
	var underAlpha []T
	if c.alpha != nil {
		underAlpha = c.alpha[start:][:p.width]
	}
	if p.over && alpha != nil {
		blend(under, underAlpha, color, alpha, c.channels)
		return
	}
	copy(under, color)
	for x := range underAlpha {
		underAlpha[x] = ^T(0)
	}
	if alpha != nil {
		copy(underAlpha, alpha)
	}
}

// dispose disposes of the last patch.
func (c *canvas[T]) dispose() {
	p := c.pending
	if p == nil || p.after == keep {
		return
	}
	for y := range p.height {
		start := (p.y+y)*c.width + p.x
		color := c.color[start*c.channels:][:p.width*c.channels]
		if p.after == clearArea {
			clear(color)
		} else {
			copy(color, c.savedColor[y*len(color):])
		}
		if c.alpha == nil {
			continue
		}
		if p.after == clearArea {
			clear(c.alpha[start:][:p.width])
		} else {
			copy(c.alpha[start:][:p.width], c.savedAlpha[y*p.width:])
		}
	}
}

func (c *canvas[T]) save(p patch) {
	c.savedColor, c.savedAlpha = c.savedColor[:0], c.savedAlpha[:0]
	for y := range p.height {
		start := (p.y+y)*c.width + p.x
		c.savedColor = append(c.savedColor, c.color[start*c.channels:][:p.width*c.channels]...)
		if c.alpha != nil {
			c.savedAlpha = append(c.savedAlpha, c.alpha[start:][:p.width]...)
		}
	}
}

// blend composes straight-alpha samples over others (Porter and Duff's "over").
// underAlpha is nil if everything under is opaque.
func blend[T sample](under, underAlpha, color, alpha []T, channels int) {
	full := uint64(^T(0))
	for x, a := range alpha {
		if a == 0 {
			continue
		}
		target, samples := under[x*channels:][:channels], color[x*channels:][:channels]
		top, bottom := uint64(a), full-uint64(a)
		if underAlpha != nil {
			bottom = (bottom*uint64(underAlpha[x]) + full/2) / full
			underAlpha[x] = T(top + bottom)
		}
		total := top + bottom
		for i := range target {
			target[i] = T((uint64(samples[i])*top + uint64(target[i])*bottom + total/2) / total)
		}
	}
}

// showsThrough reports whether any composed frame can be transparent: one can
// unless the first patch covers the canvas opaquely and nothing is cleared before
// another frame is shown.
func showsThrough(patches []patch, firstOpaque bool, width, height int) bool {
	if !firstOpaque || !patches[0].covers(width, height) {
		return true
	}
	// Reverting the first patch uncovers the empty canvas.
	if len(patches) > 1 && patches[0].after == revertArea {
		return true
	}
	return slices.ContainsFunc(patches[:len(patches)-1], func(p patch) bool { return p.after == clearArea })
}
