package weights

import (
	"fmt"

	"upscaled/models/weights/pickle"
)

// storageReference names the raw values that a tensor is a view of.
type storageReference struct {
	key  string
	kind element
	// width is the size of a stored value in bytes, count their number.
	width, count int64
}

// tensorReference is a view of a storage: element (i, j, ...) is at
// offset + i*stride[0] + j*stride[1] + ..., all counted in values.
type tensorReference struct {
	storage      *storageReference
	offset       int64
	shape        []int64
	stride       []int64
	valuesInView int64
}

// torchMachine allows only what a weights file needs. storages, unless nil,
// collects the value width of every storage.
func torchMachine(storages map[string]int64) *pickle.Machine {
	persistent := func(id any) (any, error) {
		storage, err := torchStorage(id)
		if err != nil {
			return nil, err
		}
		if storages != nil {
			storages[storage.key] = storage.width
		}
		return storage, nil
	}
	return &pickle.Machine{Allowed: torchAllows, Call: torchCall, Persistent: persistent}
}

func torchAllows(g pickle.Global) bool {
	switch g.String() {
	case "collections.OrderedDict", "torch.Size",
		"torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2",
		"torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state":
		return true
	}
	_, _, ok := storageType(g)
	return ok
}

// storageType returns the element of a torch storage class and the bytes of one
// stored value.
func storageType(g pickle.Global) (element, int64, bool) {
	if g.Module != "torch" {
		return skipped, 0, false
	}
	switch g.Name {
	case "FloatStorage":
		return float32Element, 4, true
	case "HalfStorage":
		return float16Element, 2, true
	case "BFloat16Storage":
		return bfloat16Element, 2, true
	case "DoubleStorage":
		return float64Element, 8, true
	case "LongStorage":
		return skipped, 8, true
	case "IntStorage":
		return skipped, 4, true
	case "ShortStorage":
		return skipped, 2, true
	case "CharStorage", "ByteStorage", "BoolStorage":
		return skipped, 1, true
	}
	return skipped, 0, false
}

func torchCall(g pickle.Global, arguments pickle.Tuple) (any, error) {
	switch g.Name {
	case "OrderedDict":
		return orderedDict(arguments)
	case "Size":
		return first(arguments)
	case "_rebuild_tensor", "_rebuild_tensor_v2":
		return rebuildTensor(arguments)
	case "_rebuild_parameter", "_rebuild_parameter_with_state":
		return first(arguments)
	}
	return nil, fmt.Errorf("%s cannot be called", g)
}

func first(arguments pickle.Tuple) (any, error) {
	if len(arguments) == 0 {
		return nil, fmt.Errorf("a call has no argument")
	}
	return arguments[0], nil
}

// orderedDict makes a dictionary: empty (Python 3 fills it later) or from a list
// of pairs (Python 2).
func orderedDict(arguments pickle.Tuple) (any, error) {
	d := &pickle.Dict{}
	if len(arguments) == 0 {
		return d, nil
	}
	pairs, ok := arguments[0].(*pickle.List)
	if !ok {
		return nil, fmt.Errorf("an OrderedDict is made from something other than a list")
	}
	for _, item := range pairs.Items {
		pair, err := two(item)
		if err != nil {
			return nil, err
		}
		d.Set(pair[0], pair[1])
	}
	return d, nil
}

func two(item any) ([]any, error) {
	var pair []any
	switch item := item.(type) {
	case *pickle.List:
		pair = item.Items
	case pickle.Tuple:
		pair = item
	}
	if len(pair) != 2 {
		return nil, fmt.Errorf("an OrderedDict's item is not a pair")
	}
	return pair, nil
}

// rebuildTensor takes (storage, offset, size, stride, ...); the rest
// (requires_grad, hooks) matters for training only.
func rebuildTensor(arguments pickle.Tuple) (any, error) {
	if len(arguments) < 4 {
		return nil, fmt.Errorf("a tensor has %d of 4 properties", len(arguments))
	}
	storage, isStorage := arguments[0].(*storageReference)
	offset, isInteger := arguments[1].(int64)
	shape, hasShape := integers(arguments[2])
	stride, hasStride := integers(arguments[3])
	if !isStorage || !isInteger || !hasShape || !hasStride {
		return nil, fmt.Errorf("a tensor's properties have the wrong types")
	}
	return newTensorReference(storage, offset, shape, stride)
}

func integers(value any) ([]int64, bool) {
	items, ok := value.(pickle.Tuple)
	if !ok || len(items) > maxRank {
		return nil, false
	}
	out := make([]int64, len(items))
	for i, item := range items {
		if out[i], ok = item.(int64); !ok {
			return nil, false
		}
	}
	return out, true
}

// torchStorage resolves ("storage", type, key, location, count, ...). The old
// format may end in a view of another storage, which no saved model uses.
func torchStorage(id any) (*storageReference, error) {
	fields, ok := id.(pickle.Tuple)
	if !ok || len(fields) < 5 || fields[0] != any("storage") {
		return nil, fmt.Errorf("a persistent ID is not a storage")
	}
	if len(fields) > 5 && fields[5] != nil {
		return nil, fmt.Errorf("a storage is a view of another one")
	}
	class, isClass := fields[1].(pickle.Global)
	key, isKey := fields[2].(string)
	count, isCount := fields[4].(int64)
	if !isClass || !isKey || !isCount || len(key) > maxName || count < 0 || count > maxDecoded {
		return nil, fmt.Errorf("a storage's properties have the wrong types")
	}
	kind, width, ok := storageType(class)
	if !ok {
		return nil, fmt.Errorf("%s is not a storage", class)
	}
	return &storageReference{key: key, kind: kind, width: width, count: count}, nil
}
