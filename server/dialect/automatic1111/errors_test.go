package automatic1111_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"upscaled/models/fault"
	"upscaled/server/account"
	"upscaled/server/dialect"
	"upscaled/server/dialect/automatic1111"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

// withoutFaces paints and finds no face.
func withoutFaces(spec job.Spec, input []byte) jobtest.Outcome {
	o := paint(spec, input)
	o.Result.Faces = &job.Faces{}
	return o
}

func TestKeys(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.gate = dialecttest.Auth{
		Keys: map[string]job.Caller{"good": {ID: "a"}, "off": {ID: "b"}, "fast": {ID: "c"}, "full": {}},
		Errors: map[string]error{
			"off":  fault.New(fault.Disabled, "off"),
			"fast": &account.RetryAfter{Wait: 1500 * time.Millisecond, Err: fault.New(fault.RateLimited, "fast")},
			"full": fault.New(fault.Busy, "full"),
		},
	}
	for _, path := range []string{"upscalers", "realesrgan-models", "progress", "options", "face-restorers", "samplers", "extra-single-image", "extra-batch-images"} {
		method := http.MethodGet
		if strings.HasPrefix(path, "extra") {
			method = http.MethodPost
		}
		for _, c := range []struct {
			user, password, golden, retry string
			status                        int
		}{
			{"", "", "unauthorized.json", "", 401}, {"good", "bad", "unauthorized.json", "", 401}, {"x", "off", "unauthorized.json", "", 401},
			{"x", "fast", "rate.json", "2", 429}, {"x", "full", "busy.json", "5", 503},
		} {
			r := httptest.NewRequest(method, "/sdapi/v1/"+path, nil)
			if c.user != "" {
				r.SetBasicAuth(c.user, c.password)
			}
			got := s.do(r)
			golden(t, c.golden, c.status, got)
			if header := got.Header(); (header.Get("WWW-Authenticate") == "Basic") != (c.status == 401) || header.Get("Retry-After") != c.retry {
				t.Errorf("%s %s: %v", path, c.password, header)
			}
		}
	}
	for _, header := range []string{"Bearer good", "Basic eDpnb29k", "Basic Omdvb2Q="} { // x:good, :good
		r := httptest.NewRequest(http.MethodGet, "/sdapi/v1/upscalers", nil)
		r.Header.Set("Authorization", header)
		golden(t, "upscalers.json", 200, s.do(r))
	}
}

func TestBodiesThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path, body string
		status     int
	}{
		"no_body":       {single, ` `, 422},
		"damaged_json":  {single, `{"image":`, 422},
		"no_object":     {single, `[1]`, 422},
		"null":          {single, `null`, 422},
		"ranges":        {single, `{"gfpgan_visibility":1.5,"codeformer_visibility":-0.1,"upscaling_resize":0,"upscaling_resize_w":0,"upscaling_resize_h":1e9,"resize_mode":2}`, 422},
		"types":         {single, `{"gfpgan_visibility":"a","upscaling_resize":[],"upscaling_resize_w":"1.5","upscaling_crop":"maybe","upscaler_1":5,"resize_mode":null,"image":{}}`, 422},
		"no_list":       {batch, `{}`, 422},
		"list_type":     {batch, `{"imageList":"a"}`, 422},
		"item_type":     {batch, `{"imageList":[{"data":5},{"name":"a"},{"data":null,"name":null}]}`, 422},
		"no_image":      {single, `{}`, 500},
		"damaged_image": {single, `{"image":"####"}`, 500},
		"no_picture":    {single, `{"image":"aGVsbG8="}`, 500},
		"no_comma":      {single, `{"image":"data:image/png;base64"}`, 500},
		"no_requests":   {single, `{"image":"https://pictures.example/a.png"}`, 500},
		"upscaler":      {single, `{"upscaler_1":"Nothing"}`, 500},
		"upscaler_2":    {single, `{"upscaler_1":"Lanczos","upscaler_2":"Nothing"}`, 500},
		"codeformer":    {single, `{"codeformer_visibility":1}`, 500},
		"two_restorers": {single, `{"codeformer_visibility":1,"gfpgan_visibility":1}`, 500},
	} {
		s := newServer()
		s.config.CodeFormer = automatic1111.Off
		golden(t, name+".json", c.status, s.post(c.path, c.body))
		if len(s.queue.Jobs()) > 0 || s.logged != nil {
			t.Errorf("%s: %d jobs, logged %v", name, len(s.queue.Jobs()), s.logged)
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	one := photo(t, 20, 10)
	item := map[string]string{"data": one, "name": "a"}
	for name, c := range map[string]struct {
		edit func(*automatic1111.Config)
		path string
		body string
	}{
		"too_many_bytes":  {func(c *automatic1111.Config) { c.MaxBytes = 20 }, single, body(t, "image", one)},
		"too_long":        {func(c *automatic1111.Config) { c.MaxBytes = 20 }, single, body(t, "image", strings.Repeat("A", 70_000))},
		"too_long_batch":  {func(c *automatic1111.Config) { c.MaxBodyBytes = 20 }, batch, body(t, "imageList", []any{item})},
		"too_many_images": {func(c *automatic1111.Config) { c.MaxImages = 1 }, batch, body(t, "imageList", []any{item, item})},
		"too_many_pixels": {func(c *automatic1111.Config) { c.MaxPixels = 199 }, single, body(t, "image", one)},
		"too_wide":        {func(c *automatic1111.Config) { c.MaxSide = 19 }, single, body(t, "image", one)},
		"output":          {func(c *automatic1111.Config) { c.MaxOutputPixels = 799 }, single, body(t, "image", one, "upscaler_1", "Lanczos")},
		"output_sides":    {func(*automatic1111.Config) {}, single, body(t, "image", one, "upscaler_1", "Lanczos", "resize_mode", 1, "upscaling_resize_w", 1<<20)},
		"weight":          {func(c *automatic1111.Config) { c.CodeFormer, c.CodeFormerWeight = "x", 0.7 }, single, `{"codeformer_visibility":1}`},
	} {
		s := newServer()
		c.edit(&s.config)
		status := 413
		if name == "weight" {
			status = 500
		}
		golden(t, name+".json", status, s.post(c.path, c.body))
		if len(s.queue.Jobs()) > 0 || s.logged != nil {
			t.Errorf("%s: %d jobs, logged %v", name, len(s.queue.Jobs()), s.logged)
		}
	}
	s := newServer()
	s.config.MaxOutputPixels = 800
	answered(t, s.post(single, body(t, "image", one, "upscaler_1", "Lanczos")))
}

func TestURLsThatFail(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		golden string
		status int
		f      fetcher
	}{
		{"invalid_url.json", 500, fetcher{err: fault.New(fault.FetchFailed, "x")}},
		{"invalid_url.json", 500, fetcher{err: fault.New(fault.Invalid, "x")}},
		{"invalid_url.json", 500, fetcher{data: []byte("no picture")}},
		{"fetched_too_large.json", 413, fetcher{err: fault.New(fault.TooLarge, "x")}},
		{"internal.json", 500, fetcher{err: errDisk}},
	} {
		s := newServer()
		s.stores.Fetcher = c.f
		golden(t, c.golden, c.status, s.post(single, `{"image":"HTTP://a.example/"}`))
		if (s.logged != nil) != (c.golden == "internal.json") {
			t.Error(s.logged)
		}
	}
}

