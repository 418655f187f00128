package automatic1111_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"upscaled/server/dialect/automatic1111"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/job"
)

func TestScale(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.gate = dialecttest.Auth{Keys: map[string]job.Caller{"mine": {ID: "a"}}}
	s.config.Price = 3
	r := httptest.NewRequest(http.MethodPost, single, strings.NewReader(body(t, "image", photo(t, 10, 6), "upscaler_1", "R-ESRGAN 4x+", "upscaling_resize", 2.5, "unknown", 1)))
	r.SetBasicAuth("anybody", "mine")
	got := s.do(r)
	html, img := answered(t, got)
	wantSize(t, img, 25, 15)
	wantRed(t, img, 3, 3, 100)
	if html != "<p>Postprocess upscale by: 2.5, Postprocess upscaler: R-ESRGAN 4x+</p>" {
		t.Error(html)
	}
	j := s.queue.Jobs()[0]
	want := job.Spec{ID: j.ID, API: "automatic1111", Account: "a", Price: 3, Sync: true, Options: job.Options{Model: "realesrgan-x4plus", Scale: 2.5, Format: "png"}}
	if j.Spec != want || !strings.HasPrefix(j.ID, "a1111-") || len(j.ID) != 30 {
		t.Errorf("%+v", j.Spec)
	}
	if got.Header().Get("X-Face-Restorer") != "" {
		t.Error("a restorer is told of")
	}
}

func TestSize(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		crop          any
		name          string
		width, height int
		job           job.Options
	}{
		{true, "R-ESRGAN 2x+", 40, 20, job.Options{Model: "realesrgan-x2plus", Width: 40, Height: 24, CropWidth: 40, CropHeight: 20, Format: "png"}},
		{"false", "R-ESRGAN 2x+", 40, 24, job.Options{Model: "realesrgan-x2plus", Width: 40, Height: 24, Format: "png"}},
	} {
		s := newServer()
		html, img := answered(t, s.post(single, body(t, "image", photo(t, 10, 6), "upscaler_1", c.name,
			"resize_mode", 1, "upscaling_resize_w", 40, "upscaling_resize_h", "20", "upscaling_crop", c.crop)))
		wantSize(t, img, c.width, c.height)
		if o := s.queue.Jobs()[0].Options; o != c.job {
			t.Errorf("%+v", o)
		}
		if want := c.crop == true; strings.Contains(html, "Postprocess crop to: 40x20, Postprocess upscaler: R-ESRGAN 2x+") != want || !strings.Contains(html, "Postprocess upscale to: 40x20") {
			t.Error(html)
		}
	}
}

