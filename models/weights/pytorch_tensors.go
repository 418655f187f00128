package weights

import (
	"fmt"
	"maps"
	"math/bits"
	"slices"

	"upscaled/models/fault"
)

// storageLoader reads all values of a storage as float32. It checks the count
// against the bytes available before it allocates.
type storageLoader func(*storageReference) ([]float32, error)

// newTensorReference checks that a view lies inside its storage and has no more
// values than it, so that nothing small expands into something large.
func newTensorReference(storage *storageReference, offset int64, shape, stride []int64) (*tensorReference, error) {
	count, ok := elements(shape)
	if !ok || len(stride) != len(shape) || offset < 0 || count > storage.count {
		return nil, fmt.Errorf("a tensor of shape %v does not fit its storage of %d values", shape, storage.count)
	}
	reference := &tensorReference{storage: storage, offset: offset, shape: shape, stride: stride, valuesInView: count}
	if count == 0 {
		return reference, nil
	}
	last := uint64(offset)
	for i, side := range shape {
		if stride[i] < 0 {
			return nil, fmt.Errorf("a tensor has the stride %d", stride[i])
		}
		high, reach := bits.Mul64(uint64(side-1), uint64(stride[i]))
		sum, carry := bits.Add64(last, reach, 0)
		if high != 0 || carry != 0 {
			return nil, fmt.Errorf("a tensor's strides overflow")
		}
		last = sum
	}
	if last >= uint64(storage.count) {
		return nil, fmt.Errorf("a tensor reaches value %d of a storage of %d", last, storage.count)
	}
	return reference, nil
}

// contiguous reports whether the values are in row-major order without gaps.
func (t *tensorReference) contiguous() bool {
	step := int64(1)
	for i := len(t.shape) - 1; i >= 0; i-- {
		if t.shape[i] != 1 && t.stride[i] != step {
			return false
		}
		step *= t.shape[i]
	}
	return true
}

// materialize reads each storage that the tensors need once and makes every
// tensor dense and independent of the others. It fails beyond limit bytes.
func materialize(references map[string]*tensorReference, load storageLoader, limit int64) (Tensors, error) {
	if len(references) > maxTensors {
		return nil, fault.New(fault.TooLarge, "The weights file lists %d tensors; the limit is %d.", len(references), maxTensors)
	}
	users := map[storageReference][]string{}
	for _, name := range slices.Sorted(maps.Keys(references)) {
		key := *references[name].storage
		users[key] = append(users[key], name)
	}
	out := make(Tensors, len(references))
	for key, names := range users {
		need := key.count
		for _, name := range names {
			need += references[name].valuesInView
		}
		if need > limit/4 { // no overflow: counts and names are bounded
			return nil, fault.New(fault.TooLarge, "The weights file expands to far more values than its size justifies; it is rejected.")
		}
		limit -= 4 * need
		values, err := load(&key)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			out[name] = references[name].gather(values, len(names) == 1)
		}
	}
	return out, nil
}

// gather copies the view's values into a dense slice, or returns the storage
// itself if it is the whole tensor and has no other users.
func (t *tensorReference) gather(values []float32, alone bool) Tensor {
	shape := intShape(t.shape)
	if t.valuesInView == 0 {
		return Tensor{Shape: shape, Data: []float32{}}
	}
	if t.contiguous() {
		part := values[t.offset : t.offset+t.valuesInView]
		if !alone || len(part) != len(values) {
			part = slices.Clone(part)
		}
		return Tensor{Shape: shape, Data: part}
	}
	out := make([]float32, 0, t.valuesInView)
	return Tensor{Shape: shape, Data: t.appendFrom(out, values, t.offset, 0)}
}

// appendFrom walks the axes from axis on, at most maxRank deep.
func (t *tensorReference) appendFrom(out, values []float32, at int64, axis int) []float32 {
	if axis == len(t.shape) {
		return append(out, values[at])
	}
	for range t.shape[axis] {
		out = t.appendFrom(out, values, at, axis+1)
		at += t.stride[axis]
	}
	return out
}
