package ailab_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/gif"
	"image/jpeg"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/image/bmp"

	"upscaled/models/fault"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/job"
)

func encoded(t *testing.T, width, height int, encode func(io.Writer, image.Image) error) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := encode(&out, image.NewRGBA(image.Rect(0, 0, width, height))); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func toJPEG(w io.Writer, img image.Image) error { return jpeg.Encode(w, img, nil) }
func toGIF(w io.Writer, img image.Image) error  { return gif.Encode(w, img, nil) }

// toBMP drops the alpha that the encoder would write of an RGBA image.
func toBMP(w io.Writer, img image.Image) error {
	return bmp.Encode(w, image.NewGray(img.Bounds()))
}

// sent is a form with a file and the fields that follow.
func sent(t *testing.T, file []byte, fields ...dialecttest.Part) *http.Request {
	t.Helper()
	return dialecttest.Form(t, enlarge, append(fields, dialecttest.File("image", "image.bin", file))...)
}

func TestForms(t *testing.T) {
	t.Parallel()
	plain := httptest.NewRequest(http.MethodPost, enlarge, strings.NewReader(`{"image":"x"}`))
	plain.Header.Set("Content-Type", "application/json")
	damaged := sent(t, dialecttest.PNG(t, 40, 40, false))
	damaged.Body = io.NopCloser(io.LimitReader(damaged.Body, 300))
	huge := sent(t, nil)
	huge.ContentLength = 1 << 30
	for name, r := range map[string]*http.Request{
		"missing_image.json": dialecttest.Form(t, enlarge, dialecttest.Field("upscale_factor", "2")),
		"damaged_form.json":  damaged,
	} {
		golden(t, name, http.StatusBadRequest, newServer().do(r))
	}
	golden(t, "missing_image.json", http.StatusBadRequest, newServer().do(plain))
	golden(t, "missing_image.json", http.StatusBadRequest, newServer().do(sent(t, nil)))
	golden(t, "missing_image.json", http.StatusBadRequest, newServer().do(dialecttest.Form(t, enlarge, dialecttest.Field("image", "x"))))
	golden(t, "file_size.json", http.StatusRequestEntityTooLarge, newServer().do(huge))
	var many []dialecttest.Part
	for range 5 {
		many = append(many, dialecttest.File("image", "a.png", []byte("x")))
	}
	golden(t, "too_many_files.json", http.StatusBadRequest, newServer().do(dialecttest.Form(t, enlarge, many...)))
}

// endless is a body that never ends and counts what was read.
type endless struct {
	head io.Reader
	read int64
}

func (e *endless) Read(p []byte) (n int, err error) {
	if n, err = e.head.Read(p); n == 0 && errors.Is(err, io.EOF) {
		n, err = len(p), nil
		clear(p)
	}
	e.read += int64(n)
	return n, err
}

func (e *endless) Close() error { return nil }

// A body of unknown length is read only up to a limit.
func TestBodyIsBounded(t *testing.T) {
	t.Parallel()
	r := sent(t, []byte("BM"))
	form, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	body := &endless{head: bytes.NewReader(form[:bytes.LastIndex(form, []byte("BM"))+2])}
	r.Body, r.ContentLength = body, -1
	golden(t, "file_size.json", http.StatusRequestEntityTooLarge, newServer().do(r))
	if body.read > 80<<20 {
		t.Errorf("read %d bytes", body.read)
	}
}

func TestPictures(t *testing.T) {
	t.Parallel()
	png := dialecttest.PNG(t, 40, 40, false)
	for _, c := range []struct {
		golden string
		status int
		file   []byte
	}{
		{"success.json", http.StatusOK, png},
		{"success.json", http.StatusOK, encoded(t, 40, 40, toJPEG)},
		{"success.json", http.StatusOK, encoded(t, 40, 40, toBMP)},
		{"file_size.json", http.StatusRequestEntityTooLarge, make([]byte, 3<<20+1)},
		{"file_type.json", http.StatusUnsupportedMediaType, make([]byte, 3<<20)},
		{"file_type.json", http.StatusUnsupportedMediaType, encoded(t, 40, 40, toGIF)},
		{"file_type.json", http.StatusUnsupportedMediaType, []byte("no picture at all")},
		{"file_type.json", http.StatusUnsupportedMediaType, []byte("RIFF\x00\x00\x00\x00WEBPVP8 ")},
		{"decoding.json", http.StatusUnprocessableEntity, png[:20]},
		{"success.json", http.StatusOK, dialecttest.PNG(t, 33, 33, false)},
		{"too_small.json", http.StatusUnprocessableEntity, dialecttest.PNG(t, 32, 33, false)},
		{"too_small.json", http.StatusUnprocessableEntity, dialecttest.PNG(t, 400, 32, false)},
		{"success.json", http.StatusOK, encoded(t, 1920, 1080, toJPEG)},
		{"success.json", http.StatusOK, encoded(t, 1080, 1920, toJPEG)},
		{"too_long.json", http.StatusRequestEntityTooLarge, encoded(t, 1921, 40, toJPEG)},
		{"too_long.json", http.StatusRequestEntityTooLarge, encoded(t, 40, 1921, toJPEG)},
		{"too_square.json", http.StatusRequestEntityTooLarge, encoded(t, 1081, 1081, toJPEG)},
	} {
		s := newServer()
		golden(t, c.golden, c.status, s.do(sent(t, c.file)))
		if accepted := len(s.queue.Jobs()) == 1; accepted != (c.status == http.StatusOK) {
			t.Errorf("%s: accepted %v", c.golden, accepted)
		}
	}
}

