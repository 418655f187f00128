package resize

import (
	"math"

	"github.com/disintegration/imaging"
)

// taps are the input samples of one output sample and their weights.
type taps[W int64 | float32] struct {
	first   int
	weights []W
}

// end returns the first input sample after the taps.
func (t taps[W]) end() int { return t.first + len(t.weights) }

// kernel returns the taps of every output sample. Weights beyond the border are
// dropped and the rest normalized to the sum 1. convert converts the weights of one
// sample to the arithmetic's type.
func kernel[W int64 | float32](in, out int, convert func(weights []float64, to []W)) []taps[W] {
	ratio := float64(in) / float64(out)
	scale := max(ratio, 1)
	reach := math.Ceil(scale * imaging.Lanczos.Support)
	all := make([]taps[W], out)
	weights := make([]float64, 0, 2*int(reach)+2)
	for i := range all {
		center := (float64(i)+0.5)*ratio - 0.5
		first := max(0, int(math.Ceil(center-reach)))
		last := min(in-1, int(math.Floor(center+reach)))
		weights = weights[:0]
		sum := 0.0
		for k := first; k <= last; k++ {
			w := imaging.Lanczos.Kernel((float64(k) - center) / scale)
			if w == 0 && len(weights) == 0 {
				first++ // the reach is rounded up
				continue
			}
			weights = append(weights, w)
			sum += w
		}
		for len(weights) > 0 && weights[len(weights)-1] == 0 {
			weights = weights[:len(weights)-1]
		}
		for k := range weights {
			weights[k] /= sum
		}
		all[i] = taps[W]{first: first, weights: make([]W, len(weights))}
		convert(weights, all[i].weights)
	}
	return all
}
