package weights

import (
	"math"
	"slices"

	"upscaled/models/fault"
)

// Mix returns the sum of models of one architecture, each value times the model's
// share. Shares are from 0 to 1 and their sum is 1. Names and shapes must agree once
// they are normalized; otherwise, or for other shares, the error is fault.Invalid.
// The arguments are not changed.
func Mix(models []Tensors, shares []float64) (Tensors, error) {
	total := 0.0
	for _, share := range shares {
		if total += share; !(share >= 0 && share <= 1) {
			return nil, fault.New(fault.Invalid, "A model's share in a mix must be from 0 to 1, not %g.", share)
		}
	}
	if len(models) != len(shares) || math.Abs(total-1) > 1e-6 {
		return nil, fault.New(fault.Invalid, "The shares of a mix must add up to 1, not %g.", total)
	}
	first := Normalize(models[0])
	sums := make(map[string][]float64, len(first))
	for name, t := range first {
		sums[name] = make([]float64, len(t.Data))
	}
	for i, model := range models {
		model = Normalize(model)
		if err := checkAlike(first, model); err != nil {
			return nil, err
		}
		for name, t := range model {
			sum := sums[name]
			for k, v := range t.Data {
				sum[k] += shares[i] * float64(v)
			}
		}
	}
	out := make(Tensors, len(first))
	for name, sum := range sums {
		mixed := Tensor{Shape: slices.Clone(first[name].Shape), Data: make([]float32, len(sum))}
		for k, v := range sum {
			mixed.Data[k] = float32(v)
		}
		out[name] = mixed
	}
	return out, nil
}

// checkAlike rejects models with other tensors.
func checkAlike(first, other Tensors) error {
	for name, x := range first {
		y, ok := other[name]
		if !ok {
			return fault.New(fault.Invalid, "The models cannot be mixed: only one has %.100q.", name)
		}
		if !slices.Equal(x.Shape, y.Shape) || len(x.Data) != len(y.Data) {
			return fault.New(fault.Invalid, "The models cannot be mixed: %.100q is %v in one and %v in the other.", name, x.Shape, y.Shape)
		}
	}
	for name := range other {
		if _, ok := first[name]; !ok {
			return fault.New(fault.Invalid, "The models cannot be mixed: only one has %.100q.", name)
		}
	}
	return nil
}
