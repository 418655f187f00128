//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"upscaled/cmd/upscaled/e2e/pretend"
)

// logLines keeps a program's log.
type logLines struct {
	mutex sync.Mutex
	all   bytes.Buffer
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.all.Write(p)
}

func (l *logLines) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.all.String()
}

// process is the program in a process of its own.
type process struct {
	url, data string
	command   *exec.Cmd
	log       *logLines
	// ended is closed when the process has ended and its log is complete.
	ended chan struct{}
}

// mode is the environment that makes the program use a pretend engine.
func mode(m pretend.Mode) string { return pretend.Variable + "=" + string(m) }

// launch starts the program, on the slow engine unless environment says
// otherwise: of two values of a variable the last one counts.
func launch(t *testing.T, environment []string, arguments ...string) process {
	t.Helper()
	command := exec.Command(built, arguments...)
	command.Env = append(append(os.Environ(), mode(pretend.Slow)), environment...)
	return begin(t, command)
}

// begin starts a command that ends with the test.
func begin(t *testing.T, command *exec.Cmd) process {
	t.Helper()
	p := process{command: command, log: &logLines{}, ended: make(chan struct{})}
	command.Stderr = p.log
	command.WaitDelay = 10 * time.Second // for the log of an engine process that outlives a killed server
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = command.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.kill()
		if strings.Contains(p.log.String(), "WARNING: DATA RACE") {
			t.Errorf("the race detector found something:\n%s", p.log)
		}
	})
	return p
}

// startProcess starts a server on a free port and waits until it is ready.
func startProcess(t *testing.T, data string, environment []string, arguments ...string) process {
	t.Helper()
	p := launch(t, environment, append([]string{"serve", "--listen", "127.0.0.1:0", "--data", data}, arguments...)...)
	p.data = data
	return p.ready(t)
}

// startWorker starts a worker and waits until it is warm.
func startWorker(t *testing.T, arguments ...string) process {
	t.Helper()
	p := launch(t, nil, append([]string{"worker"}, arguments...)...)
	p.waitForLog(t, "warmed up")
	return p
}

// serve starts a server on an engine. When the test ends it is stopped and must
// have left no goroutine behind.
func serve(t *testing.T, m pretend.Mode, arguments ...string) process {
	t.Helper()
	data := t.TempDir()
	if at := slices.Index(arguments, "--data"); at >= 0 {
		data = arguments[at+1]
	}
	p := startProcess(t, data, []string{mode(m)}, arguments...)
	t.Cleanup(func() {
		if code := p.stop(); code != exitOK {
			t.Errorf("the server ended with %d:\n%s", code, p.log)
		}
	})
	return p
}

// ready waits until a server listens and is ready for work.
func (p process) ready(t *testing.T) process {
	t.Helper()
	p.waitForLog(t, `"msg":"listening"`)
	for line := range strings.Lines(p.log.String()) {
		var told struct{ Msg, URL string }
		if json.Unmarshal([]byte(line), &told) == nil && told.Msg == "listening" {
			p.url = told.URL
		}
	}
	ready(t, p.url)
	return p
}

// waitForLog waits until the log has a text.
func (p process) waitForLog(t *testing.T, text string) {
	t.Helper()
	for deadline := time.After(patience); !strings.Contains(p.log.String(), text); {
		select {
		case <-p.ended:
			if !strings.Contains(p.log.String(), text) {
				t.Fatalf("the process ended without %s in its log:\n%s", text, p.log)
			}
		case <-deadline:
			t.Fatalf("no %s in the log:\n%s", text, p.log)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// awaitEnd waits until the process has ended by itself.
func (p process) awaitEnd(t *testing.T, otherwise string) {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Fatalf("%s:\n%s", otherwise, p.log)
	}
}

// stop ends the process as systemd does and returns its exit code. It may be
// repeated.
func (p process) stop() int {
	_ = p.command.Process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(stopLimit, func() { _ = p.command.Process.Kill() })
	defer late.Stop()
	<-p.ended
	return p.command.ProcessState.ExitCode()
}

// kill ends the process as a power cut would; it may be repeated.
func (p process) kill() {
	_ = p.command.Process.Kill()
	<-p.ended
}

// ready waits for /readyz.
func ready(t *testing.T, url string) {
	t.Helper()
	eventually(t, "readiness", nil, func() string {
		if code, body := get(t, url+"/readyz", ""); code != http.StatusOK {
			return string(body)
		}
		return ""
	})
}

// client keeps no connection, so that servers stop at once.
func client() *http.Client {
	return &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
}

// send sends a request with a bearer key, "" for none. The status is 0 if the server
// is gone before the whole response is here; the body then holds the error.
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
		return 0, nil, []byte(err.Error())
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

// form is a multipart request with one image, or none if file is nil, and
// text fields given as name=value.
func form(t *testing.T, url, field string, file []byte, fields ...string) *http.Request {
	t.Helper()
	if file == nil {
		return forms(t, url, field, nil, fields...)
	}
	return forms(t, url, field, [][]byte{file}, fields...)
}

// forms is form for several images in fields of one name.
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

// textured is an image that compresses badly, with transparency or without.
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

// fetched reads a result and returns its size and format, from its bytes.
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
func finished(t *testing.T, url, key string, done func(body []byte) bool) (body []byte) {
	t.Helper()
	eventually(t, url, nil, func() string {
		var code int
		if code, body = get(t, url, key); code != http.StatusOK {
			t.Fatalf("%s: %d %s", url, code, body)
		}
		if !done(body) {
			return string(body)
		}
		return ""
	})
	return body
}
