package encode

import (
	"encoding/binary"
	"math/bits"

	"upscaled/engine/imagedata"
	"upscaled/engine/parallel"
)

// layout is a format's order of the samples of a pixel: 1 or 3 color channels at 8
// or 16 bits, then alpha.
type layout struct {
	channels, depth int
	alpha           bool
	// reversed puts blue first.
	reversed bool
	// bigEndian is the byte order of 16-bit samples.
	bigEndian bool
}

// pixel returns the bytes per pixel.
func (l layout) pixel() int {
	n := l.channels
	if l.alpha {
		n++
	}
	return n * l.depth / 8
}

// source is a band to be converted to a layout, row by row so that it needs no
// memory of its own.
type source struct {
	layout layout
	color  imagedata.Raster
	alpha  *imagedata.Raster
}

// stride returns the bytes per row.
func (s source) stride() int { return s.color.Width * s.layout.pixel() }

// asIs reports whether the band's bytes are already in the layout.
func (s source) asIs() bool {
	return s.color.Pix != nil && s.alpha == nil && !s.layout.alpha && !s.layout.reversed &&
		s.layout.depth == 8 && s.layout.channels == s.color.Channels
}

// row returns row y, converted into scratch, or the band's own bytes if nothing
// needs converting; those must not be written to.
func (s source) row(y int, scratch []byte) []byte {
	if s.asIs() {
		n := s.stride()
		return s.color.Pix[y*n : (y+1)*n]
	}
	s.convert(y, scratch)
	return scratch
}

// convert writes row y to out, which has stride bytes.
func (s source) convert(y int, out []byte) {
	color := s.color.Rows(y, y+1)
	var alpha imagedata.Raster
	if s.alpha != nil {
		alpha = s.alpha.Rows(y, y+1)
	}
	switch {
	case s.asIs():
		copy(out, color.Pix)
	case s.layout.depth == 16:
		s.layout.wide(out, color.Pix16, alpha.Pix16, s.color.Channels)
	case color.Pix16 != nil:
		narrow(s.layout, out, color.Pix16, alpha.Pix16, s.color.Channels)
	case s.color.Channels == 3 && (s.alpha == nil || s.layout.alpha):
		s.layout.interleave(out, color.Pix, alpha.Pix)
	default:
		narrow(s.layout, out, color.Pix, alpha.Pix, s.color.Channels)
	}
}

// all converts every row to out, stride bytes apart.
func (s source) all(out []byte, stride int) {
	parallel.For(s.color.Height, func(y int) { s.convert(y, out[y*stride:][:s.stride()]) })
}

// interleave is the fast path for 8-bit color, which most results are. Missing
// alpha is opaque.
func (l layout) interleave(out, color, alpha []uint8) {
	first, last := 0, 2
	if l.reversed {
		first, last = last, first
	}
	if !l.alpha {
		for ; len(color) >= 3 && len(out) >= 3; color, out = color[3:], out[3:] {
			out[0], out[1], out[2] = color[first], color[1], color[last]
		}
		return
	}
	for x := 0; len(color) >= 3 && len(out) >= 4; color, out = color[3:], out[4:] {
		a := uint8(255)
		if x < len(alpha) {
			a = alpha[x]
			x++
		}
		out[0], out[1], out[2], out[3] = color[first], color[1], color[last], a
	}
}

// narrow writes a row at 8 bits per sample. Gray is repeated for color layouts;
// alpha is composed on white for layouts without it, and is opaque for bands
// without it.
func narrow[T uint8 | uint16](l layout, out []byte, color, alpha []T, channels int) {
	step, width := l.pixel(), len(color)/channels
	first, last := 0, l.channels-1
	if l.reversed {
		first, last = last, first
	}
	for c := range l.channels {
		at := first + c*(last-first)/max(1, l.channels-1)
		from := min(c, channels-1)
		for x := range width {
			v := color[x*channels+from]
			if alpha != nil && !l.alpha {
				v = onWhite(v, alpha[x])
			}
			out[x*step+at] = eight(v)
		}
	}
	if !l.alpha {
		return
	}
	for x := range width {
		a := ^T(0)
		if alpha != nil {
			a = alpha[x]
		}
		out[x*step+step-1] = eight(a)
	}
}

// eight rounds a sample to 8 bits.
func eight[T uint8 | uint16](v T) uint8 {
	full := uint32(^T(0))
	return uint8((uint32(v)*255 + full/2) / full)
}

// onWhite composes a straight-alpha sample on white.
func onWhite[T uint8 | uint16](v, alpha T) T {
	full := uint64(^T(0))
	return T((uint64(v)*uint64(alpha) + full*(full-uint64(alpha)) + full/2) / full)
}

// wide writes a row of 16-bit samples. The layout has alpha if the band does.
func (l layout) wide(out []byte, color, alpha []uint16, channels int) {
	if !l.alpha && l.channels == channels {
		for i, v := range color {
			l.put(out[2*i:], v)
		}
		return
	}
	step := l.pixel()
	for x := range len(color) / channels {
		p := out[x*step:][:step]
		for c := range l.channels {
			l.put(p[2*c:], color[x*channels+min(c, channels-1)])
		}
		if l.alpha {
			l.put(p[step-2:], alpha[x])
		}
	}
}

func (l layout) put(out []byte, v uint16) {
	if l.bigEndian {
		v = bits.ReverseBytes16(v)
	}
	binary.LittleEndian.PutUint16(out, v)
}

func (l layout) get(in []byte) uint16 {
	v := binary.LittleEndian.Uint16(in)
	if l.bigEndian {
		return bits.ReverseBytes16(v)
	}
	return v
}
