package replicate_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"upscaled/models/fault"
	"upscaled/server/account"
	"upscaled/server/dialect"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/dialect/replicate"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

// The life of a prediction, as a client that polls sees it.
func TestStates(t *testing.T) {
	t.Parallel()
	clock := dialecttest.Now
	s := newServer()
	s.queue.Now = func() time.Time { return clock }
	s.stores.Fetcher = fetcher{picture: photo(t)}
	body := `{"version":"abc","input":{"image":"` + pictureURL + `","scale":2.5,"face_enhance":true,"prompt":"ignored"}}`
	created := s.post(predictions, body)
	golden(t, "starting.json", 201, created)
	id := decode[replicate.Prediction](t, created).ID
	want := job.Options{Scale: 2.5, FaceEnhance: true, Format: "png"}
	if j := s.queue.Jobs()[0]; j.Options != want || j.InputName != "cat.jpg" || j.Price != 1 || j.API != "replicate" || j.Webhook != nil {
		t.Errorf("%+v", j)
	}
	clock = clock.Add(1500 * time.Millisecond)
	s.queue.Start(id, 0)
	golden(t, "processing_begun.json", 200, s.get(predictions+"/"+id))
	s.queue.Start(id, 0.456)
	golden(t, "processing.json", 200, s.get(predictions+"/"+id))
	clock = clock.Add(250 * time.Microsecond)
	s.queue.Finish(id, jobtest.Outcome{Picture: []byte("picture"), Result: &job.Result{
		Format: "png", Seconds: 1.2345678, Bytes: 7, Notes: []string{"One face was found.", "It was enhanced."},
		Faces: &job.Faces{Found: 1, Enhanced: 1, Restorer: "gfpgan"},
	}})
	done := s.get(predictions + "/" + id)
	golden(t, "succeeded.json", 200, done)
	if got := done.Header().Get(job.FaceHeader); got != "gfpgan" {
		t.Errorf("restorer %q", got)
	}
	golden(t, "succeeded.json", 200, s.post(predictions+"/"+id+"/cancel", "")) // too late changes nothing
}

func TestFailures(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]job.Failure{
		"failed_invalid.json":   {Kind: fault.Invalid, Message: "The image is incomplete."},
		"failed_too_large.json": {Kind: fault.TooLarge, Message: "Set --max-pixels higher."},
		"failed_internal.json":  {Kind: fault.DeviceMemory, Message: "Use a smaller --tile."},
	} {
		s := newServer()
		id := s.predict(t, order(dataURI(photo(t))))
		s.queue.Start(id, 0)
		s.queue.Finish(id, jobtest.Outcome{Failure: &failure})
		golden(t, name, 200, s.get(predictions+"/"+id))
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	s := newServer()
	id := s.predict(t, order(dataURI(photo(t))))
	for range 2 {
		golden(t, "canceled.json", 200, s.post(predictions+"/"+id+"/cancel", ""))
	}
	golden(t, "canceled.json", 200, s.get(predictions+"/"+id))
}

func TestList(t *testing.T) {
	t.Parallel()
	s := newServer()
	golden(t, "list_empty.json", 200, s.get(predictions))
	s.queue.Work = dialecttest.Succeed
	first := s.predict(t, order(dataURI(photo(t))))
	if _, err := s.queue.Submit(t.Context(), job.Spec{ID: "other", API: "mnml"}, photo(t)); err != nil {
		t.Fatal(err)
	}
	golden(t, "list_one.json", 200, s.get(predictions))
	for range 100 {
		s.predict(t, order(dataURI(photo(t))))
	}
	page := decode[replicate.Page[replicate.Prediction]](t, s.get(predictions))
	if len(page.Results) != 100 || page.Next == nil || page.Previous != nil || page.Results[99].ID == first {
		t.Fatalf("%d results, next %v", len(page.Results), page.Next)
	}
	next, found := strings.CutPrefix(*page.Next, "https://upscaled.example")
	if !found {
		t.Fatal(*page.Next)
	}
	golden(t, "list_one.json", 200, s.get(next))
	golden(t, "bad_cursor.json", 400, s.get(predictions+"?cursor=nonsense!"))
}

