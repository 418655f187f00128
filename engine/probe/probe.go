// Package probe runs an ONNX file of unknown origin on small images and finds how it
// takes and returns them, so that it can be imported without a description.
package probe

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"upscaled/engine/face/detect"
	"upscaled/models/fault"
	"upscaled/models/network"
)

// Session runs a file with one float32 input and one float32 output.
type Session interface {
	// Run takes ownership of input, which has the given shape.
	Run(ctx context.Context, input []float32, shape []int64) (map[string]detect.Tensor, error)
	Close() error
}

// prober runs one file.
type prober struct {
	ctx     context.Context
	session Session
	// stated is the caller's part, found the result so far.
	stated, found network.Convention
	// height and width are sides that the model accepts, in pixels.
	height, width int
	// cost is the least time per pixel of the runs so far, 0 before the first;
	// patience is the longest time that a run of findTiles may take.
	cost, patience time.Duration
}

// File completes the caller's description of an ONNX file: the order of axes and
// channels, the range of samples, scale, accepted sizes and receptive radius. open
// opens a file on a CPU. A file that returns no usable image is fault.Unsupported, a
// statement that it contradicts fault.Invalid.
func File(ctx context.Context, open func(file []byte) (Session, error), file []byte, stated network.Convention) (network.Convention, error) {
	return complete(ctx, open, file, stated, 600*time.Millisecond)
}

func complete(ctx context.Context, open func(file []byte) (Session, error), file []byte, stated network.Convention, patience time.Duration) (network.Convention, error) {
	n, err := network.FromONNX(file, stated)
	if err != nil {
		return stated, err
	}
	floats, err := network.Float32File(file)
	if err != nil {
		return stated, err
	}
	session, err := open(floats)
	if err != nil {
		return stated, unusable(err, "ONNX Runtime cannot open it")
	}
	defer session.Close()
	p := &prober{ctx: ctx, session: session, stated: stated, found: n.Convention(), patience: patience}
	if p.found.White == 255 { // the file holds bytes
		p.stated.White = 255
	}
	for _, step := range []func() error{p.findShape, p.findLeast, p.findRange, p.findTiles} {
		if err := step(); err != nil {
			return stated, err
		}
	}
	return p.found, p.checkWrapped(open, file)
}

// unusable returns the error of a file that cannot serve.
func unusable(cause error, format string, args ...any) error {
	if fault.KindOf(cause) == fault.Canceled {
		return cause
	}
	return fault.Wrap(fault.Unsupported, cause, "The ONNX file cannot be used as an upscaling model: %s.", fmt.Sprintf(format, args...))
}

// image holds planes of samples, [channels][height][width] in row-major order.
type image struct {
	channels, height, width int
	pix                     []float32
}

func newImage(channels, height, width int, value func(c, y, x int) float64) image {
	m := image{channels, height, width, make([]float32, 0, channels*height*width)}
	for c := range channels {
		for y := range height {
			for x := range width {
				m.pix = append(m.pix, float32(value(c, y, x)))
			}
		}
	}
	return m
}

func (m image) at(c, y, x int) float32 { return m.pix[(c*m.height+y)*m.width+x] }

// finite reports whether all samples are numbers.
func (m image) finite() bool {
	return !slices.ContainsFunc(m.pix, func(v float32) bool { return math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) })
}

// small returns the sides of a small input that the model accepts.
func (p *prober) small() (height, width int) {
	if p.found.FixedHeight > 0 || p.found.FixedWidth > 0 {
		return p.height, p.width
	}
	n := p.found.Multiple
	side := (max(12, p.found.Least) + n - 1) / n * n
	return side, side
}

// run computes the model's result in the convention's order of axes.
func (p *prober) run(c network.Convention, in image) (image, error) {
	shape := []int64{1, int64(in.channels), int64(in.height), int64(in.width)}
	input := slices.Clone(in.pix)
	if c.ChannelsLast {
		shape = []int64{1, int64(in.height), int64(in.width), int64(in.channels)}
		input = input[:0]
		for y := range in.height {
			for x := range in.width {
				for channel := range in.channels {
					input = append(input, in.at(channel, y, x))
				}
			}
		}
	}
	started := time.Now()
	results, err := p.session.Run(p.ctx, input, shape)
	if err != nil {
		return image{}, err
	}
	if cost := max(1, time.Since(started)/time.Duration(in.height*in.width)); p.cost == 0 || cost < p.cost {
		p.cost = cost
	}
	for _, t := range results {
		return fromTensor(t, c.ChannelsLast)
	}
	return image{}, fault.New(fault.Unsupported, "The model returns nothing.")
}

func fromTensor(t detect.Tensor, channelsLast bool) (image, error) {
	if len(t.Shape) != 4 || t.Shape[0] != 1 {
		return image{}, fault.New(fault.Unsupported, "The model returns an array of shape %v, which is not one image.", t.Shape)
	}
	if !channelsLast {
		return image{int(t.Shape[1]), int(t.Shape[2]), int(t.Shape[3]), t.Data}, nil
	}
	height, width, channels := int(t.Shape[1]), int(t.Shape[2]), int(t.Shape[3])
	return newImage(channels, height, width, func(c, y, x int) float64 {
		return float64(t.Data[(y*width+x)*channels+c])
	}), nil
}

// checkWrapped runs the file once as the engine will, with its conversions around it.
func (p *prober) checkWrapped(open func(file []byte) (Session, error), file []byte) error {
	n, err := network.FromONNX(file, p.found)
	if err != nil {
		return err
	}
	wrapped, err := n.Graph(network.Options{Precision: network.Float32, Sample: network.Float, Channels: 3, Borders: network.AllBorders})
	if err != nil {
		return err
	}
	session, err := open(wrapped)
	if err != nil {
		return unusable(err, "ONNX Runtime cannot open it with the conversion of samples around it")
	}
	defer session.Close()
	q := &prober{ctx: p.ctx, session: session}
	as := network.Convention{ChannelsLast: true, In: 3}
	height, width := p.small()
	out, err := q.run(as, newImage(3, height, width, smooth))
	if err == nil && (out.channels != 3 || out.height != height*p.found.Scale || !out.finite()) {
		err = fault.New(fault.Internal, "The result has another size.")
	}
	if err != nil {
		return unusable(err, "it does not run with the conversion of samples around it")
	}
	return nil
}