// What the engine is asked for; that it does so is package engine's to test.
func TestOptions(t *testing.T) {
	t.Parallel()
	png := func(o job.Options) job.Options { o.Format = "png"; return o }
	for _, c := range []struct {
		fields []any
		want   job.Options
		second *job.Layer
		price  int64
	}{
		{[]any{"upscaler_2", "not looked at"}, job.Options{Filter: "lanczos", Scale: 1}, nil, 0},
		{[]any{"upscaler_1", "None", "resize_mode", 1}, job.Options{Filter: "lanczos", Scale: 1}, nil, 0},
		{[]any{"upscaler_1", "Lanczos", "upscaling_resize", 3}, job.Options{Filter: "lanczos", Scale: 3}, nil, 0},
		{[]any{"upscaler_1", "Nearest", "resize_mode", 1, "upscaling_resize_w", 20, "upscaling_resize_h", 4},
			job.Options{Filter: "nearest", Width: 20, Height: 12, CropWidth: 20, CropHeight: 4}, nil, 0},
		{[]any{"upscaler_1", "R-ESRGAN 4x+", "upscaler_2", "R-ESRGAN 2x+", "extras_upscaler_2_visibility", 0},
			job.Options{Model: "realesrgan-x4plus", Scale: 2}, nil, 3},
		{[]any{"upscaler_1", "R-ESRGAN 4x+", "upscaler_2", "R-ESRGAN 2x+", "extras_upscaler_2_visibility", 0.25},
			job.Options{Model: "realesrgan-x4plus", Scale: 2}, &job.Layer{Model: "realesrgan-x2plus", Visibility: 0.25}, 6},
		{[]any{"upscaler_1", "R-ESRGAN 4x+", "upscaler_2", "Nearest", "extras_upscaler_2_visibility", 1},
			job.Options{Model: "realesrgan-x4plus", Scale: 2}, &job.Layer{Filter: "nearest", Visibility: 1}, 3},
		{[]any{"upscaler_1", "Lanczos", "upscaler_2", "R-ESRGAN 4x+", "extras_upscaler_2_visibility", 0.5},
			job.Options{Filter: "lanczos", Scale: 2}, &job.Layer{Model: "realesrgan-x4plus", Visibility: 0.5}, 3},
	} {
		s := newServer()
		s.config.Price = 3
		html, _ := answered(t, s.post(single, body(t, append(c.fields, "image", photo(t, 10, 6))...)))
		jobs := s.queue.Jobs()
		if len(jobs) != 1 {
			t.Fatalf("%v: %d jobs", c.fields, len(jobs))
		}
		got := jobs[0].Options
		if (got.Second == nil) != (c.second == nil) || c.second != nil && *got.Second != *c.second {
			t.Errorf("%v: second layer %+v", c.fields, got.Second)
		}
		if strings.Contains(html, "upscaler 2") != (c.second != nil) {
			t.Errorf("%v: %s", c.fields, html)
		}
		if got.Second = nil; got != png(c.want) || jobs[0].Price != c.price {
			t.Errorf("%v: %+v for %d credits", c.fields, got, jobs[0].Price)
		}
	}
}

func TestFaces(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.config.CodeFormer, s.config.CodeFormerWeight = "codeformer-half", 0.5
	got := s.post(single, body(t, "image", photo(t, 5, 4), "upscaler_1", "R-ESRGAN 4x+", "gfpgan_visibility", 0.12345))
	html, _ := answered(t, got)
	f := s.queue.Jobs()[0].Options
	if !f.FaceEnhance || f.Face == nil || *f.Face.Strength != 0.12345 || f.Face.Restorer != "" || f.Scale != 2 {
		t.Errorf("%+v", f)
	}
	if restorer := got.Header().Get("X-Face-Restorer"); restorer != "net; refined" || !strings.Contains(html, ", GFPGAN visibility: 0.123<") {
		t.Error(restorer, html)
	}
	s = newServer()
	s.config.CodeFormer, s.config.CodeFormerWeight = "codeformer-half", 0.5
	html, _ = answered(t, s.post(single, body(t, "image", photo(t, 5, 4), "upscaler_1", "Lanczos", "codeformer_visibility", 1, "codeformer_weight", 0.5)))
	j := s.queue.Jobs()[0]
	if f = j.Options; f.Model != "" || f.Filter != "lanczos" || f.Scale != 2 || *f.Face.Strength != 1 || f.Face.Restorer != "codeformer-half" || j.Price != 1 {
		t.Errorf("%+v for %d credits", f, j.Price)
	}
	if !strings.HasSuffix(html, "CodeFormer visibility: 1.0, CodeFormer weight: 0.5</p>") {
		t.Error(html)
	}
	s = newServer()
	s.queue.Work = withoutFaces
	got = s.post(single, body(t, "image", photo(t, 5, 4), "gfpgan_visibility", 1))
	if restorer := got.Header().Get("X-Face-Restorer"); got.Code != http.StatusOK || restorer != "" {
		t.Error(got.Code, restorer)
	}
}

