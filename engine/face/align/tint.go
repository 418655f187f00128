package align

import (
	"math"

	"upscaled/engine/imagedata"
	"upscaled/engine/parallel"
)

const (
	// tintCells is the approximate number of color correction values along a
	// side. The correction is smooth, so linear interpolation suffices.
	tintCells = 64
	// tintWidth is the standard deviation of the low-pass filter relative to the
	// square's side, a third of the eye distance: color and shading stay the
	// image's, features are the restorer's.
	tintWidth = 1.0 / 12
)

// newTint returns the correction of a restored face to the color and shading of
// the original: the low frequencies of crop - restored, which have the same
// size and channels.
func newTint(restored, crop imagedata.Raster) plane {
	cell := max(1, min(restored.Width, restored.Height)/tintCells)
	width, height := float64(restored.Width), float64(restored.Height)
	difference := newPlane(crop, cell, 0, 0, width, height, 0)
	for i, v := range newPlane(restored, cell, 0, 0, width, height, 0).samples {
		difference.samples[i] -= v
	}
	deviation := tintWidth * min(width, height) / float64(cell)
	stride := difference.width * difference.channels
	for x := range stride {
		smooth(difference.samples[x:], difference.height, stride, deviation)
	}
	for y := range difference.height {
		for c := range difference.channels {
			smooth(difference.samples[y*stride+c:], difference.width, difference.channels, deviation)
		}
	}
	return difference
}

// smooth filters count samples, step apart, with a Gaussian. Near the ends the
// weights are renormalized to sum to 1.
func smooth(samples []float32, count, step int, deviation float64) {
	reach := int(math.Ceil(3 * deviation))
	weights := make([]float32, reach+1)
	for i := range weights {
		weights[i] = float32(math.Exp(-float64(i*i) / (2 * deviation * deviation)))
	}
	source := make([]float32, count)
	for i := range source {
		source[i] = samples[i*step]
	}
	for i := range source {
		var sum, total float32
		for k := max(0, i-reach); k <= min(count-1, i+reach); k++ {
			w := weights[max(k-i, i-k)]
			sum += w * source[k]
			total += w
		}
		samples[i*step] = sum / total
	}
}

// add adds a coarser plane to s, interpolated linearly with its edge repeated.
func (s *plane) add(coarse plane) {
	columns := lerps(s.left, s.width, s.cell, coarse.left, coarse.width, coarse.cell)
	rows := lerps(s.top, s.height, s.cell, coarse.top, coarse.height, coarse.cell)
	n := s.channels
	parallel.For(s.height, func(y int) {
		r := rows[y]
		upper := coarse.samples[r.first*coarse.width*n:]
		lower := coarse.samples[r.next*coarse.width*n:]
		out := s.samples[y*s.width*n:][:s.width*n]
		for x, p := range columns {
			for c := range n {
				a, b := p.first*n+c, p.next*n+c
				top := upper[a] + p.part*(upper[b]-upper[a])
				bottom := lower[a] + p.part*(lower[b]-lower[a])
				out[x*n+c] += top + r.part*(bottom-top)
			}
		}
	})
}

// lerp is a position between two samples, part of the way from first to next.
type lerp struct {
	first, next int
	part        float32
}

// lerps locates the centers of count cells in a coarser row.
func lerps(from, count, cell, coarseFrom, coarseCount, coarseCell int) []lerp {
	all := make([]lerp, count)
	for i := range all {
		at := (float64(from+i)+0.5)*float64(cell)/float64(coarseCell) - 0.5 - float64(coarseFrom)
		at = min(max(at, 0), float64(coarseCount-1))
		first := int(at)
		all[i] = lerp{first: first, next: min(first+1, coarseCount-1), part: float32(at - float64(first))}
	}
	return all
}
