package network

import (
	"upscaled/models/fault"
	"upscaled/models/onnx"
)

// Convention describes the images that an ONNX file takes and returns, which its
// shapes state only in part. The zero value is completed from the shapes.
type Convention struct {
	// ChannelsLast is set for [1, height, width, channels].
	ChannelsLast bool `json:"channels_last,omitempty"`
	// In and Out count channels: 3 is RGB, 1 luma (the color is interpolated), 4 RGB
	// and an opaque alpha, whose result is dropped.
	In  int `json:"in,omitempty"`
	Out int `json:"out,omitempty"`
	// Black and White are the values of black and white samples; both 0 are 0 and 1.
	Black float64 `json:"black,omitempty"`
	White float64 `json:"white,omitempty"`
	// Swapped is set if the result of an RGB image is BGR.
	Swapped bool `json:"swapped,omitempty"`

	// Scale is output side / input side, 0 if unknown.
	Scale int `json:"scale,omitempty"`
	// Multiple divides both sides of an input; Least is its least side, in pixels.
	Multiple int `json:"multiple,omitempty"`
	Least    int `json:"least,omitempty"`
	// Radius is the receptive radius in input pixels, 0 if unknown or too large for
	// tiles.
	Radius int `json:"radius,omitempty"`
	// Whole is set if the result of a part of an image differs visibly from that of the
	// whole.
	Whole bool `json:"whole,omitempty"`
	// FixedWidth and FixedHeight are set for files that accept a single shape.
	FixedWidth  int `json:"fixed_width,omitempty"`
	FixedHeight int `json:"fixed_height,omitempty"`
}

// maxFixedSide bounds the only accepted shape, in pixels.
const maxFixedSide = 4096

// completed sets zero fields to what the shapes state, or to the usual.
func (c Convention) completed(in, out onnx.Value) Convention {
	if c.In == 0 && c.Out == 0 && channelsLast(in) {
		c.ChannelsLast = true
	}
	axes := [3]int{1, 2, 3} // channels, height, width
	if c.ChannelsLast {
		axes = [3]int{3, 1, 2}
	}
	side := func(v onnx.Value, axis int) int {
		if v.Dims == nil {
			return 0
		}
		return int(v.Dims[axes[axis]].Size)
	}
	set := func(field *int, values ...int) {
		for _, v := range values {
			if *field == 0 {
				*field = v
			}
		}
	}
	set(&c.In, side(in, 0), 3)
	set(&c.Out, side(out, 0), c.In)
	if c.Black == 0 && c.White == 0 {
		c.White = 1
		if in.Type == onnx.Uint8 || out.Type == onnx.Uint8 {
			c.White = 255
		}
	}
	height, width, tall, wide := side(in, 1), side(in, 2), side(out, 1), side(out, 2)
	set(&c.FixedHeight, height)
	set(&c.FixedWidth, width)
	if height > 0 && width > 0 && tall > 0 && tall%height == 0 && wide%width == 0 && tall/height == wide/width {
		set(&c.Scale, tall/height)
	}
	set(&c.Multiple, 1)
	return c
}

// channelsLast reports whether the shape states channels on the last axis alone.
func channelsLast(v onnx.Value) bool {
	possible := func(n int64) bool { return n == 1 || n == 3 || n == 4 }
	return v.Dims != nil && !possible(v.Dims[1].Size) && possible(v.Dims[3].Size)
}

// check rejects what the shapes contradict, channels that have no image and
// conversions that the file's set of operators cannot express.
func (c Convention) check(f *onnx.Foreign) error {
	if shapes := (Convention{}).completed(f.Inputs[0], f.Outputs[0]); shapes.Scale != 0 && shapes.Scale != c.Scale {
		return fault.New(fault.Invalid, "The model upscales images %d times by its shapes, not %d times; leave out --scale.", shapes.Scale, c.Scale)
	}
	if max(c.FixedWidth, c.FixedHeight) > maxFixedSide {
		return fault.New(fault.Unsupported, "The ONNX file accepts images of %dx%d pixels only; the limit is %d.", c.FixedWidth, c.FixedHeight, maxFixedSide)
	}
	switch [2]int{c.In, c.Out} {
	case [2]int{3, 3}, [2]int{4, 4}, [2]int{4, 3}:
	case [2]int{1, 1}:
		if f.Opset < 11 {
			return fault.New(fault.Unsupported,
				"The ONNX file is too old for a model of gray images (operator set %d); export it with operator set 11 or later.", f.Opset)
		}
	default:
		return fault.New(fault.Unsupported,
			"The ONNX file takes %d and returns %d channels; a model of RGB (3), gray (1) or RGBA (4) images is needed.", c.In, c.Out)
	}
	if c.FixedWidth < 0 || c.FixedHeight < 0 || c.Multiple < 1 || c.Scale < 0 || c.Least < 0 || c.Radius < 0 || !(c.White > c.Black) {
		return fault.New(fault.Invalid, "The description of the ONNX file makes no sense.")
	}
	return nil
}

// kind describes channels other than RGB.
func (c Convention) kind() string { return map[int]string{1: ", gray", 4: ", RGBA"}[c.In] }

func (c Convention) info() Info {
	return Info{
		Architecture: ONNXFile, Scale: c.Scale, Radius: c.Radius, Whole: c.Whole, Multiple: c.Multiple, Least: c.Least,
		FixedWidth: c.FixedWidth, FixedHeight: c.FixedHeight,
		BytesPerPixel: foreignBytes, Description: "ONNX file",
	}
}