func TestJobsThatFail(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		golden string
		status int
		kind   fault.Kind
	}{
		{"damaged_image.json", 500, fault.Invalid}, {"damaged_image.json", 500, fault.Unsupported},
		{"too_many_pixels.json", 413, fault.TooLarge}, {"model_missing.json", 500, fault.ModelMissing},
		{"internal.json", 500, fault.Internal}, {"internal.json", 500, fault.Busy}, {"canceled.json", 500, ""},
	} {
		s := newServer()
		s.queue.Work = func(job.Spec, []byte) jobtest.Outcome {
			if c.kind == "" {
				return jobtest.Outcome{}
			}
			return jobtest.Outcome{Failure: &job.Failure{Kind: c.kind, Message: "/models/x is not there"}}
		}
		golden(t, c.golden, c.status, s.post(single, body(t, "image", photo(t, 2, 2), "upscaler_1", "R-ESRGAN 4x+")))
		if (s.logged != nil) != (c.golden == "internal.json") {
			t.Error(s.logged)
		}
	}
}

func TestSubmissionsThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		golden string
		status int
		err    error
	}{
		{"credits.json", 402, fault.New(fault.NoCredits, "x")}, {"rate.json", 429, fault.New(fault.RateLimited, "x")},
		{"busy.json", 503, fault.New(fault.Busy, "x")}, {"internal.json", 500, errDisk},
	} {
		s := newServer()
		s.queue.Refuse = func(job.Spec) error { return c.err }
		list := []any{map[string]string{"data": photo(t, 2, 2), "name": "a"}}
		golden(t, c.golden, c.status, s.post(batch, body(t, "imageList", list, "upscaler_1", "R-ESRGAN 4x+")))
		if errors.Is(s.logged, errDisk) != (c.status == 500) {
			t.Error(s.logged)
		}
	}
}

func TestFacesThatCannotBeHad(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.lend = func(h *dialect.Services) {
		h.Faces = func(context.Context) error { return fault.New(fault.ModelMissing, "x") }
	}
	golden(t, "no_faces.json", 500, s.post(single, body(t, "image", photo(t, 2, 2), "gfpgan_visibility", 1)))
	answered(t, s.post(single, body(t, "image", photo(t, 2, 2))))
}