func TestModels(t *testing.T) {
	t.Parallel()
	s := newServer()
	golden(t, "model.json", 200, s.get(model))
	golden(t, "versions.json", 200, s.get(model+"/versions"))
	golden(t, "version.json", 200, s.get(model+"/versions/42fed1c4974146d4d4414e2be2c5277c7fcf05fde3b22e94cee859b8a4a39d44"))
	golden(t, "model_cjwbw.json", 200, s.get("/v1/models/cjwbw/real-esrgan"))
	golden(t, "model_xinntao.json", 200, s.get("/v1/models/xinntao/realesrgan"))
	s.config.Models = s.config.Models[2:]
	golden(t, "models.json", 200, s.get("/v1/models"))
	golden(t, "search.json", 200, s.get("/v1/search?query=xinntao+ESRGAN"))
	golden(t, "search_none.json", 200, s.get("/v1/search?query=flux"))
	query := httptest.NewRequest("QUERY", "/v1/models", strings.NewReader("realesrgan"))
	golden(t, "models.json", 200, s.do(query))
	golden(t, "none.json", 200, s.get("/v1/files"))
	golden(t, "none.json", 200, s.do(httptest.NewRequest("QUERY", "/v1/models", strings.NewReader("flux"))))
	for _, path := range []string{
		"/v1/models/nightmareai/other", "/v1/models/other/real-esrgan/versions", "/v1/models/other/real-esrgan/versions/a",
		model + "/versions/a%20b", "/v1/models/nightmareai", "/v1/nothing",
	} {
		golden(t, "not_found.json", 404, s.get(path))
	}
	golden(t, "not_found.json", 404, s.post("/v1/models/nightmareai/other/predictions", order(dataURI(photo(t)))))
	golden(t, "method.json", 405, s.do(httptest.NewRequest(http.MethodPut, predictions, nil)))
}

// The model and version that a prediction reports.
func TestVersions(t *testing.T) {
	t.Parallel()
	const latest = "f121d640bd286e1fdc67f9799164c1d5be36ff74576ee11c803ae5b665dd46aa"
	const first, second = "nightmareai/real-esrgan", "daanelson/real-esrgan-a100"
	for given, want := range map[string][2]string{
		"42fed1c4": {first, "42fed1c4"}, first: {first, latest}, first + ":42fed1c4": {first, "42fed1c4"},
		second: {second, latest}, second + ":latest": {second, "latest"},
	} {
		s := newServer()
		s.config.Models = []string{first, second}
		body := strings.Replace(order(dataURI(photo(t))), "42fed1c4", given, 1)
		got := decode[replicate.Prediction](t, s.post(predictions, body))
		if got.Model != want[0] || got.Version != want[1] {
			t.Errorf("%s: %s, %s", given, got.Model, got.Version)
		}
	}
	s := newServer()
	s.config.Models = nil
	got := decode[replicate.Prediction](t, s.post(model+"/predictions", order(dataURI(photo(t)))))
	if got.Model != first || got.Version != latest {
		t.Errorf("by path: %s, %s", got.Model, got.Version)
	}
}

// Versions and models that do something else are refused, and not charged.
func TestOtherModels(t *testing.T) {
	t.Parallel()
	for _, version := range []string{
		"fb8af171cfa1616ddcf1242c093f9c46bcada5ad4cf6f2fbe8b81b330ec5c003", // background removal, with an input image
		"42fed1c", "42fed1c5", "stability-ai/sdxl", "stability-ai/sdxl:42fed1c4974146d4d2414e2be2c5277c7fcf05fcc3a73abf41610695738c1d7b", ":", "a:b",
	} {
		s := newServer()
		golden(t, "version_unknown.json", 422, s.post(predictions, strings.Replace(order(dataURI(photo(t))), "42fed1c4", version, 1)))
		if jobs := s.queue.Jobs(); len(jobs) > 0 {
			t.Errorf("%s: accepted", version)
		}
	}
}

