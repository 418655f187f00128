package server

import (
	"context"
	"errors"
	"io"

	"upscaled/engine/film"
	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/decode"
	"upscaled/models/fault"
	"upscaled/server/job"
	"upscaled/server/worker"
)

// imageValidator implements job.ImageValidator with the engine's decoders. It
// decodes whole images and not only their headers: clients learn at once of a
// broken file, and no worker gets one.
type imageValidator struct {
	limits imagedata.Limits
	turns  *turns
	ffmpeg string // see film.Find
}

func newImageValidator(limits imagedata.Limits, parallel int, ffmpeg string) *imageValidator {
	return &imageValidator{limits: limits, turns: newTurns(parallel), ffmpeg: ffmpeg}
}

// TakesFilms implements native.FilmValidator.
func (p *imageValidator) TakesFilms() bool { return film.Installed(p.ffmpeg) }

// ValidateFilm implements native.FilmValidator. It decodes only the film's beginning.
func (p *imageValidator) ValidateFilm(ctx context.Context, path string, o job.Options) (job.InputInfo, error) {
	const usual = 2 // seconds
	release, err := p.turns.take(ctx, requestInfoOf(ctx).caller(), usual)
	if err != nil {
		return job.InputInfo{}, err
	}
	defer release()
	options := worker.FilmOptionsOf(o)
	options.Input, options.Limits = path, p.limits
	if options.Tools, err = film.Find(ctx, p.ffmpeg); err != nil {
		return job.InputInfo{}, fault.Wrap(fault.Unsupported, err, "This server takes no films: it has no ffmpeg.")
	}
	f, err := film.Inspect(ctx, options)
	if err != nil {
		return job.InputInfo{}, err
	}
	return job.InputInfo{Format: f.Name(), Width: f.Width, Height: f.Height, Channels: 3, Depth: f.Depth, Alpha: f.Alpha, Frames: int(f.Frames), Drawn: f.Drawn}, nil
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
