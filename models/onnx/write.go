package onnx

import (
	"encoding/binary"
	"maps"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers of the messages written here.
const (
	fieldIRVersion = 1 // ModelProto
	fieldProducer  = 2
	fieldGraph     = 7
	fieldOpset     = 8
	fieldMetadata  = 14

	fieldNode        = 1 // GraphProto
	fieldGraphName   = 2
	fieldInitializer = 5
	fieldInput       = 11
	fieldOutput      = 12
	fieldValueInfo   = 13

	fieldNodeInput     = 1 // NodeProto
	fieldNodeOutput    = 2
	fieldNodeName      = 3
	fieldNodeOp        = 4
	fieldNodeAttribute = 5

	fieldTensorDims     = 1 // TensorProto
	fieldTensorType     = 2
	fieldTensorName     = 8
	fieldTensorRaw      = 9
	fieldTensorLocation = 14
)

// Marshal serializes a model. The result is allocated once at its final size, so
// that a model of 67 MB costs one copy of its weights.
func Marshal(m Model) []byte {
	graph := graphOf(m)
	head := appendUint(nil, fieldIRVersion, IRVersion)
	head = appendText(head, fieldProducer, "upscaled")
	tail := appendMessage(nil, fieldOpset, appendUint(nil, 2, Opset))
	for _, key := range slices.Sorted(maps.Keys(m.Metadata)) {
		tail = appendMessage(tail, fieldMetadata, appendText(appendText(nil, 1, key), 2, m.Metadata[key]))
	}
	size := graph.size()
	out := make([]byte, 0, len(head)+sizeOfMessage(fieldGraph, size)+len(tail))
	out = append(out, head...)
	out = protowire.AppendTag(out, fieldGraph, protowire.BytesType)
	out = protowire.AppendVarint(out, uint64(size))
	out = graph.appendTo(out)
	return append(out, tail...)
}

// graph is a GraphProto to be written: small is serialized, tensors are not, so
// that their bytes are copied only once.
type graph struct {
	small   []byte
	tensors []Tensor
}

func graphOf(m Model) graph {
	var small []byte
	if m.Name != "" {
		small = appendText(small, fieldGraphName, m.Name)
	}
	for _, node := range m.Nodes {
		small = appendMessage(small, fieldNode, nodeBytes(node))
	}
	for _, value := range m.Inputs {
		small = appendMessage(small, fieldInput, valueBytes(value))
	}
	for _, value := range m.Outputs {
		small = appendMessage(small, fieldOutput, valueBytes(value))
	}
	return graph{small: small, tensors: m.Tensors}
}

func (p graph) size() int {
	n := len(p.small)
	for _, t := range p.tensors {
		n += sizeOfMessage(fieldInitializer, tensorSize(t))
	}
	return n
}

func (p graph) appendTo(out []byte) []byte {
	out = append(out, p.small...)
	for _, t := range p.tensors {
		out = protowire.AppendTag(out, fieldInitializer, protowire.BytesType)
		out = protowire.AppendVarint(out, uint64(tensorSize(t)))
		out = append(out, tensorHead(t)...)
		out = protowire.AppendTag(out, fieldTensorRaw, protowire.BytesType)
		out = protowire.AppendVarint(out, uint64(rawSize(t)))
		out = appendRaw(out, t)
	}
	return out
}

func tensorHead(t Tensor) []byte {
	var out []byte
	for _, d := range t.Dims {
		out = appendUint(out, fieldTensorDims, uint64(d))
	}
	out = appendUint(out, fieldTensorType, uint64(t.Type))
	return appendText(out, fieldTensorName, t.Name)
}

func tensorSize(t Tensor) int {
	return len(tensorHead(t)) + sizeOfMessage(fieldTensorRaw, rawSize(t))
}

func rawSize(t Tensor) int {
	switch t.Type {
	case Int64:
		return 8 * len(t.Ints)
	case Int32:
		return 4 * len(t.Ints)
	case Float64:
		return 8 * len(t.Doubles)
	case Float16:
		return 2 * len(t.Floats)
	}
	return 4 * len(t.Floats)
}

// appendRaw appends the elements in little-endian order, as raw_data requires.
func appendRaw(out []byte, t Tensor) []byte {
	at := len(out)
	out = out[:at+rawSize(t)]
	raw := out[at:]
	switch t.Type {
	case Int64:
		for i, v := range t.Ints {
			binary.LittleEndian.PutUint64(raw[8*i:], uint64(v))
		}
	case Int32:
		for i, v := range t.Ints {
			binary.LittleEndian.PutUint32(raw[4*i:], uint32(v))
		}
	case Float64:
		for i, v := range t.Doubles {
			binary.LittleEndian.PutUint64(raw[8*i:], math.Float64bits(v))
		}
	case Float16:
		for i, v := range t.Floats {
			binary.LittleEndian.PutUint16(raw[2*i:], halfBits(v))
		}
	default:
		for i, v := range t.Floats {
			binary.LittleEndian.PutUint32(raw[4*i:], math.Float32bits(v))
		}
	}
	return out
}

func nodeBytes(n Node) []byte {
	var out []byte
	for _, name := range n.Inputs {
		out = appendText(out, fieldNodeInput, name)
	}
	for _, name := range n.Outputs {
		out = appendText(out, fieldNodeOutput, name)
	}
	if n.Name != "" {
		out = appendText(out, fieldNodeName, n.Name)
	}
	out = appendText(out, fieldNodeOp, n.Op)
	for _, a := range n.Attributes {
		out = appendMessage(out, fieldNodeAttribute, attributeBytes(a))
	}
	return out
}

func attributeBytes(a Attribute) []byte {
	out := appendText(nil, 1, a.name)
	switch a.kind {
	case kindFloat:
		out = protowire.AppendTag(out, 2, protowire.Fixed32Type)
		out = protowire.AppendFixed32(out, math.Float32bits(a.flt))
	case kindInt:
		out = appendUint(out, 3, uint64(a.num))
	case kindString:
		out = appendText(out, 4, a.text)
	case kindInts:
		for _, v := range a.nums {
			out = appendUint(out, 8, uint64(v))
		}
	}
	return appendUint(out, 20, a.kind)
}

func valueBytes(v Value) []byte {
	var shape []byte
	for _, d := range v.Dims {
		var dim []byte
		if d.Size > 0 {
			dim = appendUint(nil, 1, uint64(d.Size))
		} else {
			dim = appendText(nil, 2, d.Name)
		}
		shape = appendMessage(shape, 1, dim)
	}
	tensor := appendMessage(appendUint(nil, 1, uint64(v.Type)), 2, shape)
	return appendMessage(appendText(nil, 1, v.Name), 2, appendMessage(nil, 1, tensor))
}

func appendUint(out []byte, field protowire.Number, v uint64) []byte {
	out = protowire.AppendTag(out, field, protowire.VarintType)
	return protowire.AppendVarint(out, v)
}

func appendText(out []byte, field protowire.Number, s string) []byte {
	out = protowire.AppendTag(out, field, protowire.BytesType)
	return protowire.AppendString(out, s)
}

func appendMessage(out []byte, field protowire.Number, body []byte) []byte {
	out = protowire.AppendTag(out, field, protowire.BytesType)
	return protowire.AppendBytes(out, body)
}

func sizeOfMessage(field protowire.Number, body int) int {
	return protowire.SizeTag(field) + protowire.SizeBytes(body)
}
