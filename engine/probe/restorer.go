package probe

import (
	"context"
	"math"

	"upscaled/models/fault"
	"upscaled/models/network"
)

// Restorer completes the caller's description of an ONNX file of a face restorer: the
// range of its samples is the one in which a drawn face comes back most like itself. A
// file that returns no image in any range is fault.Unsupported.
func Restorer(ctx context.Context, open func(file []byte) (Session, error), file []byte, stated network.RestorerDescriptor) (network.RestorerDescriptor, error) {
	ranges := []string{network.RangeAroundZero, network.RangeFromZero}
	if stated.Range != "" {
		ranges = []string{stated.Range}
	}
	found, least := stated, math.Inf(1)
	for _, r := range ranges {
		d := stated
		d.Range = r
		off, err := restoredOff(ctx, open, file, d)
		if err != nil {
			return stated, err
		}
		if off < 0.9*least { // the usual range if it makes no difference
			found, least = d, off
		}
	}
	if math.IsInf(least, 1) {
		return stated, fault.New(fault.Unsupported, "The ONNX file cannot be used as a face restorer: it returns no usable image.")
	}
	return found, nil
}

// restoredOff runs the file, as the engine will, on a drawn face, and returns the mean
// difference of the result from it; +Inf if that is no image.
func restoredOff(ctx context.Context, open func(file []byte) (Session, error), file []byte, d network.RestorerDescriptor) (float64, error) {
	n, err := network.FromRestorerONNX(file, d)
	if err != nil {
		return 0, err
	}
	graph, err := n.Graph(network.Options{Precision: network.Float32, Sample: network.Float, Channels: 3, Borders: network.AllBorders})
	if err != nil {
		return 0, err
	}
	session, err := open(graph)
	if err != nil {
		return 0, fault.Wrap(fault.Unsupported, err, "The ONNX file cannot be used as a face restorer: ONNX Runtime cannot open it.")
	}
	defer session.Close()
	side := n.Info().FixedWidth
	in := newImage(3, side, side, func(c, y, x int) float64 { return drawnFace(c, float64(y)/float64(side), float64(x)/float64(side)) })
	p := &prober{ctx: ctx, session: session}
	out, err := p.run(network.Convention{ChannelsLast: true, In: 3}, in)
	switch {
	case fault.KindOf(err) == fault.Canceled:
		return 0, err
	case err != nil:
		return 0, fault.Wrap(fault.Unsupported, err, "The ONNX file cannot be used as a face restorer: it does not run on %dx%d pixels.", side, side)
	case out.channels != 3 || out.height != side || out.width != side || !out.finite():
		return math.Inf(1), nil
	}
	sum := 0.0
	for i, v := range in.pix {
		sum += math.Abs(float64(v) - min(max(float64(out.pix[i]), 0), 1))
	}
	return sum / float64(len(in.pix)), nil
}

// drawnFace is a face of an oval, eyes and a mouth before a darker ground, where
// restorers expect them; positions are from 0 to 1.
func drawnFace(c int, y, x float64) float64 {
	oval := func(left, top, wide, high float64) bool { return math.Hypot((x-left)/wide, (y-top)/high) < 1 }
	part := func(red, green, blue float64) float64 { return [3]float64{red, green, blue}[c] }
	switch {
	case oval(0.377, 0.469, 0.05, 0.025), oval(0.623, 0.469, 0.05, 0.025):
		return part(0.15, 0.1, 0.1)
	case oval(0.5, 0.725, 0.11, 0.035):
		return part(0.65, 0.3, 0.3)
	case oval(0.5, 0.53, 0.3, 0.4):
		return part(0.85, 0.68, 0.58) - 0.15*math.Abs(x-0.5)
	}
	return part(0.25, 0.3, 0.35)
}
