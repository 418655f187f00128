package align

import (
	"math"

	"github.com/disintegration/imaging"
)

// finest is the number of tabulated positions between two samples. Positions are exact
// to 1/2048 sample, which is worth at most a quarter of an 8-bit level at a step from
// black to white.
const finest = 1024

// kernel holds the weights of a filter for every position between two samples.
type kernel struct {
	// taps is the number of samples that contribute to a value.
	taps   int
	phases int
	// weights has phases+1 rows of taps; row p is for the position p/phases
	// after sample taps/2-1. Each row sums to 1.
	weights []float32
}

// newKernel returns a Lanczos filter for a result whose samples are widening
// times as far apart as the source's; widening is at least 1.
func newKernel(widening float64) kernel {
	k := kernel{
		taps:   2 * int(math.Ceil(imaging.Lanczos.Support*widening)),
		phases: max(1, int(finest/widening)),
	}
	k.weights = make([]float32, (k.phases+1)*k.taps)
	row := make([]float64, k.taps)
	for p := range k.phases + 1 {
		position := float64(k.taps/2-1) + float64(p)/float64(k.phases)
		var sum float64
		for i := range row {
			row[i] = imaging.Lanczos.Kernel((float64(i) - position) / widening)
			sum += row[i]
		}
		for i, w := range row {
			k.weights[p*k.taps+i] = float32(w / sum)
		}
	}
	return k
}

// at returns the weights for a position from 0 to 1 between two samples.
func (k *kernel) at(position float64) []float32 {
	p := int(position*float64(k.phases) + 0.5)
	return k.weights[p*k.taps:][:k.taps:k.taps]
}
