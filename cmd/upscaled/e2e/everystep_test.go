//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"upscaled/cmd/upscaled/e2e/pretend"
	"upscaled/server/dialect/native"
	"upscaled/server/job"
	"upscaled/server/queue"
	"upscaled/server/queue/disktest"
)

// life is one kind of job and the steps that it is killed after.
type life struct {
	name string
	// live takes the job through its steps; the server may die at any time.
	live  func(s *steps)
	steps []string
	// recovery is a step of the process that starts next, which ends that one
	// too; "" for none.
	recovery string
	// arguments are more of the server's.
	arguments []string
	// power is set if the disk loses with the server what was not synced.
	power bool
}

func lives() []life {
	words := func(steps ...queue.Failpoint) (all []string) {
		for _, step := range steps {
			all = append(all, string(step))
		}
		return all
	}
	return []life{
		{name: "succeeds", live: succeeds, steps: append(
			words(queue.AfterCharge, queue.AfterInput, queue.AfterRecord, queue.AfterQueue, queue.AfterTake, queue.AfterStartNotice, queue.AfterBegin, queue.AfterRead),
			append([]string{pretend.StepDecode, pretend.StepTile + "1", pretend.StepTile + "3", pretend.StepEncode},
				words(queue.AfterResult, queue.AfterEndNotice, queue.AfterEnd, queue.AfterSettle, queue.AfterInputGone, queue.AfterAck, queue.AfterCall, queue.AfterDeliveryAck)...)...)},
		{name: "fails", live: func(s *steps) { s.submit(pretend.Bad) },
			steps: words(queue.AfterEndNotice, queue.AfterEnd, queue.AfterSettle, queue.AfterInputGone, queue.AfterAck)},
		{name: "tried again", live: func(s *steps) { s.submit(pretend.Stumble) },
			steps: words(queue.AfterRequeue, queue.AfterHandBack)},
		{name: "canceled", live: func(s *steps) { s.cancel(s.submit(pretend.Endless)) }, arguments: []string{"--jobs", "1"},
			steps: words(queue.AfterEndNotice, queue.AfterEnd, queue.AfterSettle, queue.AfterInputGone)},
		{name: "canceled while queued", arguments: []string{"--jobs", "1"},
			live: func(s *steps) {
				running := s.submit(pretend.Endless)
				s.cancel(s.submit(pretend.Good))
				s.cancel(running)
			},
			steps: words(queue.AfterEnd, queue.AfterUnqueue, queue.AfterSettle, queue.AfterInputGone)},
		{name: "refused late", arguments: []string{"--set", "queue.max-jobs=1"},
			live:  (*steps).crowd,
			steps: words(queue.AfterErase, queue.AfterUnqueue)},
		{name: "repeated", live: (*steps).keyed,
			steps: words(queue.AfterClaim, queue.AfterCharge, queue.AfterInput, queue.AfterRecord, queue.AfterQueue)},
		{name: "file", live: func(s *steps) { s.remove(s.upload()) },
			steps: words(queue.AfterContents, queue.AfterUploadRecord, queue.AfterUploadErase, queue.AfterContentsGone)},
		{name: "deleted", live: (*steps).delete, power: true, steps: words(queue.AfterErase, queue.AfterImagesGone)},
		{name: "run again", live: succeeds, steps: words(queue.AfterBegin), recovery: string(queue.AfterRequeue)},
		{name: "queued again", live: succeeds, steps: words(queue.AfterBegin), recovery: string(queue.AfterUnqueue)},
		{name: "pushed again", live: succeeds, steps: words(queue.AfterBegin), recovery: string(queue.AfterQueue)},
		{name: "paid back", live: succeeds, steps: words(queue.AfterInput), recovery: string(queue.AfterSettle)},
	}
}

func succeeds(s *steps) { s.submit(pretend.Good) }

// The server is killed after every step of every kind of job. The next one
// ends all that was accepted, once and at its price, calls the webhooks, and
// leaves nothing in the store or on the disk that belongs to nothing.
func TestKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	for _, l := range lives() {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			if testing.Short() {
				l.steps = l.steps[len(l.steps)/2:][:1]
			}
			s := newSteps(t, l)
			for _, step := range l.steps {
				s.begin(step)
				l.live(s)
				s.awaitDeath(step)
				if s.disk != nil {
					s.disk.Cut(t)
				}
				if l.recovery != "" {
					s.dieStarting(l.recovery)
				}
				s.begin("")
				s.repeat(step)
				s.settle()
				s.check(step)
				s.server.kill()
			}
		})
	}
}

// steps is a server that is killed repeatedly, and its client's knowledge.
type steps struct {
	*testing.T
	life            life
	data, temporary string
	key             string
	server          process
	hook            string
	mutex           sync.Mutex
	disk            *disktest.Disk // of data, if the life is one with power cuts
	// deleted are the IDs of jobs whose deletion was begun.
	deleted map[string]bool
	// told are the IDs of jobs whose end was told, accepted those of all that
	// were; removed are the IDs of files and whether they were removed.
	told, accepted, removed map[string]bool
	once                    string // the Idempotency-Key of submissions, if they have one
}

