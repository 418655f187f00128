package engine

import (
	"context"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/decode"
)

// Describe tells what Upscale would make of a request, from the header alone:
// Output's size and format, the model's name. It loads the network, whose
// factor decides the size, and ignores Output and Progress.
func (e *Engine) Describe(ctx context.Context, q Request) (Result, error) {
	info, err := decode.Probe(q.Input, e.options.Limits)
	if err != nil {
		return Result{}, err
	}
	name := q.Model
	if name == "" {
		name = e.options.Library.Default(e.options.Runtime.Device().Kind)
	}
	net, err := e.options.Library.Load(ctx, name, q.Denoise)
	if err != nil {
		return Result{}, err
	}
	out, err := q.OutputInfo(info, net.Info().Scale)
	if err != nil {
		return Result{}, err
	}
	return Result{Input: info, Output: out, Model: name}, nil
}

// OutputInfo tells size and format of what Upscale makes of a picture. factor is
// the network's own, which counts where the request names no size.
func (q Request) OutputInfo(info imagedata.Info, factor int) (imagedata.Info, error) {
	out := imagedata.Info{Format: q.Format, Channels: info.Channels, Depth: info.Depth, Alpha: info.Alpha, Frames: info.Frames, Loop: info.Loop}
	if out.Format == "" {
		out.Format = info.Format
	}
	width, height := q.reduced(info.Width, info.Height)
	var err error
	out.Width, out.Height, err = q.Size.target(width, height, factor)
	return out, err
}
