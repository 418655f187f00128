package server

import (
	"errors"
	"io"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/decode"
	"upscaled/server/job"
)

// imageValidator implements job.ImageValidator with the engine's decoders. It
// decodes whole images and not only their headers: clients learn at once of a
// broken file, and no worker gets one.
type imageValidator struct {
	limits imagedata.Limits
	// turns limits how many images are decoded at once.
	turns chan struct{}
}

func newImageValidator(limits imagedata.Limits, parallel int) *imageValidator {
	return &imageValidator{limits: limits, turns: make(chan struct{}, parallel)}
}

// Validate implements job.ImageValidator.
func (p *imageValidator) Validate(data []byte) (job.InputInfo, error) {
	p.turns <- struct{}{}
	defer func() { <-p.turns }()
	decoder, err := decode.Open(data, p.limits)
	if err != nil {
		return job.InputInfo{}, err
	}
	for {
		if _, err := decoder.Next(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return job.InputInfo{}, err
		}
	}
	info := decoder.Info()
	return job.InputInfo{
		Format: string(info.Format), Width: info.Width, Height: info.Height,
		Channels: info.Channels, Depth: info.Depth, Alpha: info.Alpha, Frames: info.Frames,
	}, nil
}
