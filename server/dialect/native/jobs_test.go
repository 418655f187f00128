package native_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/dialect/native"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

const known = jobsPath + "/" + knownID

// enhanced is a result with every field.
func enhanced() jobtest.Outcome {
	return jobtest.Outcome{Picture: []byte("the picture"), Result: &job.Result{
		Format: "webp", InputWidth: 40, InputHeight: 30, OutputWidth: 160, OutputHeight: 120, Bytes: 11, Seconds: 1.5,
		Model: "realesrgan-x4plus", Notes: []string{"The colour profile was dropped."},
		Faces: &job.Faces{Found: 3, Enhanced: 2, Restorer: "gfpgan"},
	}}
}

func allOptions() job.Options {
	half, no := 0.5, false
	return job.Options{
		Model: "realesr-general-x4v3", FitWidth: 1920, FitHeight: 1080, MaxInputWidth: 1400, Format: "webp", Quality: 90, Strip: true,
		Denoise: &half, Tile: 256, FaceEnhance: true,
		Face: &job.FaceOptions{Strength: &half, Minimum: 32, OnlyCentre: &no, Restorer: "gfpgan", Missing: "ignore"},
	}
}

func TestLifeOfAJob(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.submit(t, job.Spec{ID: knownID, InputName: "grüße/\"1\".jpg", Options: allOptions()})
	golden(t, "queued.json", 200, s.get(known))
	s.queue.Start(knownID, 0)
	golden(t, "running_begun.json", 200, s.get(known)) // no estimate yet
	s.queue.Start(knownID, 0.25)
	golden(t, "running.json", 200, s.get(known)) // 60 s for a quarter
	s.queue.Finish(knownID, enhanced())
	golden(t, "succeeded.json", 200, s.get(known))
}

func TestJobsThatFail(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		golden  string
		outcome jobtest.Outcome
	}{
		{"failed.json", failure(fault.Invalid, "The file ends early.")},
		{"failed_model.json", failure(fault.ModelMissing, "The model x is not installed: run upscaled models pull x.")},
		{"failed_internal.json", failure(fault.Internal, "segfault at 0x7f")},
		{"failed_internal.json", failure(fault.Invalid, "")},
		{"canceled.json", jobtest.Outcome{}},
	} {
		s := newServer()
		s.submit(t, job.Spec{ID: knownID})
		s.queue.Finish(knownID, c.outcome)
		golden(t, c.golden, 200, s.get(known))
	}
}

// A record that remembers nothing of its request is shown with what there is.
func TestRecordWithoutMemo(t *testing.T) {
	t.Parallel()
	s := newServer()
	if _, err := s.queue.Submit(t.Context(), job.Spec{ID: knownID, API: "native", Memo: "damaged"}, nil); err != nil {
		t.Fatal(err)
	}
	golden(t, "queued_bare.json", 200, s.get(known))
}

func TestOwnership(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.gate = dialecttest.Auth{Keys: map[string]job.Caller{"mine": {ID: "a"}, "yours": {ID: "b"}}}
	s.submit(t, job.Spec{ID: knownID, Account: "a"})
	s.submit(t, job.Spec{ID: otherID, Account: "a", API: "mnml"})
	s.queue.Finish(knownID, enhanced())
	for _, r := range guarded()[5:] {
		got := s.do(with("yours", r))
		golden(t, "no_job.json", 404, got)
	}
	for _, path := range []string{
		jobsPath + "/" + otherID, jobsPath + "/up_x", jobsPath + "/x", jobsPath + "/" + knownID + "0", jobsPath + "/%2e%2e", jobsPath + "//result",
	} {
		golden(t, "no_job.json", 404, s.do(with("mine", httptest.NewRequest(http.MethodGet, path, nil))))
	}
	var listing native.Listing
	got := s.do(with("yours", httptest.NewRequest(http.MethodGet, jobsPath, nil)))
	if err := json.Unmarshal(got.Body.Bytes(), &listing); err != nil || len(listing.Jobs) != 0 {
		t.Errorf("listed to others: %s, %v", got.Body, err)
	}
}

func TestListing(t *testing.T) {
	t.Parallel()
	s := newServer()
	golden(t, "list_empty.json", 200, s.get(jobsPath))
	const count = 23
	for i := range count {
		s.submit(t, job.Spec{ID: fmt.Sprintf("up_%024d", i), InputName: "a.png"})
	}
	s.submit(t, job.Spec{ID: "upscale_1_abc12345", API: "mnml"})
	golden(t, "list_last.json", 200, s.get(jobsPath+"?limit=1&before="+url.QueryEscape(nextOf(t, s, "?limit=22"))))
	seen, query := 0, ""
	for {
		var page native.Listing
		if err := json.Unmarshal(s.get(jobsPath+query).Body.Bytes(), &page); err != nil {
			t.Fatal(err)
		}
		for _, j := range page.Jobs {
			if seen++; j.ID != fmt.Sprintf("up_%024d", count-seen) {
				t.Fatalf("job %d is %s", seen, j.ID)
			}
		}
		if page.Next == nil {
			break
		}
		query = "?before=" + url.QueryEscape(*page.Next)
	}
	if seen != count {
		t.Errorf("%d jobs listed", seen)
	}
	for _, limit := range []string{"0", "101", "x", "-1", "1.5"} {
		golden(t, "limit.json", 400, s.get(jobsPath+"?limit="+limit))
	}
	golden(t, "cursor.json", 400, s.get(jobsPath+"?before=nonsense"))
}