const stepsCredits = 10_000

func newSteps(t *testing.T, l life) *steps {
	s := &steps{T: t, life: l, data: t.TempDir(), temporary: t.TempDir(), told: map[string]bool{}, accepted: map[string]bool{}, removed: map[string]bool{}, deleted: map[string]bool{}}
	if l.power {
		s.disk = disktest.Mount(t)
		s.data = s.disk.Folder
	}
	s.key = keys(t, s.data, "new", "shop", "--credits", strconv.Itoa(stepsCredits))
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		id := strings.TrimPrefix(r.Header.Get("webhook-id"), "msg_")
		s.mutex.Lock()
		defer s.mutex.Unlock()
		if id, ended := strings.CutSuffix(id, "_ended"); ended {
			s.told[id] = true
		}
	}))
	t.Cleanup(receiver.Close)
	s.hook = receiver.URL
	return s
}

// environment is that of the servers; arguments are theirs.
func (s *steps) environment() []string {
	return []string{mode(pretend.Steps), pretend.StepVariable + "=" + stepFile(s.temporary+"-steps"), "TMPDIR=" + s.temporary}
}

func (s *steps) arguments() []string {
	return append([]string{"--set", "queue.lease=2s", "--set", "queue.attempts=1000", "--set", "engine.no-warm-up=true", "--set", "fetch.http=true", "--set", "fetch.ranges=127.0.0.0/8"}, s.life.arguments...)
}

// arm sets the step that ends the server.
func (s *steps) arm(step string) {
	s.Helper()
	folder := s.temporary + "-steps"
	if err := os.MkdirAll(folder, 0o700); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = os.RemoveAll(folder) })
	if err := arm(stepFile(folder), step); err != nil {
		s.Fatal(err)
	}
}

// begin starts a server and then arms it, so that what it finds does not end it.
func (s *steps) begin(step string) {
	s.Helper()
	s.arm("")
	s.server = startProcess(s.T, s.data, s.environment(), s.arguments()...)
	s.arm(step)
}

// dieStarting starts a server that is to end while it finishes what the last
// one left.
func (s *steps) dieStarting(step string) {
	s.Helper()
	s.arm(step)
	s.server = launch(s.T, s.environment(), append([]string{"serve", "--listen", "127.0.0.1:0", "--data", s.data}, s.arguments()...)...)
	s.awaitDeath(step + ", again")
}

// awaitDeath waits until the server has killed itself.
func (s *steps) awaitDeath(step string) {
	s.Helper()
	s.server.awaitEnd(s.T, fmt.Sprintf("the step %q does not come", step))
	if s.Failed() {
		s.FailNow()
	}
}

// submit submits an image and returns the job's ID, or "" if the call was cut or
// refused.
func (s *steps) submit(quality int) string {
	r := form(s.T, s.server.url+"/api/v1/jobs", "file", pngOf(s.T, textured(90, 60, false)), "scale=4", "tile=32",
		fmt.Sprint("quality=", quality), "format=jpeg", "webhook="+s.hook, "webhook_started=true")
	r.Header.Set("Idempotency-Key", s.once)
	code, _, body := send(s.T, r, s.key)
	switch code {
	case http.StatusAccepted:
		id := decodeJSON[native.Job](s.T, body).ID
		s.mutex.Lock()
		defer s.mutex.Unlock()
		s.accepted[id] = true
		return id
	case 0, http.StatusServiceUnavailable, http.StatusInternalServerError:
		return ""
	}
	s.Errorf("submission: %d %s", code, body)
	return ""
}

// keyed submits an image that repeat submits again.
func (s *steps) keyed() {
	s.once = fmt.Sprint("submission ", len(s.accepted))
	s.submit(pretend.Good)
}

// repeat submits the image of keyed again, which makes no second job.
func (s *steps) repeat(step string) {
	if s.once == "" {
		return
	}
	if id := s.submit(pretend.Good); id == "" || len(s.list()) != len(s.accepted) {
		s.Errorf("killed at %q: repeated as job %q; there are %d jobs, want %d", step, id, len(s.list()), len(s.accepted))
	}
}

// crowd submits more images at once than fit, until the server
// has died of one that it accepted and then had no room for.
func (s *steps) crowd() {
	for range 50 {
		var calls sync.WaitGroup
		ids := make(chan string, 8)
		for range cap(ids) {
			calls.Go(func() { ids <- s.submit(pretend.Endless) })
		}
		calls.Wait()
		close(ids)
		accepted := 0
		for id := range ids {
			if id != "" {
				s.cancel(id)
				accepted++
			}
		}
		if accepted == 0 {
			return
		}
	}
}

