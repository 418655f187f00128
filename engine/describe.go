package engine

import (
	"context"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/decode"
)

// Describe returns what Upscale would make of a request, from the header alone:
// the output's size and format, and the model's name. It loads the model, whose
// scale may decide the size, and ignores Output and Progress.
func (e *Engine) Describe(ctx context.Context, q Request) (Result, error) {
	in, err := q.probe(e.options.Limits)
	if err != nil {
		return Result{}, err
	}
	r := &run{engine: e, request: q}
	if err := r.loadModels(ctx); err != nil {
		return Result{}, err
	}
	out, err := q.OutputInfo(in, r.layers[0].scale())
	return Result{Input: in, Output: out, Model: r.layers[0].name}, err
}

// probe reads the input's header.
func (q Request) probe(limits imagedata.Limits) (imagedata.Info, error) {
	if q.Source != nil {
		return q.Source.Info(), nil
	}
	return decode.ProbePage(q.Input, q.Page, limits)
}

// OutputInfo returns the size and format of Upscale's output for an input. scale is
// the model's, which counts if the request names no size.
func (q Request) OutputInfo(in imagedata.Info, scale int) (imagedata.Info, error) {
	out, err := q.scaled(in, scale)
	if err == nil && q.CropWidth > 0 {
		err = q.checkCrop(out)
		out.Width, out.Height = q.CropWidth, q.CropHeight
	}
	return out, err
}
