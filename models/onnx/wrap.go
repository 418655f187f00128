package onnx

import (
	"strings"

	"upscaled/models/fault"
)

// Prefix starts the names of all values that Wrap adds; the wrapped graph may
// not use it.
const Prefix = "upscaled/"

// Wrapping is put around a graph with one input and one output.
type Wrapping struct {
	// Before reads Input and computes InnerInput; After reads InnerOutput and
	// computes Output. Other names here and in Tensors start with Prefix.
	Before, After []Node
	Tensors       []Tensor
	Input, Output Value
}

// InnerInput and InnerOutput are the names of the wrapped graph's input and
// output.
const (
	InnerInput  = Prefix + "inner-input"
	InnerOutput = Prefix + "inner-output"
)

// Wrap returns the file with other inputs and outputs. The wrapped parts keep
// their bytes, except for names that clash with those of w.
func (f *Foreign) Wrap(w Wrapping) ([]byte, error) {
	r := renaming{names: map[string]string{
		w.Input.Name:  Prefix + "inner/" + w.Input.Name,
		w.Output.Name: Prefix + "inner/" + w.Output.Name,
	}}
	if len(f.Inputs) != 1 || len(f.Outputs) != 1 || f.Inputs[0].Name == f.Outputs[0].Name {
		return nil, fault.New(fault.Unsupported, "The ONNX file does not have exactly one input and one output.")
	}
	r.names[f.Inputs[0].Name] = InnerInput
	r.names[f.Outputs[0].Name] = InnerOutput

	before := graphOf(Model{Nodes: w.Before})
	inner, err := r.graph(f.graph, map[string]bool{f.Inputs[0].Name: true, f.Outputs[0].Name: true}, 0)
	if err != nil {
		return nil, err
	}
	after := graphOf(Model{Nodes: w.After, Inputs: []Value{w.Input}, Outputs: []Value{w.Output}, Tensors: w.Tensors})

	// A repeated field keeps its order across the whole message, so the three
	// parts of the node list can simply be concatenated.
	graph := make([]byte, 0, before.size()+len(inner)+after.size())
	graph = before.appendTo(graph)
	graph = append(graph, inner...)
	graph = after.appendTo(graph)
	out := make([]byte, 0, len(graph)+1<<16)
	for _, m := range f.model {
		if m.number == fieldGraph && m.body != nil {
			out = appendMessage(out, fieldGraph, graph)
		} else {
			out = append(out, m.raw...)
		}
	}
	return out, nil
}

// renaming replaces names of values in a graph.
type renaming struct {
	names map[string]string
}

func (r renaming) text(out []byte, f field) []byte {
	if to, ok := r.names[string(f.body)]; ok {
		return appendText(out, f.number, to)
	}
	return append(out, f.raw...)
}

// graph renames in a GraphProto's fields. It drops the inputs and outputs in
// drop, and the shape hints of renamed values.
func (r renaming) graph(parts []field, drop map[string]bool, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, damaged(errDamaged)
	}
	var out []byte
	for _, p := range parts {
		var err error
		number := p.number
		if p.body == nil {
			number = 0 // wrong wire type, ignored by Parse too
		}
		switch number {
		case fieldNode:
			out, err = r.node(out, p, depth)
		case fieldInitializer:
			out, err = r.named(out, p, fieldTensorName)
		case fieldInput, fieldOutput, fieldValueInfo:
			value, readErr := readValue(p.body)
			switch {
			case readErr != nil:
				err = damaged(readErr)
			case drop[value.Name] && depth == 0:
			case p.number == fieldValueInfo && r.names[value.Name] != "":
			default:
				out, err = r.named(out, p, 1)
			}
		default:
			out = append(out, p.raw...)
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// named copies a message whose name is in the given field.
func (r renaming) named(out []byte, p field, number int) ([]byte, error) {
	parts, err := fields(p.body)
	if err != nil {
		return nil, damaged(err)
	}
	changed := false
	for _, part := range parts {
		if int(part.number) != number {
			continue
		}
		if strings.HasPrefix(string(part.body), Prefix) {
			return nil, fault.New(fault.Unsupported, "The ONNX file was made by this program; import the original.")
		}
		changed = changed || r.names[string(part.body)] != ""
	}
	if !changed {
		return append(out, p.raw...), nil
	}
	var body []byte
	for _, part := range parts {
		if int(part.number) == number {
			body = r.text(body, part)
		} else {
			body = append(body, part.raw...)
		}
	}
	return appendMessage(out, p.number, body), nil
}

// node renames a node's inputs and outputs, and those in its subgraphs.
func (r renaming) node(out []byte, p field, depth int) ([]byte, error) {
	parts, err := fields(p.body)
	if err != nil {
		return nil, damaged(err)
	}
	var body []byte
	for _, part := range parts {
		switch part.number {
		case fieldNodeInput, fieldNodeOutput:
			if strings.HasPrefix(string(part.body), Prefix) {
				return nil, fault.New(fault.Unsupported, "The ONNX file was made by this program; import the original.")
			}
			body = r.text(body, part)
		case fieldNodeAttribute:
			if body, err = r.attribute(body, part, depth); err != nil {
				return nil, err
			}
		default:
			body = append(body, part.raw...)
		}
	}
	return appendMessage(out, p.number, body), nil
}

// attribute renames in the subgraphs of If, Loop and Scan, which see the names
// around them.
func (r renaming) attribute(out []byte, p field, depth int) ([]byte, error) {
	const fieldOneGraph, fieldGraphs = 6, 11
	parts, err := fields(p.body)
	if err != nil {
		return nil, damaged(err)
	}
	var body []byte
	for _, part := range parts {
		if part.number != fieldOneGraph && part.number != fieldGraphs {
			body = append(body, part.raw...)
			continue
		}
		inner, err := fields(part.body)
		if err != nil {
			return nil, damaged(err)
		}
		graph, err := r.graph(inner, nil, depth+1)
		if err != nil {
			return nil, err
		}
		body = appendMessage(body, part.number, graph)
	}
	return appendMessage(out, p.number, body), nil
}
