package metadata

import (
	"slices"

	"upscaled/engine/imagedata/metadata/ifd"
)

// place is a field in pixels of the stored image, with that image's size.
type place struct {
	ifd.Entry
	width, height float64
}

// findPlaces records the places of a directory that states the size they refer to.
func (e *editor) findPlaces(d ifd.Directory) {
	sides := [2]float64{}
	for i, tag := range []uint16{ifd.PixelXDimension, ifd.PixelYDimension} {
		entry, _ := d.Find(tag)
		side, ok := e.Uint(entry, 0)
		if !ok || side == 0 || !isNumber(entry) || entry.Type == ifd.Byte { // set writes the others
			return
		}
		sides[i] = float64(side)
	}
	for _, entry := range d.Entries {
		switch entry.Tag {
		case ifd.SubjectArea, ifd.SubjectLocation, ifd.FocalPlaneX, ifd.FocalPlaneY:
			e.places = append(e.places, place{entry, sides[0], sides[1]})
		}
	}
}

// movePlaces turns and scales the places to the new image. Values that share bytes with
// others, which no writer does, stay.
func (e *editor) movePlaces() {
	for _, p := range e.places {
		users := 0
		for _, u := range e.used {
			if u.start < p.End && p.Start < u.end {
				users++
			}
		}
		inRecord := p.Start >= p.At && p.End <= p.At+12 // so the directory is a second user
		if users != 1 && !(inRecord && users == 2) {
			continue
		}
		across, down := float64(e.width)/p.width, float64(e.height)/p.height
		if e.orientation >= 5 {
			across, down = float64(e.width)/p.height, float64(e.height)/p.width
		}
		switch {
		case across == 1 && down == 1 && e.orientation == 1:
		case (p.Tag == ifd.SubjectArea || p.Tag == ifd.SubjectLocation) && p.Type == ifd.Short && p.Count >= 2 && p.Count <= 4:
			e.moveSubject(p, across, down)
		case p.Type == ifd.Rational && p.Count == 1:
			e.scaleDensity(p, (p.Tag == ifd.FocalPlaneX) == (e.orientation < 5), across, down)
		}
	}
}

// moveSubject moves a point, the center of a circle with its diameter, or of a rectangle
// with its width and height.
func (e *editor) moveSubject(p place, across, down float64) {
	var v [4]float64
	for i := range int(p.Count) {
		n, _ := e.Uint(p.Entry, i)
		v[i] = float64(n)
	}
	if p.Count == 3 {
		v[3] = v[2]
	}
	if slices.Contains([]int{2, 3, 7, 8}, e.orientation) {
		v[0] = p.width - v[0]
	}
	if slices.Contains([]int{3, 4, 6, 7}, e.orientation) {
		v[1] = p.height - v[1]
	}
	if e.orientation >= 5 {
		v = [4]float64{v[1], v[0], v[3], v[2]}
	}
	for i := range int(p.Count) {
		scaled := v[i] * [2]float64{across, down}[i%2]
		e.Order.PutUint16(e.Data[p.Start+2*i:], uint16(min(max(scaled+0.5, 0), 65535)))
	}
}

// scaleDensity scales a number of pixels per unit on the sensor.
func (e *editor) scaleDensity(p place, horizontal bool, across, down float64) {
	v, ok := e.Rational(p.Entry, 0)
	if !horizontal {
		across = down
	}
	denominator := 1000.0
	if v*across*denominator >= 1<<32-1 {
		denominator = 1
	}
	if ok {
		e.Order.PutUint32(e.Data[p.Start:], uint32(min(v*across*denominator+0.5, 1<<32-1)))
		e.Order.PutUint32(e.Data[p.Start+4:], uint32(denominator))
	}
}
