//go:build e2e

package e2e

import (
	"math/rand"
	"net/http"
	"strings"
	"testing"

	"upscaled/server/dialect/native"
)

// operations are the calls of an operator while a server is used and killed.
type operations struct {
	key    string // the operator's
	client string // the ID of the key whose secret is rotated
	done   map[string]int
}

// steer drains and undrains the worker, changes priorities, makes, limits and deletes
// keys, and rotates the client's once, with an overlap, until the server is gone.
func (o operations) steer(t *testing.T, server process, random *rand.Rand) {
	call := func(what, method, path, body string) (code int, answer []byte) {
		r, err := http.NewRequest(method, server.url+"/api/v1/"+path, strings.NewReader(body))
		if err != nil {
			t.Error(err)
			return 0, nil
		}
		code, _, answer = send(t, r, o.key)
		switch {
		case code >= 200 && code < 300:
			o.done[what]++
		case code != 0 && code != http.StatusServiceUnavailable && code != http.StatusNotFound:
			t.Errorf("%s: %d %s", what, code, answer)
		}
		return code, answer
	}
	call("rotated", "POST", "keys/"+o.client+"/rotate", `{"overlap_seconds":3600}`)
	for {
		code, body := call("listed", "GET", "workers", "")
		if code == 0 {
			return
		}
		if code == http.StatusOK {
			for _, w := range decodeJSON[native.WorkersView](t, body).Workers {
				call("drained", "POST", "workers/"+w.Name+"/drain", "")
				call("undrained", "POST", "workers/"+w.Name+"/undrain", "")
			}
		}
		if code, body := call("searched", "GET", "queue/jobs?state=queued&limit=5", ""); code == http.StatusOK {
			for _, j := range decodeJSON[native.QueueJobs](t, body).Jobs {
				priority := []string{"high", "normal", "low"}[random.Intn(3)]
				call("prioritized", "PATCH", "queue/jobs/"+j.ID, `{"priority":"`+priority+`"}`)
			}
		}
		if code, body := call("made", "POST", "keys", `{"name":"zz passing","credits":1}`); code == http.StatusCreated {
			id := at(t, body, "id").(string)
			call("limited", "PATCH", "keys/"+id, `{"concurrent":2,"expires":"2100-01-01T00:00:00Z"}`)
			call("deleted", "DELETE", "keys/"+id, "")
		}
	}
}
