package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"upscaled/cmd/upscaled/batch"
	"upscaled/engine"
	"upscaled/engine/enginetest"
	"upscaled/engine/face"
	"upscaled/engine/imagedata"
	"upscaled/models/fault"
)

// pretendEngine is the real engine on a pretend runtime: sizes, formats and
// metadata are right, only the network's pixels are not.
type pretendEngine struct{ *engine.Engine }

func newPretendEngine(limits imagedata.Limits) pretendEngine {
	net := enginetest.Net(4, 4)
	return pretendEngine{engine.New(engine.Options{
		Runtime: &enginetest.Runtime{}, Library: enginetest.Library{Network: net}, Limits: limits, Faces: pretendFaces{},
	})}
}

func (pretendEngine) Prepare(context.Context, engine.Request) error { return nil }

func (pretendEngine) Describe(context.Context, engine.Request) (batch.Facts, error) {
	return batch.Facts{}, nil
}

// pretendFaces finds one face in the middle of every picture that has room for
// one, and has a restorer only under the name "test-restorer".
type pretendFaces struct{}

func (pretendFaces) Name() string { return "pretend" }

func (pretendFaces) Detect(_ context.Context, p imagedata.Raster) ([]face.Face, error) {
	if min(p.Width, p.Height) < 150 {
		return nil, nil
	}
	x, y := float64(p.Width)/2, float64(p.Height)/2
	return []face.Face{{Left: x - 50, Top: y - 55, Width: 100, Height: 110, Landmarks: face.Landmarks{
		{X: x - 20, Y: y - 15}, {X: x + 20, Y: y - 15}, {X: x, Y: y + 8}, {X: x - 17, Y: y + 27}, {X: x + 17, Y: y + 27},
	}}}, nil
}

func (f pretendFaces) Detector(context.Context, engine.DetectorOptions) (face.Detector, error) {
	return f, nil
}

func (pretendFaces) Restorer(_ context.Context, name string) (engine.Network, string, error) {
	if name != "test-restorer" {
		return nil, "", fault.New(fault.ModelMissing, "No face restorer is installed.")
	}
	net := enginetest.Net(1, 0)
	net.Description.FixedWidth, net.Description.FixedHeight = 128, 128
	return net, name, nil
}

func (pretendFaces) Refiner(context.Context) (engine.Network, string, error) {
	return enginetest.Net(4, 0), "realesrgan-x4plus", nil
}

// pretendProgram is the whole program on a pretend engine.
func pretendProgram(s streams, lookupEnv func(string) (string, bool)) *app {
	a := newApp(s, lookupEnv)
	a.openUpscaler = func(_ context.Context, limits imagedata.Limits) (upscaler, error) {
		made := newPretendEngine(limits)
		a.onClose(func() error { made.Close(); return nil })
		return made, nil
	}
	return a
}

// blocked is the program on an engine that runs until it is stopped, and
// tells when it has begun a client's picture.
func blocked(begun chan<- struct{}) func(streams, func(string) (string, bool)) *app {
	return func(s streams, lookupEnv func(string) (string, bool)) *app {
		a := newApp(s, lookupEnv)
		a.openUpscaler = func(_ context.Context, limits imagedata.Limits) (upscaler, error) {
			made := newPretendEngine(limits)
			a.onClose(func() error { made.Close(); return nil })
			return blockedEngine{made, begun}, nil
		}
		return a
	}
}

type blockedEngine struct {
	pretendEngine
	begun chan<- struct{}
}

// Upscale lets the warm-up pass, which asks for no size.
func (b blockedEngine) Upscale(ctx context.Context, q engine.Request) (engine.Result, error) {
	if q.Size == (engine.Size{}) {
		return b.pretendEngine.Upscale(ctx, q)
	}
	b.begun <- struct{}{}
	<-ctx.Done()
	return engine.Result{}, ctx.Err()
}

// await waits for an engine to begin.
func await(t *testing.T, begun <-chan struct{}) {
	t.Helper()
	select {
	case <-begun:
	case <-time.After(30 * time.Second):
		t.Fatal("no job begins")
	}
}

// logLines passes a program's log on line by line.
type logLines struct {
	mutex sync.Mutex
	all   bytes.Buffer
	lines *io.PipeWriter
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.all.Write(p)
	_, _ = l.lines.Write(p) // nobody reads any more once the address is known
	return len(p), nil
}

func (l *logLines) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.all.String()
}

// serving is a server that runs within the test.
type serving struct {
	url, data string
	log       *logLines
	// stop ends it as SIGTERM does and gives its exit code. It may be repeated.
	stop func() int
}

