package weights

import (
	"slices"

	"upscaled/models/fault"
)

// Mix interpolates two files of one model: a*t + b*(1-t) for every value, with t
// from 0 to 1. Names and shapes must agree; otherwise, or for another t, the
// error is fault.Invalid. The arguments are not changed.
func Mix(a, b Tensors, t float64) (Tensors, error) {
	if !(t >= 0 && t <= 1) {
		return nil, fault.New(fault.Invalid, "The mix of two models must be from 0 to 1, not %g.", t)
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			return nil, fault.New(fault.Invalid, "The two models cannot be mixed: only the second has %.100q.", name)
		}
	}
	out := make(Tensors, len(a))
	for name, x := range a {
		y, ok := b[name]
		if !ok {
			return nil, fault.New(fault.Invalid, "The two models cannot be mixed: only the first has %.100q.", name)
		}
		if !slices.Equal(x.Shape, y.Shape) || len(x.Data) != len(y.Data) {
			return nil, fault.New(fault.Invalid, "The two models cannot be mixed: %.100q is %v in one and %v in the other.", name, x.Shape, y.Shape)
		}
		mixed := Tensor{Shape: slices.Clone(x.Shape), Data: make([]float32, len(x.Data))}
		for i, value := range x.Data {
			mixed.Data[i] = float32(float64(value)*t + float64(y.Data[i])*(1-t))
		}
		out[name] = mixed
	}
	return out, nil
}
