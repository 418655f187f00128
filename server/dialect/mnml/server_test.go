package mnml_test

import (
	"bytes"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/dialect/mnml"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

const (
	upscale = "/v1/upscale"
	status  = "/v1/status/"
	credits = "/v1/credits"
	// knownID is the one of the vendor's page.
	knownID = "upscale_1703123456789_abc12345"
)

// server is a fake server that tests can change.
type server struct {
	queue  *jobtest.Queue
	gate   job.Authenticator
	config mnml.Config
	// lend, if not nil, changes the services.
	lend   func(*dialect.Services)
	logged error
}

func newServer() *server {
	return &server{queue: &jobtest.Queue{}, gate: dialecttest.Auth{}, config: mnml.Defaults()}
}

// do routes as the real server does: it owns the shared path, and unknown
// paths, wrong methods and panics reach the dialect from outside.
func (s *server) do(r *http.Request) *httptest.ResponseRecorder {
	host := dialecttest.Services(s.queue, s.gate)
	if s.lend != nil {
		s.lend(&host)
	}
	api := mnml.New(host, s.config)
	e := echo.New()
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			err := next(c)
			s.logged = dialect.Recorded(c)
			return err
		}
	})
	e.POST(upscale, api.Upscale)
	api.Routes(e)
	e.RouteNotFound("/*", api.NotFound)
	e.PUT(upscale, func(c echo.Context) error { return api.WriteError(c, fault.New(fault.Unsupported, "PUT")) })
	e.PATCH(upscale, func(c echo.Context) error { return api.WriteError(c, errDisk) })
	return dialecttest.Do(e, r)
}

func (s *server) get(target string) *httptest.ResponseRecorder {
	return s.do(httptest.NewRequest(http.MethodGet, target, nil))
}

// with sets the Authorization header of a request.
func with(header string, r *http.Request) *http.Request {
	r.Header.Set("Authorization", header)
	return r
}

func (s *server) submit(t *testing.T, spec job.Spec) {
	t.Helper()
	if _, err := s.queue.Submit(t.Context(), spec, nil); err != nil {
		t.Fatal(err)
	}
}

// ids matches the IDs made at the fake server's time.
var ids = regexp.MustCompile(`upscale_1703171923456_[a-z0-9]{8}\b`)

// golden compares status and body, in which the ID's random half is blotted
// out.
func golden(t *testing.T, name string, status int, got *httptest.ResponseRecorder) {
	t.Helper()
	if got.Code != status {
		t.Errorf("%s: status %d, want %d", name, got.Code, status)
	}
	if kind := got.Header().Get("Content-Type"); kind != "application/json" {
		t.Errorf("%s: content type %q", name, kind)
	}
	dialecttest.Golden(t, name, ids.ReplaceAll(got.Body.Bytes(), []byte("upscale_1703171923456_<random>")))
}

func form(t *testing.T, file []byte, fields ...dialecttest.Part) *http.Request {
	return dialecttest.Form(t, upscale, append(fields, dialecttest.File("image", "image.bin", file))...)
}

// photo is a valid image above the minimum size.
func photo(t *testing.T) []byte { return dialecttest.PNG(t, 80, 60, false) }

// noise is an image that no encoder compresses below the minimum size.
func noise() *image.Paletted {
	img := image.NewPaletted(image.Rect(0, 0, 100, 100), nil)
	for i := range 256 {
		img.Palette = append(img.Palette, color.Gray{Y: uint8(i)})
	}
	for i := range img.Pix {
		img.Pix[i] = uint8(i * i >> 3)
	}
	return img
}

func encodeJPEG(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := jpeg.Encode(&out, noise(), nil); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func encodeGIF(t *testing.T, frames int) []byte {
	t.Helper()
	all := gif.GIF{}
	for range frames {
		all.Image, all.Delay = append(all.Image, noise()), append(all.Delay, 10)
	}
	var out bytes.Buffer
	if err := gif.EncodeAll(&out, &all); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
