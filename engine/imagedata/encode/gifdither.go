package encode

import "math"

// indices maps the frame to its palette. Mostly transparent pixels get the index
// transparent. Palettes that are not exact are dithered.
func (p gifPixels) indices(palette []rgb, exact bool, transparent uint8) []uint8 {
	out := make([]uint8, len(p.bytes)/p.step)
	if !exact {
		p.dither(out, newNearest(palette), transparent)
		return out
	}
	index := make(map[rgb]uint8, len(palette))
	for i, c := range palette {
		index[c] = uint8(i)
	}
	known, last, lastIndex := false, rgb{}, uint8(0) // neighbors are often equal
	for i := range out {
		if !p.opaque(i * p.step) {
			out[i] = transparent
			continue
		}
		if c := p.at(i * p.step); !known || c != last {
			known, last, lastIndex = true, c, index[c]
		}
		out[i] = lastIndex
	}
	return out
}

// dither distributes each pixel's error to its later neighbors (Floyd and
// Steinberg, 1976): 7/16 to the right, 3, 5 and 1/16 below.
func (p gifPixels) dither(out []uint8, palette *nearest, transparent uint8) {
	// Errors in 1/16, with one more pixel on each side.
	here, below := make([][3]int32, p.width+2), make([][3]int32, p.width+2)
	for i := range out {
		x := i % p.width
		if x == 0 {
			here, below = below, here
			clear(below)
		}
		if !p.opaque(i * p.step) {
			out[i] = transparent // error does not pass through holes either
			continue
		}
		var wanted [3]int32
		for c, v := range p.at(i * p.step) {
			wanted[c] = max(0, min(255, int32(v)+(here[x+1][c]+8)>>4))
		}
		index := palette.find(wanted)
		out[i] = index
		for c, v := range palette.colors[index] {
			e := wanted[c] - int32(v)
			here[x+2][c] += 7 * e
			below[x][c] += 3 * e
			below[x+1][c] += 5 * e
			below[x+2][c] += e
		}
	}
}

// nearest finds palette colors by cells of 6 bits per channel, each searched once.
type nearest struct {
	colors []rgb
	known  []int16 // index of a cell's color, -1 if not searched yet
}

func newNearest(colors []rgb) *nearest {
	n := &nearest{colors: colors, known: make([]int16, 1<<18)}
	for i := range n.known {
		n.known[i] = -1
	}
	return n
}

// find takes samples in 0..255.
func (n *nearest) find(c [3]int32) uint8 {
	cell := (c[0]>>2)<<12 | (c[1]>>2)<<6 | c[2]>>2
	if i := n.known[cell]; i >= 0 {
		return uint8(i)
	}
	best, least := 0, int32(math.MaxInt32)
	for i, p := range n.colors {
		distance := int32(0)
		for axis, v := range p {
			d := c[axis]&^3 + 2 - int32(v) // to the center of the cell
			distance += d * d
		}
		if distance < least {
			best, least = i, distance
		}
	}
	n.known[cell] = int16(best)
	return uint8(best)
}
