package mnml_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/HugoSmits86/nativewebp"
	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"

	"upscaled/engine/imagedata"
	"upscaled/server/dialect"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/dialect/mnml"
	"upscaled/server/job"
)

func TestParameters(t *testing.T) {
	t.Parallel()
	field := dialecttest.Field
	for _, c := range []struct {
		fields  []dialecttest.Part
		scale   float64
		enhance bool
		golden  string // of a refusal
	}{
		{nil, 2, false, ""},
		{[]dialecttest.Part{field("scale", ""), field("face_enhance", "")}, 2, false, ""},
		{[]dialecttest.Part{field("scale", "2")}, 2, false, ""},
		{[]dialecttest.Part{field("scale", " 4 ")}, 4, false, ""},
		{[]dialecttest.Part{field("scale", "8")}, 8, false, ""},
		{[]dialecttest.Part{field("scale", "8.0")}, 8, false, ""},
		{[]dialecttest.Part{field("scale", "3")}, 3, false, ""},
		{[]dialecttest.Part{field("scale", "1.5")}, 1.5, false, ""},
		{[]dialecttest.Part{field("scale", "2.75")}, 2.75, false, ""},
		{[]dialecttest.Part{field("scale", "4"), field("scale", "nonsense")}, 4, false, ""}, // the first counts
		{[]dialecttest.Part{field("face_enhance", "true")}, 2, true, ""},
		{[]dialecttest.Part{field("face_enhance", "YES")}, 2, true, ""},
		{[]dialecttest.Part{field("face_enhance", "On")}, 2, true, ""},
		{[]dialecttest.Part{field("face_enhance", "1")}, 2, true, ""},
		{[]dialecttest.Part{field("face_enhance", "False")}, 2, false, ""},
		{[]dialecttest.Part{field("face_enhance", "0")}, 2, false, ""},
		{[]dialecttest.Part{field("face_enhance", "off")}, 2, false, ""},
		{[]dialecttest.Part{field("scale", "1.49")}, 0, false, "invalid_scale.json"},
		{[]dialecttest.Part{field("scale", "8.01")}, 0, false, "invalid_scale.json"},
		{[]dialecttest.Part{field("scale", "1")}, 0, false, "invalid_scale.json"},
		{[]dialecttest.Part{field("scale", "0")}, 0, false, "invalid_scale.json"},
		{[]dialecttest.Part{field("scale", "-2")}, 0, false, "invalid_scale.json"},
		{[]dialecttest.Part{field("scale", "NaN")}, 0, false, "invalid_scale.json"},
		{[]dialecttest.Part{field("scale", "Infinity")}, 0, false, "invalid_scale.json"},
		{[]dialecttest.Part{field("scale", "0x1p2")}, 0, false, "invalid_scale.json"},
		{[]dialecttest.Part{field("scale", "2_0")}, 0, false, "invalid_scale.json"},
		{[]dialecttest.Part{field("scale", "2x")}, 0, false, "invalid_scale.json"},
		{[]dialecttest.Part{field("scale", "2,5")}, 0, false, "invalid_scale.json"},
		{[]dialecttest.Part{field("face_enhance", "maybe")}, 0, false, "invalid_face_enhance.json"},
		{[]dialecttest.Part{field("face_enhance", "2")}, 0, false, "invalid_face_enhance.json"},
	} {
		s := newServer()
		got := s.do(form(t, photo(t), c.fields...))
		if c.golden != "" {
			golden(t, c.golden, 400, got)
			if len(s.queue.Jobs()) > 0 {
				t.Errorf("%s: a job", c.fields)
			}
			continue
		}
		golden(t, "accepted.json", 200, got)
		want := job.Options{Scale: c.scale, FaceEnhance: c.enhance, MaxInputWidth: 1400, Format: "png"}
		if options := s.queue.Jobs()[0].Options; options != want {
			t.Errorf("%s: %+v, want %+v", c.fields, options, want)
		}
	}
}

