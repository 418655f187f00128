package encode

// rgb is an 8-bit color.
type rgb [3]uint8

// gifPixels is a frame of 3 or 4 bytes per pixel.
type gifPixels struct {
	bytes       []byte
	width, step int
}

// opaque reports whether GIF shows the pixel that starts at i.
func (p gifPixels) opaque(i int) bool { return p.step == 3 || p.bytes[i+3] >= 128 }

func (p gifPixels) at(i int) rgb { return rgb(p.bytes[i : i+3]) }

// palette returns at most 256 colors, 255 with alpha to leave one for
// transparency. exact reports whether these are all colors of the frame.
func (p gifPixels) palette() (colors []rgb, exact bool) {
	most := 256
	if p.step == 4 {
		most = 255
	}
	if colors := p.distinct(most); colors != nil {
		return colors, true
	}
	return p.cut(most), false
}

// distinct returns the frame's colors, nil if there are more than most.
func (p gifPixels) distinct(most int) []rgb {
	colors, seen := []rgb{}, map[rgb]bool{}
	last := rgb{}
	for i := 0; i < len(p.bytes); i += p.step {
		c := p.at(i)
		if !p.opaque(i) || c == last && len(colors) > 0 || seen[c] {
			continue
		}
		if len(colors) == most {
			return nil
		}
		last, seen[c] = c, true
		colors = append(colors, c)
	}
	return colors
}

// bin is a cell of the color cube, 5 bits per channel, and its pixels' sums.
type bin struct {
	count uint64
	sum   [3]uint64
}

func (b bin) mean(axis int) float64 { return float64(b.sum[axis]) / float64(b.count) }

// cut splits the frame's colors into groups and returns the groups' means: it
// repeatedly splits the group with the largest squared error along its worst axis
// at the mean (after Wan, Wong and Prusinkiewicz, 1988).
func (p gifPixels) cut(most int) []rgb {
	cells := make([]bin, 1<<15)
	for i := 0; i < len(p.bytes); i += p.step {
		if !p.opaque(i) {
			continue
		}
		c := p.at(i)
		cell := &cells[int(c[0]>>3)<<10|int(c[1]>>3)<<5|int(c[2]>>3)]
		cell.count++
		for axis, v := range c {
			cell.sum[axis] += uint64(v)
		}
	}
	used := cells[:0]
	for _, cell := range cells {
		if cell.count > 0 {
			used = append(used, cell)
		}
	}
	groups := []group{newGroup(used)}
	for len(groups) < most {
		worst := 0
		for i, g := range groups {
			if g.err > groups[worst].err {
				worst = i
			}
		}
		if groups[worst].err == 0 {
			break
		}
		var other group
		groups[worst], other = groups[worst].split()
		groups = append(groups, other)
	}
	colors := make([]rgb, len(groups))
	for i, g := range groups {
		for axis := range 3 {
			colors[i][axis] = uint8(g.total.mean(axis) + 0.5)
		}
	}
	return colors
}

// group is a set of cells, the axis they vary most along, and the squared error
// to their mean along it.
type group struct {
	cells []bin
	total bin
	axis  int
	err   float64
}

func newGroup(cells []bin) group {
	g := group{cells: cells}
	for _, c := range cells {
		g.total.count += c.count
		for axis, v := range c.sum {
			g.total.sum[axis] += v
		}
	}
	for axis := range 3 {
		mean, err := g.total.mean(axis), 0.0
		for _, c := range cells {
			d := c.mean(axis) - mean
			err += d * d * float64(c.count)
		}
		// Smaller errors are rounding.
		if err > g.err && err > 1e-6*float64(g.total.count) {
			g.axis, g.err = axis, err
		}
	}
	return g
}

// split partitions the cells at the mean.
func (g group) split() (below, above group) {
	mean, n := g.total.mean(g.axis), 0
	for i, c := range g.cells {
		if c.mean(g.axis) < mean {
			g.cells[i], g.cells[n] = g.cells[n], c
			n++
		}
	}
	return newGroup(g.cells[:n]), newGroup(g.cells[n:])
}
