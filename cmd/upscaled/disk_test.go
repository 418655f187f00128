package main

import (
	"math/rand"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"upscaled/server/jobs/disktest"
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
	key := keysApart(t, disk.Folder, "new", "shop", "--credits", strconv.Itoa(credits))
	client := &ledger{accepted: map[string]string{}}
	arguments := []string{"--lease", "2s", "--attempts", "100"}
	picture := pngOf(t, textured(30, 20, false))
	lost := int64(0)
	for range rounds {
		server := startProcess(t, disk.Folder, nil, arguments...)
		var calls sync.WaitGroup
		for range jobsPerRound {
			request := form(t, server.url+"/public/v1/image-tune/upscale", "image", picture, "scale=1K")
			calls.Go(func() { client.submit(t, request, key) })
		}
		calls.Go(func() { client.look(t, server.url, key) })
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
	if len(client.accepted) < rounds {
		t.Errorf("only %d jobs were accepted: nothing was tested", len(client.accepted))
	}
}

// A disk that does not answer keeps new jobs waiting and nothing else: health
// is told, and a job is accepted when it is on the disk and not before.
func TestHangingDisk(t *testing.T) {
	t.Parallel()
	disk := disktest.Mount(t)
	key := keysApart(t, disk.Folder, "new", "shop", "--credits", "100")
	client := &ledger{accepted: map[string]string{}}
	picture := pngOf(t, textured(30, 20, false))
	server := startProcess(t, disk.Folder, nil, "--lease", "2s")
	submit := func() {
		client.submit(t, form(t, server.url+"/public/v1/image-tune/upscale", "image", picture, "scale=1K"), key)
	}
	submit()
	awaitAll(t, client, server, key)
	disk.Hold()
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		submit()
	}()
	eventually(t, "syncs", server.log, func() string {
		if disk.Waiting() == 0 {
			return "nobody waits for the disk"
		}
		return ""
	})
	for range 20 {
		if code, body := get(t, server.url+"/healthz", ""); code != http.StatusOK {
			t.Errorf("health: %d %s", code, body)
		}
	}
	select {
	case <-answered:
		t.Error("a job is accepted before it is on the disk")
	default:
	}
	disk.Release()
	<-answered
	awaitAll(t, client, server, key)
	checkResults(t, client, server.url, key)
	checkCredits(t, client, disk.Folder, 100)
	if len(client.accepted) != 2 {
		t.Errorf("%d jobs accepted of 2, %d cut, %d refused", len(client.accepted), client.cut, client.refused)
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
	disk := disktest.Mount(t)
	key := keysApart(t, disk.Folder, "new", "shop", "--credits", "100")
	client := &ledger{accepted: map[string]string{}}
	picture := pngOf(t, textured(30, 20, false))
	server := startProcess(t, disk.Folder, nil, "--lease", "2s")
	disk.Delay(100 * time.Millisecond) // ten times a slow hard disk's
	var calls sync.WaitGroup
	for range jobs {
		request := form(t, server.url+"/public/v1/image-tune/upscale", "image", picture, "scale=1K")
		calls.Go(func() { client.submit(t, request, key) })
	}
	calls.Wait()
	if code, body := get(t, server.url+"/healthz", ""); code != http.StatusOK {
		t.Errorf("health: %d %s", code, body)
	}
	awaitAll(t, client, server, key)
	checkResults(t, client, server.url, key)
	checkCredits(t, client, disk.Folder, 100)
	log := server.log.String()
	if begun := strings.Count(log, `"msg":"job begins"`); begun != len(client.accepted) {
		t.Errorf("%d jobs were begun %d times:\n%s", len(client.accepted), begun, log)
	}
	if len(client.accepted) != jobs {
		t.Errorf("%d jobs accepted, %d refused, %d cut", len(client.accepted), client.refused, client.cut)
	}
}

// A disk whose syncs fail accepts nothing: the server ends and says why, and
// the next one finds what was accepted before.
func TestFailingDisk(t *testing.T) {
	t.Parallel()
	disk := disktest.Mount(t)
	key := keysApart(t, disk.Folder, "new", "shop", "--credits", "100")
	client := &ledger{accepted: map[string]string{}}
	picture := pngOf(t, textured(30, 20, false))
	server := startProcess(t, disk.Folder, nil, "--lease", "2s")
	submit := func() {
		client.submit(t, form(t, server.url+"/public/v1/image-tune/upscale", "image", picture, "scale=1K"), key)
	}
	submit()
	awaitAll(t, client, server, key)
	disk.Fail()
	submit()
	if len(client.accepted) != 1 {
		t.Errorf("%d jobs are accepted by a disk that fails", len(client.accepted)-1)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.command.Wait() }()
	select {
	case <-ended:
	case <-time.After(40 * time.Second):
		t.Fatalf("the server goes on without a disk:\n%s", server.log)
	}
	if !strings.Contains(server.log.String(), "cannot be written any more") {
		t.Errorf("it does not say why it ends:\n%s", server.log)
	}
	disk.Release()
	disk.Cut(t)
	server = startProcess(t, disk.Folder, nil, "--lease", "2s")
	submit()
	awaitAll(t, client, server, key)
	checkResults(t, client, server.url, key)
	checkCredits(t, client, disk.Folder, 100)
}

// keysApart is keys in a process of its own: this one serves the disk, and would
// never end if it died while it waited for itself.
func keysApart(t *testing.T, data string, arguments ...string) string {
	t.Helper()
	command := exec.Command(os.Args[0], append([]string{"keys", "--data", data}, arguments...)...)
	command.Env = append(os.Environ(), programVariable+"="+slowProgram)
	out, err := command.Output()
	if err != nil {
		t.Fatalf("keys %v: %v", arguments, err)
	}
	return strings.TrimSpace(string(out))
}
