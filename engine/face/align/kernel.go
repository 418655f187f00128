package align

import "math"

const (
	// lobes is the support of the Lanczos filter on either side, in samples of
	// the coarser grid; engine/resize uses the same.
	lobes = 3
	// finest is how many places between two samples have weights of their own.
	// A place is met to within 1/2048 sample, which is worth at most a quarter
	// of a level of 8 bits at a jump from black to white.
	finest = 1024
)

// kernel holds the weights of a filter for every place between two samples.
type kernel struct {
	// taps is how many neighbouring samples a value is made of.
	taps   int
	phases int
	// weights has phases+1 rows of taps; row p is for a place p/phases after
	// the sample taps/2-1. Each row's sum is 1.
	weights []float32
}

// newKernel makes a Lanczos filter, widened for a result whose samples are
// that many times as far apart as those of the source; at least 1.
func newKernel(widening float64) kernel {
	k := kernel{
		taps:   2 * int(math.Ceil(lobes*widening)),
		phases: max(1, int(finest/widening)),
	}
	k.weights = make([]float32, (k.phases+1)*k.taps)
	row := make([]float64, k.taps)
	for p := range k.phases + 1 {
		place := float64(k.taps/2-1) + float64(p)/float64(k.phases)
		var sum float64
		for i := range row {
			row[i] = lanczos((float64(i) - place) / widening)
			sum += row[i]
		}
		for i, w := range row {
			k.weights[p*k.taps+i] = float32(w / sum)
		}
	}
	return k
}

// at gives the weights for a place from 0 to 1 between two samples.
func (k *kernel) at(place float64) []float32 {
	p := int(place*float64(k.phases) + 0.5)
	return k.weights[p*k.taps:][:k.taps:k.taps]
}

func lanczos(x float64) float64 {
	x = math.Abs(x)
	switch {
	case x < 1e-9:
		return 1
	case x >= lobes:
		return 0
	}
	px := math.Pi * x
	return math.Sin(px) / px * math.Sin(px/lobes) / (px / lobes)
}
