package encode

// rgb is a colour of 8 bits a sample.
type rgb [3]uint8

// gifPixels is a frame, 3 or 4 bytes a pixel.
type gifPixels struct {
	bytes       []byte
	width, step int
}

// opaque tells whether GIF shows the pixel that starts at i.
func (p gifPixels) opaque(i int) bool { return p.step == 3 || p.bytes[i+3] >= 128 }

func (p gifPixels) at(i int) rgb { return rgb(p.bytes[i : i+3]) }

// palette gives at most 256 colours, with alpha 255 so that one is left for
// transparency. exact says that they are all that the frame has.
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

// distinct lists the frame's colours, nil when there are more than most.
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

// bin is a cell of the colour cube, 5 bits a side, and its pixels' sums.
type bin struct {
	count uint64
	sum   [3]uint64
}

func (b bin) mean(axis int) float64 { return float64(b.sum[axis]) / float64(b.count) }

// cut splits the frame's colours into groups, always the group with the
// largest squared error along its worst axis at the mean, and gives the
// groups' means (Wan, Wong and Prusinkiewicz, 1988, with the split at the mean).
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

// group is some cells, the axis they differ most along, and how much: the
// squared error to their mean.
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
		// What is left of rounding is no difference.
		if err > g.err && err > 1e-6*float64(g.total.count) {
			g.axis, g.err = axis, err
		}
	}
	return g
}

// split moves the cells below the mean to the front.
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