func TestFormsOfPictures(t *testing.T) {
	t.Parallel()
	plain := photo(t, 5, 4)
	file, _ := base64.StdEncoding.DecodeString(plain)
	for name, text := range map[string]string{
		"data URI": "data:image/png;base64," + plain,
		"lines":    plain[:40] + "\r\n" + plain[40:80] + " \t" + plain[80:],
		"no pads":  strings.TrimRight(plain, "="),
		"URL-safe": base64.URLEncoding.EncodeToString(file),
	} {
		s := newServer()
		_, img := answered(t, s.post(single, body(t, "image", text)))
		if wantSize(t, img, 5, 4); t.Failed() {
			t.Fatal(name)
		}
	}
	s := newServer()
	escaped := strings.ReplaceAll(body(t, "image", "data:image/png;base64,"+plain), "/", `\/`) // as PHP writes it
	_, img := answered(t, s.post(single, escaped))
	wantSize(t, img, 5, 4)
	s.stores.Fetcher = fetcher{data: file}
	_, img = answered(t, s.post(single, body(t, "image", "https://pictures.example/a.png")))
	wantSize(t, img, 5, 4)
}

func TestBatch(t *testing.T) {
	t.Parallel()
	s := newServer()
	list := []any{map[string]string{"data": photo(t, 5, 4), "name": "a.png"}, map[string]string{"data": photo(t, 4, 5), "name": strings.Repeat("ä", 200)}}
	got := s.post(batch, body(t, "imageList", list, "upscaler_1", "R-ESRGAN 4x+"))
	var a struct{ Images []string }
	if err := json.Unmarshal(got.Body.Bytes(), &a); err != nil || len(a.Images) != 2 {
		t.Fatal(err, len(a.Images))
	}
	wantSize(t, decoded(t, a.Images[0]), 10, 8)
	wantSize(t, decoded(t, a.Images[1]), 8, 10)
	names := map[string]bool{}
	for _, j := range s.queue.Jobs() {
		names[j.InputName] = true
	}
	if !names["a.png"] || !names[strings.Repeat("ä", 127)] {
		t.Error(names)
	}
	s.queue.Work = dialecttest.Succeed
	golden(t, "batch.json", 200, s.post(batch, body(t, "imageList", list, "upscaler_1", "R-ESRGAN 4x+")))
	golden(t, "batch_empty.json", 200, s.post(batch, `{"imageList":[]}`))
}

func TestLists(t *testing.T) {
	t.Parallel()
	s := newServer()
	get := func(path string) *httptest.ResponseRecorder {
		return s.do(httptest.NewRequest(http.MethodGet, "/sdapi/v1/"+path, nil))
	}
	golden(t, "upscalers.json", 200, get("upscalers"))
	golden(t, "models.json", 200, get("realesrgan-models"))
	golden(t, "progress_idle.json", 200, get("progress"))
	golden(t, "not_found.json", 404, get("txt2img"))
	s.stores.Lister = nil
	golden(t, "not_found.json", 404, get("progress"))
	s.config.Upscalers = []automatic1111.Upscaler{{Name: "A <b> & 'c'", Model: "m", Scale: 3}}
	golden(t, "upscalers_own.json", 200, get("upscalers"))
	html, _ := answered(t, s.post(single, body(t, "image", photo(t, 2, 2), "upscaler_1", "A <b> & 'c'")))
	if !strings.Contains(html, "A &lt;b&gt; &amp; &#x27;c&#x27;") {
		t.Error(html)
	}
}

func TestProgress(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.queue.Work = nil
	s.queue.Now = func() time.Time { return dialecttest.Now.Add(-10 * time.Second) }
	for _, id := range []string{"a1", "a2", "a3"} {
		if _, err := s.queue.Submit(t.Context(), job.Spec{ID: id, API: automatic1111.Name}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.queue.Submit(t.Context(), job.Spec{ID: "other", API: "mnml"}, nil); err != nil {
		t.Fatal(err)
	}
	s.queue.Start("a1", 0.5)
	if err := s.queue.Cancel(t.Context(), "a3"); err != nil {
		t.Fatal(err)
	}
	golden(t, "progress.json", 200, s.do(httptest.NewRequest(http.MethodGet, "/sdapi/v1/progress?skip_current_image=true", nil)))
}

// The engine's file is returned unchanged.
func TestResultIsTheNetworks(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.queue.Work = dialecttest.Succeed
	golden(t, "single.json", 200, s.post(single, body(t, "image", photo(t, 3, 3), "upscaler_1", "R-ESRGAN 4x+")))
}
