package tiling

import "math"

// Budget bounds a cut.
type Budget struct {
	// Pixels is the number of input pixels that a tile may see.
	Pixels int
	// Rows is the number of input rows that a tile may keep, since a row of tiles
	// is held as one band; 0 is any.
	Rows int
	// Trims is set if the model's layers shrink toward inner sides, so that margins
	// cost half.
	Trims bool
}

// Grid is a cut of a whole image: a tile is a column and a row of it.
type Grid struct {
	Columns, Rows []Span
}

// Plan returns the grid for rows start to height that costs the least work within
// the budget, or the grid of the smallest tiles if none fits.
func Plan(start, width, height int, x, y Margins, b Budget) Grid {
	best, least := Grid{}, math.Inf(1)
	for columns := 1; columns <= width; columns++ {
		xs := Cut(0, width, columns, x)
		if x.Fixed > 0 {
			xs = fixedCut(0, width, x)
		}
		if len(xs) < columns {
			break
		}
		widest := longest(xs, Span.Seen)
		ys, fits := cutWithin(start, height, b.Pixels/max(widest, 1), b.Rows, y)
		cost := work(xs, x, b.Trims) * work(ys, y, b.Trims)
		if !fits {
			cost *= 1e6 // kept only when nothing fits
			cost *= float64(widest)
		}
		if cost < least {
			best, least = Grid{xs, ys}, cost
		}
		if x.Fixed > 0 || widest <= 4*(x.Crop+x.Ramp)+64 && fits {
			break // narrower columns only waste more
		}
	}
	return best
}

// Fewest cuts an axis into the fewest spans that see and keep no more than the
// limits; 0 is no limit. It reports false if no cut is within them.
func Fewest(length, seen, kept int, m Margins) ([]Span, bool) {
	if seen <= 0 {
		seen = length
	}
	return cutWithin(0, length, seen, kept, m)
}

// cutWithin is Fewest for the part of an axis from start. Fixed lengths are not
// bound by the limits.
func cutWithin(start, length, seen, kept int, m Margins) ([]Span, bool) {
	if m.Fixed > 0 {
		return fixedCut(start, length, m), true
	}
	if kept <= 0 {
		kept = length
	}
	for count := max(1, (length-start)/max(1, min(seen, kept))); ; count++ {
		spans := Cut(start, length, count, m)
		if longest(spans, Span.Seen) <= seen && longest(spans, Span.Kept) <= kept {
			return spans, true
		}
		if len(spans) < count {
			return spans, false
		}
	}
}

func longest(spans []Span, of func(Span) int) int {
	most := 0
	for _, s := range spans {
		most = max(most, of(s))
	}
	return most
}

// work returns the mean length that the layers compute.
func work(spans []Span, m Margins, trims bool) float64 {
	total := 0.0
	for _, s := range spans {
		total += float64(s.Seen())
		if trims {
			if !s.First {
				total -= float64(m.Crop) / 2
			}
			if !s.Last {
				total -= float64(m.Crop) / 2
			}
		}
	}
	return total
}
