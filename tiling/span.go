// Package tiling cuts an image into tiles and stitches their outputs: pure
// geometry.
//
// Both axes are cut independently and alike: a cut is two lists of Spans, and a
// tile is one span of each. Lengths are in pixels of the model's input.
package tiling

// Margins are how much more a tile sees than it keeps on its inner sides.
type Margins struct {
	// Crop is seen and dropped. If it is the model's receptive radius, the tiled
	// result equals the untiled one.
	Crop int
	// Ramp is the overlap of the kept parts of neighbors, blended linearly; 0 for exact
	// cuts.
	Ramp int
	// Fixed is the only length that a tile may see, 0 for any. The axis must be at
	// least as long. Tiles may then drop more than Crop, and Crop and Ramp shrink
	// with small lengths.
	Fixed int
	// Multiple divides every start and length that a tile sees, except at the
	// image's far end; at least 1.
	Multiple int
}

// Span is one tile's part of an axis.
type Span struct {
	// The tile sees [In0, In1) and keeps [Keep0, Keep1).
	In0, In1, Keep0, Keep1 int
	// First and Last are set if In0 or In1 is the image's own border.
	First, Last bool
	// RampBefore and RampAfter are the kept pixels at each end that are blended
	// with the neighbor's.
	RampBefore, RampAfter int
}

// Seen returns the length that the tile sees.
func (s Span) Seen() int { return s.In1 - s.In0 }

// Kept returns the length that the tile keeps, ramps included.
func (s Span) Kept() int { return s.Keep1 - s.Keep0 }

// Cut divides an axis from start (a multiple of m.Multiple) to length into at most
// count spans, fewer if they would be too short for their ramps. They see nearly equal
// lengths, so that memory is reused from tile to tile; tiles at a border need
// a margin on one side less and keep more. Every pixel is kept by one span, or by
// two that are blended. A start above 0 is blended with the rows kept before it.
func Cut(start, length, count int, m Margins) []Span {
	multiple := max(m.Multiple, 1)
	overlap, before := m.Crop+m.Ramp/2, 0
	if start > 0 {
		before = overlap
	}
	seen := func(n int) int { return (length - start + before + 2*overlap*(n-1)) / n }
	for count > 1 && seen(count)-2*overlap < max(2*m.Ramp, 2*multiple) {
		count--
	}
	edge := func(i int) int {
		if i == 0 || i >= count {
			return start + (length-start)*min(i, 1)
		}
		at := start - before + i*(length-start+before+2*overlap*(count-1))/count - overlap*(2*i-1)
		return at - at%multiple
	}
	spans := make([]Span, max(count, 1))
	for i := range spans {
		s := Span{Keep0: edge(i), Keep1: edge(i + 1)}
		spans[i] = s.widen(length, s.Keep0 > 0, i < count-1, m, multiple)
	}
	return spans
}

// widen adds ramps and margins to a part of the axis.
func (s Span) widen(length int, before, after bool, m Margins, multiple int) Span {
	s.In0, s.In1 = 0, length
	if before {
		s.RampBefore = m.Ramp
		s.Keep0 -= m.Ramp / 2
		s.In0 = max(0, s.Keep0-m.Crop)
		s.In0 -= s.In0 % multiple
	}
	if after {
		s.RampAfter = m.Ramp
		s.Keep1 += m.Ramp - m.Ramp/2
		s.In1 = s.Keep1 + m.Crop
		s.In1 = min(length, s.In1+(multiple-s.In1%multiple)%multiple)
	}
	if m.Fixed > 0 {
		s.In0 = min(s.In0, length-m.Fixed)
		s.In1 = s.In0 + m.Fixed
	}
	s.First, s.Last = s.In0 == 0, s.In1 == length
	return s
}
