package onnx

import (
	"errors"

	"google.golang.org/protobuf/encoding/protowire"

	"upscaled/models/fault"
)

// Foreign is an ONNX file from elsewhere. Only the parts needed to wrap it are
// parsed; everything else keeps its bytes.
type Foreign struct {
	// Opset is the version of the standard operators, IR the format's.
	Opset, IR int64
	// Inputs excludes those that are constants.
	Inputs, Outputs []Value
	// Metadata are the file's metadata_props.
	Metadata     map[string]string
	model, graph []field
}

// field is one field of a message: raw includes its tag, body is the content of
// a length-delimited field and nil for others.
type field struct {
	number    protowire.Number
	raw, body []byte
	varint    uint64
}

// maxDepth bounds the nesting of graphs.
const maxDepth = 16

var errDamaged = errors.New("malformed protobuf")

// Parse reads a file and keeps parts of data. Data that is not ONNX is
// fault.Invalid; a file whose weights are in a second file is fault.Unsupported.
func Parse(data []byte) (*Foreign, error) {
	f := &Foreign{Metadata: map[string]string{}}
	var err error
	if f.model, err = fields(data); err != nil {
		return nil, damaged(err)
	}
	for _, m := range f.model {
		switch {
		case m.number == fieldIRVersion:
			f.IR = int64(m.varint)
		case m.number == fieldOpset && m.body != nil:
			err = f.readOpset(m.body)
		case m.number == fieldMetadata && m.body != nil:
			err = f.readMetadata(m.body)
		case m.number == fieldGraph && m.body != nil:
			if f.graph != nil {
				err = errDamaged
				break
			}
			f.graph, err = fields(m.body)
		}
		if err != nil {
			return nil, damaged(err)
		}
	}
	if f.graph == nil {
		return nil, fault.New(fault.Invalid, "This is not an ONNX file: it holds no graph.")
	}
	external, err := modelProto.external(f.model, 0)
	//guard:external-data TestExternalData => false
	if external {
		return nil, fault.New(fault.Unsupported, "The ONNX file keeps weights in another file; save it as one file first.")
	}
	if err != nil {
		return nil, damaged(err)
	}
	return f, f.readGraph()
}

func damaged(err error) error {
	return fault.Wrap(fault.Invalid, err, "The ONNX file is damaged or not an ONNX file.")
}

func (f *Foreign) readOpset(body []byte) error {
	domain, version, err := pair(body)
	if domain == "" || domain == "ai.onnx" {
		f.Opset = int64(version.varint)
	}
	return err
}

func (f *Foreign) readMetadata(body []byte) error {
	key, value, err := pair(body)
	f.Metadata[key] = string(value.body)
	return err
}

// pair reads a message of a text in field 1 and a value in field 2.
func pair(body []byte) (key string, value field, err error) {
	parts, err := fields(body)
	for _, p := range parts {
		switch p.number {
		case 1:
			key = string(p.body)
		case 2:
			value = p
		}
	}
	return key, value, err
}

func (f *Foreign) readGraph() error {
	constants := map[string]bool{}
	var inputs []Value
	for _, g := range f.graph {
		if g.body == nil {
			continue
		}
		switch g.number {
		case fieldInitializer:
			name, err := readTensorName(g.body)
			if err != nil {
				return damaged(err)
			}
			constants[name] = true
		case fieldInput, fieldOutput:
			value, err := readValue(g.body)
			if err != nil {
				return damaged(err)
			}
			if g.number == fieldInput {
				inputs = append(inputs, value)
			} else {
				f.Outputs = append(f.Outputs, value)
			}
		}
	}
	for _, in := range inputs {
		if !constants[in.Name] {
			f.Inputs = append(f.Inputs, in)
		}
	}
	return nil
}

func readTensorName(body []byte) (name string, err error) {
	parts, err := fields(body)
	for _, p := range parts {
		if p.number == fieldTensorName {
			name = string(p.body)
		}
	}
	return name, err
}

// readValue reads a ValueInfoProto of a dense tensor; of other values it reads
// only the name.
func readValue(body []byte) (Value, error) {
	var v Value
	parts, err := fields(body)
	if err != nil {
		return v, err
	}
	for _, p := range parts {
		switch p.number {
		case 1:
			v.Name = string(p.body)
		case 2: // TypeProto
			kinds, err := fields(p.body)
			if err != nil {
				return v, err
			}
			for _, kind := range kinds {
				if kind.number != 1 { // tensor_type
					continue
				}
				if err := readTensorType(kind.body, &v); err != nil {
					return v, err
				}
			}
		}
	}
	return v, nil
}

func readTensorType(body []byte, v *Value) error {
	parts, err := fields(body)
	if err != nil {
		return err
	}
	for _, p := range parts {
		switch p.number {
		case 1:
			v.Type = ElemType(p.varint)
		case 2:
			dims, err := fields(p.body)
			if err != nil {
				return err
			}
			for _, d := range dims {
				dim, err := readDim(d.body)
				if err != nil {
					return err
				}
				v.Dims = append(v.Dims, dim)
			}
		}
	}
	return nil
}

func readDim(body []byte) (Dim, error) {
	var dim Dim
	parts, err := fields(body)
	for _, p := range parts {
		switch p.number {
		case 1:
			dim.Size = max(0, int64(p.varint))
		case 2:
			dim.Name = string(p.body)
		}
	}
	return dim, err
}

// fields splits a message into parts that share its memory.
func fields(message []byte) ([]field, error) {
	var out []field
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		size := protowire.ConsumeFieldValue(number, kind, message[n:])
		if size < 0 {
			return nil, protowire.ParseError(size)
		}
		f := field{number: number, raw: message[:n+size]}
		switch kind {
		case protowire.BytesType:
			f.body, _ = protowire.ConsumeBytes(message[n:])
			if f.body == nil {
				f.body = []byte{}
			}
		case protowire.VarintType:
			f.varint, _ = protowire.ConsumeVarint(message[n:])
		}
		out = append(out, f)
		message = message[n+size:]
	}
	return out, nil
}
