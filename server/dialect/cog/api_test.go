package cog_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/dialect/cog"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

// server is a fake server that tests can change.
type server struct {
	queue    *jobtest.Queue
	services dialect.Services
	config   cog.Config
	stores   cog.Stores
	api      *cog.API
}

func newServer() *server {
	queue := &jobtest.Queue{Now: func() time.Time { return dialecttest.Now }}
	return &server{
		queue: queue, services: dialecttest.Services(queue, dialecttest.Auth{}), config: cog.Defaults(),
		stores: cog.Stores{Fetcher: fetcher{}, CheckWebhook: func(url string) error {
			if !strings.HasPrefix(url, "https://") {
				return fault.New(fault.Invalid, "The webhook URL must start with https://.")
			}
			return nil
		}},
	}
}

// fetcher downloads nothing.
type fetcher struct{}

func (fetcher) Fetch(context.Context, string) ([]byte, error) {
	return nil, fault.New(fault.FetchFailed, "The image URL could not be fetched.")
}

func (s *server) do(r *http.Request) *httptest.ResponseRecorder {
	s.api = cog.New(s.services, s.config, s.stores)
	e := echo.New()
	s.api.Routes(e)
	return dialecttest.Do(e, r)
}

func (s *server) send(method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return s.do(r)
}

func photo(t testing.TB) string {
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(dialecttest.PNG(t, 80, 60, false))
}

// order is a request's body with an image and further inputs.
func order(t testing.TB, more string) string {
	return `{"input":{"image":"` + photo(t) + `"` + more + `}}`
}

var made = regexp.MustCompile(`"id":"[a-z0-9]{26}"`)

func golden(t *testing.T, name string, status int, got *httptest.ResponseRecorder) {
	t.Helper()
	if got.Code != status || got.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%s: status %d, want %d, %v", name, got.Code, status, got.Header())
	}
	dialecttest.Golden(t, name, made.ReplaceAll(got.Body.Bytes(), []byte(`"id":"<id>"`)))
}

func TestSynchronous(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.queue.Work = dialecttest.Succeed
	golden(t, "succeeded.json", 200, s.send("POST", "/predictions", order(t, `,"scale":2.5,"face_enhance":false,"tile":0`)))
	golden(t, "succeeded_named.json", 200, s.send("PUT", "/predictions/mine", order(t, ``)))
	jobs := s.queue.Jobs()
	if o := jobs[0].Options; o.Scale != 2.5 || o.FaceEnhance || o.Format != "png" || !jobs[0].Sync || jobs[0].Price != 1 {
		t.Errorf("%+v", jobs[0])
	}
	if o := jobs[1].Options; o.Scale != 4 || jobs[1].Sync {
		t.Errorf("%+v", jobs[1])
	}
	s.queue.Work = func(job.Spec, []byte) jobtest.Outcome {
		return jobtest.Outcome{Failure: &job.Failure{Kind: fault.Invalid, Message: "The image is of no use."}}
	}
	golden(t, "failed.json", 200, s.send("POST", "/predictions", order(t, ``)))
	s.queue.Work = func(job.Spec, []byte) jobtest.Outcome { return jobtest.Outcome{} }
	golden(t, "canceled.json", 200, s.send("POST", "/predictions", order(t, ``)))
}

