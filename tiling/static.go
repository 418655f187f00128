package tiling

import (
	"math"
	"slices"
)

// tileCost is the cost of starting a tile in pixels that could have been computed
// instead: some hundred launches of a few microseconds.
const tileCost = 128 * 128

// PlanStatic is Plan for devices that set up every input shape separately: all
// tiles of the grid see the same width and height, taken from Sides, so that images
// of many sizes share few shapes. Tiles at the far end are shifted inward. If no
// side fits, as on images hardly wider than the margins, a tile sees the whole
// axis.
func PlanStatic(start, width, height int, x, y Margins, b Budget) Grid {
	var best Grid
	least := math.Inf(1)
	across, down := staticCuts(0, width, 0, x), staticCuts(start, height, b.Rows, y)
	for _, xs := range across {
		for _, ys := range down {
			wide, tall := xs[0].Seen(), ys[0].Seen()
			cost := float64(len(xs)*len(ys)) * float64(wide*tall+tileCost)
			if over := wide * tall; over > b.Pixels {
				cost = 1e18 * float64(over) // kept only when nothing fits
			}
			if cost < least {
				best, least = Grid{xs, ys}, cost
			}
		}
	}
	return best
}

// staticCuts returns the cuts of an axis into spans of one length, one for each
// side that fits.
func staticCuts(start, length, kept int, m Margins) [][]Span {
	if m.Fixed > 0 {
		return [][]Span{fixedCut(start, length, m)}
	}
	var cuts [][]Span
	within := func(kept int) {
		for _, side := range Sides(length) {
			if spans := staticCut(start, length, side, kept, m); spans != nil {
				cuts = append(cuts, spans)
			}
		}
	}
	if within(kept); len(cuts) == 0 && kept > 0 {
		within(0) // rather a higher band than none
	}
	if len(cuts) == 0 {
		whole := m
		whole.Fixed = length
		cuts = append(cuts, Cut(start, length, 1, whole))
	}
	return cuts
}

// staticCut cuts an axis into the fewest spans that see side pixels; nil if the
// margins leave no room or spans would keep more than kept.
func staticCut(start, length, side, kept int, m Margins) []Span {
	m.Fixed = side
	overlap := m.Crop + m.Ramp/2
	inner := side - 2*overlap
	if side < length && inner <= 0 {
		return nil
	}
	fewest := 1
	if need := length - start - 2*overlap; side < length && need > 0 {
		fewest = (need + inner - 1) / inner
	}
	if kept > 0 {
		fewest = max(fewest, (length-start+kept-1)/kept)
	}
	// Ramps and alignment cost a span more at times.
	for count := fewest; count <= fewest+2; count++ {
		spans := Cut(start, length, count, m)
		if len(spans) < count {
			return nil
		}
		if served(spans, length, m) && (kept <= 0 || longest(spans, Span.Kept) <= kept) {
			return spans
		}
	}
	return nil
}

// served reports whether all spans see their kept part and its crop.
func served(spans []Span, length int, m Margins) bool {
	return !slices.ContainsFunc(spans, func(s Span) bool {
		return s.In0 < 0 || s.In0 > max(0, s.Keep0-m.Crop) || s.In1 < min(length, s.Keep1+m.Crop)
	})
}

// Sides returns the lengths up to a limit that tiles of PlanStatic have: four per
// octave, so that rounding up costs little and shapes are few, and all multiples of
// 16, which matrix units prefer.
func Sides(limit int) []int {
	var sides []int
	for side, octave := 16, 64; side <= limit; side += octave / 4 {
		sides = append(sides, side)
		if side >= 2*octave {
			octave *= 2
		}
	}
	return sides
}