func (s *steps) cancel(id string) {
	r, err := http.NewRequest(http.MethodPost, s.server.url+"/api/v1/jobs/"+id+"/cancel", nil)
	if err != nil {
		s.Fatal(err)
	}
	if code, _, body := send(s.T, r, s.key); id != "" && code != http.StatusOK && code != 0 {
		s.Errorf("cancel %s: %d %s", id, code, body)
	}
}

// upload stores a file and returns its ID, or "" if the call was cut.
func (s *steps) upload() string {
	code, _, body := send(s.T, form(s.T, s.server.url+"/v1/files", "content", bytes.Repeat([]byte("contents"), 40_000)), s.key)
	if code == 0 {
		return ""
	}
	id := decodeJSON[map[string]any](s.T, body)["id"].(string)
	s.removed[id] = false
	return id
}

func (s *steps) remove(id string) {
	r, err := http.NewRequest(http.MethodDelete, s.server.url+"/v1/files/"+id, nil)
	if err != nil {
		s.Fatal(err)
	}
	if code, _, _ := send(s.T, r, s.key); id != "" {
		s.removed[id] = true // also where the answer was cut: it was begun
		if code != http.StatusNoContent && code != 0 {
			s.Errorf("remove %s: %d", id, code)
		}
	}
}

// delete deletes a job that has succeeded.
func (s *steps) delete() {
	id := s.submit(pretend.Good)
	s.settle()
	s.deleted[id] = true
	r, err := http.NewRequest(http.MethodDelete, s.server.url+"/api/v1/jobs/"+id, nil)
	if err != nil {
		s.Fatal(err)
	}
	if code, _, _ := send(s.T, r, s.key); code != http.StatusNoContent && code != 0 {
		s.Errorf("delete %s: %d", id, code)
	}
}

// list returns all jobs of the client, including those of calls that were cut.
func (s *steps) list() (all []native.Job) {
	s.Helper()
	for before := ""; ; {
		code, body := get(s.T, s.server.url+"/api/v1/jobs?limit=100&before="+before, s.key)
		if code != http.StatusOK {
			s.Fatalf("list: %d %s\n%s", code, body, s.server.log)
		}
		page := decodeJSON[native.Listing](s.T, body)
		all = append(all, page.Jobs...)
		if page.Next == nil {
			return all
		}
		before = *page.Next
	}
}

// settle waits for the end of all jobs; those that have none are canceled.
func (s *steps) settle() {
	s.Helper()
	eventually(s.T, "jobs", s.server.log, func() string {
		left := 0
		for _, j := range s.list() {
			if !j.State.Final() {
				left++
				if j.Options.Quality == pretend.Endless {
					s.cancel(j.ID)
				}
			}
		}
		return unfinished(left)
	})
}

// check compares everything with the client's knowledge.
func (s *steps) check(step string) {
	s.Helper()
	spent := 0
	found := map[string]bool{}
	for _, j := range s.list() {
		found[j.ID] = true
		// A job may have ended before its cancellation came.
		want := map[int]job.State{pretend.Good: job.Succeeded, pretend.Stumble: job.Succeeded, pretend.Bad: job.Failed, pretend.Endless: job.Canceled}[j.Options.Quality]
		if j.State != want && !(j.State == job.Canceled && s.life.name == "canceled while queued") {
			s.Errorf("killed at %q: job %s is %s, want %s", step, j.ID, j.State, want)
		}
		if j.State == job.Succeeded {
			spent++
			if code, body := get(s.T, j.Result.URL, ""); code != http.StatusOK || int64(len(body)) != j.Result.Bytes {
				s.Errorf("killed at %q: result of %s: %d, %d bytes", step, j.ID, code, len(body))
			}
		}
	}
	for id := range s.accepted {
		if s.deleted[id] && !found[id] { // either state, and paid in both
			spent++
			continue
		}
		if !found[id] {
			s.Errorf("killed at %q: job %s is lost", step, id)
		}
	}
	for id, removed := range s.removed {
		if code, _ := get(s.T, s.server.url+"/v1/files/"+id, s.key); code != http.StatusOK && !removed || code != http.StatusNotFound && code != http.StatusOK {
			s.Errorf("killed at %q: file %s: %d", step, id, code)
		}
	}
	eventually(s.T, step+": webhooks", s.server.log, func() string { return s.untold(found) })
	eventually(s.T, step+": credits", s.server.log, func() string {
		listed := decodeJSON[[]keyView](s.T, []byte(keys(s.T, s.data, "list", "--json")))
		if left := *listed[0].Credits; left != int64(stepsCredits-spent) || listed[0].Unfinished != 0 {
			return fmt.Sprintf("%d credits, %d charges open; %d jobs succeeded", left, listed[0].Unfinished, spent)
		}
		return ""
	})
	checkStore(s.T, s.data, s.server.log)
	checkNothingLeft(s.T, s.temporary)
	checkDataFolder(s.T, s.data)
}

// untold names the jobs whose webhook was not called.
func (s *steps) untold(ids map[string]bool) string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var missing []string
	for id := range ids {
		if !s.told[id] {
			missing = append(missing, id)
		}
	}
	return strings.Join(missing, ", ")
}