// A prediction that respond-async starts is followed by its ID, and reported to
// the webhook from its start on.
func TestAsynchronous(t *testing.T) {
	t.Parallel()
	s := newServer()
	body := strings.Replace(order(t, ``), "{", `{"id":"mine","webhook":"https://a.example/hook",`, 1)
	ask := func() *httptest.ResponseRecorder {
		return s.send("POST", "/predictions", body, "Prefer", "respond-async")
	}
	golden(t, "starting.json", 202, ask())
	golden(t, "starting_made.json", 202, s.send("POST", "/predictions", order(t, ``), "Prefer", "respond-async"))
	j := s.queue.Jobs()[0]
	if j.Webhook == nil || j.Webhook.URL != "https://a.example/hook" || !j.Webhook.Started {
		t.Errorf("%+v", j.Webhook)
	}
	s.queue.Start(j.ID, 0.5)
	golden(t, "processing.json", 202, ask())
	s.queue.Finish(j.ID, dialecttest.Succeed(j.Spec, dialecttest.PNG(t, 80, 60, false)))
	golden(t, "ended.json", 200, ask())
	j, err := s.queue.Get(t.Context(), j.ID)
	if err != nil {
		t.Fatal(err)
	}
	kind, hook, err := s.api.Body(j)
	if err != nil || kind != "application/json" {
		t.Fatal(kind, err)
	}
	dialecttest.Golden(t, "webhook.json", []byte(strings.ReplaceAll(string(hook), j.ID, "<job>")))
}

// An ID stands for one input: its request can be repeated, at most one prediction
// is made and paid for, and no other input gets its result.
func TestIdempotentPredictions(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.queue.Work = dialecttest.Succeed
	for range 3 {
		if got := s.send("PUT", "/predictions/mine", order(t, ``)); got.Code != 200 {
			t.Errorf("%d %s", got.Code, got.Body)
		}
	}
	golden(t, "conflict.json", 409, s.send("PUT", "/predictions/mine", order(t, `,"scale":2`)))
	if jobs := s.queue.Jobs(); len(jobs) != 1 {
		t.Errorf("%d jobs", len(jobs))
	}
	// Another account's prediction of this name is another one.
	s.services.Auth = dialecttest.Auth{Keys: map[string]job.Caller{"one": {ID: "one"}, "two": {ID: "two"}}}
	for _, key := range []string{"one", "two"} {
		if got := s.send("PUT", "/predictions/mine", order(t, `,"scale":2`), "Authorization", "Bearer "+key); got.Code != 200 {
			t.Errorf("%s: %d %s", key, got.Code, got.Body)
		}
	}
}

// The same request, repeated while the first one is being accepted, returns its
// prediction.
func TestRequestsAtTheSameTime(t *testing.T) {
	t.Parallel()
	for name, submits := range map[string]bool{"accepted": true, "being accepted": false} {
		s := newServer()
		other, want := false, 202
		s.queue.Refuse = func(spec job.Spec) error {
			switch {
			case other:
				return nil
			case !submits:
				want = 409
				return fault.New(fault.Conflict, "x")
			}
			other = true
			_, err := s.queue.Submit(t.Context(), spec, nil)
			return err
		}
		if got := s.send("PUT", "/predictions/mine", order(t, ``), "Prefer", "respond-async"); got.Code != want || submits == (len(s.queue.Jobs()) != 1) {
			t.Errorf("%s: %d %s", name, got.Code, got.Body)
		}
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.send("PUT", "/predictions/mine", order(t, ``), "Prefer", "respond-async")
	golden(t, "cancel.json", 200, s.send("POST", "/predictions/mine/cancel", ""))
	golden(t, "not_found.json", 404, s.send("POST", "/predictions/other/cancel", ""))
	golden(t, "canceled_named.json", 200, s.send("PUT", "/predictions/mine", order(t, ``)))
	golden(t, "cancel.json", 200, s.send("POST", "/predictions/mine/cancel", ""))
}

// The prediction of a client that leaves ends with it, unless it has an ID to come
// back with.
func TestClientsThatLeave(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]job.State{"POST /predictions": job.Canceled, "PUT /predictions/mine": job.Queued} {
		synctest.Test(t, func(t *testing.T) {
			s := newServer()
			ctx, leave := context.WithTimeout(t.Context(), time.Second)
			defer leave()
			method, target, _ := strings.Cut(path, " ")
			s.do(httptest.NewRequest(method, target, strings.NewReader(order(t, ``))).WithContext(ctx))
			if got := s.queue.Jobs()[0].State; got != want {
				t.Errorf("%s: %s", path, got)
			}
		})
	}
}

func TestWaitLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		golden(t, "too_long.json", 504, s.send("POST", "/predictions", order(t, ``)))
		golden(t, "waited.json", 202, s.send("PUT", "/predictions/mine", order(t, ``)))
		for _, j := range s.queue.Jobs() {
			if j.State != map[bool]job.State{true: job.Canceled, false: job.Queued}[j.Sync] {
				t.Errorf("%+v", j)
			}
		}
	})
}

func TestInvalidRequests(t *testing.T) {
	t.Parallel()
	named := strings.Replace(order(t, ``), "{", `{"id":"other",`, 1)
	for name, body := range map[string]string{
		"not_json.json": `{`, "not_object.json": `[]`, "no_input.json": `{}`, "input_type.json": `{"input":[]}`,
		"no_image.json": `{"input":{}}`, "image_form.json": `{"input":{"image":"cat.jpg"}}`,
		"all_wrong.json": `{"input":{"scale":11,"face_enhance":"no"}}`,
		"bad_image.json": `{"input":{"image":"data:image/png;base64,dGV4dA=="}}`, "bad_uri.json": `{"input":{"image":"data:,x"}}`,
		"fetch_failed.json": `{"input":{"image":"https://a.example/x.png"}}`,
		"webhook.bad.json":  strings.Replace(order(t, ``), "{", `{"webhook":"http://a",`, 1),
		"events.bad.json":   strings.Replace(order(t, ``), "{", `{"webhook":"https://a","webhook_events_filter":["begin"],`, 1),
		"id_type.json":      strings.Replace(order(t, ``), "{", `{"id":5,`, 1),
		"id_long.json":      strings.Replace(order(t, ``), "{", `{"id":"`+strings.Repeat("a", 256)+`",`, 1),
	} {
		s := newServer()
		golden(t, name, 422, s.send("POST", "/predictions", body))
		if len(s.queue.Jobs()) > 0 {
			t.Errorf("%s: a job was submitted", name)
		}
	}
	golden(t, "id_other.json", 422, newServer().send("PUT", "/predictions/mine", named))
	s := newServer()
	s.config.MaxBytes = 100
	golden(t, "too_large.json", 422, s.send("POST", "/predictions", order(t, ``)))
	golden(t, "too_large.json", 422, s.send("POST", "/predictions", strings.Replace(order(t, ``), "{", strings.Repeat(" ", 70<<10)+"{", 1)))
	s = newServer()
	s.config.MaxSide = 79
	golden(t, "too_large.json", 422, s.send("POST", "/predictions", order(t, ``)))
	s.services.Faces = func(context.Context) error { return fault.New(fault.ModelMissing, "none") }
	golden(t, "no_faces.json", 422, s.send("POST", "/predictions", order(t, `,"face_enhance":true`)))
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for kind, want := range map[fault.Kind]int{
		fault.Busy: 409, fault.NoCredits: 402, fault.RateLimited: 429, fault.Internal: 500,
	} {
		s := newServer()
		s.queue.Refuse = func(job.Spec) error { return fault.New(kind, "no") }
		golden(t, string(kind)+".json", want, s.send("POST", "/predictions", order(t, ``)))
	}
	s := newServer()
	s.services.Auth = dialecttest.Auth{Keys: map[string]job.Caller{"key": {ID: "me"}}}
	for _, target := range []string{"POST /predictions", "PUT /predictions/a", "POST /predictions/a/cancel"} {
		method, path, _ := strings.Cut(target, " ")
		golden(t, "unauthorized.json", 401, s.send(method, path, order(t, ``)))
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.services.Auth = dialecttest.Auth{Keys: map[string]job.Caller{"key": {ID: "me"}}} // needs none
	golden(t, "ready.json", 200, s.send("GET", "/health-check", ""))
	s.stores.Ready = func(context.Context) error { return errors.New("no model yet") }
	got := s.send("GET", "/health-check", "")
	var h cog.Health
	if err := json.Unmarshal(got.Body.Bytes(), &h); err != nil || got.Code != 200 || h.Status != "STARTING" {
		t.Errorf("%d %s, %v", got.Code, got.Body, err)
	}
}
