//go:build e2e

package e2e

import (
	"math/rand"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"upscaled/server/queue/disktest"
)

// The power fails at random moments: what was not synced is lost, on a disk
// that keeps nothing else. All that was accepted ends once and is paid once.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	rounds := 6
	if testing.Short() {
		rounds = 2
	}
	const jobsPerRound, credits = 10, 10_000
	disk := disktest.Mount(t)
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewSource(seed))
	key := keys(t, disk.Folder, "new", "shop", "--credits", strconv.Itoa(credits))
	client := &ledger{accepted: map[string]string{}}
	arguments := []string{"--set", "queue.lease=2s", "--set", "queue.attempts=100"}
	picture := jobPicture(t)
	lost := int64(0)
	for round := range rounds {
		before := client.jobs()
		server := startProcess(t, disk.Folder, nil, arguments...)
		var calls sync.WaitGroup
		for range jobsPerRound {
			request := form(t, server.url+"/public/v1/image-tune/upscale", "image", picture, "scale=1K")
			calls.Go(func() { client.submit(t, request, key) })
		}
		calls.Go(func() { client.look(t, server.url, key) })
		if round%2 == 0 { // on a busy machine no call may be answered before the random moment
			client.awaitMore(t, before, server.log)
		}
		time.Sleep(time.Duration(random.Intn(1000)) * time.Millisecond) // the random moment
		server.kill()
		calls.Wait()
		lost += disk.Cut(t)
	}
	server := startProcess(t, disk.Folder, nil, arguments...)
	awaitAll(t, client, server, key)
	checkResults(t, client, server.url, key)
	checkCredits(t, client, disk.Folder, credits)
	server.kill() // what came late is removed by the next one
	server = startProcess(t, disk.Folder, nil, arguments...)
	checkStore(t, disk.Folder, server.log)
	t.Logf("power cuts: %d, %d jobs accepted, %d calls cut, %d bytes lost", rounds, len(client.accepted), client.cut, lost)
	if len(client.accepted) < rounds/2 {
		t.Errorf("only %d jobs were accepted: nothing was tested", len(client.accepted))
	}
}

// shop is a server whose store is on a disk of the test's own, with one client.
type shop struct {
	disk    *disktest.Disk
	key     string
	client  *ledger
	picture []byte
	server  process
}

const shopCredits = 100

// openShop starts a server on a new disk.
func openShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{disk: disktest.Mount(t), client: &ledger{accepted: map[string]string{}}, picture: jobPicture(t)}
	s.key = keys(t, s.disk.Folder, "new", "shop", "--credits", strconv.Itoa(shopCredits))
	s.start(t)
	return s
}

// start starts a server on the disk as it is.
func (s *shop) start(t *testing.T) {
	t.Helper()
	s.server = startProcess(t, s.disk.Folder, nil, "--set", "queue.lease=2s")
}

// request is one for a job.
func (s *shop) request(t *testing.T) *http.Request {
	t.Helper()
	return form(t, s.server.url+"/public/v1/image-tune/upscale", "image", s.picture, "scale=1K")
}

func (s *shop) submit(t *testing.T) {
	t.Helper()
	s.client.submit(t, s.request(t), s.key)
}

// settle waits until all that was accepted has ended, once and paid for.
func (s *shop) settle(t *testing.T) {
	t.Helper()
	awaitAll(t, s.client, s.server, s.key)
	checkResults(t, s.client, s.server.url, s.key)
	checkCredits(t, s.client, s.disk.Folder, shopCredits)
}

// isHealthy checks that the server says so.
func (s *shop) isHealthy(t *testing.T) {
	t.Helper()
	if code, body := get(t, s.server.url+"/healthz", ""); code != http.StatusOK {
		t.Errorf("health: %d %s", code, body)
	}
}

// A disk that does not answer keeps new jobs waiting and nothing else: health
// is told, and a job is accepted when it is on the disk and not before.
func TestHangingDisk(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	s.submit(t)
	s.settle(t)
	s.disk.Hold()
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		s.submit(t)
	}()
	eventually(t, "syncs", s.server.log, func() string {
		if s.disk.Waiting() == 0 {
			return "nobody waits for the disk"
		}
		return ""
	})
	for range 20 {
		s.isHealthy(t)
	}
	select {
	case <-answered:
		t.Error("a job is accepted before it is on the disk")
	default:
	}
	s.disk.Release()
	<-answered
	s.settle(t)
	if len(s.client.accepted) != 2 {
		t.Errorf("%d jobs accepted of 2, %d cut, %d refused", len(s.client.accepted), s.client.cut, s.client.refused)
	}
}

// On a slow disk jobs take longer, and that is all: no worker loses its lease
// because the disk keeps its heartbeat, and no job is run twice.
func TestSlowDisk(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes long under the race detector")
	}
	const jobs = 8
	s := openShop(t)
	s.disk.Delay(100 * time.Millisecond) // ten times a slow hard disk's
	var calls sync.WaitGroup
	for range jobs {
		request := s.request(t)
		calls.Go(func() { s.client.submit(t, request, s.key) })
	}
	calls.Wait()
	s.isHealthy(t)
	s.settle(t)
	log := s.server.log.String()
	if begun := strings.Count(log, `"msg":"job begins"`); begun != len(s.client.accepted) {
		t.Errorf("%d jobs were begun %d times:\n%s", len(s.client.accepted), begun, log)
	}
	if len(s.client.accepted) != jobs {
		t.Errorf("%d jobs accepted, %d refused, %d cut", len(s.client.accepted), s.client.refused, s.client.cut)
	}
}

// A disk whose syncs fail accepts nothing: the server ends and says why, and
// the next one finds what was accepted before.
func TestFailingDisk(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	s.submit(t)
	s.settle(t)
	s.disk.Fail()
	s.submit(t)
	if len(s.client.accepted) != 1 {
		t.Errorf("%d jobs are accepted by a disk that fails", len(s.client.accepted)-1)
	}
	s.server.awaitEnd(t, "the server goes on without a disk")
	if !strings.Contains(s.server.log.String(), "cannot be written any more") {
		t.Errorf("it does not say why it ends:\n%s", s.server.log)
	}
	s.disk.Release()
	s.disk.Cut(t)
	s.start(t)
	s.submit(t)
	s.settle(t)
}