// waitForLog waits until the log has a text.
func (s serving) waitForLog(t *testing.T, text string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(s.log.String(), text); {
		if time.Now().After(deadline) {
			t.Fatalf("no %s in the log:\n%s", text, s.log)
		}
		runtime.Gosched()
	}
}

// serve starts the program's serve verb on a free port, on a pretend engine
// unless open says otherwise, and waits until it is ready.
func serve(t *testing.T, open func(streams, func(string) (string, bool)) *app, arguments ...string) serving {
	t.Helper()
	if open == nil {
		open = pretendProgram
	}
	reader, writer := io.Pipe()
	s := serving{data: t.TempDir(), log: &logLines{lines: writer}}
	a := open(streams{stdin: strings.NewReader(""), stdout: io.Discard, stderr: s.log}, os.LookupEnv)
	ctx, cancel := context.WithCancel(context.Background())
	code := make(chan int, 1)
	go func() {
		arguments := append([]string{"serve", "--listen", "127.0.0.1:0", "--data", s.data}, arguments...) // the last --data wins
		exit := a.run(ctx, arguments)
		_ = writer.Close()
		code <- exit
	}()
	s.stop = sync.OnceValue(func() int { cancel(); return <-code })
	t.Cleanup(func() { s.stop() })
	s.url = addressOf(t, reader, s.log)
	go func() { _, _ = io.Copy(io.Discard, reader) }()
	ready(t, s.url)
	return s
}

// addressOf reads a log until the server tells where it listens.
func addressOf(t *testing.T, log io.Reader, all *logLines) string {
	t.Helper()
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		var line struct{ Msg, URL string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" {
			return line.URL
		}
	}
	t.Fatalf("the server ended without listening:\n%s", all)
	return ""
}

// ready waits for /readyz.
func ready(t *testing.T, url string) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); {
		if code, _ := get(t, url+"/readyz", ""); code == http.StatusOK {
			return
		}
	}
	t.Fatal("the server does not get ready")
}

// client keeps no connection, so that servers stop at once.
func client() *http.Client {
	return &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}
}

// send sends a request with a bearer key, "" for none.
func send(t *testing.T, r *http.Request, key string) (int, http.Header, []byte) {
	t.Helper()
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	response, err := client().Do(r)
	if err != nil {
		return 0, nil, []byte(err.Error())
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, body
}

func get(t *testing.T, url, key string) (int, []byte) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	code, _, body := send(t, r, key)
	return code, body
}

// form is a multipart request with one picture, or none where file is nil, and
// text fields given as name=value.
func form(t *testing.T, url, field string, file []byte, fields ...string) *http.Request {
	t.Helper()
	if file == nil {
		return forms(t, url, field, nil, fields...)
	}
	return forms(t, url, field, [][]byte{file}, fields...)
}

// forms is form for several pictures in fields of one name.
func forms(t *testing.T, url, field string, files [][]byte, fields ...string) *http.Request {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for _, file := range files {
		part, err := w.CreateFormFile(field, "photo.bin")
		if err == nil {
			_, err = part.Write(file)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		if err := w.WriteField(name, value); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodPost, url, &body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", w.FormDataContentType())
	return r
}

// decodeJSON reads a body into a value of any type.
func decodeJSON[T any](t *testing.T, body []byte) T {
	t.Helper()
	var value T
	if err := json.Unmarshal(body, &value); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return value
}

// textured is a picture that compresses badly, with transparency or without.
func textured(width, height int, alpha bool) *image.NRGBA {
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
	return img
}

func pngOf(t *testing.T, img image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func jpegOf(t *testing.T, img image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, &jpeg.Options{Quality: 90}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// fetched reads a result and tells its size and format by its own bytes.
func fetched(t *testing.T, url string) (format string, width, height int) {
	t.Helper()
	code, body := get(t, url, "")
	if code != http.StatusOK {
		t.Fatalf("%s: %d %s", url, code, body)
	}
	config, format, err := image.DecodeConfig(bytes.NewReader(body))
	if err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	return format, config.Width, config.Height
}

// finished polls an asynchronous job until done says so.
func finished(t *testing.T, url, key string, done func(body []byte) bool) []byte {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		if code, body := get(t, url, key); code == http.StatusOK && done(body) {
			return body
		} else if code != http.StatusOK {
			t.Fatalf("%s: %d %s", url, code, body)
		}
	}
	t.Fatalf("%s does not end", url)
	return nil
}
