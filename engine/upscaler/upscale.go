package upscaler

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"

	"upscaled/engine"
	"upscaled/engine/imagedata"
	"upscaled/models"
	"upscaled/models/fault"
)

// Upscale reads the whole file in q.Input and writes the result to q.Output. A
// request without a model uses Options.Model.
func (u *Upscaler) Upscale(ctx context.Context, q engine.Request) (engine.Result, error) {
	return u.Engine.Upscale(ctx, u.named(q))
}

// UpscaleStream is Upscale from a reader to a writer; q.Input and q.Output are
// ignored. The image is held in memory as a file, since it is upscaled as a whole.
func (u *Upscaler) UpscaleStream(ctx context.Context, r io.Reader, w io.Writer, q engine.Request) (engine.Result, error) {
	var err error
	if q.Input, err = io.ReadAll(r); err != nil {
		return engine.Result{}, fmt.Errorf("read image: %w", err)
	}
	q.Output = w
	return u.Upscale(ctx, q)
}

// UpscaleFile is Upscale from one file to another; q.Input and q.Output are
// ignored. Without q.Format the format follows from the output's extension, else
// from the input. The output appears whole or not at all and replaces an existing
// file.
func (u *Upscaler) UpscaleFile(ctx context.Context, input, output string, q engine.Request) (result engine.Result, err error) {
	if q.Input, err = os.ReadFile(input); err != nil {
		return result, fault.Wrap(fault.NotFound, err, "The file %s cannot be read.", input)
	}
	if q.Format == "" {
		q.Format, _ = imagedata.ParseFormat(filepath.Ext(output))
	}
	file, err := os.CreateTemp(filepath.Dir(output), ".upscaled-*")
	if err != nil {
		return result, fault.Wrap(fault.Invalid, err, "The file %s cannot be written.", output)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	q.Output = file
	result, err = u.Upscale(ctx, q)
	if err = errors.Join(err, file.Close()); err != nil {
		return result, err
	}
	const mode = 0o644 // in place of a temporary file's 0600
	if err = os.Chmod(file.Name(), mode); err == nil {
		err = os.Rename(file.Name(), output)
	}
	return result, err
}

// Describe returns the result that Upscale would have, from the image's header alone.
func (u *Upscaler) Describe(ctx context.Context, q engine.Request) (engine.Result, error) {
	return u.Engine.Describe(ctx, u.named(q))
}

// Prepare loads the model of a request and downloads it if it is missing, so that
// the request itself need not wait.
func (u *Upscaler) Prepare(ctx context.Context, q engine.Request) error {
	q = u.named(q)
	_, err := u.store.Load(ctx, cmp.Or(q.Model, u.store.Default(u.runtimes[0].Device().Kind)), q.Denoise)
	return err
}

// named fills in the models' names as the catalogue writes them, so that results
// report those.
func (u *Upscaler) named(q engine.Request) engine.Request {
	q.Model = u.store.CanonicalName(cmp.Or(q.Model, u.options.Model))
	if q.Second != nil {
		second := *q.Second
		second.Model = u.store.CanonicalName(cmp.Or(second.Model, u.options.Model))
		q.Second = &second
	}
	return q
}

// WarmUp upscales a small gray image, so that the default model is downloaded and
// its session is open before the first request.
func WarmUp(ctx context.Context, u engine.Upscaler) error {
	const side = 32
	var input bytes.Buffer
	if err := png.Encode(&input, image.NewRGBA(image.Rect(0, 0, side, side))); err != nil {
		return err
	}
	_, err := u.Upscale(ctx, engine.Request{Input: input.Bytes(), Output: io.Discard})
	return err
}

// Models lists the models and libraries of the catalogue and all imported models.
func (u *Upscaler) Models() []models.Entry { return u.store.List() }

// Store returns the model store, for importing, downloading and removing models.
func (u *Upscaler) Store() *models.Store { return u.store }

// Runtime returns the first device's runtime. It is closed with the Upscaler.
func (u *Upscaler) Runtime() engine.Runtime { return u.runtimes[0] }

// PeakFlops measures the first device's peak of matrix products by ONNX Runtime, in
// floating-point operations per second.
func (u *Upscaler) PeakFlops(ctx context.Context) (float64, error) {
	runtime, err := u.native.get(ctx)
	if err != nil {
		return 0, err
	}
	return runtime.Peak(ctx)
}
