package maskr

import (
	"encoding/json"
	"testing"

	"github.com/labstack/echo/v4"

	"upscaled/server/dialect/dialecttest"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

// A server that stops cancels queued jobs: the batch must not promise
// that these items go on.
func TestBatchOnAServerThatStops(t *testing.T) {
	t.Parallel()
	queue, stopping := &jobtest.Queue{}, make(chan struct{})
	host := dialecttest.Services(queue, dialecttest.Auth{})
	host.Stopping = stopping
	close(stopping)
	e := echo.New()
	New(host, Defaults()).Routes(e)
	picture := dialecttest.PNG(t, 8, 6, false)
	answer := dialecttest.Do(e, dialecttest.Form(t, "/v1/services/image-upscaling/batch",
		dialecttest.File("files", "a.png", picture), dialecttest.File("files", "b.png", picture)))
	var batch BatchEnvelope
	if err := json.Unmarshal(answer.Body.Bytes(), &batch); err != nil || batch.Status != failed || batch.Failed != 2 {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
	for _, j := range queue.Jobs() {
		if j.State != job.Canceled {
			t.Errorf("job %s is %s", j.ID, j.State)
		}
	}
}
