//go:build e2e

package e2e

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"upscaled/server/queue/natstest"
)

// Two servers and two workers, each a process of its own, on three NATS
// nodes: a worker is killed in the middle of its jobs and a node is lost.
func TestClusterOfProcesses(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("seven servers are too much for two cores under the race detector")
	}
	const each = 15
	cluster := natstest.Start(t, 3)
	nats := []string{"--nats", cluster.URLs(), "--set", "queue.lease=3s"}
	key := program(t, "keys", "new", "shop", "--credits", "1000", "--nats", cluster.URLs())
	if key.code != exitOK {
		t.Fatal(key.stderr)
	}
	secret := strings.TrimSpace(key.stdout)
	servers := []process{
		startProcess(t, "", nil, append(nats, "--no-worker")...), startProcess(t, "", nil, append(nats, "--no-worker")...),
	}
	doomed, survivor := startWorker(t, nats...), startWorker(t, nats...)
	client := &ledger{accepted: map[string]string{}}
	picture := jobPicture(t)
	submit := func() {
		var calls sync.WaitGroup
		for range each {
			for _, server := range servers {
				request := form(t, server.url+"/public/v1/image-tune/upscale", "image", picture, "scale=1K")
				calls.Go(func() { client.submit(t, request, secret) })
			}
		}
		calls.Wait()
	}
	submit()
	doomed.waitForLog(t, "job begins")
	doomed.kill()
	cluster.Lose(1)
	submit()
	// Either server knows every job.
	eventually(t, "jobs", survivor.log, func() string {
		return unfinished(client.look(t, servers[0].url, secret) + client.look(t, servers[1].url, secret))
	})
	checkResults(t, client, servers[1].url, secret)
	code, body := get(t, servers[0].url+"/v1/credits", secret)
	if left := at(t, body, "credits").(float64); code != http.StatusOK || int(left) > 1000-len(client.accepted) || int(left) < 1000-len(client.accepted)-client.cut-client.refused {
		t.Errorf("%d accepted, %d refused, %d cut, %.0f credits left of 1000", len(client.accepted), client.refused, client.cut, left)
	}
	t.Logf("%d jobs accepted, %d refused while a node was lost", len(client.accepted), client.refused)
	if len(client.accepted) < 2*each {
		t.Error("too few jobs were accepted to test anything")
	}
}
