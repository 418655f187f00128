package server

import (
	"errors"
	"io"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/decode"
	"upscaled/server/job"
)

// imageValidator implements job.Prober with the engine's decoders. It reads whole
// pictures and not only their headers: clients of every API learn at once of
// a broken file, and no worker meets one.
type imageValidator struct {
	limits imagedata.Limits
	// turns bounds how many pictures are decoded at once.
	turns chan struct{}
}

func newImageValidator(limits imagedata.Limits, parallel int) *imageValidator {
	return &imageValidator{limits: limits, turns: make(chan struct{}, parallel)}
}

// Probe implements job.Prober.
func (p *imageValidator) Probe(data []byte) (job.InputInfo, error) {
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
		Alpha: info.Alpha, Frames: info.Frames,
	}, nil
}

// Large says whether a picture of so many pixels waits in the line of large
// ones; what has no readable header is small.
func Large(input []byte, pixels int64) bool {
	info, err := decode.Probe(input, imagedata.Limits{})
	return err == nil && int64(info.Width)*int64(info.Height)*int64(max(1, info.Frames)) > pixels
}