// Other Real-ESRGAN models have inputs, defaults and models of their own.
func TestVariants(t *testing.T) {
	t.Parallel()
	const cjwbw, xinntao = "d0ee3d708c9b911f122a4ad90046c5d26a0293b99476d697f6bb7f2e251ce2d4", "1b976a4d456ed9e4d1a846597b7614e79eadad3032e9124fa63859db0fd59b56"
	image := `"` + dataURI(photo(t)) + `"`
	for _, c := range []struct {
		version, input string
		want           job.Options
		repeated       string
	}{
		{cjwbw, `"image":IMAGE,"upscale":2`, job.Options{Scale: 2}, `{"image":"IMAGE","upscale":2}`},
		{"cjwbw/real-esrgan", `"image":IMAGE,"scale":2,"version":"x"`, job.Options{Scale: 4}, `{"image":"IMAGE"}`},
		{xinntao, `"img":IMAGE,"tile":0`, job.Options{Scale: 2, Model: "realesr-general-x4v3"}, `{"img":"IMAGE"}`},
		{xinntao, `"img":IMAGE,"scale":4,"version":"Anime - anime6B","face_enhance":true`,
			job.Options{Scale: 4, Model: "realesrgan-x4plus-anime-6b", FaceEnhance: true},
			`{"img":"IMAGE","scale":4,"face_enhance":true,"version":"Anime - anime6B"}`},
		{"xinntao/realesrgan:1", `"img":IMAGE,"version":"General - RealESRGANplus"`, job.Options{Scale: 2, Model: "realesrgan-x4plus"},
			`{"img":"IMAGE","version":"General - RealESRGANplus"}`},
		{"nightmareai/real-esrgan", `"image":IMAGE,"upscale":2,"version":"Anime - anime6B"`, job.Options{Scale: 4}, `{"image":"IMAGE"}`},
	} {
		s := newServer()
		got := s.post(predictions, `{"version":"`+c.version+`","input":{`+strings.ReplaceAll(c.input, "IMAGE", image)+`}}`)
		c.want.Format = "png"
		if got.Code != http.StatusCreated || s.queue.Jobs()[0].Options != c.want {
			t.Errorf("%s: %d %s, %+v", c.input, got.Code, got.Body, s.queue.Jobs())
			continue
		}
		repeated, _ := json.Marshal(decode[replicate.Prediction](t, got).Input)
		short := strings.ReplaceAll(c.repeated, `"IMAGE"`, image)
		if len(image) > 4<<10 {
			short = strings.ReplaceAll(c.repeated, "IMAGE", "data:image/png;base64,...")
		}
		if string(repeated) != short {
			t.Errorf("%s: repeated as %s", c.input, repeated)
		}
	}
	for name, body := range map[string]string{
		"no_img.json":            `{"version":"` + xinntao + `","input":{"image":` + image + `}}`,
		"upscale_high.json":      `{"version":"` + cjwbw + `","input":{"image":` + image + `,"upscale":11}}`,
		"choice_unknown.json":    `{"version":"` + xinntao + `","input":{"img":` + image + `,"version":"v4"}}`,
		"choice_empty.json":      `{"version":"` + xinntao + `","input":{"img":` + image + `,"version":""}}`,
		"choice_type.json":       `{"version":"` + xinntao + `","input":{"img":` + image + `,"version":3}}`,
		"img_not_a_picture.json": `{"version":"` + xinntao + `","input":{"img":"data:image/png;base64,dGV4dA=="}}`,
	} {
		golden(t, name, 422, newServer().post(predictions, body))
	}
}

// Clients check keys and look around by these before they predict.
func TestAccounts(t *testing.T) {
	t.Parallel()
	s := newServer()
	golden(t, "account_local.json", 200, s.get("/v1/account"))
	golden(t, "secret_local.json", 403, s.get("/v1/webhooks/default/secret"))
	s.gate = dialecttest.Auth{Keys: map[string]job.Caller{"key": {ID: "me", Name: "camera"}}}
	get := func(path string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("Authorization", "Bearer key")
		return s.do(r)
	}
	golden(t, "account.json", 200, get("/v1/account"))
	golden(t, "hardware.json", 200, get("/v1/hardware"))
	kept := dialecttest.Form(t, files, dialecttest.File("content", "cat.png", photo(t)))
	kept.Header.Set("Authorization", "Bearer key")
	golden(t, "file_cat.json", 201, s.do(kept))
	golden(t, "files.json", 200, get("/v1/files"))
	for _, list := range []string{"collections", "deployments", "trainings"} {
		golden(t, "none.json", 200, get("/v1/"+list))
	}
}

