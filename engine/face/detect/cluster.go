package detect

import (
	"cmp"
	"math"
	"slices"

	"upscaled/engine/face"
)

// box is an axis-aligned rectangle.
type box struct{ left, top, width, height float64 }

func boxOf(f face.Face) box { return box{f.Left, f.Top, f.Width, f.Height} }

func (w window) box() box {
	return box{w.column - w.size/2, w.row - w.size/2, w.size, w.size}
}

// overlap returns the intersection over the union, 0..1.
func (b box) overlap(o box) float64 {
	across := math.Min(b.left+b.width, o.left+o.width) - math.Max(b.left, o.left)
	down := math.Min(b.top+b.height, o.top+o.height) - math.Max(b.top, o.top)
	if across <= 0 || down <= 0 {
		return 0
	}
	common := across * down
	return common / (b.width*b.height + o.width*o.height - common)
}

// clusterOverlap joins windows of one face: neighbors in the search overlap by
// much more, two faces side by side by less.
const clusterOverlap = 0.3

// cluster joins overlapping windows around the best of them. A cluster's position
// is the mean of its windows weighted by score; its score is the sum over the
// windows of the roll with the highest sum: a real face is found at many
// neighboring positions, a chance pattern at one.
func cluster(windows []window) []window {
	sorted := slices.Clone(windows)
	slices.SortStableFunc(sorted, func(a, b window) int { return cmp.Compare(b.score, a.score) })
	var clusters []window
	taken := make([]bool, len(sorted))
	for i, best := range sorted {
		if taken[i] {
			continue
		}
		var members []window
		for j := i; j < len(sorted); j++ {
			if !taken[j] && best.box().overlap(sorted[j].box()) > clusterOverlap {
				taken[j] = true
				members = append(members, sorted[j])
			}
		}
		clusters = append(clusters, mean(members))
	}
	return clusters
}

func mean(members []window) window {
	var sum window
	perRoll := map[float64]float64{}
	for _, m := range members {
		sum.row += m.row * m.score
		sum.column += m.column * m.score
		sum.size += m.size * m.score
		sum.roll += m.roll * m.score
		sum.score += m.score
		perRoll[m.roll] += m.score
	}
	out := window{row: sum.row / sum.score, column: sum.column / sum.score,
		size: sum.size / sum.score, roll: sum.roll / sum.score}
	for _, score := range perRoll {
		out.score = math.Max(out.score, score)
	}
	return out
}

// suppress keeps the best-scored of faces that overlap by more than limit.
func suppress(faces []face.Face, limit float64) []face.Face {
	sorted := slices.Clone(faces)
	slices.SortStableFunc(sorted, func(a, b face.Face) int { return cmp.Compare(b.Score, a.Score) })
	var kept []face.Face
	for _, f := range sorted {
		if !slices.ContainsFunc(kept, func(k face.Face) bool { return boxOf(k).overlap(boxOf(f)) > limit }) {
			kept = append(kept, f)
		}
	}
	return kept
}

// finish applies the options that all detectors share: minimum size, the largest
// first, and the maximum number.
func finish(faces []face.Face, o Options) []face.Face {
	faces = slices.DeleteFunc(faces, func(f face.Face) bool {
		return math.Min(f.Width, f.Height) < float64(o.MinimumFace) || eyeDistance(f.Landmarks) < MinimumEyeDistance
	})
	slices.SortStableFunc(faces, func(a, b face.Face) int {
		return cmp.Or(
			cmp.Compare(b.Width*b.Height, a.Width*a.Height),
			cmp.Compare(b.Score, a.Score), cmp.Compare(a.Left, b.Left), cmp.Compare(a.Top, b.Top))
	})
	if o.MaximumFaces > 0 && len(faces) > o.MaximumFaces {
		faces = faces[:o.MaximumFaces]
	}
	return faces
}

func eyeDistance(l face.Landmarks) float64 {
	return math.Hypot(l[face.RightEye].X-l[face.LeftEye].X, l[face.RightEye].Y-l[face.LeftEye].Y)
}
