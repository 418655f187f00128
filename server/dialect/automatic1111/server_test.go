package automatic1111_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/dialect/automatic1111"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

const (
	single = "/sdapi/v1/extra-single-image"
	batch  = "/sdapi/v1/extra-batch-images"
)

var errDisk = errors.New("disk /dev/sda")

// server is a fake server around a queue whose models paint one color.
type server struct {
	queue  *jobtest.Queue
	gate   job.Authenticator
	stores automatic1111.Stores
	config automatic1111.Config
	lend   func(*dialect.Services)
	logged error
}

func newServer() *server {
	queue := &jobtest.Queue{Work: paint, Now: func() time.Time { return dialecttest.Now }}
	return &server{
		queue: queue, gate: dialecttest.Auth{}, config: automatic1111.Defaults(),
		stores: automatic1111.Stores{Lister: queue},
	}
}

func (s *server) do(r *http.Request) *httptest.ResponseRecorder {
	host := dialecttest.Services(s.queue, s.gate)
	if s.lend != nil {
		s.lend(&host)
	}
	e := echo.New()
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			err := next(c)
			s.logged = dialect.Recorded(c)
			return err
		}
	})
	api := automatic1111.New(host, s.stores, s.config)
	api.Routes(e)
	e.RouteNotFound("/*", func(c echo.Context) error { return api.WriteError(c, fault.New(fault.NotFound, "x")) })
	return dialecttest.Do(e, r)
}

func (s *server) post(path, body string) *httptest.ResponseRecorder {
	return s.do(httptest.NewRequest(http.MethodPost, path, strings.NewReader(body)))
}

// shade is the gray of a fake model.
func shade(model string) uint8 {
	switch model {
	case "realesrgan-x4plus":
		return 100
	case "realesrgan-x2plus":
		return 200
	}
	return 50
}

// paint is a fake worker that respects the requested size.
func paint(spec job.Spec, input []byte) jobtest.Outcome {
	info, err := (dialecttest.Validator{}).Validate(context.Background(), input)
	if err != nil {
		return jobtest.Outcome{Failure: &job.Failure{Kind: fault.KindOf(err), Message: "x"}}
	}
	o := spec.Options
	width, height := o.Width, o.Height
	if o.Scale != 0 {
		width, height = int(float64(info.Width)*o.Scale+0.5), int(float64(info.Height)*o.Scale+0.5)
	}
	if o.CropWidth > 0 {
		width, height = o.CropWidth, o.CropHeight
	}
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	for i := range img.Pix {
		img.Pix[i] = shade(o.Model)
		if i%4 == 3 {
			img.Pix[i] = 255
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		return jobtest.Outcome{Failure: &job.Failure{Kind: fault.Internal, Message: err.Error()}}
	}
	result := &job.Result{Format: "png", OutputWidth: width, OutputHeight: height}
	if o.FaceEnhance {
		result.Faces = &job.Faces{Found: 1, Enhanced: 1, Restorer: "net", Refined: true}
	}
	return jobtest.Outcome{Picture: out.Bytes(), Result: result}
}

// photo is an image whose pixels encode their position.
func photo(t testing.TB, width, height int) string {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			img.SetNRGBA(x, y, color.NRGBA{uint8(x), uint8(y), 7, 255})
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(out.Bytes())
}

// body is a request's JSON, from pairs of names and values.
func body(t testing.TB, pairs ...any) string {
	t.Helper()
	fields := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		fields[pairs[i].(string)] = pairs[i+1]
	}
	text, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func decoded(t testing.TB, text string) image.Image {
	t.Helper()
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// answered returns the html_info and the image of a successful response.
func answered(t testing.TB, r *httptest.ResponseRecorder) (string, image.Image) {
	t.Helper()
	var a struct {
		HTML  string `json:"html_info"`
		Image string `json:"image"`
	}
	if err := json.Unmarshal(r.Body.Bytes(), &a); err != nil || r.Code != http.StatusOK || r.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("%d %.300s %v", r.Code, r.Body, err)
	}
	return a.HTML, decoded(t, a.Image)
}

func wantSize(t testing.TB, img image.Image, width, height int) {
	t.Helper()
	if size := img.Bounds().Size(); size != image.Pt(width, height) {
		t.Errorf("%v, want %dx%d", size, width, height)
	}
}

func wantRed(t testing.TB, img image.Image, x, y int, want uint8) {
	t.Helper()
	if got := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA); got.R != want || got.A != 255 {
		t.Errorf("pixel %d,%d is %v, want red %d", x, y, got, want)
	}
}

func golden(t testing.TB, name string, status int, r *httptest.ResponseRecorder) {
	t.Helper()
	if r.Code != status {
		t.Errorf("%s: status %d, want %d", name, r.Code, status)
	}
	dialecttest.Golden(t, name, r.Body.Bytes())
}

// fetcher knows one URL.
type fetcher struct {
	data []byte
	err  error
}

func (f fetcher) Fetch(context.Context, string) ([]byte, error) { return f.data, f.err }
