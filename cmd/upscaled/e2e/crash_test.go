//go:build e2e

package e2e

import (
	"maps"
	"math/rand"
	"net/http"
	"sync"
	"testing"
	"time"
)

// jobPicture is an image of which two passes make a result of 1K, more than fits into
// one message of the store.
func jobPicture(t *testing.T) []byte {
	t.Helper()
	return pngOf(t, textured(64, 30, false))
}

// ledger records what a client knows about its jobs.
type ledger struct {
	mutex sync.Mutex
	// accepted are the jobs that were answered with an ID, with their last
	// known status; cut counts the calls without an answer.
	accepted map[string]string
	cut      int
	// refused counts the calls that were answered 503.
	refused int
	// keys are the jobs by Idempotency-Key, "" while no answer has come.
	keys map[string]string
	// repeated counts the answers with a job that an earlier one had.
	repeated int
}

func (l *ledger) submit(t *testing.T, request *http.Request, key string) {
	code, _, body := send(t, request, key)
	once := request.Header.Get("Idempotency-Key")
	l.mutex.Lock()
	defer l.mutex.Unlock()
	switch code {
	case http.StatusOK:
		id := decodeJSON[map[string]string](t, body)["job_id"]
		if before := l.keys[once]; once != "" && before != "" && before != id {
			t.Errorf("%s made the jobs %s and %s", once, before, id)
		}
		if once != "" {
			l.keys[once] = id
		}
		if _, known := l.accepted[id]; known {
			l.repeated++
		} else {
			l.accepted[id] = "Pending"
		}
	case 0:
		if once == "" {
			l.cut++
		} else if l.keys[once] == "" {
			l.keys[once] = ""
		}
	case http.StatusServiceUnavailable, http.StatusInternalServerError:
		l.refused++
	default:
		t.Errorf("submission: %d %s", code, body)
	}
}

// awaitMore waits until a call is answered with a job beyond those there were before.
func (l *ledger) awaitMore(t *testing.T, before int, log *logLines) {
	t.Helper()
	eventually(t, "an accepted job", log, func() string {
		if l.jobs() == before {
			return "no call is answered"
		}
		return ""
	})
}

func (l *ledger) jobs() int {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return len(l.accepted)
}

// look asks for every job once. What is final stays as it is.
func (l *ledger) look(t *testing.T, url, key string) (unfinished int) {
	l.mutex.Lock()
	ids := make(map[string]string, len(l.accepted))
	maps.Copy(ids, l.accepted)
	l.mutex.Unlock()
	for id, before := range ids {
		code, body := get(t, url+"/job/"+id, key)
		if code == 0 {
			return len(ids) // the server is dead
		}
		now := string(body)
		if code == http.StatusOK {
			now = decodeJSON[struct{ Status string }](t, body).Status
		}
		if before != "Pending" && now != before || code != http.StatusOK {
			t.Errorf("job %s was %s and is %s", id, before, now)
		}
		if now == "Pending" {
			unfinished++
		}
		l.mutex.Lock()
		l.accepted[id] = now
		l.mutex.Unlock()
	}
	return unfinished
}

// The server is killed at random moments with jobs in every state. All that
// it accepted end once, with a result and the right charge.
func TestKilledServerLosesNothing(t *testing.T) {
	t.Parallel()
	rounds := 15
	if testing.Short() {
		rounds = 3
	}
	const jobsPerRound, credits = 12, 10_000
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewSource(seed))
	data := t.TempDir()
	key := keys(t, data, "new", "shop", "--credits", "10000")
	client := &ledger{accepted: map[string]string{}}
	arguments := []string{"--set", "queue.lease=2s", "--set", "queue.attempts=100"}
	picture := jobPicture(t)
	for round := range rounds {
		before := client.jobs()
		server := startProcess(t, data, nil, arguments...)
		var calls sync.WaitGroup
		for range jobsPerRound {
			request := form(t, server.url+"/public/v1/image-tune/upscale", "image", picture, "scale=1K")
			calls.Go(func() { client.submit(t, request, key) })
		}
		calls.Go(func() { client.look(t, server.url, key) })
		if round%2 == 0 { // on a busy machine no call may be answered before the random moment
			client.awaitMore(t, before, server.log)
		}
		time.Sleep(time.Duration(random.Intn(1500)) * time.Millisecond) // the random moment
		server.kill()
		calls.Wait()
	}
	server := startProcess(t, data, nil, arguments...)
	awaitAll(t, client, server, key)
	checkResults(t, client, server.url, key)
	checkCredits(t, client, data, credits)
	t.Logf("%d jobs accepted, %d calls cut", len(client.accepted), client.cut)
	if len(client.accepted) < rounds/2 {
		t.Errorf("only %d jobs were accepted: nothing was tested", len(client.accepted))
	}
}

func checkResults(t *testing.T, client *ledger, url, key string) {
	t.Helper()
	for id, status := range client.accepted {
		if status != "Succeed" {
			t.Errorf("job %s is %s", id, status)
			continue
		}
		_, body := get(t, url+"/job/"+id, key)
		urls := decodeJSON[struct {
			ImageURLs []string `json:"image_urls"`
		}](t, body).ImageURLs
		// The link is that of the request's own host; ports change.
		if _, width, _ := fetched(t, urls[0]); width != 1024 {
			t.Errorf("job %s: %d pixels wide", id, width)
		}
	}
}

// checkCredits: every accepted job was paid once. Calls that were cut may
// have been accepted without the client hearing of it.
func checkCredits(t *testing.T, client *ledger, data string, credits int64) {
	t.Helper()
	var listed []keyView
	eventually(t, "open charges", nil, func() string {
		listed = decodeJSON[[]keyView](t, []byte(keys(t, data, "list", "--json")))
		if len(listed) == 0 {
			t.Fatal("the key is lost")
		}
		return unfinished(listed[0].Unfinished)
	})
	spent := credits - *listed[0].Credits
	least, most := int64(len(client.accepted)), int64(len(client.accepted)+client.cut)
	if spent < least || spent > most {
		t.Errorf("%d credits were taken for %d accepted jobs and %d cut calls", spent, least, client.cut)
	}
}
