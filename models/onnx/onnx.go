// Package onnx writes ONNX model files and wraps existing ones in new inputs and
// outputs. It knows the wire format (onnx.proto of ONNX 1.16), whose field
// numbers it uses, and nothing of what a graph computes.
package onnx

import "strconv"

// Versions written into every model: read by ONNX Runtime 1.14 and later.
const (
	IRVersion = 8
	Opset     = 17
)

// ElemType is TensorProto.DataType.
type ElemType int32

// The element types used in this project.
const (
	Float32 ElemType = 1
	Uint8   ElemType = 2
	Uint16  ElemType = 4
	Int32   ElemType = 6
	Int64   ElemType = 7
	Float16 ElemType = 10
	Float64 ElemType = 11
)

// String names the type as ONNX does.
func (t ElemType) String() string {
	switch t {
	case Float32:
		return "float"
	case Uint8:
		return "uint8"
	case Uint16:
		return "uint16"
	case Int32:
		return "int32"
	case Int64:
		return "int64"
	case Float16:
		return "float16"
	case Float64:
		return "double"
	}
	return "type " + strconv.Itoa(int(t))
}

// Dim is one side of a shape: a size, or free if Size is 0. Sides with the same
// Name are equal.
type Dim struct {
	Size int64
	Name string
}

// Value describes a graph input or output.
type Value struct {
	Name string
	Type ElemType
	Dims []Dim
}

// Tensor is a constant of the graph. Exactly one of Floats, Doubles and Ints is
// set and holds the product of Dims elements; a scalar has no Dims.
type Tensor struct {
	Name string
	// Type is Float32 or Float16 (rounded to nearest even) for Floats, Float64
	// for Doubles, Int64 or Int32 for Ints.
	Type    ElemType
	Dims    []int64
	Floats  []float32
	Doubles []float64
	Ints    []int64
}

// Attribute is a named constant of a node, made by Int, Float, String or Ints.
type Attribute struct {
	name string
	kind uint64 // AttributeProto.AttributeType
	num  int64
	flt  float32
	text string
	nums []int64
}

// AttributeProto.AttributeType.
const (
	kindFloat  = 1
	kindInt    = 2
	kindString = 3
	kindInts   = 7
)

// Int returns an integer attribute.
func Int(name string, v int64) Attribute { return Attribute{name: name, kind: kindInt, num: v} }

// Float returns a float attribute.
func Float(name string, v float32) Attribute { return Attribute{name: name, kind: kindFloat, flt: v} }

// String returns a string attribute.
func String(name, v string) Attribute { return Attribute{name: name, kind: kindString, text: v} }

// Ints returns an attribute that is a list of integers.
func Ints(name string, v ...int64) Attribute {
	return Attribute{name: name, kind: kindInts, nums: v}
}

// Node applies an operator of the standard domain.
type Node struct {
	// Name is for profiles and messages; it is unique unless empty.
	Name       string
	Op         string
	Inputs     []string
	Outputs    []string
	Attributes []Attribute
}

// Model is a whole file. Nodes are in topological order.
type Model struct {
	Name     string
	Nodes    []Node
	Tensors  []Tensor
	Inputs   []Value
	Outputs  []Value
	Metadata map[string]string
}
