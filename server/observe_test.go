package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/png"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"upscaled/server"
	"upscaled/server/account"
	"upscaled/server/account/accounttest"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

// noted is an observer that remembers.
type noted struct {
	mutex  sync.Mutex
	ends   []server.RequestEnd
	traces []string
}

type notedKey struct{}

func (n *noted) RequestBegins(r *http.Request, id string) (context.Context, func(server.RequestEnd)) {
	return context.WithValue(r.Context(), notedKey{}, id), func(e server.RequestEnd) {
		n.mutex.Lock()
		defer n.mutex.Unlock()
		n.ends = append(n.ends, e)
	}
}

func (n *noted) JobSubmits(ctx context.Context, spec *job.Spec) (context.Context, func(job.Submitted, error)) {
	spec.Trace, _ = ctx.Value(notedKey{}).(string)
	return ctx, func(submitted job.Submitted, err error) {
		n.mutex.Lock()
		defer n.mutex.Unlock()
		if err == nil {
			n.traces = append(n.traces, submitted.Job.Trace)
		}
	}
}

// observed is a whole server with one key, whose log and requests are looked at.
func observed(t *testing.T) (handler http.Handler, key, account string, seen *noted, log *bytes.Buffer) {
	t.Helper()
	accounts := newAccounts()
	key, made, err := accounts.Create(t.Context(), accountOptions())
	if err != nil {
		t.Fatal(err)
	}
	seen, log = &noted{}, &bytes.Buffer{}
	config := server.Config{Listen: "127.0.0.1:0", WaitLimit: patience, Grace: time.Second, MaxPixels: 1_000_000, MaxSide: 1000, APIs: server.DefaultAPIs()}
	whole, err := server.New(t.Context(), config, server.Parts{
		Queue: &jobtest.Queue{Work: dialecttest.Succeed}, Auth: accounts, Observers: []server.Observer{seen},
		Secrets: [][]byte{[]byte(strings.Repeat("s", 32))}, Decoders: 1, Log: slog.New(slog.NewJSONHandler(log, nil)), Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return whole.Handler(), key, made.ID, seen, log
}

func newAccounts() *account.Accounts { return account.New(accounttest.NewMemory(), time.Now) }

func accountOptions() account.NewOptions { return account.NewOptions{Name: "shop"} }

// submission is a request of the server's own API with two images.
func submission(t *testing.T, key string) *http.Request {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for range 2 {
		part, err := form.CreateFormFile("file", "photo.png")
		if err == nil {
			err = png.Encode(part, image.NewNRGBA(image.Rect(0, 0, 4, 4)))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	_ = form.Close()
	r := httptest.NewRequest(http.MethodPost, "/api/v1/jobs?note=private", &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("X-Request-Id", "client-7")
	return r
}

// The access log and the observers report API, account and jobs, but no key.
func TestRequestsAreObserved(t *testing.T) {
	t.Parallel()
	handler, key, id, seen, log := observed(t)
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, submission(t, key))
	if recorder.Code != http.StatusOK && recorder.Code != http.StatusAccepted {
		t.Fatalf("%d %s", recorder.Code, recorder.Body)
	}
	var line struct {
		Msg, API, Account, Path string
		RequestID               string `json:"request_id"`
		Jobs                    []string
		Status                  int
	}
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatalf("%v in %s", err, log)
	}
	if line.Msg != "request" || line.API != "native" || line.Account != id || line.RequestID != "client-7" || len(line.Jobs) != 2 || line.Status != recorder.Code {
		t.Errorf("%s", log)
	}
	for _, secret := range []string{key, "private"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log tells %s: %s", secret, log)
		}
	}
	end := seen.ends[0]
	if end.API != "native" || end.Route != "/api/v1/jobs" || end.Status != recorder.Code || !slices.Equal(end.Jobs, line.Jobs) || end.Took <= 0 {
		t.Errorf("%+v", end)
	}
	if !slices.Equal(seen.traces, []string{"client-7", "client-7"}) {
		t.Errorf("jobs carry %v", seen.traces)
	}
}

// Every request has one of few names, whatever its path.
func TestAPIsOfRequests(t *testing.T) {
	t.Parallel()
	handler, _, _, seen, _ := observed(t)
	for _, c := range []struct{ method, path, kind, api string }{
		{"POST", "/v1/upscale", "multipart/form-data", "mnml"}, {"POST", "/v1/upscale", "application/json; charset=utf-8", "artnex"},
		{"GET", "/v1/status/x", "", "mnml"}, {"POST", "/api/image/enhance/image-lossless-enlargement", "", "ailab"},
		{"GET", "/v1/jobs/x", "", "maskr"}, {"GET", "/job/x", "", "aetherforge"}, {"GET", "/v1/predictions", "", "replicate"},
		{"GET", "/sdapi/v1/upscalers", "", "automatic1111"}, {"GET", "/api/queue", "", "comfyui"}, {"POST", "/v2beta/stable-image/upscale/fast/", "", "stability"}, {"POST", "/v1/images/upscale", "", "openai"}, {"GET", "/v1/files/x", "", "files"}, {"GET", "/healthz", "", "health"},
		{"GET", "/", "", "pages"}, {"GET", "/openapi.json", "", "pages"}, {"GET", "/nowhere/at/all", "", "other"}, {"GET", "/v1/nowhere", "", "other"},
	} {
		r := httptest.NewRequest(c.method, c.path, nil)
		r.Header.Set("Content-Type", c.kind)
		handler.ServeHTTP(httptest.NewRecorder(), r)
		if got := seen.ends[len(seen.ends)-1]; got.API != c.api {
			t.Errorf("%s %s: %+v", c.method, c.path, got)
		}
	}
}

// A client that left before an answer is counted as such.
func TestClientThatLeft(t *testing.T) {
	t.Parallel()
	handler, _, _, seen, _ := observed(t)
	ctx, leave := context.WithCancel(t.Context())
	leave()
	answer := httptest.NewRecorder() // read by a client that closed only its half of the connection
	handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/api/v1/jobs", nil).WithContext(ctx))
	if len(seen.ends) != 1 || seen.ends[0].Status != 499 || answer.Code != 499 {
		t.Errorf("%+v, %d", seen.ends, answer.Code)
	}
}

// Only a client that disconnected is logged as such, whatever it sent.
func TestOutcomesInTheLog(t *testing.T) {
	t.Parallel()
	for _, left := range []bool{false, true} {
		handler, key, _, _, log := observed(t)
		r := submission(t, key)
		ctx, leave := context.WithCancel(r.Context())
		if left {
			leave()
		}
		handler.ServeHTTP(httptest.NewRecorder(), r.WithContext(ctx))
		leave()
		if got := strings.Contains(log.String(), "client went away"); got != left {
			t.Errorf("left %v: %s", left, log)
		}
	}
}