// fakeValidator knows nothing but its answer.
type fakeValidator struct {
	info job.InputInfo
	err  error
}

func (p fakeValidator) Validate(context.Context, []byte) (job.InputInfo, error) { return p.info, p.err }

func TestProberErrors(t *testing.T) {
	t.Parallel()
	png, gif := dialecttest.PNG(t, 40, 40, false), encoded(t, 40, 40, toGIF)
	for _, c := range []struct {
		golden string
		status int
		file   []byte
		err    error
	}{
		{"engine_limit.json", http.StatusRequestEntityTooLarge, png, fault.New(fault.TooLarge, "The picture has too many pixels.")},
		{"variant.json", http.StatusUnprocessableEntity, png, fault.New(fault.Unsupported, "This kind of PNG cannot be read.")},
		// The type is judged before the resolution.
		{"file_type.json", http.StatusUnsupportedMediaType, gif, fault.New(fault.TooLarge, "The picture has too many pixels.")},
		{"internal.json", http.StatusInternalServerError, png, errors.New("open /srv/secret: no such file")},
	} {
		s := newServer()
		s.prober = fakeValidator{err: c.err}
		golden(t, c.golden, c.status, s.do(sent(t, c.file)))
	}
}

func TestAnimations(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.prober = fakeValidator{info: job.InputInfo{Format: "png", Width: 40, Height: 40, Frames: 2}}
	golden(t, "success.json", http.StatusOK, s.do(photo(t)))
	golden(t, "animation.json", http.StatusUnsupportedMediaType, s.do(photo(t, dialecttest.Field("output_format", "jpg"))))
}

// Of several errors, the first in the API's order is reported.
func TestOrderOfChecks(t *testing.T) {
	t.Parallel()
	bad := func(name string) dialecttest.Part { return dialecttest.Field(name, "x") }
	golden(t, "missing_image.json", http.StatusBadRequest, newServer().do(dialecttest.Form(t, enlarge, bad("mode"))))
	golden(t, "bad_factor.json", http.StatusBadRequest, newServer().do(sent(t, make([]byte, 4<<20),
		bad("output_quality"), bad("output_format"), bad("mode"), bad("upscale_factor"))))
	golden(t, "bad_mode.json", http.StatusBadRequest, newServer().do(sent(t, []byte("text"), bad("output_format"), bad("mode"))))
	golden(t, "bad_format.json", http.StatusBadRequest, newServer().do(sent(t, []byte("text"), bad("output_quality"), bad("output_format"))))
	golden(t, "bad_quality.json", http.StatusBadRequest, newServer().do(sent(t, []byte("text"), bad("output_quality"))))
	s := newServer()
	s.config.MinSide = 100
	golden(t, "too_long.json", http.StatusRequestEntityTooLarge, s.do(sent(t, encoded(t, 1921, 40, toJPEG))))
}

// An operator's limits replace the vendor's; 0 bounds nothing.
func TestLimitsCanBeSet(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.config.MaxWidth, s.config.MaxHeight, s.config.MinSide, s.config.MaxBytes = 0, 50, 0, 1<<20+1<<19
	golden(t, "success.json", http.StatusOK, s.do(sent(t, encoded(t, 5000, 1, toJPEG))))
	golden(t, "set_resolution.json", http.StatusRequestEntityTooLarge, s.do(sent(t, encoded(t, 60, 51, toJPEG))))
	golden(t, "set_size.json", http.StatusRequestEntityTooLarge, s.do(sent(t, make([]byte, 2<<20))))
}

func TestDisplayNames(t *testing.T) {
	t.Parallel()
	s := newServer()
	name := strings.Repeat("ä", 200) + ".png"
	s.do(dialecttest.Form(t, enlarge, dialecttest.File("image", name, dialecttest.PNG(t, 40, 40, false))))
	jobs := s.queue.Jobs()
	if len(jobs) != 1 || len(jobs[0].InputName) > 255 || !utf8.ValidString(jobs[0].InputName) || !strings.HasPrefix(name, jobs[0].InputName) {
		t.Errorf("jobs %+v", jobs)
	}
}
