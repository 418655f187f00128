//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"upscaled/models/network/networktest"
	"upscaled/models/weights"
	"upscaled/server/job"
	"upscaled/server/queue/natstest"
)

// homeWith makes a folder of models with one that no catalog has.
func homeWith(t *testing.T, model string) string {
	t.Helper()
	var file bytes.Buffer
	if err := weights.WriteSafetensors(&file, networktest.RandomCompact(1, 3, 8, 4), nil); err != nil {
		t.Fatal(err)
	}
	path, home := filepath.Join(t.TempDir(), model+".safetensors"), t.TempDir()
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := program(t, "models", "import", "--home", home, path); got.code != exitOK {
		t.Fatal(got.stderr)
	}
	return home
}

// fleet is the workers of a queue, as the command line shows them.
type fleet struct{ nats string }

func (f fleet) workers(t *testing.T) []job.Worker {
	t.Helper()
	got := program(t, "workers", "--json", "--nats", f.nats)
	if got.code != exitOK {
		t.Fatal(got.stderr)
	}
	return decodeJSON[[]job.Worker](t, []byte(got.stdout))
}

// await waits for the states of all workers, sorted.
func (f fleet) await(t *testing.T, want ...job.WorkerState) []job.Worker {
	t.Helper()
	var got []job.WorkerState
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		all := f.workers(t)
		got = nil
		for _, w := range all {
			got = append(got, w.State)
		}
		slices.Sort(got)
		if slices.Equal(got, want) {
			return all
		}
	}
	t.Fatalf("workers are %v, want %v", got, want)
	return nil
}

// with returns the names of the workers that have a model.
func with(workers []job.Worker, model string) (names []string) {
	for _, w := range workers {
		if slices.ContainsFunc(w.Models, func(m job.Model) bool { return m.Name == model && m.Installed }) {
			names = append(names, w.Name)
		}
	}
	return names
}

// Three workers, two models that no catalog has, one worker killed and one
// drained: every job runs where its model is, and the list of workers shows what
// happens as it does.
func TestFleetOfProcesses(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("five servers are too much for two cores under the race detector")
	}
	cluster := natstest.Start(t, 1)
	f := fleet{cluster.URLs()}
	nats := []string{"--nats", f.nats, "--set", "queue.lease=2s"}
	server := startProcess(t, "", nil, append(nats, "--no-worker")...)
	alpha, beta := homeWith(t, "alpha"), homeWith(t, "beta")
	worker := func(home string) process {
		return startWorker(t, append(slices.Clone(nats), "--offline", "--home", home)...)
	}
	doomed := worker(alpha)
	onlyAlpha := f.await(t, job.WorkerReady)[0].Name
	second := worker(alpha)
	worker(beta)
	all := f.await(t, job.WorkerReady, job.WorkerReady, job.WorkerReady)
	ofAlpha, ofBeta := with(all, "alpha"), with(all, "beta")
	if len(ofAlpha) != 2 || len(ofBeta) != 1 || !slices.Contains(ofAlpha, onlyAlpha) {
		t.Fatalf("%v have alpha and %v beta", ofAlpha, ofBeta)
	}
	if code, body := get(t, server.url+"/api/v1/models", ""); code != http.StatusOK || !bytes.Contains(body, []byte(`"alpha"`)) || !bytes.Contains(body, []byte(`"beta"`)) {
		t.Errorf("models of the server without a worker: %d %s", code, body)
	}
	picture := pngOf(t, textured(30, 20, false))
	submit := func(model string) string {
		code, _, body := send(t, form(t, server.url+"/api/v1/jobs", "file", picture, "model="+model), "")
		if code != http.StatusAccepted {
			t.Fatalf("%s: %d %s", model, code, body)
		}
		return at(t, body, "id").(string)
	}
	state := func(id string) string {
		_, body := get(t, server.url+"/api/v1/jobs/"+id, "")
		return at(t, body, "state").(string)
	}
	succeeds := func(ids ...string) {
		t.Helper()
		for _, id := range ids {
			finished(t, server.url+"/api/v1/jobs/"+id, "", func(body []byte) bool {
				if at(t, body, "state") == "failed" {
					t.Fatalf("%s", body)
				}
				return at(t, body, "state") == "succeeded"
			})
		}
	}
	done := func() map[string]int64 {
		counts := map[string]int64{}
		for _, w := range f.workers(t) {
			counts[w.Name] = w.Succeeded
		}
		return counts
	}
	var first []string
	for range 8 {
		first = append(first, submit("alpha"), submit("beta"))
	}
	succeeds(first...)
	eventually(t, "jobs done", server.log, func() string {
		counts := done()
		if counts[ofBeta[0]] == 8 && counts[ofAlpha[0]]+counts[ofAlpha[1]] == 8 {
			return ""
		}
		return fmt.Sprint(counts)
	})

	// One of alpha's is killed: the other takes its jobs.
	var more []string
	for range 8 {
		more = append(more, submit("alpha"))
	}
	doomed.waitForLog(t, "job begins")
	doomed.kill()
	succeeds(more...)
	if killed := f.await(t, job.WorkerLost, job.WorkerReady, job.WorkerReady); !slices.ContainsFunc(killed, func(w job.Worker) bool { return w.Name == onlyAlpha && w.State == job.WorkerLost }) {
		t.Errorf("%+v", killed)
	}

	// The other one is drained, over HTTP: beta's jobs go on, alpha's wait.
	other := ofAlpha[0]
	if other == onlyAlpha {
		other = ofAlpha[1]
	}
	order := func(verb string) {
		r, err := http.NewRequest(http.MethodPost, server.url+"/api/v1/workers/"+other+"/"+verb, nil)
		if err != nil {
			t.Fatal(err)
		}
		if code, _, body := send(t, r, ""); code != http.StatusOK {
			t.Fatalf("%s: %d %s", verb, code, body)
		}
	}
	order("drain")
	f.await(t, job.WorkerDrained, job.WorkerLost, job.WorkerReady)
	if table := program(t, "workers", "--nats", f.nats).stdout; !strings.Contains(table, "drained") || !strings.Contains(table, "lost") || !strings.Contains(table, "beta") {
		t.Error(table)
	}
	waiting := submit("alpha")
	succeeds(submit("beta"))
	if got := state(waiting); got != "queued" {
		t.Errorf("the job of the drained worker is %s", got)
	}
	if got := program(t, "workers", "undrain", other, "--nats", f.nats); got.code != exitOK || !strings.Contains(got.stderr, "ready") {
		t.Errorf("%+v", got)
	}
	succeeds(waiting)
	if got := program(t, "workers", "drain", onlyAlpha, "--nats", f.nats); got.code != exitFailed {
		t.Errorf("drain of a dead worker: %+v", got)
	}
	signaled := func(signal syscall.Signal, want job.WorkerState) {
		if err := second.command.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		eventually(t, "signal", second.log, func() string {
			for _, w := range f.workers(t) {
				if w.Name == other && w.State == want {
					return ""
				}
			}
			return "not " + string(want)
		})
	}
	signaled(syscall.SIGUSR1, job.WorkerDrained)
	signaled(syscall.SIGUSR2, job.WorkerReady)
	if code := second.stop(); code != exitOK {
		t.Errorf("the worker ended with %d", code)
	}
	f.await(t, job.WorkerLost, job.WorkerReady)
}