// What nobody can ask for again must not go on.
func TestWaitsThatEnd(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.queue.Work = nil
	s.lend = func(h *dialect.Services) { h.WaitLimit = time.Millisecond }
	post := body(t, "image", photo(t, 2, 2), "upscaler_1", "R-ESRGAN 4x+")
	golden(t, "timeout.json", 504, s.post(single, post))
	ctx, leave := context.WithCancel(t.Context())
	s.lend = nil
	s.queue.Refuse = func(job.Spec) error { leave(); return nil } // leaves once the job is there
	got := s.do(httptest.NewRequest(http.MethodPost, single, strings.NewReader(post)).WithContext(ctx))
	if got.Body.Len() > 0 {
		t.Error(got.Body)
	}
	for _, j := range s.queue.Jobs() {
		if j.State != job.Canceled {
			t.Errorf("a job is %s", j.State)
		}
	}
}

// A batch of which an image is refused or fails costs nothing, not even images that
// were done by then.
func TestBatchesCostAllOrNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		refused, failed error
		status          int
	}{
		"full": {refused: fault.New(fault.Busy, "x"), status: 503}, "poor": {refused: fault.New(fault.NoCredits, "x"), status: 402},
		"fast": {refused: fault.New(fault.RateLimited, "x"), status: 429}, "failed": {failed: errDisk, status: 500},
	} {
		s := newServer()
		s.config.Parallel = 1
		isLast := func(spec job.Spec) bool { return spec.InputName == "last" }
		s.queue.Refuse = func(spec job.Spec) error {
			if isLast(spec) {
				return c.refused
			}
			return nil
		}
		s.queue.Work = func(spec job.Spec, input []byte) jobtest.Outcome {
			if isLast(spec) {
				return jobtest.Outcome{Failure: &job.Failure{Kind: fault.Internal}}
			}
			return paint(spec, input)
		}
		image := func(name string) any { return map[string]string{"data": photo(t, 2, 2), "name": name} }
		got := s.post(batch, body(t, "imageList", []any{image("first"), image("last")}, "upscaler_1", "R-ESRGAN 4x+"))
		if got.Code != c.status {
			t.Errorf("%s: %d %s", name, got.Code, got.Body)
		}
		for _, j := range s.queue.Jobs() {
			if j.State == job.Succeeded || len(s.queue.Jobs()) != 1 && c.refused != nil {
				t.Errorf("%s: %s is %s", name, j.InputName, j.State)
			}
		}
	}
}

// One bad image ends its batch: the others are canceled.
func TestBatchFailsAsAWhole(t *testing.T) {
	t.Parallel()
	s := newServer()
	bad := map[string]string{"data": "AAAA", "name": "a"}
	good := map[string]string{"data": photo(t, 2, 2), "name": "a"}
	golden(t, "no_picture.json", 500, s.post(batch, body(t, "imageList", []any{good, bad}, "upscaler_1", "R-ESRGAN 4x+")))
	if n := len(s.queue.Jobs()); n > 0 {
		t.Errorf("%d jobs before all pictures were looked at", n)
	}
	s.queue.Work = nil
	s.queue.Refuse = func(spec job.Spec) error {
		if spec.InputName == "last" {
			return errDisk
		}
		return nil
	}
	last := map[string]string{"data": photo(t, 2, 2), "name": "last"}
	golden(t, "internal.json", 500, s.post(batch, body(t, "imageList", []any{good, last}, "upscaler_1", "R-ESRGAN 4x+")))
	for _, j := range s.queue.Jobs() {
		if j.State != job.Canceled {
			t.Errorf("a job is %s", j.State)
		}
	}
}

// gone is a queue that loses jobs, or only their results.
type gone struct {
	*jobtest.Queue
	jobs bool
}

func (g gone) Wait(ctx context.Context, id string) (job.Job, error) {
	if g.jobs {
		return job.Job{}, fault.New(fault.NotFound, "x")
	}
	return g.Queue.Wait(ctx, id)
}

func (gone) Open(context.Context, string) (io.ReadSeekCloser, job.Job, error) {
	return nil, job.Job{}, fault.New(fault.NotFound, "x")
}

func TestWhatIsGoneIsADefect(t *testing.T) {
	t.Parallel()
	for _, jobs := range []bool{true, false} {
		s := newServer()
		s.lend = func(h *dialect.Services) { h.Queue = gone{s.queue, jobs} }
		golden(t, "internal.json", 500, s.post(single, body(t, "image", photo(t, 2, 2), "upscaler_1", "R-ESRGAN 4x+")))
		if s.logged == nil {
			t.Error("not logged")
		}
	}
}

// A damaged file is a client error, in the API process and in the engine.
func TestDamagedPixels(t *testing.T) {
	t.Parallel()
	damaged := append(bytes.Clone(dialecttest.PNG(t, 40, 40, false)[:60]), make([]byte, 300)...)
	s := newServer()
	s.queue.Work = func(job.Spec, []byte) jobtest.Outcome {
		return jobtest.Outcome{Failure: &job.Failure{Kind: fault.Invalid, Message: "x"}}
	}
	golden(t, "damaged_image.json", 500, s.post(single, body(t, "image", damaged, "upscaler_1", "Lanczos")))
	if s.logged != nil {
		t.Error(s.logged)
	}
}
