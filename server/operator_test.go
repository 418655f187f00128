package server_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"upscaled/models/fault"
	"upscaled/server"
	"upscaled/server/account"
	"upscaled/server/account/accounttest"
	"upscaled/server/dialect/native"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

// operated is a server with the keys of an operator and of a client.
type operated struct {
	*server.Server
	operator, client string
}

func newOperated(t *testing.T) operated {
	t.Helper()
	accounts := account.New(accounttest.NewMemory(), time.Now)
	var o operated
	for key, options := range map[*string]account.NewOptions{&o.operator: {Name: "boss", Operator: true}, &o.client: {Name: "shop", Credits: 5}} {
		var err error
		if *key, _, err = accounts.Create(t.Context(), options); err != nil {
			t.Fatal(err)
		}
	}
	o.Server = operatedServer(t, accounts, "127.0.0.1:0", nil)
	return o
}

func operatedServer(t *testing.T, accounts *account.Accounts, listen string, fleet native.Fleet) *server.Server {
	t.Helper()
	config := server.Config{Listen: listen, InsecureOpen: true, WaitLimit: time.Second, Grace: time.Second, MaxPixels: 1_000_000, MaxSide: 1000, APIs: server.DefaultAPIs()}
	s, err := server.New(context.Background(), config, server.Parts{
		Queue: &jobtest.Queue{}, Auth: accounts, Keys: accounts, Fleet: fleet,
		Secrets: [][]byte{[]byte(strings.Repeat("s", 32))}, Decoders: 1, Log: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func call(s *server.Server, method, path, key, body string) (int, string) {
	r := httptest.NewRequest(method, "http://127.0.0.1"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+key)
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// isOperators reports whether a route is for operators only.
func isOperators(method, path string) bool {
	if below, found := strings.CutPrefix(path, "/api/v1/models"); found {
		return method != http.MethodGet || strings.HasSuffix(below, "/events")
	}
	return slices.ContainsFunc([]string{"/api/v1/keys", "/api/v1/workers", "/api/v1/queue"}, func(prefix string) bool { return strings.HasPrefix(path, prefix) })
}

// Every call of operators is refused to a client's key, to none and to a wrong one,
// and to everybody where other machines reach a server without keys.
func TestOperatorOnly(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	open := operatedServer(t, account.New(accounttest.NewMemory(), time.Now), "0.0.0.0:0", nil)
	tried := 0
	for _, r := range o.Routes() {
		if !isOperators(r.Method, r.Path) {
			continue
		}
		tried++
		path := parameter.ReplaceAllString(r.Path, "abc")
		for key, want := range map[string]int{o.client: 403, "": 401, "sk-live-nonsense": 401} {
			if code, body := call(o.Server, r.Method, path, key, ""); code != want {
				t.Errorf("%s %s: %d %s, want %d", r.Method, path, code, body, want)
			}
		}
		if code, body := call(open, r.Method, path, "", ""); code != 403 {
			t.Errorf("%s %s on an open server: %d %s", r.Method, path, code, body)
		}
	}
	if tried < 16 {
		t.Errorf("%d routes", tried)
	}
	if code, body := call(o.Server, http.MethodGet, "/api/v1/keys", o.operator, ""); code != 200 {
		t.Errorf("the operator: %d %s", code, body)
	}
	own := operatedServer(t, account.New(accounttest.NewMemory(), time.Now), "127.0.0.1:0", nil)
	if code, body := call(own, http.MethodGet, "/api/v1/keys", "", ""); code != 200 {
		t.Errorf("on one's own machine without keys: %d %s", code, body)
	}
}

func TestKeysOverHTTP(t *testing.T) {
	t.Parallel()
	o := newOperated(t)
	do := func(method, path, body string, want int) (v native.KeyView) {
		t.Helper()
		code, text := call(o.Server, method, path, o.operator, body)
		if code != want {
			t.Fatalf("%s %s: %d %s, want %d", method, path, code, text, want)
		}
		if code < 300 && text != "" {
			if err := json.Unmarshal([]byte(text), &v); err != nil {
				t.Fatal(err)
			}
		}
		return v
	}
	works := func(key string) bool {
		code, _ := call(o.Server, http.MethodGet, "/api/v1/account", key, "")
		return code == 200
	}
	made := do("POST", "/api/v1/keys", `{"name":"new","credits":3,"per_day":7}`, 201)
	if !works(made.Key) || *made.Credits != 3 || made.PerDay != 7 || made.Expires != nil {
		t.Errorf("%+v", made)
	}
	one := "/api/v1/keys/" + made.ID
	changed := do("PATCH", one, `{"add_credits":-2,"concurrent":4,"expires":"2100-01-01T00:00:00Z"}`, 200)
	if *changed.Credits != 1 || changed.PerDay != 7 || changed.Concurrent != 4 || changed.Expires.Year() != 2100 || changed.Key != "" {
		t.Errorf("%+v", changed)
	}
	rotated := do("POST", one+"/rotate", `{"overlap_seconds":60}`, 200)
	if !works(rotated.Key) || !works(made.Key) || rotated.PreviousUntil == nil {
		t.Errorf("%+v", rotated)
	}
	if rotated = do("POST", one+"/rotate", "", 200); !works(rotated.Key) || works(made.Key) {
		t.Error("the old secret works without an overlap")
	}
	if do("PATCH", one, `{"disabled":true}`, 200); works(rotated.Key) {
		t.Error("a disabled key works")
	}
	for _, wrong := range []string{`{"add_credits":-2}`, `{"per_day":-1}`, `{"name":""}`, `{"credit":1}`, `[]`, `{`} {
		do("PATCH", one, wrong, 400)
	}
	do("POST", one+"/rotate", `{"overlap_seconds":-1}`, 400)
	do("POST", "/api/v1/keys", `{"credits":1}`, 400)
	do("DELETE", one, "", 204)
	do("DELETE", one, "", 404)
	if _, all := call(o.Server, http.MethodGet, "/api/v1/keys", o.operator, ""); strings.Contains(all, made.ID) || strings.Contains(all, "sk-live") || !strings.Contains(all, `"name":"shop"`) {
		t.Error(all)
	}
}

// steered is a fake of the queue's operators.
type steered struct {
	native.Fleet
	filter   job.Filter
	job      job.Job
	priority job.Priority
}

func (s *steered) Find(_ context.Context, f job.Filter) ([]job.Job, string, error) {
	s.filter = f
	return []job.Job{s.job}, "more", nil
}

func (s *steered) Retry(_ context.Context, id string) (job.Job, error) {
	if id != s.job.ID {
		return job.Job{}, fault.New(fault.NotFound, "no such job")
	}
	return s.job, nil
}

func (s *steered) Prioritize(_ context.Context, _ string, p job.Priority) (job.Job, error) {
	s.priority = p
	return s.job, nil
}

func (s *steered) Workers(context.Context) ([]job.Worker, error) {
	return []job.Worker{{Name: "box", State: job.WorkerReady}}, nil
}

func (s *steered) Drain(_ context.Context, name string, on bool) (job.Worker, error) {
	return job.Worker{Name: name, Draining: on}, nil
}

func TestSteeringOverHTTP(t *testing.T) {
	t.Parallel()
	fleet := &steered{job: job.Job{
		Spec: job.Spec{ID: "j1", API: "mnml", Account: "k1", Price: 2}, State: job.Failed, Worker: "box", Attempts: 3,
		Failure: &job.Failure{Kind: fault.Internal, Message: "The disk is broken."},
	}}
	accounts := account.New(accounttest.NewMemory(), time.Now)
	s := operatedServer(t, accounts, "127.0.0.1:0", fleet)
	for _, c := range []struct {
		method, path, body string
		code               int
		text               string
	}{
		{"GET", "/api/v1/queue/jobs", "", 200, `"next":"more"`},
		{"GET", "/api/v1/queue/jobs?state=failed&key=k1&api=mnml&model=x&older_than=60&younger_than=3600.5&limit=7&before=c", "", 200,
			`{"id":"j1","api":"mnml","account":"k1","state":"failed","priority":"normal","model":"","worker":"box","attempts":3,"price":2,`},
		{"GET", "/api/v1/queue/jobs?state=broken", "", 400, "queued, running"},
		{"GET", "/api/v1/queue/jobs?limit=101", "", 400, "1 to 100"},
		{"GET", "/api/v1/queue/jobs?older_than=NaN", "", 400, "seconds"},
		{"POST", "/api/v1/queue/jobs/j1/retry", "", 200, "The disk is broken."},
		{"POST", "/api/v1/queue/jobs/j2/retry", "", 404, "no such job"},
		{"PATCH", "/api/v1/queue/jobs/j1", `{"priority":"low"}`, 200, `"id":"j1"`},
		{"PATCH", "/api/v1/queue/jobs/j1", `{"priority":"urgent"}`, 400, "high, normal or low"},
		{"PATCH", "/api/v1/queue/jobs/j1", `{"name":"x"}`, 400, "unknown field"},
		{"POST", "/api/v1/queue/jobs/j9/cancel", "", 404, "not_found"},
		{"GET", "/api/v1/workers", "", 200, `"name":"box"`},
		{"POST", "/api/v1/workers/box/drain", "", 200, `"draining":true`},
		{"POST", "/api/v1/workers/box/undrain", "", 200, `"draining":false`},
	} {
		if code, text := call(s, c.method, c.path, "", c.body); code != c.code || !strings.Contains(text, c.text) {
			t.Errorf("%s %s: %d %s", c.method, c.path, code, text)
		}
		if strings.Contains(c.path, "before") {
			want := job.Filter{State: job.Failed, Account: "k1", API: "mnml", Model: "x", MinAge: time.Minute, MaxAge: 3600500 * time.Millisecond, Limit: 7, Before: "c"}
			if fleet.filter != want {
				t.Errorf("%+v, want %+v", fleet.filter, want)
			}
		}
	}
	if fleet.priority != job.Low {
		t.Errorf("priority %q", fleet.priority)
	}
}