func nextOf(t *testing.T, s *server, query string) string {
	t.Helper()
	var page native.Listing
	if err := json.Unmarshal(s.get(jobsPath+query).Body.Bytes(), &page); err != nil || page.Next == nil {
		t.Fatalf("no next page, %v", err)
	}
	return *page.Next
}

func TestCancel(t *testing.T) {
	t.Parallel()
	r := func() *http.Request { return httptest.NewRequest(http.MethodPost, known+"/cancel", nil) }
	s := newServer()
	s.submit(t, job.Spec{ID: knownID})
	for range 2 {
		golden(t, "canceled.json", 200, s.do(r()))
	}
	done := newServer()
	done.submit(t, job.Spec{ID: knownID, InputName: "grüße/\"1\".jpg", Options: allOptions()})
	done.queue.Start(knownID, 0)
	done.queue.Finish(knownID, enhanced())
	golden(t, "succeeded.json", 200, done.do(r()))
}

// Without keys, jobs are listed for the browser that sent them, and for other clients
// those of none.
func TestListOfABrowser(t *testing.T) {
	t.Parallel()
	s := newServer()
	names := map[string]string{"one": strings.Repeat("a", 22), "two": strings.Repeat("b", 22), "none": ""}
	for name, browser := range names {
		r := form(t, dialecttest.Field("scale", "2"))
		r.Header.Set("X-Upscaled-Browser", browser)
		if w := s.do(r); w.Code != http.StatusAccepted {
			t.Fatalf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	ids := map[string]bool{}
	for name, browser := range names {
		r := httptest.NewRequest(http.MethodGet, jobsPath, nil)
		r.Header.Set("X-Upscaled-Browser", browser)
		var listing native.Listing
		if err := json.Unmarshal(s.do(r).Body.Bytes(), &listing); err != nil || len(listing.Jobs) != 1 {
			t.Fatalf("%s: %+v, %v", name, listing.Jobs, err)
		}
		ids[listing.Jobs[0].ID] = true
	}
	if len(ids) != len(names) {
		t.Errorf("%d jobs are listed for %d browsers", len(ids), len(names))
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	for _, state := range []job.State{job.Queued, job.Running, job.Succeeded} {
		s := newServer()
		s.submit(t, job.Spec{ID: knownID})
		if state != job.Queued {
			s.queue.Start(knownID, 0)
		}
		if state == job.Succeeded {
			s.queue.Finish(knownID, enhanced())
		}
		for _, want := range []int{http.StatusNoContent, http.StatusNotFound} {
			if w := s.do(httptest.NewRequest(http.MethodDelete, known, nil)); w.Code != want {
				t.Errorf("%s: %d %s, want %d", state, w.Code, w.Body, want)
			}
		}
		for _, path := range []string{known, known + "/result", known + "/events"} {
			if w := s.get(path); w.Code != http.StatusNotFound {
				t.Errorf("%s of a deleted job: %d %s", path, w.Code, w.Body)
			}
		}
		if w := s.get(jobsPath); strings.Contains(w.Body.String(), knownID) {
			t.Errorf("a deleted job is listed: %s", w.Body)
		}
	}
}

// lost is a queue whose records can be neither read nor listed.
type lost struct{ *jobtest.Queue }

func (lost) Get(context.Context, string) (job.Job, error) { return job.Job{}, errDisk }

func (lost) List(context.Context, job.Page) ([]job.Job, string, error) { return nil, "", errDisk }

func TestStoreDefects(t *testing.T) {
	t.Parallel()
	for _, path := range []string{known, known + "/result", known + "/events", jobsPath, "/api/v1/events?ids=" + knownID} {
		s := newServer()
		s.lend = func(h *dialect.Services) { h.Queue = lost{s.queue} }
		s.parts.Jobs = lost{s.queue}
		golden(t, "internal.json", 500, s.get(path))
		if !errors.Is(s.logged, errDisk) {
			t.Errorf("%s: logged %v", path, s.logged)
		}
	}
}

// The webhook's body is the job object, whose addresses begin where the
// request was sent unless the server has an address of its own.
func TestWebhookBody(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.submit(t, job.Spec{ID: knownID, InputName: "a.png"})
	s.queue.Finish(knownID, enhanced())
	j, err := s.queue.Get(t.Context(), knownID)
	if err != nil {
		t.Fatal(err)
	}
	api := native.New(dialecttest.Services(&jobtest.Queue{}, dialecttest.Auth{}), native.Defaults(), native.Parts{})
	for base, want := range map[string]string{"": "https://asked.example", "https://public.example/": "https://public.example"} {
		kind, body, err := api.Body(j, base)
		var told native.Job
		if err == nil {
			err = json.Unmarshal(body, &told)
		}
		if err != nil || kind != "application/json" || told.URLs.Self != want+known || told.State != job.Succeeded ||
			told.Result.URL != want+"/v1/files/"+knownID+"?expires=1703258323&sig=00" {
			t.Errorf("%s %s, %v", kind, body, err)
		}
	}
}
