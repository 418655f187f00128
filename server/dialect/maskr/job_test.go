package maskr_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"upscaled/models/fault"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

func TestJob(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.queue.Work, s.wait = nil, 0
	s.gate.Keys = map[string]job.Caller{"mine": {ID: "a"}, "other": {ID: "b"}}
	as := func(key string, r *http.Request) *httptest.ResponseRecorder {
		r.Header.Set("Authorization", "Bearer "+key)
		return s.do(r)
	}
	posted := as("mine", dialecttest.Form(t, single, photo(t))).Body.String()
	id := jobField.FindStringSubmatch(posted)[1]
	if !uuids.MatchString(id) {
		t.Errorf("the job's ID is %q", id)
	}
	get := func(key string) *httptest.ResponseRecorder {
		return as(key, httptest.NewRequest(http.MethodGet, "/v1/jobs/"+id, nil))
	}
	golden(t, "pending.json", 200, get("mine"))
	s.queue.Start(id, 0.5)
	golden(t, "processing.json", 200, get("mine"))
	spec, input := s.queue.Jobs()[0].Spec, s.queue.Input(id)
	s.queue.Finish(id, dialecttest.Succeed(spec, input))
	golden(t, "completed.json", 200, get("mine"))
	golden(t, "job_not_found.json", 404, get("other"))
	if _, err := s.queue.Submit(t.Context(), job.Spec{ID: "m", API: "mnml", Account: "a"}, nil); err != nil {
		t.Fatal(err)
	}
	for _, id = range []string{"m", "unknown", "%2e%2e%2f"} {
		golden(t, "job_not_found.json", 404, get("mine"))
	}
}

func TestProcessingTimeIsRounded(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.queue.Work = func(spec job.Spec, input []byte) jobtest.Outcome {
		o := dialecttest.Succeed(spec, input)
		o.Result.Seconds = 2.3405449
		return o
	}
	if body := s.do(dialecttest.Form(t, single, photo(t))).Body.String(); !strings.Contains(body, `"processing_time_ms":2340.5,`) {
		t.Error(body)
	}
}

// An image that only the worker finds broken has a record like any other.
func TestJobOfABrokenPicture(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.queue.Work = fail(fault.Invalid, "The file ends early.")
	s.do(dialecttest.Form(t, single, photo(t)))
	target := "/v1/jobs/" + s.queue.Jobs()[0].ID
	golden(t, "failed_invalid.json", 200, s.do(httptest.NewRequest(http.MethodGet, target, nil)))
}
