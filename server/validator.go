package server

import (
	"context"
	"errors"
	"io"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/decode"
	"upscaled/models/fault"
	"upscaled/server/job"
)

// imageValidator implements job.ImageValidator with the engine's decoders. It
// decodes whole images and not only their headers: clients learn at once of a
// broken file, and no worker gets one.
type imageValidator struct {
	limits imagedata.Limits
	turns  *turns
}

func newImageValidator(limits imagedata.Limits, parallel int) *imageValidator {
	return &imageValidator{limits: limits, turns: newTurns(parallel)}
}

// Validate implements job.ImageValidator.
func (p *imageValidator) Validate(ctx context.Context, data []byte) (job.InputInfo, error) {
	decoder, err := p.open(ctx, data)
	if err != nil {
		return job.InputInfo{}, err
	}
	release, err := p.turns.take(ctx, requestInfoOf(ctx).caller(), decoder.Seconds())
	if err != nil {
		return job.InputInfo{}, err
	}
	defer release()
	for {
		if _, err := decoder.Next(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return job.InputInfo{}, err
		}
		//guard:left-checks TestChecksEndWithTheirClient
		if err := ctx.Err(); err != nil {
			return job.InputInfo{}, err
		}
	}
	info := decoder.Info()
	return job.InputInfo{
		Format: string(info.Format), Width: info.Width, Height: info.Height,
		Channels: info.Channels, Depth: info.Depth, Alpha: info.Alpha, Frames: info.Frames,
	}, nil
}

// open reads everything but pixels, which takes a turn of its own.
func (p *imageValidator) open(ctx context.Context, data []byte) (*decode.Decoder, error) {
	const perByte, longest = 5e-9, 60 // seconds
	release, err := p.turns.take(ctx, requestInfoOf(ctx).caller(), perByte*float64(len(data)))
	if err != nil {
		return nil, err
	}
	defer release()
	decoder, err := decode.Open(data, p.limits)
	//guard:decode-time TestLongDecodes
	if err == nil && decoder.Seconds() > longest {
		return nil, fault.New(fault.TooLarge, "Decoding this image takes about %.0f s and the limit is %d s; scale it down first.", decoder.Seconds(), longest)
	}
	return decoder, err
}
