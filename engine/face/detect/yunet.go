package detect

import (
	"context"

	"upscaled/engine/face"
	"upscaled/engine/imagedata"
	"upscaled/engine/resize"
	"upscaled/models/fault"
)

// TensorNetwork runs a neural network with one input, named "input". It is safe
// for concurrent use.
type TensorNetwork interface {
	// Run takes ownership of input, which has the given shape, and returns the
	// outputs by name.
	Run(ctx context.Context, input []float32, shape []int64) (outputs map[string]Tensor, err error)
}

// Tensor is an array of any rank in row-major order.
type Tensor struct {
	Shape []int64
	Data  []float32
}

// DefaultYuNetThreshold is between OpenCV's default for this model, 0.9, and the
// 0.6 of its model zoo for small or turned faces.
const DefaultYuNetThreshold = 0.7

// YuNet finds faces with face_detection_yunet_2023mar.onnx of OpenCV's model zoo
// (Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", 2023). Its scores
// are 0..1. Images longer than 640 pixels are reduced to that; the smallest face
// found is about 10 pixels of the reduced image.
type YuNet struct {
	network TensorNetwork
	options Options
	invalid error
}

// NewYuNet takes the loaded model. Detect reports options out of range.
func NewYuNet(net TensorNetwork, o Options) *YuNet {
	o, err := o.withDefaults(DefaultYuNetThreshold)
	if err == nil && o.Threshold > 1 {
		err = fault.New(fault.Invalid, "The threshold of YuNet must be between 0 and 1.")
	}
	return &YuNet{network: net, options: o, invalid: err}
}

// Name returns "yunet".
func (d *YuNet) Name() string { return "yunet" }

// yunetSide is the fixed width and height of the published file's input.
const yunetSide = 640

// Detect implements face.Detector.
func (d *YuNet) Detect(ctx context.Context, p imagedata.Raster) ([]face.Face, error) {
	if d.invalid != nil {
		return nil, d.invalid
	}
	if err := begin(ctx, p); err != nil {
		return nil, err
	}
	if p.Width == 0 || p.Height == 0 {
		return nil, nil
	}
	input, scaleX, scaleY := letterbox(p)
	outputs, err := d.network.Run(ctx, input, []int64{1, 3, yunetSide, yunetSide})
	if err != nil {
		return nil, err
	}
	faces, err := decodeYuNet(outputs, d.options.Threshold)
	if err != nil {
		return nil, err
	}
	faces = suppress(faces, yunetOverlap)
	for i := range faces {
		faces[i] = stretched(faces[i], scaleX, scaleY)
	}
	return finish(faces, d.options), nil
}

// letterbox returns the model's input: planes of blue, green and red, 0..255, with
// the image in the top left corner, reduced if it is too large but never
// enlarged, and black around it. The scales are image pixels per input pixel.
func letterbox(p imagedata.Raster) (input []float32, scaleX, scaleY float64) {
	width, height := p.Width, p.Height
	if longest := max(width, height); longest > yunetSide {
		width = max(1, (width*yunetSide+longest/2)/longest)
		height = max(1, (height*yunetSide+longest/2)/longest)
	}
	scaleX, scaleY = float64(p.Width)/float64(width), float64(p.Height)/float64(height)
	p = resize.Whole(p, width, height)
	const area = yunetSide * yunetSide
	input = make([]float32, 3*area)
	for y := range height {
		row := p.Pix[y*width*p.Channels:][:width*p.Channels]
		at := y * yunetSide
		for x := range width {
			i := x * p.Channels
			// With one channel all three are the same sample.
			last := i + p.Channels - 1
			input[at+x] = float32(row[last])
			input[area+at+x] = float32(row[(i+last)/2])
			input[2*area+at+x] = float32(row[i])
		}
	}
	return input, scaleX, scaleY
}

func stretched(f face.Face, x, y float64) face.Face {
	f.Left, f.Width = f.Left*x, f.Width*x
	f.Top, f.Height = f.Top*y, f.Height*y
	for i := range f.Landmarks {
		f.Landmarks[i].X *= x
		f.Landmarks[i].Y *= y
	}
	return f
}
