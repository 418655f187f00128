package webtest

import (
	"bytes"
	"cmp"
	"context"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"golang.org/x/image/draw"

	"upscaled/models/fault"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

const (
	// steps are the progress updates of a film or of an image of at least
	// steps*pixelsPerStep pixels; a smaller image has fewer, like a short job.
	steps, slowSteps, pixelsPerStep = 20, 2000, 4000
	// patternAbove is the number of pixels above which the result is a generated
	// pattern: such images test the browser only.
	patternAbove = 30_000_000
)

// queue runs every submitted job in its own goroutine.
type queue struct {
	*jobtest.Queue
	context context.Context
	step    time.Duration
}

// Submit implements job.Queue.
func (q *queue) Submit(ctx context.Context, spec job.Spec, input []byte) (job.Submitted, error) {
	submitted, err := q.Queue.Submit(ctx, spec, input)
	if err == nil {
		if spec.File != nil {
			input, err = io.ReadAll(io.NewSectionReader(spec.File, 0, spec.File.Size()))
		}
		go q.work(spec, bytes.Clone(input))
	}
	return submitted, err
}

// work reports progress and then finishes the job. An image whose name begins with
// "broken" fails halfway.
func (q *queue) work(spec job.Spec, input []byte) {
	count := steps
	if c, _, err := image.DecodeConfig(bytes.NewReader(input)); err == nil {
		count = min(steps, 2+c.Width*c.Height/pixelsPerStep)
	}
	if strings.HasPrefix(spec.InputName, "slow") {
		count = slowSteps
	}
	ticker := time.NewTicker(max(q.step, time.Millisecond))
	defer ticker.Stop()
	for i := range count {
		select {
		case <-q.context.Done():
			return
		case <-ticker.C:
		}
		if j, err := q.Get(q.context, spec.ID); err != nil || j.State.Final() {
			return // canceled
		}
		if strings.HasPrefix(spec.InputName, "broken") && i >= count/2 {
			q.fail(spec.ID, fault.DeviceMemory, "The image does not fit into the device's memory, even in small tiles.")
			return
		}
		q.Start(spec.ID, float64(i)/float64(count))
	}
	made := resize
	if spec.Options.Film != nil {
		made = keep
	}
	outcome, err := made(spec, input)
	if err != nil {
		q.fail(spec.ID, fault.Invalid, "The image is damaged.")
		return
	}
	q.Finish(spec.ID, outcome)
}

func (q *queue) fail(id string, kind fault.Kind, message string) {
	q.Finish(id, jobtest.Outcome{Failure: &job.Failure{Kind: kind, Message: message}})
}

// resize upscales the image with Catmull-Rom interpolation.
func resize(spec job.Spec, input []byte) (jobtest.Outcome, error) {
	source, format, err := image.Decode(bytes.NewReader(input))
	if err != nil {
		return jobtest.Outcome{}, err
	}
	w, h := source.Bounds().Dx(), source.Bounds().Dy()
	outW, outH := size(spec.Options, w, h)
	var made image.Image
	if outW*outH > patternAbove {
		made = checkerboard(outW, outH)
	} else {
		large := image.NewRGBA(image.Rect(0, 0, outW, outH))
		draw.CatmullRom.Scale(large, large.Bounds(), source, source.Bounds(), draw.Src, nil)
		made = large
	}
	if spec.Options.Format == "png" || spec.Options.Format == "" && format != "jpeg" {
		format = "png"
	} else {
		format = "jpeg"
	}
	var encoded bytes.Buffer
	if format == "png" {
		err = (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&encoded, made)
	} else {
		err = jpeg.Encode(&encoded, made, nil)
	}
	return jobtest.Outcome{Picture: encoded.Bytes(), Result: &job.Result{
		Format: format, InputWidth: w, InputHeight: h, OutputWidth: outW, OutputHeight: outH,
		Bytes: int64(encoded.Len()), Seconds: 1.5, Model: cmp.Or(spec.Options.Model, defaultModel), Faces: faces(spec.Options, w, h),
	}}, err
}

// films are all of 1000 frames.
type films struct{}

// TakesFilms implements native.FilmValidator.
func (films) TakesFilms() bool { return true }

// ValidateFilm implements native.FilmValidator.
func (films) ValidateFilm(context.Context, string, job.Options) (job.InputInfo, error) {
	return job.InputInfo{Format: "webm", Width: 32, Height: 24, Frames: 1000}, nil
}

// keep returns a film as it is.
func keep(spec job.Spec, input []byte) (jobtest.Outcome, error) {
	w, h := size(spec.Options, 32, 24)
	return jobtest.Outcome{Picture: input, Result: &job.Result{
		Format: spec.Options.Format, InputWidth: 32, InputHeight: 24, OutputWidth: w, OutputHeight: h,
		Bytes: int64(len(input)), Seconds: 90, Model: spec.Options.Model, Frames: 1000,
	}}, nil
}

// faces pretends that both halves of an image are faces.
func faces(o job.Options, w, h int) *job.Faces {
	if !o.FaceEnhance {
		return nil
	}
	found := &job.Faces{Found: 2, Restorer: "realesrgan-x4plus", Refined: true}
	for left := range 2 {
		f := job.Face{Left: float64(left * w / 2), Width: float64(w / 2), Height: float64(h), Score: 1, Frontal: 1}
		f.Enhanced = o.Face == nil || o.Face.At == nil || slices.ContainsFunc(o.Face.At, func(p [2]float64) bool {
			return p[0] >= f.Left && p[0] < f.Left+f.Width
		})
		if f.Enhanced {
			found.Enhanced++
		}
		found.List = append(found.List, f)
	}
	return found
}

// size returns the size of the result.
func size(o job.Options, w, h int) (int, int) {
	scale := 4.0
	switch {
	case o.Scale != 0:
		scale = o.Scale
	case o.Longest != 0:
		scale = float64(o.Longest) / float64(max(w, h))
	}
	return int(math.Round(float64(w) * scale)), int(math.Round(float64(h) * scale))
}

// checkerboard returns an image with one byte per pixel.
func checkerboard(w, h int) *image.Paletted {
	const side = 64
	board := image.NewPaletted(image.Rect(0, 0, w, h), color.Palette{color.Gray{Y: 40}, color.Gray{Y: 200}})
	for y := range h {
		row := board.Pix[y*board.Stride : y*board.Stride+w]
		if y%side != 0 {
			copy(row, board.Pix[(y-1)*board.Stride:])
			continue
		}
		for x := range row {
			row[x] = uint8((x/side + y/side) % 2)
		}
	}
	return board
}
