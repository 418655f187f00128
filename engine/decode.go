package engine

import (
	"context"
	"io"
	"time"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/decode"
)

// openInput reads the header and applies the limits before any pixel is decoded.
func (r *run) openInput(context.Context) error {
	if source := r.request.Source; source != nil {
		r.decoder, r.input = source, source.Info()
		return nil
	}
	started := time.Now()
	decoder, err := decode.OpenPage(r.request.Input, r.request.Page, r.engine.options.Limits)
	if err != nil {
		return err
	}
	r.decoder, r.input = decoder, decoder.Info()
	r.stats.Decode = time.Since(started)
	return nil
}

// nextFrame decodes one frame; more is false after the last one.
func (r *run) nextFrame() (frame imagedata.Frame, more bool, err error) {
	started := time.Now()
	frame, err = r.decoder.Next()
	r.stats.Decode += time.Since(started)
	if err == io.EOF { // itself: the error of a damaged file may wrap one
		return frame, false, nil
	}
	return frame, err == nil, err
}
