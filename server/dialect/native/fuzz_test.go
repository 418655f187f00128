package native_test

import (
	"encoding/json"
	"testing"
	"time"

	"upscaled/server/dialect/dialecttest"
	"upscaled/server/dialect/native"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

// FuzzRecord shows jobs as a store may return them, whoever wrote the
// record: it becomes a job object, and never breaks the page that lists it.
func FuzzRecord(f *testing.F) {
	for _, j := range []job.Job{
		{Spec: job.Spec{ID: knownID, Memo: `{"base":"https://asked.example","width":4}`}, State: job.Queued, Created: dialecttest.Now},
		{Spec: job.Spec{ID: knownID, Options: job.Options{Scale: 2, Format: "png"}}, State: job.Succeeded, Finished: dialecttest.Now, Result: &job.Result{Format: "png"}},
		{Spec: job.Spec{ID: knownID}, State: job.Failed, Finished: dialecttest.Now},
	} {
		text, err := json.Marshal(j)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, "https://public.example/")
	}
	f.Add([]byte(`{"state": "succeeded", "finished": "8999-12-31T23:59:59Z", "memo": "null", "progress": 1e308}`), "")
	f.Fuzz(func(t *testing.T, text []byte, base string) {
		var j job.Job
		if json.Unmarshal(text, &j) != nil {
			return
		}
		for _, at := range []time.Time{j.Created, j.Started, j.Finished} {
			if at.Year() < 1 || at.Year() > 9000 {
				return // RFC 3339 ends at 9999, and a day may be added
			}
		}
		api := native.New(dialecttest.Services(&jobtest.Queue{}, dialecttest.Auth{}), native.Defaults(), native.Parts{})
		_, body, err := api.Body(j, base)
		var told native.Job
		if err == nil {
			err = json.Unmarshal(body, &told)
		}
		if err != nil || j.State != job.Failed && told.Error != nil || j.State != job.Succeeded && told.Result != nil {
			t.Fatalf("%+v becomes %s: %v", j, body, err)
		}
	})
}
