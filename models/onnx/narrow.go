package onnx

import (
	"slices"
	"strings"

	"upscaled/models/fault"
)

// Narrow gives the file with one input and one output, as Wrap needs it: every
// other input becomes a constant, and every other output is no output any
// more. The constants are named after the inputs they stand for. Names that the
// file does not have are fault.Invalid, inputs without a constant
// fault.Unsupported.
func (f *Foreign) Narrow(input, output string, constants []Tensor) (*Foreign, error) {
	named := func(values []Value, name string) (Value, bool) {
		i := slices.IndexFunc(values, func(v Value) bool { return v.Name == name })
		if i < 0 {
			return Value{}, false
		}
		return values[i], true
	}
	in, ok := named(f.Inputs, input)
	if !ok {
		return nil, fault.New(fault.Invalid, "The ONNX file has no input %q; its inputs are %s.", input, list(f.Inputs))
	}
	out, ok := named(f.Outputs, output)
	if !ok {
		return nil, fault.New(fault.Invalid, "The ONNX file has no output %q; its outputs are %s.", output, list(f.Outputs))
	}
	baked := map[string]bool{}
	for _, t := range constants {
		if _, ok := named(f.Inputs, t.Name); !ok || t.Name == input {
			return nil, fault.New(fault.Invalid, "The ONNX file has no further input %q; its inputs are %s.", t.Name, list(f.Inputs))
		}
		baked[t.Name] = true
	}
	for _, v := range f.Inputs {
		if v.Name != input && !baked[v.Name] {
			return nil, fault.New(fault.Unsupported, "The ONNX file has a further input, %s, of which no value is given.", v.Name)
		}
	}
	narrow := *f
	narrow.Inputs, narrow.Outputs = []Value{in}, []Value{out}
	var err error
	narrow.graph, err = f.withConstants(baked, output, constants)
	return &narrow, err
}

// withConstants gives the graph's fields without the inputs in baked and
// without outputs but one, and with constants.
func (f *Foreign) withConstants(baked map[string]bool, output string, constants []Tensor) ([]field, error) {
	var kept []field
	for _, g := range f.graph {
		if (g.number == fieldInput || g.number == fieldOutput) && g.body != nil {
			value, err := readValue(g.body)
			if err != nil {
				return nil, damaged(err)
			}
			if g.number == fieldInput && baked[value.Name] || g.number == fieldOutput && value.Name != output {
				continue
			}
		}
		kept = append(kept, g)
	}
	more := piecesOf(Model{Tensors: constants})
	added, err := fields(more.appendTo(make([]byte, 0, more.size())))
	if err != nil {
		return nil, damaged(err)
	}
	return append(kept, added...), nil
}

// list names values for a sentence.
func list(values []Value) string {
	if len(values) == 0 {
		return "none"
	}
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = v.Name
	}
	return strings.Join(names, ", ")
}
