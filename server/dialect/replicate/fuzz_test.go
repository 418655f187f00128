package replicate_test

import (
	"encoding/json"
	"testing"

	"upscaled/server/dialect/dialecttest"
	"upscaled/server/dialect/replicate"
	"upscaled/server/job"
)

// FuzzRecord shows jobs as a store may return them, whoever wrote the
// record and its memo: the webhook's body is a prediction in any case.
func FuzzRecord(f *testing.F) {
	memo := `{"model":"nightmareai/real-esrgan","version":"x","input":{"image":"https://a","scale":2},"base":"https://asked.example"}`
	for _, j := range []job.Job{
		{Spec: job.Spec{ID: "a", Memo: memo}, State: job.Queued, Created: dialecttest.Now},
		{Spec: job.Spec{ID: "b", Memo: "null"}, State: job.Succeeded, Started: dialecttest.Now, Finished: dialecttest.Now, Result: &job.Result{Format: "png"}},
		{Spec: job.Spec{ID: "c", Memo: "["}, State: job.Failed, Failure: &job.Failure{}},
		{Spec: job.Spec{ID: "d"}, State: job.Succeeded},
	} {
		text, err := json.Marshal(j)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	s := newServer()
	s.handler()
	f.Fuzz(func(t *testing.T, text []byte) {
		var j job.Job
		if json.Unmarshal(text, &j) != nil || j.State == job.Succeeded && j.Result == nil || j.State == job.Failed && j.Failure == nil {
			return // the queue returns none of these
		}
		kind, body, err := s.api.Body(j)
		var told replicate.Prediction
		if err == nil {
			err = json.Unmarshal(body, &told)
		}
		if err != nil || kind != "application/json" || told.ID == "" && j.ID != "" {
			t.Fatalf("%+v becomes %s: %v", j, body, err)
		}
	})
}
