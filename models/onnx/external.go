package onnx

import (
	"fmt"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"

	"upscaled/models/fault"
)

// message is a type of onnx.proto that holds tensors.
type message int

const (
	modelProto message = iota
	graphProto
	nodeProto
	attributeProto
	tensorProto
	sparseTensorProto
	functionProto
)

// part returns the type of a message's field, false if that holds no tensors.
func (m message) part(number protowire.Number) (message, bool) {
	parts := map[message]map[protowire.Number]message{
		modelProto:        {fieldGraph: graphProto, 25: functionProto},
		graphProto:        {fieldNode: nodeProto, fieldInitializer: tensorProto, 15: sparseTensorProto},
		nodeProto:         {fieldNodeAttribute: attributeProto},
		attributeProto:    {5: tensorProto, 6: graphProto, 10: tensorProto, 11: graphProto, 22: sparseTensorProto, 23: sparseTensorProto},
		sparseTensorProto: {1: tensorProto, 2: tensorProto},
		functionProto:     {7: nodeProto, 11: attributeProto},
	}
	kind, ok := parts[m][number]
	return kind, ok
}

// external reports whether a message keeps data in another file, at any depth: ONNX
// Runtime would read any file that it names.
func (m message) external(parts []field, depth int) (bool, error) {
	if depth > 4*maxDepth {
		return false, errDamaged
	}
	for _, p := range parts {
		if m == tensorProto && p.number == fieldTensorLocation && p.varint == 1 {
			return true, nil
		}
		kind, ok := m.part(p.number)
		if !ok || p.body == nil {
			continue
		}
		inner, err := fields(p.body)
		if err != nil {
			return false, err
		}
		if found, err := kind.external(inner, depth+1); found || err != nil {
			return found, err
		}
	}
	return false, nil
}

// Inlined returns a file with its weights in it, as far as they are in other files: data
// itself if none are. read returns length bytes of a file of that name from offset on,
// or all of them if length is 0.
func Inlined(data []byte, read func(name string, offset, length int64) ([]byte, error)) ([]byte, error) {
	model, err := fields(data)
	if err != nil {
		return nil, damaged(err)
	}
	if found, err := modelProto.external(model, 0); !found || err != nil {
		return data, nil // Parse reports damage
	}
	var out []byte
	for _, m := range model {
		if m.number != fieldGraph || m.body == nil {
			out = append(out, m.raw...)
			continue
		}
		parts, err := fields(m.body)
		if err != nil {
			return nil, damaged(err)
		}
		var graph []byte
		for _, p := range parts {
			if p.number != fieldInitializer || p.body == nil {
				graph = append(graph, p.raw...)
			} else if graph, err = inlineTensor(graph, p, read); err != nil {
				return nil, err
			}
		}
		out = appendMessage(out, fieldGraph, graph)
	}
	return out, nil
}

// inlineTensor appends a constant of a graph.
func inlineTensor(out []byte, tensor field, read func(string, int64, int64) ([]byte, error)) ([]byte, error) {
	const fieldExternalData = 13
	parts, err := fields(tensor.body)
	if err != nil {
		return nil, damaged(err)
	}
	if external, _ := tensorProto.external(parts, 0); !external {
		return append(out, tensor.raw...), nil
	}
	var body []byte
	var name string
	var offset, length int64
	for _, p := range parts {
		if p.number == fieldExternalData && p.body != nil {
			key, value, err := pair(p.body)
			switch key {
			case "location":
				name = string(value.body)
			case "offset":
				offset, err = strconv.ParseInt(string(value.body), 10, 64)
			case "length":
				length, err = strconv.ParseInt(string(value.body), 10, 64)
			}
			if err != nil || offset < 0 || length < 0 {
				return nil, damaged(fmt.Errorf("external data %q: %w", key, err))
			}
		} else if p.number != fieldTensorLocation {
			body = append(body, p.raw...)
		}
	}
	raw, err := read(name, offset, length)
	if err != nil {
		return nil, err
	}
	if len(out)+len(raw) > maxFile {
		return nil, fault.New(fault.TooLarge, "The ONNX file has more than 2 GiB with its weights, which the format does not allow in one file.")
	}
	return appendMessage(out, fieldInitializer, appendMessage(body, fieldTensorRaw, raw)), nil
}

// maxFile bounds a file, in bytes.
const maxFile = 1<<31 - 1<<20
