// Package dialecttest supports the tests of all dialects with fake services,
// requests, small images and golden files.
package dialecttest

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"image"
	"image/color"
	"image/png"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/decode"
	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

// Now is the time of the fake services: 2023-12-21 15:18:43.456 UTC.
var Now = time.UnixMilli(1703171923456).UTC()

// Auth authenticates a fixed set of keys; with none, every call passes.
type Auth struct {
	// Keys maps keys to callers, Errors to errors.
	Keys   map[string]job.Caller
	Errors map[string]error
}

// Authenticate implements job.Authenticator.
func (g Auth) Authenticate(_ context.Context, key string) (job.Caller, error) {
	if len(g.Keys) == 0 {
		return job.Caller{}, nil
	}
	caller, known := g.Keys[key]
	if !known {
		return job.Caller{}, fault.New(fault.Unauthorized, "unknown key")
	}
	return caller, g.Errors[key]
}

// Balance implements job.Authenticator.
func (g Auth) Balance(_ context.Context, id string) (job.Caller, error) {
	for _, caller := range g.Keys {
		if caller.ID == id {
			return caller, nil
		}
	}
	return job.Caller{}, fault.New(fault.NotFound, "no such account")
}

// Enabled implements job.Authenticator.
func (g Auth) Enabled(context.Context) (bool, error) { return len(g.Keys) > 0, nil }

// Links makes URLs with a constant signature.
type Links struct{}

// URL implements dialect.Links.
func (Links) URL(base string, j job.Job) string {
	return base + "/v1/files/" + j.ID + "?expires=1703258323&sig=00"
}

// Validator reads only headers, with the real decoder.
type Validator struct{ Limits imagedata.Limits }

// Validate implements job.ImageValidator.
func (p Validator) Validate(_ context.Context, data []byte) (job.InputInfo, error) {
	info, err := decode.Probe(data, p.Limits)
	if err != nil {
		return job.InputInfo{}, err
	}
	return job.InputInfo{
		Format: string(info.Format), Width: info.Width, Height: info.Height,
		Channels: info.Channels, Depth: info.Depth, Alpha: info.Alpha, Frames: info.Frames,
	}, nil
}

// Services returns fake services around a queue and an authenticator.
func Services(queue job.Queue, gate job.Authenticator) dialect.Services {
	return dialect.Services{
		Queue: queue, Auth: gate, Links: Links{},
		Validator: Validator{Limits: imagedata.Limits{Pixels: 100_000_000, Side: 60_000}},
		BaseURL:   func(*http.Request) string { return "https://upscaled.example" },
		WaitLimit: 10 * time.Second,
		Now:       func() time.Time { return Now },
	}
}

// Succeed is a fake worker that doubles the size of every image.
func Succeed(spec job.Spec, input []byte) jobtest.Outcome {
	info, err := Validator{}.Validate(context.Background(), input)
	if err != nil {
		return jobtest.Outcome{Failure: &job.Failure{Kind: fault.KindOf(err), Message: fault.Sentence(err)}}
	}
	format := cmp.Or(spec.Options.Format, info.Format)
	return jobtest.Outcome{Picture: []byte("picture"), Result: &job.Result{
		Format: format, InputWidth: info.Width, InputHeight: info.Height,
		OutputWidth: 2 * info.Width, OutputHeight: 2 * info.Height, Bytes: 7, Seconds: 0.25, Model: "test",
	}}
}

// PNG returns an image file of a size in pixels, with or without transparency,
// that compresses badly enough to exceed minimum sizes.
func PNG(t testing.TB, width, height int, alpha bool) []byte {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			c := color.NRGBA{uint8(x*7919 + y*104729), uint8(x * y), uint8(x ^ y*31), 255}
			if alpha && x < width/2 {
				c.A = uint8(y)
			}
			img.SetNRGBA(x, y, c)
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Part is one part of a form: a file if Name is set, else a field.
type Part struct {
	Field, Name string
	Data        []byte
}

func (p Part) create(w *multipart.Writer) (io.Writer, error) {
	if p.Name == "" {
		return w.CreateFormField(p.Field)
	}
	return w.CreateFormFile(p.Field, p.Name)
}

// Field returns a text field of a form.
func Field(name, value string) Part { return Part{Field: name, Data: []byte(value)} }

// File returns a file of a form.
func File(field, name string, data []byte) Part { return Part{Field: field, Name: name, Data: data} }

// Form returns a multipart POST request.
func Form(t testing.TB, target string, parts ...Part) *http.Request {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for _, p := range parts {
		part, err := p.create(w)
		if err == nil {
			_, err = part.Write(p.Data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, target, &body)
	r.Header.Set("Content-Type", w.FormDataContentType())
	return r
}

// Do sends a request to an echo.Echo.
func Do(e *echo.Echo, r *http.Request) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	e.ServeHTTP(recorder, r)
	return recorder
}

var update = flag.Bool("update", false, "rewrite the golden files")

// Golden compares a body with testdata/<name>; go test -update writes it.
func Golden(t testing.TB, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s:\n got %s\nwant %s", path, got, want)
	}
}