// A secret of webhooks is read with a key, and is that key's.
func TestWebhookSecret(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.gate = dialecttest.Auth{Keys: map[string]job.Caller{"one": {ID: "me"}, "two": {ID: "you"}}}
	for key, want := range map[string]string{"one": `{"key":"whsec_me"}`, "two": `{"key":"whsec_you"}`} {
		r := httptest.NewRequest(http.MethodGet, "/v1/webhooks/default/secret", nil)
		r.Header.Set("Authorization", "Bearer "+key)
		if got := s.do(r); got.Code != http.StatusOK || strings.TrimSpace(got.Body.String()) != want {
			t.Errorf("%s: %d %s", key, got.Code, got.Body)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/v1/webhooks/default/secret", nil)
	golden(t, "unauthenticated.json", 401, s.do(r))
	golden(t, "secret_local.json", 403, newServer().get("/v1/webhooks/default/secret"))
}

func TestKeys(t *testing.T) {
	t.Parallel()
	gate := dialecttest.Auth{
		Keys:   map[string]job.Caller{"good": {ID: "me"}, "off": {ID: "me"}, "fast": {ID: "me"}, "slow": {ID: "me"}},
		Errors: map[string]error{"off": fault.New(fault.Disabled, "off"), "fast": fault.New(fault.RateLimited, "wait")},
	}
	gate.Errors["slow"] = &account.RetryAfter{Wait: time.Second, Err: fault.New(fault.RateLimited, "wait")}
	for _, c := range []struct {
		header, golden string
		status         int
	}{
		{"Bearer good", "list_empty.json", 200}, {"Token good", "list_empty.json", 200}, {"token  good ", "list_empty.json", 200},
		{"", "unauthenticated.json", 401}, {"Bearer bad", "unauthenticated.json", 401}, {"Token", "unauthenticated.json", 401},
		{"Basic good", "unauthenticated.json", 401}, {"Bearer off", "unauthenticated.json", 401},
		{"Bearer fast", "throttled.json", 429}, {"Bearer slow", "throttled_second.json", 429},
	} {
		s := newServer()
		s.gate = gate
		r := httptest.NewRequest(http.MethodGet, predictions, nil)
		r.Header.Set("Authorization", c.header)
		golden(t, c.golden, c.status, s.do(r))
	}
	s := newServer()
	s.gate = gate
	for _, target := range []string{
		"GET " + model, "GET " + model + "/versions", "GET " + model + "/versions/a", "POST " + model + "/predictions",
		"POST " + predictions, "GET " + predictions + "/a", "POST " + predictions + "/a/cancel",
		"POST " + files, "GET " + files, "GET " + files + "/a", "DELETE " + files + "/a",
		"GET /v1/account", "GET /v1/hardware", "GET /v1/models", "QUERY /v1/models", "GET /v1/search", "GET /v1/collections",
	} {
		method, path, _ := strings.Cut(target, " ")
		golden(t, "unauthenticated.json", 401, s.do(httptest.NewRequest(method, path, nil)))
	}
}

// Other callers' predictions look like unknown ones.
func TestOwnership(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.gate = dialecttest.Auth{Keys: map[string]job.Caller{"mine": {ID: "me"}, "yours": {ID: "you"}}}
	got := s.post(predictions, order(dataURI(photo(t))), "Authorization", "Bearer mine")
	id := decode[replicate.Prediction](t, got).ID
	for _, path := range []string{id, strings.Repeat("a", 26), "short", strings.Repeat("A", 26)} {
		r := httptest.NewRequest(http.MethodGet, predictions+"/"+path, nil)
		r.Header.Set("Authorization", "Bearer yours")
		golden(t, "not_found.json", 404, s.do(r))
		golden(t, "not_found.json", 404, s.post(predictions+"/"+path+"/cancel", "", "Authorization", "Bearer yours"))
	}
	if j, err := s.queue.Get(t.Context(), id); err != nil || j.State != job.Queued || j.Account != "me" {
		t.Errorf("%+v, %v", j, err)
	}
}

func TestRefusedSubmissions(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err    error
		status int
	}{
		"no_credits.json": {fault.New(fault.NoCredits, "x"), 402}, "busy.json": {fault.New(fault.Busy, "x"), 503},
		"throttled.json": {fault.New(fault.RateLimited, "x"), 429}, "internal.json": {errDisk, 500},
	} {
		s := newServer()
		s.queue.Refuse = func(job.Spec) error { return c.err }
		got := s.post(predictions, order(dataURI(photo(t))))
		golden(t, name, c.status, got)
		if (s.logged != nil) != (c.status == 500) {
			t.Errorf("%s: logged %v", name, s.logged)
		}
		if retry := got.Header().Get("Retry-After"); (retry == "5") != (c.status == 503 || c.status == 429) {
			t.Errorf("%s: Retry-After %q", name, retry)
		}
	}
}

func TestClientThatLeaves(t *testing.T) {
	t.Parallel()
	s := newServer()
	ctx, leave := context.WithCancel(t.Context())
	leave()
	r := httptest.NewRequest(http.MethodPost, predictions, strings.NewReader(order(dataURI(photo(t)))))
	if got := s.do(r.WithContext(ctx)); got.Body.Len() > 0 || s.logged != nil || len(s.queue.Jobs()) > 0 {
		t.Errorf("answered %s, logged %v, %d jobs", got.Body, s.logged, len(s.queue.Jobs()))
	}
}

// Over plain http, clients that make files only of https: and data: URLs get
// results as data URIs, and the command line gets the list that it saves.
func TestOutputsOfClients(t *testing.T) {
	t.Parallel()
	const (
		js, python, data = "replicate-javascript/1.4.0", "replicate-python/1.0.7", "data:image/png;base64,cGljdHVyZQ=="
		link             = "upscaled.example/v1/files/<id>/output.png?expires=1703258323&sig=00"
	)
	for _, c := range []struct {
		client, scheme string
		below          int64
		want           any
	}{
		{js, "http://", 8, data}, {python, "http://", 8, data},
		{js, "http://", 7, "http://" + link}, {js, "http://", 0, "http://" + link}, {js, "https://", 8, "https://" + link},
		{"replicate-javascript/0.34.1", "http://", 8, "http://" + link}, {"curl/8.5.0", "http://", 8, "http://" + link},
		{"replicate-cli/dev", "http://", 8, []any{"http://" + link}}, {"replicate-cli/dev", "https://", 8, []any{"https://" + link}},
	} {
		s := newServer()
		s.config.DataURIBelow = c.below
		s.queue.Work = dialecttest.Succeed // seven bytes
		s.lend = func(h *dialect.Services) {
			h.BaseURL = func(*http.Request) string { return c.scheme + "upscaled.example" }
		}
		id := s.predict(t, order(dataURI(photo(t))))
		r := httptest.NewRequest(http.MethodGet, predictions+"/"+id, nil)
		r.Header.Set("User-Agent", c.client)
		answer := s.do(r)
		output := strings.ReplaceAll(fmt.Sprint(decode[replicate.Prediction](t, answer).Output), id, "<id>")
		if output != fmt.Sprint(c.want) {
			t.Errorf("%s over %s below %d: %v", c.client, c.scheme, c.below, output)
		}
		if length := answer.Header().Get("Content-Length"); length != "" && length != strconv.Itoa(answer.Body.Len()) {
			t.Errorf("%s: %s bytes were announced, %d sent", c.client, length, answer.Body.Len())
		}
		r = httptest.NewRequest(http.MethodGet, predictions, nil)
		r.Header.Set("User-Agent", js)
		listed, _ := decode[replicate.Page[replicate.Prediction]](t, s.do(r)).Results[0].Output.(string)
		if !strings.HasPrefix(listed, c.scheme) {
			t.Errorf("listed as %v", listed)
		}
	}
}
