//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"upscaled/server/queue/natstest"
)

// soakWatch observes a server from outside: its metrics, the figures that the system
// has of its processes, and its folders.
type soakWatch struct {
	process
	metrics, profiles string // URLs
	data, temporary   string // folders
	// stored returns the sizes of images and of everything else in the store.
	stored func(context.Context) (pictures, others natstest.Amount, err error)
}

// look takes one sample. settled collects garbage first, so that the heap is
// what is really held.
func (w soakWatch) look(t *testing.T, began time.Time, settled bool) soakSample {
	t.Helper()
	if settled {
		_, _ = get(t, w.profiles+"/debug/pprof/heap?gc=1", "")
	}
	metrics := scrape(t, w.metrics)
	s := soakSample{time.Since(began), map[string]float64{
		soakHeap: metrics["go_memstats_heap_alloc_bytes"] / mebibyte, "server goroutines": metrics["go_goroutines"],
		soakJobs: metrics["upscaled_jobs_queued"] + metrics["upscaled_jobs_running"],
	}}
	s.process(t, "server", w.command.Process.Pid)
	if id := w.engine(t); id != 0 {
		s.process(t, "engine", id)
	}
	pictures, others, err := w.stored(t.Context())
	if err != nil {
		t.Error(err)
	}
	s.values["stored pictures, MiB"], s.values["stored records"] = float64(pictures.Bytes)/mebibyte, float64(others.Messages)
	walkFiles(w.data, func(_ string, size int64) {
		s.values["disk, files"]++
		s.values["disk, MiB"] += float64(size) / mebibyte
	})
	walkFiles(w.temporary, func(string, int64) { s.values["temporary files"]++ })
	return s
}

// soakJobs is how many jobs wait or run. It has no bound: clients wait for
// theirs.
const soakJobs = "jobs"

// soakResults is how many results clients have got so far.
const soakResults = "results"

// byResult notes what is stored for each result that came while images are
// kept, and records, which are kept for twice as long.
func (s soakSample) byResult(samples []soakSample, retention time.Duration) {
	came := func(within time.Duration) float64 {
		before := 0.0
		for _, earlier := range samples {
			if earlier.at < s.at-within {
				before = earlier.values[soakResults]
			}
		}
		return max(1, s.values[soakResults]-before)
	}
	s.values["the same a result, KiB"] = 1024 * s.values["stored pictures, MiB"] / came(retention)
	s.values["the same a result"] = s.values["stored records"] / came(2*retention)
}

// process records the system's figures of a process (proc(5)).
func (s soakSample) process(t *testing.T, name string, id int) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", id))
	if err != nil {
		t.Error(err)
	}
	for line := range strings.Lines(string(status)) {
		var number float64
		if n, _ := fmt.Sscanf(line, "VmRSS: %f kB", &number); n == 1 {
			s.values[name+" memory, MiB"] = number / 1024
		}
		if n, _ := fmt.Sscanf(line, "Threads: %f", &number); n == 1 {
			s.values[name+" threads"] = number
		}
	}
	descriptors, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", id))
	if err != nil {
		t.Error(err)
	}
	s.values[name+" descriptors"] = float64(len(descriptors))
}

// engine is the ID of the engine's process, the server's only child; 0 where
// it has none.
func (w soakWatch) engine(t *testing.T) int {
	t.Helper()
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", w.command.Process.Pid))
	for _, list := range lists {
		text, _ := os.ReadFile(list) // a thread that has just ended has none
		if fields := strings.Fields(string(text)); len(fields) > 0 {
			id, err := strconv.Atoi(fields[0])
			if err != nil {
				t.Error(err)
			}
			return id
		}
	}
	return 0
}

// walkFiles visits the files below a folder; those that go meanwhile are
// passed over.
func walkFiles(folder string, visit func(path string, size int64)) {
	_ = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil
		}
		if info, err := entry.Info(); err == nil {
			visit(path, info.Size())
		}
		return nil
	})
}

// settle waits until nothing is left or time is up, and returns
// the last look.
func (w soakWatch) settle(t *testing.T, before soakSample, patience time.Duration, names func(soakBound) bool) (after soakSample, left []string) {
	t.Helper()
	const pause = 250 * time.Millisecond
	for deadline := time.Now().Add(patience); ; time.Sleep(pause) {
		after, left = w.look(t, time.Now(), true), nil
		for _, b := range soakBounds() {
			if said := b.left(before, after); said != "" && names(b) {
				left = append(left, said)
			}
		}
		if after.values[soakJobs] > 0 {
			left = append(left, fmt.Sprintf("%.0f jobs are unfinished", after.values[soakJobs]))
		}
		if len(left) == 0 || time.Now().After(deadline) {
			return after, left
		}
	}
}

// goroutines shows what most of the server's goroutines do, for those who have
// to find a leak.
func (w soakWatch) goroutines(t *testing.T) string {
	t.Helper()
	const kinds = 12
	code, body := get(t, w.profiles+"/debug/pprof/goroutine?debug=1", "")
	if code != http.StatusOK {
		return string(body)
	}
	all := strings.Split(string(body), "\n\n") // most of a kind first
	return strings.Join(all[:min(kinds, len(all))], "\n\n")
}
