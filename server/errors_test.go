package server_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/server"
	"upscaled/server/account"
	"upscaled/server/account/accounttest"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

// site is a whole server on a fake queue, with keys of every kind.
type site struct {
	url  string
	keys map[string]string // "good", "poor" and "disabled"
}

func open(t *testing.T, queue *jobtest.Queue, change func(*server.Config)) site {
	t.Helper()
	return openWithout(t, queue, change, nil)
}

// openWithout returns a server that cannot write some formats.
func openWithout(t *testing.T, queue *jobtest.Queue, change func(*server.Config), missing []imagedata.Format) site {
	t.Helper()
	ctx := context.Background()
	accounts := account.New(accounttest.NewMemory(), time.Now)
	s := site{keys: map[string]string{"": "", "unknown": "sk-live-unknown"}}
	for name, credits := range map[string]int64{"good": 500, "poor": 0, "disabled": 500} {
		key, a, err := accounts.Create(ctx, account.NewOptions{Name: name, Credits: credits})
		if err == nil && name == "disabled" {
			_, err = accounts.Change(ctx, a.ID, account.Changes{Disabled: new(true)})
		}
		if err != nil {
			t.Fatal(err)
		}
		s.keys[name] = key
	}
	config := server.Config{
		Listen: "127.0.0.1:0", WaitLimit: patience, Grace: time.Second,
		MaxPixels: 100_000_000, MaxSide: 30_000, APIs: server.DefaultAPIs(),
	}
	if change != nil {
		change(&config)
	}
	if problems := config.Problems(); len(problems) > 0 {
		t.Fatal(problems)
	}
	made, err := server.New(ctx, config, server.Parts{
		Queue: queue, Auth: accounts, Secrets: [][]byte{bytes.Repeat([]byte{1}, 32)}, Decoders: 2,
		Log: slog.New(slog.DiscardHandler), Now: time.Now,
		Writable: func(f imagedata.Format) error {
			if slices.Contains(missing, f) {
				return fault.New(fault.Unsupported, "a sentence with internal detail")
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(made.Handler())
	t.Cleanup(web.Close)
	s.url = web.URL
	return s
}

// refusing is a queue that takes nothing, for a reason of the kind.
func refusing(kind fault.Kind) *jobtest.Queue {
	return &jobtest.Queue{Refuse: func(job.Spec) error {
		err := fault.New(kind, "a sentence with internal detail")
		if kind == fault.RateLimited {
			return &account.RetryAfter{Wait: 7 * time.Second, Err: err}
		}
		return err
	}}
}

// failing is a queue whose jobs fail.
func failing(kind fault.Kind) *jobtest.Queue {
	return &jobtest.Queue{Work: func(job.Spec, []byte) jobtest.Outcome {
		return jobtest.Outcome{Failure: &job.Failure{Kind: kind, Message: "The network produced nothing."}}
	}}
}

// changing parts of bodies.
var changing = map[string]*regexp.Regexp{
	"req_ups_ID": regexp.MustCompile(`req_ups_[a-z0-9]{12}`),
	"UUID":       regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[48][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`),
	"TIME":       regexp.MustCompile(`20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z`),
}

// row is one line of an error table.
type row struct {
	name   string
	method string // POST if empty
	path   string
	// form has "field=value" and "field@name" with file; json is a body
	// instead.
	form []string
	file []byte
	json string
	// key names one of site.keys.
	key    string
	status int
	// body is the whole response, or its beginning if it ends in "...".
	body string
	// retry is the Retry-After header.
	retry string
}

func (r row) request(t *testing.T, s site) *http.Request {
	t.Helper()
	var body bytes.Buffer
	kind := "application/json"
	if r.json != "" {
		body.WriteString(r.json)
	} else {
		w := multipart.NewWriter(&body)
		kind = w.FormDataContentType()
		for _, part := range r.form {
			if field, name, isFile := strings.Cut(part, "@"); isFile {
				out, err := w.CreateFormFile(field, name)
				if err != nil {
					t.Fatal(err)
				}
				_, _ = out.Write(r.file)
			} else if field, value, found := strings.Cut(part, "="); found {
				_ = w.WriteField(field, value)
			}
		}
		_ = w.Close()
	}
	method := r.method
	if method == "" {
		method = http.MethodPost
	}
	request, err := http.NewRequest(method, s.url+r.path, &body)
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodPost {
		request.Header.Set("Content-Type", kind)
	}
	request.Header.Set("X-Request-Id", "request-1")
	if key := s.keys[r.key]; key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
		request.Header.Set("ailabapi-api-key", key)
	}
	return request
}

func (r row) check(t *testing.T, s site) {
	t.Helper()
	response, err := http.DefaultClient.Do(r.request(t, s))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.TrimSuffix(string(text), "\n")
	for name, pattern := range changing {
		got = pattern.ReplaceAllString(got, name)
	}
	want, isBeginning := strings.CutSuffix(r.body, "...")
	if response.StatusCode != r.status || got != want && !(isBeginning && strings.HasPrefix(got, want)) {
		t.Errorf("%s:\n got %d %s\nwant %d %s", r.name, response.StatusCode, got, r.status, r.body)
	}
	if retry := response.Header.Get("Retry-After"); retry != r.retry {
		t.Errorf("%s: Retry-After %q, want %q", r.name, retry, r.retry)
	}
	if id := response.Header.Get("X-Request-Id"); id != "request-1" {
		t.Errorf("%s: X-Request-Id %q", r.name, id)
	}
	if strings.Contains(got, "internal detail") {
		t.Errorf("%s tells internal detail: %s", r.name, got)
	}
}

func checkAll(t *testing.T, s site, rows []row) {
	t.Helper()
	for _, r := range rows {
		if r.key == "" {
			r.key = "good"
		} else if r.key == "none" {
			r.key = ""
		}
		r.check(t, s)
	}
}

func succeeding() *jobtest.Queue { return &jobtest.Queue{Work: dialecttest.Succeed} }

// cut returns a truncated image file.
func cut(file []byte) []byte { return file[:len(file)*2/3] }
