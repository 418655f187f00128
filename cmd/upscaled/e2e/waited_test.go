//go:build e2e

package e2e

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"upscaled/cmd/upscaled/e2e/pretend"
)

// The server is killed while calls wait whose answers are the only way to their
// images. The next one runs none of them and refunds the credits; what can
// be asked for later is run and paid.
func TestKilledWhileCallsWait(t *testing.T) {
	t.Parallel()
	s := newSteps(t, life{})
	picture := base64.StdEncoding.EncodeToString(pngOf(t, textured(30, 20, false)))
	s.begin(pretend.StepDecode)
	var calls sync.WaitGroup
	for range 3 {
		calls.Go(func() {
			r, err := http.NewRequest(http.MethodPost, s.server.url+"/v1/upscale", strings.NewReader(`{"image":"data:image/png;base64,`+picture+`","scale":`+strconv.Itoa(pretend.EndlessScale)+`}`))
			if err != nil {
				t.Error(err)
				return
			}
			r.Header.Set("Content-Type", "application/json")
			if code, _, body := send(t, r, s.key); code == http.StatusServiceUnavailable || code == http.StatusUnauthorized {
				t.Errorf("%d %s", code, body)
			}
		})
	}
	eventually(t, "the calls wait", s.server.log, func() string {
		if strings.Count(s.server.log.String(), `"msg":"job begins"`) < 3 {
			return "their jobs do not begin"
		}
		return ""
	})
	s.submit(pretend.Good) // which ends the server
	s.awaitDeath(pretend.StepDecode)
	calls.Wait()
	s.begin("")
	s.settle()
	s.check("a call that waits")
	if !strings.Contains(s.server.log.String(), "job is canceled: the call that waited for it died") {
		t.Errorf("no call waited:\n%s", s.server.log)
	}
}
