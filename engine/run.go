package engine

import (
	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/encode"
	"upscaled/engine/imagedata/icc"
)

// run is one call of Upscale. Its steps fill it in.
type run struct {
	engine  *Engine
	request Request
	meter
	pool pool

	restoration *restoration // nil leaves faces alone
	decoder     Source
	input       imagedata.Info
	layers      []*layer
	// width and height are the output's before it is cropped.
	width, height int
	header        encode.Header
	encoder       encode.Encoder
	toSRGB        *icc.SRGB // nil keeps the colors
	notes         []string
}

// result describes the output of a successful run.
func (r *run) result() Result {
	h := r.header
	result := Result{
		Input: r.input,
		Output: imagedata.Info{
			Format: r.format(), Width: h.Width, Height: h.Height, Channels: h.Channels, Depth: h.Depth,
			Alpha: h.Alpha, Frames: h.Frames, Loop: h.Loop, Meta: h.Meta,
		},
		Model: r.layers[0].name,
		Notes: append(append(r.decoder.Notes(), r.notes...), r.restoration.note()...),
		Stats: r.stats,
	}
	if r.restoration != nil {
		result.Faces = &r.restoration.result
	}
	return result
}
