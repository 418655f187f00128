//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"upscaled/cmd/upscaled/e2e/pretend"
)

// loadVariable sets how long TestLoad lasts, such as 60s; with
// loadEngineVariable set it runs the real engine.
const (
	loadVariable       = "UPSCALED_LOAD"
	loadEngineVariable = "UPSCALED_LOAD_REAL"
)

// tally counts answers.
type tally struct {
	mutex  sync.Mutex
	codes  map[int]int
	wrong  []string
	health []time.Duration
}

func (l *tally) note(code int, header http.Header, body []byte) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.codes[code]++
	bad := code >= 500 && (code != http.StatusServiceUnavailable || header.Get("Retry-After") == "")
	if bad || code == 0 || code >= 400 && code < 500 {
		if len(l.wrong) < 5 {
			l.wrong = append(l.wrong, fmt.Sprintf("%d %s", code, body))
		}
	}
}

// Many clients at once: nothing but success and "come back later", health
// answers in time, bounded memory, and the queue drains.
func TestLoad(t *testing.T) {
	if testing.Short() {
		t.Skip("times mean nothing under the race detector")
	}
	length := 3 * time.Second
	if text := os.Getenv(loadVariable); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	environment := []string{}
	if os.Getenv(loadEngineVariable) != "" {
		environment = append(environment, pretend.Variable+"=")
	}
	const clients = 200
	server := startProcess(t, t.TempDir(), environment, "--set", "queue.max-jobs=300")
	picture := pngOf(t, textured(64, 48, false))
	answers := &tally{codes: map[int]int{}}
	end := time.Now().Add(length)
	var group sync.WaitGroup
	for i := range clients {
		group.Go(func() { loadClient(t, server.url, i, picture, end, answers) })
	}
	group.Go(func() { watchHealth(t, server.url, end, answers) })
	group.Wait()
	peak := memoryPeak(t, server.command.Process.Pid)
	drained := drain(t, server.url, picture)
	slices.Sort(answers.health)
	worst := answers.health[len(answers.health)-1]
	t.Logf("%s with %d clients: answers %v, health median %v worst %v of %d, peak memory %d MiB, drained in %v",
		length, clients, answers.codes, answers.health[len(answers.health)/2], worst, len(answers.health), peak>>20, drained)
	if len(answers.wrong) > 0 {
		t.Errorf("wrong answers: %s", strings.Join(answers.wrong, "\n"))
	}
	if limit := timeLimit(100 * time.Millisecond); worst > limit {
		t.Errorf("health took %v, more than %v", worst, limit)
	}
	if limit := int64(3 << 30); peak > limit {
		t.Errorf("%d bytes of memory, more than %d", peak, limit)
	}
}

// loadClient keeps one connection, as real clients do.
func loadClient(t *testing.T, url string, number int, picture []byte, end time.Time, answers *tally) {
	transport := &http.Transport{MaxIdleConnsPerHost: 1}
	defer transport.CloseIdleConnections()
	keeping := &http.Client{Transport: transport, Timeout: 2 * time.Minute}
	for time.Now().Before(end) {
		request := form(t, url+"/v1/upscale", "image", picture, "scale=2")
		if number%2 == 0 {
			request = form(t, url+"/v1/services/image-upscaling?scale_factor=2", "file", picture)
		}
		response, err := keeping.Do(request)
		if err != nil {
			answers.note(0, nil, []byte(err.Error()))
			continue
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		answers.note(response.StatusCode, response.Header, body)
		if response.StatusCode == http.StatusServiceUnavailable {
			// A polite client would wait longer, and load the server less.
			time.Sleep(200 * time.Millisecond)
		}
	}
}

func watchHealth(t *testing.T, url string, end time.Time, answers *tally) {
	for time.Now().Before(end) {
		started := time.Now()
		code, body := get(t, url+"/healthz", "")
		answers.health = append(answers.health, time.Since(started))
		if code != http.StatusOK {
			t.Errorf("health: %d %s", code, body)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// drain waits until a new job runs at once, and returns how long that took.
func drain(t *testing.T, url string, picture []byte) time.Duration {
	t.Helper()
	started := time.Now()
	for time.Since(started) < 5*time.Minute {
		request := form(t, url+"/v1/services/image-upscaling?scale_factor=2", "file", picture)
		if code, _, _ := send(t, request, ""); code == http.StatusOK {
			return time.Since(started)
		}
	}
	t.Error("the queue does not drain")
	return 0
}

// memoryPeak is the most memory a process has had, in bytes (VmHWM of proc(5)).
func memoryPeak(t *testing.T, pid int) int64 {
	t.Helper()
	if runtime.GOOS != "linux" {
		return 0
	}
	peak := peakOf(pid)
	if peak == 0 {
		t.Fatal("no VmHWM")
	}
	return peak
}

// peakOf is memoryPeak of a process that may have ended: then it is 0.
func peakOf(pid int) int64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(text)) {
		var kilobytes int64
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kilobytes); n == 1 {
			return kilobytes << 10
		}
	}
	return 0
}