// The bytes alone decide: every file has the same meaningless name and type.
func TestTypes(t *testing.T) {
	t.Parallel()
	encoded := func(encode func(io.Writer, image.Image) error) []byte {
		var out bytes.Buffer
		if err := encode(&out, noise()); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	padded := func(head string) []byte { return append([]byte(head), make([]byte, 2000)...) }
	whole := encodeJPEG(t)
	for _, c := range []struct {
		golden string
		status int
		file   []byte
	}{
		{"accepted.json", 200, photo(t)},
		{"accepted.json", 200, dialecttest.PNG(t, 80, 60, true)},
		{"accepted.json", 200, whole},
		{"accepted.json", 200, encodeGIF(t, 1)},
		{"accepted.json", 200, encodeGIF(t, 3)},
		{"type_bmp.json", 400, encoded(bmp.Encode)},
		{"type_tiff.json", 400, encoded(func(w io.Writer, m image.Image) error { return tiff.Encode(w, m, nil) })},
		{"type_webp.json", 400, encoded(func(w io.Writer, m image.Image) error { return nativewebp.Encode(w, m, nil) })},
		{"type_text.json", 400, []byte(strings.Repeat("text ", 300))},
		{"type_unknown.json", 400, make([]byte, 2000)},
		{"type_unknown.json", 400, padded("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic")},
		{"corrupt_png.json", 400, padded("\x89PNG\r\n\x1a\n")},
		{"corrupt_jpeg.json", 400, padded("\xff\xd8\xff")},
		{"corrupt_gif.json", 400, padded("GIF89a")},
		{"lossless_jpeg.json", 400, padded("\xff\xd8\xff\xc3\x00\x0b\x08\x00\x01\x00\x01\x01\x01\x11\x00")},
	} {
		s := newServer()
		golden(t, c.golden, c.status, s.do(form(t, c.file)))
		if (c.status == 200) != (len(s.queue.Jobs()) == 1) || s.logged != nil {
			t.Errorf("%s: %d jobs, logged %v", c.golden, len(s.queue.Jobs()), s.logged)
		}
	}
}

// Neither the part's name nor its type says what a file is.
func TestHeadersThatLie(t *testing.T) {
	t.Parallel()
	var bitmap bytes.Buffer
	if err := bmp.Encode(&bitmap, noise()); err != nil {
		t.Fatal(err)
	}
	for _, header := range []string{
		"; filename=\"a.png\"\r\nContent-Type: image/png", "; filename=\"a.bmp\"\r\nContent-Type: image/bmp",
		"; filename=\"a.txt\"\r\nContent-Type: text/plain", "; filename=\"image.bin\"", "; filename=\"\"",
	} {
		for name, file := range map[string][]byte{"accepted.json": encodeJPEG(t), "type_bmp.json": bitmap.Bytes()} {
			r := httptest.NewRequest(http.MethodPost, upscale, strings.NewReader(
				"--b\r\nContent-Disposition: form-data; name=\"image\""+header+"\r\n\r\n"+string(file)+"\r\n--b--\r\n"))
			r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
			golden(t, name, map[bool]int{true: 200, false: 400}[name == "accepted.json"], newServer().do(r))
		}
	}
}

func TestFormsThatAreRefused(t *testing.T) {
	t.Parallel()
	file := dialecttest.File("image", "a.png", photo(t))
	stray := dialecttest.File("stray", "a.txt", nil)
	for _, c := range []struct {
		golden string
		status int
		parts  []dialecttest.Part
	}{
		{"missing_image.json", 400, nil},
		{"missing_image.json", 400, []dialecttest.Part{dialecttest.File("file", "a.png", file.Data)}},
		{"missing_image.json", 400, []dialecttest.Part{dialecttest.Field("image", "a.png")}},
		{"missing_image.json", 400, []dialecttest.Part{dialecttest.File("image", "", nil)}},
		{"too_small_0.json", 400, []dialecttest.Part{dialecttest.File("image", "a.png", nil)}},
		{"accepted.json", 200, []dialecttest.Part{stray, file, file, stray}},
		{"too_many_files.json", 400, []dialecttest.Part{stray, stray, stray, stray, file}},
		{"long_field.json", 400, []dialecttest.Part{dialecttest.Field("scale", strings.Repeat("2", 1<<17)), file}},
	} {
		s := newServer()
		golden(t, c.golden, c.status, s.do(dialecttest.Form(t, upscale, c.parts...)))
		if (c.status == 200) != (len(s.queue.Jobs()) == 1) {
			t.Errorf("%s: %d jobs", c.golden, len(s.queue.Jobs()))
		}
	}
	r := dialecttest.Form(t, upscale, stray, stray, stray, stray, stray, file)
	newServer().do(r)
	if rest, err := io.ReadAll(r.Body); err != nil || len(rest) > 0 {
		t.Errorf("%d bytes of a refused form are unread, %v", len(rest), err)
	}
}

func TestBodiesThatAreNoForm(t *testing.T) {
	t.Parallel()
	raw := func(kind, body string) *http.Request {
		r := httptest.NewRequest(http.MethodPost, upscale, strings.NewReader(body))
		r.Header.Set("Content-Type", kind)
		return r
	}
	golden(t, "unsupported_media_type.json", 415, newServer().do(raw("text/plain; charset=utf-8", "text")))
	golden(t, "unsupported_media_type_none.json", 415, newServer().do(raw("", "")))
	golden(t, "unsupported_media_type_none.json", 415, newServer().do(raw("/;;", "")))
	golden(t, "damaged_form.json", 400, newServer().do(raw("multipart/form-data; boundary=b", "--b\r\nContent-Dispo")))
	golden(t, "damaged_form.json", 400, newServer().do(raw("multipart/form-data", "--b--")))
	// A browser's form in which no file was chosen.
	golden(t, "missing_image.json", 400, newServer().do(raw("multipart/form-data; boundary=b",
		"--b\r\nContent-Disposition: form-data; name=\"image\"; filename=\"\"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n--b--\r\n")))
	// A client that names a type and no file.
	bare := "--b\r\nContent-Disposition: form-data; name=\"image\"\r\nContent-Type: application/octet-stream\r\n\r\n" + string(photo(t)) + "\r\n--b--\r\n"
	golden(t, "accepted.json", 200, newServer().do(raw("multipart/form-data; boundary=b", bare)))
}

// Each request is wrong in two ways; the earlier check answers.
func TestOrderOfChecks(t *testing.T) {
	t.Parallel()
	badScale, badEnhance := dialecttest.Field("scale", "9"), dialecttest.Field("face_enhance", "maybe")
	for _, c := range []struct {
		golden string
		r      *http.Request
	}{
		{"missing_image.json", dialecttest.Form(t, upscale, badScale)},
		{"too_small.json", form(t, make([]byte, 512), badScale)},
		{"too_large_10mb.json", form(t, make([]byte, 10485760), badScale)},
		{"type_unknown.json", form(t, make([]byte, 2000), badScale)},
		{"corrupt_png.json", form(t, append([]byte("\x89PNG\r\n\x1a\n"), make([]byte, 2000)...), badScale)},
		{"invalid_scale.json", form(t, photo(t), badEnhance, badScale)},
		{"invalid_face_enhance.json", form(t, photo(t), badEnhance)},
	} {
		s := newServer()
		s.queue.Refuse = func(job.Spec) error { t.Errorf("%s: submitted", c.golden); return errDisk }
		golden(t, c.golden, 400, s.do(c.r))
	}
}

// zeros are a form whose file of size bytes is never held as a whole here.
func zeros(size int64, declared bool) *http.Request {
	head := "--b\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a.png\"\r\n\r\n"
	tail := "\r\n--b--\r\n"
	r := httptest.NewRequest(http.MethodPost, upscale, io.MultiReader(
		strings.NewReader(head), io.LimitReader(endless{}, size), strings.NewReader(tail)))
	r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
	if r.ContentLength = -1; declared {
		r.ContentLength = int64(len(head)) + size + int64(len(tail))
	}
	return r
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// unread is a body that must be rejected by its declared length.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) { u.t.Error("the body was read"); return 0, io.EOF }

func TestLimitsOfBytes(t *testing.T) {
	t.Parallel()
	const least, most, excess = 1024, 8 << 20, 64 << 20
	for _, declared := range []bool{true, false} {
		golden(t, "too_small_1023.json", 400, newServer().do(zeros(least-1, declared)))
		golden(t, "type_unknown.json", 400, newServer().do(zeros(least, declared)))
		golden(t, "type_unknown.json", 400, newServer().do(zeros(most, declared)))
		golden(t, "too_large_by_1.json", 400, newServer().do(zeros(most+1, declared)))
	}
	golden(t, "too_large_endless.json", 400, newServer().do(zeros(most+excess+1<<20, false)))
	declared := zeros(most+excess, true)
	declared.Body, declared.ContentLength = io.NopCloser(unread{t}), 100_000_000
	golden(t, "too_large_declared.json", 400, newServer().do(declared))
	s := newServer()
	s.config.MinBytes, s.config.MaxBytes = 0, 100
	golden(t, "too_large_configured.json", 400, s.do(form(t, make([]byte, 101))))
	golden(t, "type_unknown.json", 400, s.do(form(t, make([]byte, 1))))
}

func TestLimitsOfPixels(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		golden string
		status int
		change func(*mnml.Config)
	}{
		{"accepted.json", 200, func(c *mnml.Config) { c.MaxSide, c.MaxPixels = 80, 4800 }},
		{"too_wide.json", 400, func(c *mnml.Config) { c.MaxSide = 79 }},
		{"too_many_pixels.json", 400, func(c *mnml.Config) { c.MaxPixels = 4799 }},
	} {
		s := newServer()
		c.change(&s.config)
		golden(t, c.golden, c.status, s.do(form(t, photo(t))))
	}
	s := newServer()
	s.lend = func(h *dialect.Services) {
		h.Validator = dialecttest.Validator{Limits: imagedata.Limits{Pixels: 100, Side: 60_000}}
	}
	golden(t, "too_many_pixels_engine.json", 400, s.do(form(t, photo(t))))
}

// brokenValidator is a validator that fails.
type brokenValidator struct{}

func (brokenValidator) Validate(context.Context, []byte) (job.InputInfo, error) {
	return job.InputInfo{}, errDisk
}

func TestProberThatBreaks(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.lend = func(h *dialect.Services) { h.Validator = brokenValidator{} }
	golden(t, "upscale_internal.json", 500, s.do(form(t, photo(t))))
	if !errors.Is(s.logged, errDisk) || len(s.queue.Jobs()) > 0 {
		t.Errorf("logged %v, %d jobs", s.logged, len(s.queue.Jobs()))
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		strings.Repeat("x", 300):       strings.Repeat("x", 255),
		"x" + strings.Repeat("ä", 200): "x" + strings.Repeat("ä", 127),
		"y\xff.png":                    "y.png",
	} {
		s := newServer()
		s.do(dialecttest.Form(t, upscale, dialecttest.File("image", given, photo(t))))
		if got := s.queue.Jobs()[0].InputName; got != want {
			t.Errorf("%q became %q", given, got)
		}
	}
}
