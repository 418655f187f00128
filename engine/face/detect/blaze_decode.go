package detect

import (
	"cmp"
	"math"
	"slices"

	"upscaled/engine/face"
	"upscaled/models/fault"
)

// sighting is a raw detection of BlazeFace: a square around a face's center and six
// points.
type sighting struct {
	score     float64
	center    face.Point
	width     float64
	points    [6]face.Point
	neighbors int // anchors that were merged into it
}

// The order of a sighting's points. Left and right are as a viewer sees an upright
// face.
const (
	blazeLeftEye = iota
	blazeRightEye
	blazeNose
	blazeMouth
	blazeLeftEar
	blazeRightEar
)

// blazeGrids are the anchors of both variants, as MediaPipe's graphs state them: grids
// of 16 and 8 cells a side with 2 and 6 anchors in the center of each cell, all of the
// input's size. The anchors of a cell follow each other, the cells are in row-major
// order.
func blazeGrids() [2]struct{ cells, anchors int } {
	return [2]struct{ cells, anchors int }{{16, 2}, {8, 6}}
}

// blazeValues is the number of values per anchor: center, width, height and six points,
// in pixels of the input, positions from the anchor.
const blazeValues = 16

// decodeBlaze reads the outputs of a variant whose input is side pixels wide: per grid
// the anchors' scores as logits, and their values. The outputs differ in length.
func decodeBlaze(outputs map[string]Tensor, side, threshold float64) ([]sighting, error) {
	lengths := map[int][]float32{}
	for _, t := range outputs {
		lengths[len(t.Data)] = t.Data
	}
	var found []sighting
	for _, g := range blazeGrids() {
		count := g.cells * g.cells * g.anchors
		scores, values := lengths[count], lengths[count*blazeValues]
		if scores == nil || values == nil {
			return nil, fault.New(fault.Invalid, "The face detection model is not BlazeFace: it has no outputs of %d and %d values.", count, count*blazeValues)
		}
		step := side / float64(g.cells)
		for i, logit := range scores {
			if score := 1 / (1 + math.Exp(-float64(logit))); score >= threshold {
				cell := i / g.anchors
				at := face.Point{X: (float64(cell%g.cells) + 0.5) * step, Y: (float64(cell/g.cells) + 0.5) * step}
				if s, ok := decodeAnchor(at, values[i*blazeValues:][:blazeValues], side); ok {
					s.score = score
					found = append(found, s)
				}
			}
		}
	}
	return found, nil
}

// decodeAnchor reports false for values that are no numbers or far outside the input.
func decodeAnchor(at face.Point, values []float32, side float64) (sighting, bool) {
	for _, v := range values {
		if !(math.Abs(float64(v)) < 4*side) {
			return sighting{}, false
		}
	}
	point := func(i int) face.Point {
		return face.Point{X: at.X + float64(values[i]), Y: at.Y + float64(values[i+1])}
	}
	s := sighting{center: point(0), width: float64(values[2]+values[3]) / 2, neighbors: 1}
	for i := range s.points {
		s.points[i] = point(4 + 2*i)
	}
	return s, s.width > 1
}

func (s sighting) box() box {
	return box{s.center.X - s.width/2, s.center.Y - s.width/2, s.width, s.width}
}

// roll returns the angle of the line between the eyes, 0 for an upright face and
// positive if its right side is lower.
func (s sighting) roll() float64 {
	l, r := s.points[blazeLeftEye], s.points[blazeRightEye]
	return math.Atan2(r.Y-l.Y, r.X-l.X)
}

// mapped returns s with apply on its positions; scale is the length of a step of 1.
func (s sighting) mapped(scale float64, apply func(face.Point) face.Point) sighting {
	s.center, s.width = apply(s.center), s.width*scale
	for i, p := range s.points {
		s.points[i] = apply(p)
	}
	return s
}

// blend is weighted non-maximum suppression as in the BlazeFace paper: sightings that
// overlap the best of them by more than limit are averaged with it, weighted by score.
// The best score stays. The best come first.
func blend(all []sighting, limit float64) []sighting {
	slices.SortStableFunc(all, func(a, b sighting) int { return cmp.Compare(b.score, a.score) })
	var out []sighting
	taken := make([]bool, len(all))
	for i, best := range all {
		if taken[i] {
			continue
		}
		sum, weight := sighting{score: best.score}, 0.0
		for j := i; j < len(all); j++ {
			if !taken[j] && best.box().overlap(all[j].box()) > limit {
				taken[j] = true
				if math.Abs(math.Remainder(all[j].roll()-best.roll(), 2*math.Pi)) < math.Pi/4 {
					sum.add(all[j], all[j].score)
					weight += all[j].score
				}
			}
		}
		out = append(out, sum.mapped(1/weight, func(p face.Point) face.Point { return face.Point{X: p.X / weight, Y: p.Y / weight} }))
	}
	return out
}

// add adds the positions of other, times weight.
func (s *sighting) add(other sighting, weight float64) {
	s.center.X += weight * other.center.X
	s.center.Y += weight * other.center.Y
	s.width += weight * other.width
	for i, p := range other.points {
		s.points[i].X += weight * p.X
		s.points[i].Y += weight * p.Y
	}
	s.neighbors += other.neighbors
}
