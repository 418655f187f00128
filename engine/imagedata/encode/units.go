package encode

import (
	"sync"

	"upscaled/engine/imagedata"
	"upscaled/engine/parallel"
)

// units regroups the rows of bands into units of a fixed height (MCU rows, strips
// or deflated pieces), so that no byte of a file depends on how the image was cut
// into bands. Between bands it keeps less than one unit, as bytes.
type units struct {
	layout  layout
	height  int // of a unit
	stride  int
	rest    []byte
	waiting int // rows in rest
	// above is the row before the next unit, zero before the first; it is
	// tracked unless nil.
	above   []byte
	scratch *sync.Pool // of *[]byte, a unit and the row above it
}

func newUnits(l layout, width, height int) units {
	u := units{layout: l, height: height, stride: width * l.pixel()}
	size := (height + 1) * u.stride
	u.scratch = &sync.Pool{New: func() any {
		return new(make([]byte, size))
	}}
	return u
}

// unit is one core's work. Neither slice may be written to or kept.
type unit struct{ rows, above []byte }

// add calls work in parallel for every unit that the band completes and keeps the
// remaining rows. It first calls start with their number; index counts from 0.
func (u *units) add(color imagedata.Raster, alpha *imagedata.Raster, start func(count int), work func(index int, part unit)) {
	band := source{u.layout, color, alpha}
	count := (u.waiting + color.Height) / u.height
	start(count)
	parallel.For(count, func(i int) {
		from := i*u.height - u.waiting
		if from >= 0 && band.asIs() {
			work(i, u.within(band, from))
			return
		}
		scratch := u.scratch.Get().(*[]byte)
		work(i, u.unit(band, from, *scratch))
		u.scratch.Put(scratch)
	})
	from := count*u.height - u.waiting // negative: the rest keeps waiting
	if from >= 0 {
		u.rest, u.waiting = u.rest[:0], 0
	}
	if u.above != nil && from > 0 {
		band.convert(from-1, u.above)
	}
	for y := max(from, 0); y < color.Height; y++ {
		u.rest = append(u.rest, make([]byte, u.stride)...)
		band.convert(y, u.rest[u.waiting*u.stride:])
		u.waiting++
	}
}

// within returns a unit whose bytes are the band's own.
func (u *units) within(band source, from int) unit {
	out := unit{rows: band.color.Pix[from*u.stride : (from+u.height)*u.stride], above: u.above}
	if u.above != nil && from > 0 {
		out.above = band.color.Pix[(from-1)*u.stride : from*u.stride]
	}
	return out
}

// unit builds the unit that starts at the band's row from in scratch; negative
// rows are those that waited for the band.
func (u *units) unit(band source, from int, scratch []byte) unit {
	out := unit{rows: scratch[:u.height*u.stride], above: u.above}
	if u.above != nil && from > 0 {
		out.above = band.row(from-1, scratch[u.height*u.stride:])
	}
	done := 0
	if from < 0 {
		done = copy(out.rows, u.rest[(u.waiting+from)*u.stride:]) / u.stride
	}
	for y := done; y < u.height; y++ {
		band.convert(from+y, out.rows[y*u.stride:][:u.stride])
	}
	return out
}

// remaining returns the last, incomplete unit; its rows are empty if there is
// none.
func (u *units) remaining() unit { return unit{u.rest, u.above} }

// restart drops all rows, for the next frame.
func (u *units) restart() {
	u.rest, u.waiting = u.rest[:0], 0
	clear(u.above)
}

// filled returns the last unit completed by repeating its last row, nil if there
// is none.
func (u *units) filled() []byte {
	if u.waiting == 0 {
		return nil
	}
	for len(u.rest) < u.height*u.stride {
		u.rest = append(u.rest, u.rest[len(u.rest)-u.stride:]...)
	}
	return u.rest
}
