//go:build e2e

package e2e

import (
	"net/http"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

var metricsAddress = regexp.MustCompile(`"setting":"metrics-listen","address":"([^"]+)"`)

// While the engine's process is started again after a crash, load balancers
// are told to send work elsewhere, on both ports; then it is ready again, and
// the restart counts.
func TestNotReadyWhileTheEngineRestarts(t *testing.T) {
	t.Parallel()
	server := startProcess(t, t.TempDir(), isolatedEnvironment(), "--metrics-listen", "127.0.0.1:0")
	metrics := "http://" + metricsAddress.FindStringSubmatch(server.log.String())[1]
	if restarts := scrape(t, metrics)["upscaled_engine_restarts_total"]; restarts != 0 {
		t.Errorf("%v restarts before the crash", restarts)
	}
	id, err := strconv.Atoi(engineProcessID.FindStringSubmatch(server.log.String())[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(id, syscall.SIGSEGV); err != nil {
		t.Fatal(err)
	}
	await := func(url string, want int) string {
		// The state may be a short one, so look without pauses.
		for deadline := time.Now().Add(patience); ; runtime.Gosched() {
			code, body := get(t, url, "")
			if code == want {
				return string(body)
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s is %d for long: %s", url, code, body)
			}
		}
	}
	if reason := await(server.url+"/readyz", http.StatusServiceUnavailable); !strings.Contains(reason, "started again") {
		t.Errorf("the reason is %s", reason)
	}
	if code, body := get(t, server.url+"/healthz", ""); code != http.StatusOK {
		t.Errorf("the server itself lives: %d %s", code, body)
	}
	for _, url := range []string{server.url + "/readyz", metrics + "/readyz"} {
		await(url, http.StatusOK)
	}
	if restarts := scrape(t, metrics)["upscaled_engine_restarts_total"]; restarts != 1 {
		t.Errorf("%v restarts after the crash", restarts)
	}
}
