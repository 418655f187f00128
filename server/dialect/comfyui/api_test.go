package comfyui_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"upscaled/models/fault"
	"upscaled/server/account"
	"upscaled/server/dialect"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

func TestBodies(t *testing.T) {
	t.Parallel()
	s := newServer()
	for name, body := range map[string]string{
		"no_json": `{"prompt":`, "no_prompt": `{}`, "long_client": fmt.Sprintf(`{"prompt":{},"client_id":%q}`, strings.Repeat("a", 129)),
		"large_graph": fmt.Sprintf(`{"prompt":{"1":{"class_type":%q}}}`, strings.Repeat("a", 64<<10)),
	} {
		golden(t, name+".json", http.StatusBadRequest, s.post("/prompt", body))
	}
	golden(t, "large_body.json", http.StatusRequestEntityTooLarge, s.post("/prompt", strings.Repeat(" ", 8<<20+1)))
	golden(t, "not_found.json", http.StatusNotFound, s.get("/view?filename=a.png"))
	golden(t, "no_json.json", http.StatusBadRequest, s.post("/queue", `x`))
	golden(t, "no_json.json", http.StatusBadRequest, s.post("/interrupt", `x`))
}

func TestLists(t *testing.T) {
	t.Parallel()
	s := newServer()
	for _, prefix := range []string{"", "/api"} {
		golden(t, "object_info.json", 200, s.get(prefix+"/object_info"))
		golden(t, "object_info_one.json", 200, s.get(prefix+"/object_info/UpscaleModelLoader"))
		golden(t, "object_info_none.json", 200, s.get(prefix+"/object_info/KSampler"))
		golden(t, "system_stats.json", 200, s.get(prefix+"/system_stats"))
		golden(t, "queue_empty.json", 200, s.get(prefix+"/queue"))
		golden(t, "history_empty.json", 200, s.get(prefix+"/history"))
		golden(t, "history_empty.json", 200, s.get(prefix+"/history/unknown"))
		golden(t, "status_idle.json", 200, s.get(prefix+"/prompt"))
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.gate = dialecttest.Auth{
		Keys: map[string]job.Caller{"good": {ID: "a"}, "off": {ID: "b"}, "fast": {ID: "c"}, "full": {}, "broken": {}},
		Errors: map[string]error{
			"off": fault.New(fault.Disabled, "off"), "full": fault.New(fault.Busy, "full"), "broken": errDisk,
			"fast": &account.RetryAfter{Wait: 1500 * time.Millisecond, Err: fault.New(fault.RateLimited, "fast")},
		},
	}
	for path, method := range map[string]string{
		"/prompt": "POST", "/upload/image": "POST", "/view": "GET", "/queue": "GET", "/api/queue": "POST", "/interrupt": "POST", "/history": "GET",
		"/history/x": "GET", "/object_info": "GET", "/object_info/x": "GET", "/system_stats": "GET", "/ws": "GET", "/api/ws": "GET",
	} {
		for _, c := range []struct {
			key, golden, retry string
			status             int
		}{
			{"", "unauthorized.json", "", 401}, {"bad", "unauthorized.json", "", 401}, {"off", "unauthorized.json", "", 401},
			{"fast", "rate.json", "2", 429}, {"full", "busy.json", "5", 503}, {"broken", "internal.json", "", 500},
		} {
			r := httptest.NewRequest(method, path+"?token="+c.key, nil)
			got := s.do(r)
			golden(t, c.golden, c.status, got)
			if got.Header().Get("Retry-After") != c.retry {
				t.Errorf("%s %s: %v", path, c.key, got.Header())
			}
		}
	}
	for _, header := range []string{"Bearer good", "Basic eDpnb29k"} { // x:good
		r := httptest.NewRequest(http.MethodGet, "/prompt?token=bad", nil)
		r.Header.Set("Authorization", header)
		golden(t, "status_idle.json", 200, s.do(r))
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
		{"output.json", 413, fault.Wrap(fault.TooLarge, &dialect.ResultTooLarge{}, "x")},
	} {
		s := newServer()
		s.upload(t, "a.png", dialecttest.PNG(t, 20, 10, false))
		count := 0
		s.queue.Refuse = func(job.Spec) error {
			if count++; count == 2 {
				return c.err
			}
			return nil
		}
		got := s.post("/prompt", `{"prompt":`+nodes(load, loader, model, save, `PreviewImage {"images":["1",0]}`)+`}`)
		if c.status == 429 {
			dialecttest.Golden(t, c.golden, got.Body.Bytes())
		} else {
			golden(t, c.golden, c.status, got)
		}
		if jobs := s.queue.Jobs(); len(jobs) != 1 || jobs[0].State != job.Canceled {
			t.Errorf("%s leaves %+v", c.golden, jobs)
		}
	}
}

// placeholders replaces what differs from run to run.
var random = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32}`)

func constant(r *httptest.ResponseRecorder) *httptest.ResponseRecorder {
	text := random.ReplaceAll(r.Body.Bytes(), []byte("<id>"))
	r.Body = bytes.NewBuffer(text)
	return r
}

// A prompt with two images and four outputs, from its acceptance to its images.
func TestPromptsLife(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.upload(t, "a.png", dialecttest.PNG(t, 20, 10, false))
	graph := nodes(load, loader, model, save, `PreviewImage {"images":["3",0]}`, `ImageScaleBy {"image":["1",0],"upscale_method":"area","scale_by":2}`,
		`SaveImage {"images":["6",0],"filename_prefix":"sub/folder/half"}`, `SaveImage {"images":["6",0],"filename_prefix":""}`)
	accepted := s.post("/api/prompt", fmt.Sprintf(`{"prompt":%s,"client_id":"c","extra_data":{"extra_pnginfo":{}}}`, graph))
	var answer struct {
		ID string `json:"prompt_id"`
	}
	if err := json.Unmarshal(accepted.Body.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	golden(t, "accepted.json", 200, constant(accepted))
	golden(t, "queue_pending.json", 200, constant(s.get("/queue")))
	golden(t, "history_empty.json", 200, s.get("/history/"+answer.ID))
	golden(t, "status_one.json", 200, s.get("/prompt"))
	jobs := s.queue.Jobs()
	if len(jobs) != 2 {
		t.Fatalf("%d jobs", len(jobs))
	}
	for i, j := range jobs {
		s.queue.Start(j.ID, 0.5)
		golden(t, "queue_running.json", 200, constant(s.get("/queue")))
		golden(t, "history_empty.json", 200, s.get("/history"))
		s.finish(j.ID, dialecttest.PNG(t, 30, i+1, false))
	}
	golden(t, "history.json", 200, constant(s.get("/history?max_items=5")))
	golden(t, "history.json", 200, constant(s.get("/history/"+answer.ID)))
	golden(t, "history_empty.json", 200, s.get("/history?max_items=0"))
	golden(t, "queue_empty.json", 200, s.get("/queue"))
	found := outputs(t, s.get("/history/"+answer.ID).Body.Bytes(), answer.ID)
	if len(found) != 4 || found["7"].Subfolder != "sub/folder" || found["5"].Type != "temp" || found["4"].Filename == found["7"].Filename {
		t.Errorf("%+v", found)
	}
	for node, same := range map[string]string{"4": "5", "7": "8"} {
		one, other := s.get(found[node].query()), s.get("/api"+found[same].query())
		if one.Code != 200 || one.Header().Get("Content-Type") != "image/png" || one.Body.Len() == 0 || !bytes.Equal(one.Body.Bytes(), other.Body.Bytes()) {
			t.Errorf("%s: %d %v, %d bytes", node, one.Code, one.Header(), one.Body.Len())
		}
	}
	s.upload(t, "again.png", dialecttest.PNG(t, 20, 10, false))
	s.submit(t, nodes(fmt.Sprintf(`LoadImage {"image":"sub/folder/%s [output]"}`, found["7"].Filename), `PreviewImage {"images":["1",0]}`), "")
}

// A prompt whose jobs are deleted or expire one after the other has ended all the same.
func TestDeletedJobs(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.upload(t, "a.png", dialecttest.PNG(t, 20, 10, false))
	id := s.submit(t, nodes(load, loader, model, save, `PreviewImage {"images":["1",0]}`), "")
	for _, j := range s.queue.Jobs() {
		s.finish(j.ID, dialecttest.PNG(t, 3, 3, false))
	}
	if err := s.queue.Delete(t.Context(), s.queue.Jobs()[0].ID); err != nil {
		t.Fatal(err)
	}
	golden(t, "queue_empty.json", 200, s.get("/queue"))
	golden(t, "status_idle.json", 200, s.get("/prompt"))
	found := outputs(t, s.get("/history").Body.Bytes(), id)
	golden(t, "not_found.json", 404, s.get(found["4"].query()))
	if r := s.get(found["5"].query()); r.Code != 200 || len(found) != 2 {
		t.Errorf("%d %+v", r.Code, found)
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	for name, outcome := range map[string]jobtest.Outcome{
		"failed": {Failure: &job.Failure{Kind: fault.Internal, Message: "/models/x is not there"}}, "interrupted": {},
		"expired": {Failure: &job.Failure{Kind: fault.Busy, Message: "The image waited too long and has expired."}}, // before it began
	} {
		s := newServer()
		s.upload(t, "a.png", dialecttest.PNG(t, 20, 10, false))
		id := s.submit(t, upscale(), "c")
		if name != "expired" {
			s.queue.Start(s.queue.Jobs()[0].ID, 0.5)
		}
		s.queue.Finish(s.queue.Jobs()[0].ID, outcome)
		golden(t, "history_"+name+".json", 200, constant(s.get("/history/"+id)))
		golden(t, "status_idle.json", 200, s.get("/prompt"))
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.gate = dialecttest.Auth{Keys: map[string]job.Caller{"mine": {ID: "a"}, "other": {ID: "b"}}}
	prompts := map[string]string{} // states by name
	for name, key := range map[string]string{"waits": "mine", "runs": "mine", "waits too": "mine", "runs too": "mine", "others waits": "other", "others runs": "other"} {
		form := dialecttest.Form(t, "/upload/image?token="+key, dialecttest.File("image", "a.png", dialecttest.PNG(t, 20, 10, false)), dialecttest.Field("overwrite", "true"))
		if r := s.do(form); r.Code != 200 {
			t.Fatal(r.Code, r.Body)
		}
		if r := s.post("/prompt?token="+key, fmt.Sprintf(`{"prompt":%s,"prompt_id":%q}`, upscale(), name)); r.Code != 200 {
			t.Fatal(r.Code, r.Body)
		}
		prompts[name] = ""
	}
	states := func() map[string]job.State {
		all := map[string]job.State{}
		for _, j := range s.queue.Jobs() {
			var memo struct{ Prompt string }
			_ = json.Unmarshal([]byte(j.Memo), &memo)
			all[memo.Prompt] = j.State
			if strings.Contains(memo.Prompt, "runs") && j.State == job.Queued {
				s.queue.Start(j.ID, 0.1)
			}
		}
		return all
	}
	states()
	for _, step := range []struct{ path, body, canceled string }{
		{"/queue", `{"delete":["waits","runs","others waits"]}`, "waits"}, {"/interrupt", `{"prompt_id":"runs"}`, "runs"}, {"/interrupt", `{"prompt_id":"waits too"}`, ""},
		{"/queue", `{"clear":true}`, "waits too"}, {"/interrupt", ``, "runs too"},
	} {
		before := states()
		if r := s.post(step.path+"?token=mine", step.body); r.Code != 200 || r.Body.Len() > 0 {
			t.Errorf("%s: %d %s", step.body, r.Code, r.Body)
		}
		for name, state := range states() {
			if state != before[name] && name != step.canceled || name == step.canceled && state != job.Canceled {
				t.Errorf("after %s %s: %s is %s", step.path, step.body, name, state)
			}
		}
	}
	golden(t, "history_empty.json", 200, s.get("/history/waits?token=mine"))
	if r := s.get("/history/runs?token=mine"); !strings.Contains(r.Body.String(), "execution_interrupted") {
		t.Error(r.Body)
	}
}

// Names and IDs are a caller's own: no other sees or meets them.
func TestCallers(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.gate = dialecttest.Auth{Keys: map[string]job.Caller{"mine": {ID: "a"}, "other": {ID: "b"}}}
	image := dialecttest.PNG(t, 20, 10, false)
	if r := s.do(dialecttest.Form(t, "/upload/image?token=mine", dialecttest.File("image", "a.png", image))); r.Code != 200 {
		t.Fatal(r.Body)
	}
	if r := s.post("/prompt?token=mine", fmt.Sprintf(`{"prompt":%s,"prompt_id":"same"}`, upscale())); r.Code != 200 {
		t.Fatal(r.Body)
	}
	s.finish(s.queue.Jobs()[0].ID, image)
	result := outputs(t, s.get("/history?token=mine").Body.Bytes(), "same")["4"].query()
	for path, want := range map[string]int{result: 200, "/view?type=input&filename=a.png": 200} {
		if r := s.get(path + "&token=mine"); r.Code != want || !bytes.Equal(r.Body.Bytes(), image) {
			t.Errorf("%s: %d", path, r.Code)
		}
		golden(t, "not_found.json", 404, s.get(path+"&token=other"))
	}
	golden(t, "history_empty.json", 200, s.get("/history?token=other"))
	golden(t, "history_empty.json", 200, s.get("/history/same?token=other"))
	golden(t, "no_image_other.json", 400, s.post("/prompt?token=other", fmt.Sprintf(`{"prompt":%s,"prompt_id":"same"}`, upscale())))
	if r := s.do(dialecttest.Form(t, "/upload/image?token=other", dialecttest.File("image", "a.png", image))); r.Code != 200 {
		t.Error(r.Body)
	}
	if r := s.post("/prompt?token=other", fmt.Sprintf(`{"prompt":%s,"prompt_id":"same"}`, upscale())); r.Code != 200 || len(s.queue.Jobs()) != 2 {
		t.Error(r.Body)
	}
}

func TestPromptIDs(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.upload(t, "a.png", dialecttest.PNG(t, 20, 10, false))
	body := fmt.Sprintf(`{"prompt":%s,"prompt_id":"mine"}`, upscale())
	if r := s.post("/prompt", body); r.Code != 200 || !strings.Contains(r.Body.String(), `"prompt_id":"mine"`) {
		t.Errorf("%d %s", r.Code, r.Body)
	}
	golden(t, "prompt_id.json", 400, s.post("/prompt", body))
	if n := len(s.queue.Jobs()); n != 1 {
		t.Errorf("%d jobs", n)
	}
	s.queue.Refuse = func(job.Spec) error { return fault.New(fault.Conflict, "x") } // used at the same time
	golden(t, "prompt_id.json", 400, s.post("/prompt", strings.Replace(body, "mine", "other", 1)))
}

func TestUploads(t *testing.T) {
	t.Parallel()
	s := newServer()
	one, other := dialecttest.PNG(t, 20, 10, false), dialecttest.PNG(t, 10, 20, false)
	for _, c := range []struct {
		image  []byte
		fields []string
		want   string
	}{
		{one, nil, "a.png"}, {one, nil, "a.png"}, {other, nil, "a (1).png"}, {other, nil, "a (1).png"}, {other, []string{"overwrite", "true"}, "a.png"},
		{one, []string{"subfolder", "b/c", "type", "temp"}, "a.png"}, {one, []string{"overwrite", "false"}, "a (2).png"},
	} {
		if got := s.upload(t, "a.png", c.image, c.fields...); got != c.want {
			t.Errorf("%v: %s, want %s", c.fields, got, c.want)
		}
	}
	for query, want := range map[string][]byte{
		"filename=a.png&type=input": other, "filename=a+(2).png&type=input": one, "filename=a.png&type=temp&subfolder=b/c": one, "filename=../../a.png&type=input": other,
	} {
		r := s.get("/view?" + query)
		if r.Code != 200 || !bytes.Equal(r.Body.Bytes(), want) || r.Header().Get("Content-Type") != "image/png" || !strings.Contains(r.Header().Get("Content-Disposition"), `filename="a`) {
			t.Errorf("%s: %d %v", query, r.Code, r.Header())
		}
	}
	golden(t, "uploaded.json", 200, s.do(dialecttest.Form(t, "/upload/image", dialecttest.File("image", "b.png", one), dialecttest.Field("subfolder", "s"))))
	for name, form := range map[string]*http.Request{
		"upload_no_file":  dialecttest.Form(t, "/upload/image", dialecttest.Field("image", "x")),
		"upload_outside":  dialecttest.Form(t, "/upload/image", dialecttest.File("image", "a.png", one), dialecttest.Field("subfolder", "../x")),
		"upload_no_form":  httptest.NewRequest(http.MethodPost, "/upload/image", strings.NewReader("x")),
		"upload_too_many": dialecttest.Form(t, "/upload/image", dialecttest.File("image", "a.png", one), dialecttest.File("image", "b.png", one)),
	} {
		golden(t, name+".json", 400, s.do(form))
	}
	small := newServer()
	small.config.MaxBytes = 20
	golden(t, "upload_too_large.json", 413, small.do(dialecttest.Form(t, "/upload/image", dialecttest.File("image", "a.png", one))))
	crowded := newServer()
	crowded.queue.UploadBytes = 20
	golden(t, "rate_upload.json", 429, crowded.do(dialecttest.Form(t, "/upload/image", dialecttest.File("image", "a.png", one))))
}
