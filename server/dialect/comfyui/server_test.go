package comfyui_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/dialect/comfyui"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

var errDisk = errors.New("disk /dev/sda")

// server is a fake server around a queue whose jobs wait until they are moved.
type server struct {
	queue    *jobtest.Queue
	gate     job.Authenticator
	config   comfyui.Config
	models   []dialect.Model
	stopping chan struct{}
	handler  http.Handler
	address  string // of a real one, after listen
}

func newServer() *server {
	return &server{
		queue: &jobtest.Queue{Now: func() time.Time { return dialecttest.Now }}, gate: dialecttest.Auth{}, config: comfyui.Defaults(),
		models: []dialect.Model{
			{Name: "realesrgan-x4plus", Scale: 4}, {Name: "realesrgan-x4plus-anime-6b", Scale: 4},
			{Name: "4x-ultrasharp", Scale: 4}, {Name: "gfpgan-v1.4"},
		},
		stopping: make(chan struct{}),
	}
}

// open builds the handler once.
func (s *server) open() *server {
	if s.handler == nil {
		services := dialecttest.Services(s.queue, s.gate)
		services.Models = func(context.Context) ([]dialect.Model, error) { return s.models, nil }
		services.Stopping = s.stopping
		e := echo.New()
		api := comfyui.New(services, s.config, s.queue)
		api.Routes(e)
		e.RouteNotFound("/*", func(c echo.Context) error { return api.WriteError(c, fault.New(fault.NotFound, "x")) })
		s.handler = e
	}
	return s
}

// listen serves on a port.
func (s *server) listen(t testing.TB) *server {
	web := httptest.NewServer(s.open().handler)
	t.Cleanup(web.Close)
	s.address = web.URL
	return s
}

func (s *server) do(r *http.Request) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	s.open().handler.ServeHTTP(recorder, r)
	return recorder
}

func (s *server) get(path string) *httptest.ResponseRecorder {
	return s.do(httptest.NewRequest(http.MethodGet, path, nil))
}

func (s *server) post(path, body string) *httptest.ResponseRecorder {
	return s.do(httptest.NewRequest(http.MethodPost, path, strings.NewReader(body)))
}

// upload stores an image and returns the server's name for it.
func (s *server) upload(t testing.TB, name string, image []byte, fields ...string) string {
	t.Helper()
	parts := []dialecttest.Part{dialecttest.File("image", name, image)}
	for i := 0; i < len(fields); i += 2 {
		parts = append(parts, dialecttest.Field(fields[i], fields[i+1]))
	}
	r := s.do(dialecttest.Form(t, "/upload/image", parts...))
	var stored struct{ Name, Subfolder, Type string }
	if err := json.Unmarshal(r.Body.Bytes(), &stored); err != nil || r.Code != http.StatusOK {
		t.Fatalf("%d %s", r.Code, r.Body)
	}
	return stored.Name
}

// nodes returns a graph's JSON from lines such as `LoadImage {"image":"a.png"}`,
// numbered from 1.
func nodes(lines ...string) string {
	all := make([]string, len(lines))
	for i, line := range lines {
		class, inputs, _ := strings.Cut(line, " ")
		all[i] = fmt.Sprintf(`"%d":{"class_type":%q,"inputs":%s}`, i+1, class, inputs)
	}
	return "{" + strings.Join(all, ",") + "}"
}

// Parts of graphs.
const (
	load   = `LoadImage {"image":"a.png"}`
	loader = `UpscaleModelLoader {"model_name":"RealESRGAN_x4plus.pth"}`
	model  = `ImageUpscaleWithModel {"upscale_model":["2",0],"image":["1",0]}`
	save   = `SaveImage {"images":["3",0],"filename_prefix":"ComfyUI"}`
)

// upscale is the usual graph.
func upscale() string { return nodes(load, loader, model, save) }

// submit queues a graph and returns its prompt's ID.
func (s *server) submit(t testing.TB, graph, client string) string {
	t.Helper()
	r := s.post("/prompt", fmt.Sprintf(`{"prompt":%s,"client_id":%q}`, graph, client))
	var accepted struct {
		ID string `json:"prompt_id"`
	}
	if err := json.Unmarshal(r.Body.Bytes(), &accepted); err != nil || r.Code != http.StatusOK || accepted.ID == "" {
		t.Fatalf("%d %s", r.Code, r.Body)
	}
	return accepted.ID
}

// finish ends a job with an image of a size.
func (s *server) finish(id string, image []byte) {
	s.queue.Start(id, 1)
	s.queue.Finish(id, jobtest.Outcome{Picture: image, Result: &job.Result{Format: "png", Bytes: int64(len(image))}})
}

func golden(t testing.TB, name string, status int, r *httptest.ResponseRecorder) {
	t.Helper()
	if r.Code != status {
		t.Errorf("%s: status %d, want %d: %s", name, r.Code, status, r.Body)
	}
	dialecttest.Golden(t, name, r.Body.Bytes())
}

// call requests something of the real server and returns the body.
func (s *server) call(t testing.TB, method, path string, body io.Reader) []byte {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.address+path, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded") // as Python's urllib
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	got, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %s %v", path, answer.Status, got, err)
	}
	return got
}

// imageOf is an image of an output in history.
type imageOf struct{ Filename, Subfolder, Type string }

func (i imageOf) query() string {
	return "/view?" + url.Values{"filename": {i.Filename}, "subfolder": {i.Subfolder}, "type": {i.Type}}.Encode()
}

// outputs returns the outputs of a prompt in history.
func outputs(t testing.TB, body []byte, prompt string) map[string]imageOf {
	t.Helper()
	var history map[string]struct {
		Outputs map[string]struct{ Images []imageOf }
	}
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&history); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	found := map[string]imageOf{}
	for node, output := range history[prompt].Outputs {
		found[node] = output.Images[0]
	}
	return found
}
