package encode

import "upscaled/engine/picture"

// units regroups the rows of bands into units of a fixed height, as MCU rows
// and strips need. Less than one unit is kept between bands, as bytes.
type units struct {
	layout  layout
	height  int // of a unit
	stride  int
	rest    []byte
	waiting int // rows in rest
}

func newUnits(l layout, width, height int) units {
	return units{layout: l, height: height, stride: width * l.pixel()}
}

// add calls work in parallel for every unit that the band completes and keeps
// the rows after the last. index counts from 0 in every call. rows must
// neither be written to nor kept.
func (u *units) add(color picture.Raster, alpha *picture.Raster, start func(count int), work func(index int, rows []byte)) {
	band := source{u.layout, color, alpha}
	count := (u.waiting + color.Height) / u.height
	start(count)
	inParallel(count, func(i int) { work(i, u.rows(band, i*u.height-u.waiting)) })
	from := count*u.height - u.waiting // negative: the rest still waits
	if from >= 0 {
		u.rest, u.waiting = u.rest[:0], 0
	}
	for y := max(from, 0); y < color.Height; y++ {
		u.rest = append(u.rest, make([]byte, u.stride)...)
		band.convert(y, u.rest[u.waiting*u.stride:])
		u.waiting++
	}
}

// rows gives the unit that starts at the band's row from; negative rows are
// those that waited for the band.
func (u *units) rows(band source, from int) []byte {
	if from >= 0 && band.asIs() {
		return band.color.Pix[from*u.stride : (from+u.height)*u.stride]
	}
	out := make([]byte, 0, u.height*u.stride)
	if from < 0 {
		out = append(out, u.rest[(u.waiting+from)*u.stride:]...)
	}
	for y := len(out) / u.stride; y < u.height; y++ {
		out = out[:(y+1)*u.stride]
		band.convert(from+y, out[y*u.stride:])
	}
	return out
}

// filled is the last unit, incomplete, with its last row repeated; nil when
// there is none.
func (u *units) filled() []byte {
	if u.waiting == 0 {
		return nil
	}
	for len(u.rest) < u.height*u.stride {
		u.rest = append(u.rest, u.rest[len(u.rest)-u.stride:]...)
	}
	return u.rest
}
