package network

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"

	"upscaled/models/fault"
	"upscaled/models/onnx"
)

// Value ranges of a restorer's input and output samples.
const (
	RangeAroundZero = "-1..1"
	RangeFromZero   = "0..1"
)

// RestorerDescriptor states about an ONNX file that restores an aligned face
// what the file itself does not. GFPGAN, CodeFormer, RestoreFormer++ and GPEN,
// as published in ONNX, use 512x512 in -1..1; CodeFormer has a second input
// "weight" (0..1, more is more faithful).
type RestorerDescriptor struct {
	// Input and Output name the image's. "" means the only one, or the first:
	// files list outputs of their inner layers after it. Inputs named in Extra
	// do not count.
	Input  string `json:"input,omitempty"`
	Output string `json:"output,omitempty"`
	// Size is the side of the square in pixels; 0 means the file's own.
	Size int `json:"size,omitempty"`
	// Range is RangeAroundZero (also if "") or RangeFromZero.
	Range string `json:"range,omitempty"`
	// Extra holds the value that fills every other input; a weight is 0.5 without.
	Extra map[string]float64 `json:"extra,omitempty"`
}

// defaultWeight is CodeFormer's unless Extra has one, as in its own program.
const defaultWeight = 0.5

// isWeight reports whether exports of CodeFormer name its weight so.
func isWeight(input string) bool {
	return slices.Contains([]string{"weight", "w", "fidelity", "fidelity_weight"}, strings.ToLower(input))
}

// maxExtra bounds the elements of an extra input.
const maxExtra = 1 << 16

// FromRestorerONNX accepts an ONNX file of a face restorer: square, scale 1,
// float32 or float16. It keeps file. Graph wraps it in the usual conversion of
// samples and keeps the file's precision, whatever Options ask for.
func FromRestorerONNX(file []byte, d RestorerDescriptor) (*Network, error) {
	parsed, err := parsedONNX(file)
	if err != nil {
		return nil, err
	}
	f := &foreign{}
	switch d.Range {
	case RangeAroundZero, "":
		f.as = minusOneToOne
	case RangeFromZero:
		f.as = zeroToOne
	default:
		return nil, fault.New(fault.Invalid, "A face restorer's range is %s or %s, not %q.", RangeAroundZero, RangeFromZero, d.Range)
	}
	if f.file, err = narrowed(parsed, d); err != nil {
		return nil, err
	}
	in, out := f.file.Inputs[0], f.file.Outputs[0]
	side, err := squareOf(in, out, d.Size)
	if err != nil {
		return nil, err
	}
	id := sync.OnceValue(func() string {
		digest := sha256.New()
		digest.Write(file)
		fmt.Fprintf(digest, "restorer %q %q %d %g", in.Name, out.Name, side, f.as.Black)
		for _, name := range slices.Sorted(maps.Keys(d.Extra)) {
			fmt.Fprintf(digest, " %q %g", name, d.Extra[name])
		}
		return hex.EncodeToString(digest.Sum(nil))
	})
	return &Network{id: id, foreign: f, info: Info{
		Architecture: ONNXFile, Scale: 1, Multiple: 1,
		FixedWidth: side, FixedHeight: side,
		BytesPerPixel: faceBytes,
		Description:   fmt.Sprintf("ONNX file, face restorer %dx%d", side, side),
	}}, nil
}

// narrowed selects the input and the output and makes the other inputs constants.
func narrowed(f *onnx.Foreign, d RestorerDescriptor) (*onnx.Foreign, error) {
	var constants []onnx.Tensor
	input := d.Input
	for _, v := range f.Inputs {
		value, given := d.Extra[v.Name]
		if !given && isWeight(v.Name) && len(f.Inputs) > 1 {
			value, given = defaultWeight, true
		}
		switch {
		case given && v.Name != d.Input:
			t, err := filled(v, value)
			if err != nil {
				return nil, err
			}
			constants = append(constants, t)
		case input == "":
			input = v.Name
		}
	}
	output := d.Output
	if output == "" && len(f.Outputs) > 0 {
		output = f.Outputs[0].Name
	}
	for _, name := range slices.Sorted(maps.Keys(d.Extra)) {
		if !slices.ContainsFunc(constants, func(t onnx.Tensor) bool { return t.Name == name }) {
			return nil, fault.New(fault.Invalid, "The ONNX file has no extra input %q to set a value for.", name)
		}
	}
	return f.Narrow(input, output, constants)
}

// filled returns a constant of an input's type and shape; free sides are 1.
func filled(v onnx.Value, value float64) (onnx.Tensor, error) {
	t := onnx.Tensor{Name: v.Name, Type: v.Type}
	count := int64(1)
	for _, d := range v.Dims {
		side := max(1, d.Size)
		if side > maxExtra || count*side > maxExtra {
			return t, fault.New(fault.Unsupported, "The ONNX file's input %s is too large to be filled with one value.", v.Name)
		}
		count *= side
		t.Dims = append(t.Dims, side)
	}
	whole := value == math.Trunc(value) && math.Abs(value) <= math.MaxInt32
	switch {
	case v.Type == onnx.Float32 && math.Abs(value) <= math.MaxFloat32, v.Type == onnx.Float16 && math.Abs(value) <= onnx.MaxHalf:
		t.Floats = slices.Repeat([]float32{float32(value)}, int(count))
	case v.Type == onnx.Float64 && math.Abs(value) <= math.MaxFloat64:
		t.Doubles = slices.Repeat([]float64{value}, int(count))
	case (v.Type == onnx.Int64 || v.Type == onnx.Int32) && whole:
		t.Ints = slices.Repeat([]int64{int64(value)}, int(count))
	default:
		return t, fault.New(fault.Invalid, "The ONNX file's input %s holds %s and cannot be %g.", v.Name, v.Type, value)
	}
	return t, nil
}

// squareOf returns the side of the square that input and output share; side is
// the descriptor's or 0.
func squareOf(in, out onnx.Value, side int) (int, error) {
	for _, v := range []onnx.Value{in, out} {
		if err := checkImageValue(v); err != nil {
			return 0, err
		}
		if v.Type == onnx.Uint8 || v.Dims != nil && v.Dims[1].Size != 0 && v.Dims[1].Size != 3 {
			return 0, fault.New(fault.Unsupported, "The ONNX file's %s is not an RGB image of floats laid out as [1, 3, height, width].", v.Name)
		}
		for i := 2; i < len(v.Dims); i++ {
			stated := v.Dims[i].Size
			if stated > maxFixedSide || side != 0 && stated != 0 && stated != int64(side) {
				return 0, fault.New(fault.Unsupported, "The ONNX file's %s has a side of %d pixels; a restorer has a square input and output of one size, %s.", v.Name, stated, sideWanted(side))
			}
			if side == 0 {
				side = int(stated)
			}
		}
	}
	if side < 1 || side > maxFixedSide {
		return 0, fault.New(fault.Invalid, "The ONNX file does not state the size of its faces; set it, from 1 to %d pixels.", maxFixedSide)
	}
	return side, nil
}

func sideWanted(side int) string {
	if side == 0 {
		return fmt.Sprintf("at most %d", maxFixedSide)
	}
	return fmt.Sprint(side)
}
