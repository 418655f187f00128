package weights

import (
	"slices"

	"upscaled/models/fault"
)

// Sum adds up models of one architecture in float64. The zero value is empty.
type Sum map[string]sum

type sum struct {
	shape  []int
	values []float64
}

// Add adds a model, each value times factor. Names and shapes must be those of the
// models before once they are normalized; otherwise the error is fault.Invalid.
func (s *Sum) Add(t Tensors, factor float64) error {
	t = Normalize(t)
	first := *s == nil
	if first {
		*s = make(Sum, len(t))
	}
	for name, tensor := range t {
		total, ok := (*s)[name]
		switch {
		case first:
			total = sum{slices.Clone(tensor.Shape), make([]float64, len(tensor.Data))}
			(*s)[name] = total
		case !ok:
			return unlike(name)
		case !slices.Equal(total.shape, tensor.Shape) || len(total.values) != len(tensor.Data):
			return fault.New(fault.Invalid, "The models cannot be mixed: %.100q is %v in one and %v in another.", name, total.shape, tensor.Shape)
		}
		for i, v := range tensor.Data {
			total.values[i] += factor * float64(v)
		}
	}
	for name := range *s {
		if _, ok := t[name]; !ok {
			return unlike(name)
		}
	}
	return nil
}

func unlike(name string) error {
	return fault.New(fault.Invalid, "The models cannot be mixed: only one has %.100q.", name)
}

// Tensors returns the sum, rounded to float32.
func (s Sum) Tensors() Tensors {
	out := make(Tensors, len(s))
	for name, total := range s {
		t := Tensor{Shape: total.shape, Data: make([]float32, len(total.values))}
		for i, v := range total.values {
			t.Data[i] = float32(v)
		}
		out[name] = t
	}
	return out
}
