package onnx

import (
	"slices"
	"strings"

	"upscaled/models/fault"
)

// Narrow returns the file with one input and one output, as Wrap needs it: every
// other input becomes the constant of its name, and the other outputs are
// dropped. Names that the file does not have are fault.Invalid, inputs without a
// constant fault.Unsupported.
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
	fixed := map[string]bool{}
	for _, t := range constants {
		if _, ok := named(f.Inputs, t.Name); !ok || t.Name == input {
			return nil, fault.New(fault.Invalid, "The ONNX file has no extra input %q; its inputs are %s.", t.Name, list(f.Inputs))
		}
		fixed[t.Name] = true
	}
	for _, v := range f.Inputs {
		if v.Name != input && !fixed[v.Name] {
			return nil, fault.New(fault.Unsupported, "The ONNX file has an extra input, %s, that no value is set for.", v.Name)
		}
	}
	narrow := *f
	narrow.Inputs, narrow.Outputs = []Value{in}, []Value{out}
	var err error
	narrow.graph, err = f.withConstants(fixed, output, constants)
	return &narrow, err
}

// withConstants returns the graph's fields with the constants added and without
// the inputs in fixed and the outputs other than output.
func (f *Foreign) withConstants(fixed map[string]bool, output string, constants []Tensor) ([]field, error) {
	var kept []field
	for _, g := range f.graph {
		if (g.number == fieldInput || g.number == fieldOutput) && g.body != nil {
			value, err := readValue(g.body)
			if err != nil {
				return nil, damaged(err)
			}
			if g.number == fieldInput && fixed[value.Name] || g.number == fieldOutput && value.Name != output {
				continue
			}
		}
		kept = append(kept, g)
	}
	more := graphOf(Model{Tensors: constants})
	added, err := fields(more.appendTo(make([]byte, 0, more.size())))
	if err != nil {
		return nil, damaged(err)
	}
	return append(kept, added...), nil
}

// list joins the names of values for an error message.
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
