package align

import "upscaled/engine/parallel"

const (
	// guidedReach is the half width of the guided filter's windows, in samples.
	guidedReach = 5
	// guidedEdge is the variance above which the guide's edges are kept.
	guidedEdge = 0.002
)

// guided filters a square plane with a guide of the same size: within every window the
// result is a linear function of the guide.
func guided(p, guide []float32) []float32 {
	product := func(a, b []float32) []float32 {
		out := make([]float32, len(a))
		for i := range a {
			out[i] = a[i] * b[i]
		}
		return out
	}
	planes := [][]float32{p, guide, product(p, guide), product(guide, guide)}
	means := make([][]float32, len(planes))
	parallel.For(len(planes), func(i int) { means[i] = boxMean(planes[i]) })
	a, b := make([]float32, len(p)), make([]float32, len(p))
	for i := range p {
		mean, of := means[0][i], means[1][i]
		a[i] = (means[2][i] - mean*of) / (means[3][i] - of*of + guidedEdge)
		b[i] = mean - a[i]*of
	}
	out := product(boxMean(a), guide)
	for i, v := range boxMean(b) {
		out[i] += v
	}
	return out
}

// boxMean returns the means of the windows around each sample, cut at the edges.
func boxMean(p []float32) []float32 {
	across := make([]float32, len(p))
	means := make([]float32, len(p))
	for i := range outlineSide {
		slide(across[i*outlineSide:], p[i*outlineSide:], 1)
	}
	for i := range outlineSide {
		slide(means[i:], across[i:], outlineSide)
	}
	return means
}

// slide writes running means of outlineSide samples that are step apart.
func slide(out, in []float32, step int) {
	var sum float64
	count := 0
	for i := -guidedReach; i < outlineSide; i++ {
		if next := i + guidedReach; next < outlineSide {
			sum += float64(in[next*step])
			count++
		}
		if last := i - guidedReach - 1; last >= 0 {
			sum -= float64(in[last*step])
			count--
		}
		if i >= 0 {
			out[i*step] = float32(sum / float64(count))
		}
	}
}
