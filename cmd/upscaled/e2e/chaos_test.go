//go:build e2e

package e2e

import (
	"fmt"
	"io/fs"
	"maps"
	"math/rand"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"upscaled/cmd/upscaled/e2e/pretend"
	"upscaled/server/queue/natstest"
)

// chaosVariable is how many rounds TestChaos has; scripts/chaos sets it.
const chaosVariable = "UPSCALED_CHAOS"

// chaosRounds is 2 unless the variable says otherwise.
func chaosRounds(t *testing.T) int {
	t.Helper()
	text := os.Getenv(chaosVariable)
	if text == "" {
		return 2
	}
	rounds, err := strconv.Atoi(text)
	if err != nil || rounds < 1 {
		t.Fatalf("%s is %q, not a number of rounds", chaosVariable, text)
	}
	return rounds
}

// A server whose tiles fail, whose device has no memory and whose process, or in
// every second round that of its engine, crashes, is paused and is killed, again and
// again on one store, while an operator steers it. All calls are repeated. Whatever it
// accepted ends once, with an image and exactly one charge, and nothing is left.
func TestChaos(t *testing.T) {
	t.Parallel()
	const jobsPerRound, credits = 20, 1_000_000
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewSource(seed))
	data, temporary := t.TempDir(), t.TempDir()
	key := keys(t, data, "new", "shop", "--credits", strconv.Itoa(credits))
	operator := operations{client: keyID(t, data), done: map[string]int{}}
	operator.key = keys(t, data, "new", "the operator", "--operator")
	client := &ledger{accepted: map[string]string{}, keys: map[string]string{}}
	arguments := []string{"--set", "queue.lease=2s", "--set", "queue.attempts=1000"}
	picture := jobPicture(t)
	submit := func(server process, once string) {
		request := form(t, server.url+"/public/v1/image-tune/upscale", "image", picture, "scale=1K")
		request.Header.Set("Idempotency-Key", once)
		client.submit(t, request, key)
	}
	rounds, tiles, kills, pauses := chaosRounds(t), 0, 0, 0
	for round := range rounds {
		environment := []string{pretend.FaultsVariable + "=600", "TMPDIR=" + temporary}
		if round%2 == 1 { // crashes are those of the engine's own process
			environment = append(environment, isolatedEnvironment()...)
		}
		key = keys(t, data, "rotate", operator.client, "--overlap", "1h") // works through the round, whatever is answered
		server := startProcess(t, data, environment, append(arguments, "--set", "engine.no-warm-up=true")...)
		var calls sync.WaitGroup
		var later []string
		for once, id := range client.keys { // all that were cut, and some that were answered
			if id == "" || len(later) < 2*jobsPerRound {
				later = append(later, once)
			}
		}
		for job := range jobsPerRound {
			once := fmt.Sprintf("round %d job %d", round, job)
			if job%2 == 0 {
				calls.Go(func() { submit(server, once) })
			} else {
				later = append(later, once)
			}
		}
		random.Shuffle(len(later), func(i, j int) { later[i], later[j] = later[j], later[i] })
		calls.Go(func() { // all the time, so that the kill cuts one or more
			for _, once := range later {
				calls.Go(func() { submit(server, once) })
				time.Sleep(4 * time.Second / time.Duration(len(later)))
			}
		})
		calls.Go(func() { client.look(t, server.url, key) })
		steering := rand.New(rand.NewSource(random.Int63()))
		calls.Go(func() { operator.steer(t, server, steering) })
		if round == 0 { // on a busy machine no tile may have run before the random moment
			eventually(t, "the first fault", server.log, func() string {
				if !strings.Contains(server.log.String(), pretend.Injected) {
					return "no tile has failed"
				}
				return ""
			})
		}
		time.Sleep(time.Duration(random.Intn(4000)) * time.Millisecond) // the random moment
		if random.Intn(4) == 0 {
			pause(t, server, 3*time.Second) // longer than the lease
			pauses++
		}
		server.kill()
		calls.Wait()
		kills++
		tiles += strings.Count(server.log.String(), pretend.Injected)
	}
	key = keys(t, data, "rotate", operator.client)
	server := startProcess(t, data, []string{"TMPDIR=" + temporary}, arguments...)
	cut := 0
	for once, id := range maps.Clone(client.keys) {
		if id == "" {
			cut++
		}
		eventually(t, once, server.log, func() string { // there may be no room before jobs end
			if submit(server, once); client.keys[once] == "" {
				return "it is not accepted"
			}
			return ""
		})
	}
	awaitAll(t, client, server, key)
	checkResults(t, client, server.url, key)
	checkCredits(t, client, data, credits)
	// A piece whose storing was given up on a busy machine may come late, and is
	// removed by the next server, or within hours.
	server.kill()
	server = startProcess(t, data, []string{"TMPDIR=" + temporary}, arguments...)
	checkStore(t, data, server.log)
	server.kill()
	checkNothingLeft(t, temporary)
	checkDataFolder(t, data)
	t.Logf("chaos: %d faults injected (%d of tiles, %d kills, %d pauses), %d jobs accepted, %d calls repeated, %d of them after the last kill, %d refused",
		tiles+kills+pauses, tiles, kills, pauses, len(client.accepted), client.repeated, cut, client.refused)
	t.Logf("operator: %v", operator.done)
	if rounds > 2 && (operator.done["drained"] == 0 || operator.done["deleted"] == 0) {
		t.Error("nothing was steered")
	}
	if tiles == 0 || len(client.accepted) < rounds {
		t.Errorf("%d faults of tiles and %d jobs: nothing was tested", tiles, len(client.accepted))
	}
}

// pause stops a process for a while, as a machine does that is moved.
func pause(t *testing.T, p process, length time.Duration) {
	t.Helper()
	if err := p.command.Process.Signal(syscall.SIGSTOP); err != nil {
		return // it has crashed before
	}
	time.Sleep(length)
	_ = p.command.Process.Signal(syscall.SIGCONT)
}

// checkNothingLeft: a server that is killed leaves no files behind in the
// folder for temporary ones.
func checkNothingLeft(t *testing.T, folder string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			t.Errorf("%s is left", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// A worker that is stopped for longer than its lease and then goes on ends no
// job that another has taken meanwhile.
func TestPausedWorker(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("four processes are too much for two cores under the race detector")
	}
	const jobs = 12
	cluster := natstest.Start(t, 1)
	nats := []string{"--nats", cluster.URLs(), "--set", "queue.lease=2s"}
	made := program(t, "keys", "new", "shop", "--credits", "1000", "--nats", cluster.URLs())
	if made.code != exitOK {
		t.Fatal(made.stderr)
	}
	key := strings.TrimSpace(made.stdout)
	server := startProcess(t, "", nil, append(nats, "--no-worker")...)
	asleep := startWorker(t, nats...)
	client := &ledger{accepted: map[string]string{}}
	picture := jobPicture(t)
	for range jobs {
		client.submit(t, form(t, server.url+"/public/v1/image-tune/upscale", "image", picture, "scale=1K"), key)
	}
	asleep.waitForLog(t, "job begins")
	if err := asleep.command.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	startWorker(t, nats...)
	awaitAll(t, client, server, key) // by the other worker
	if err := asleep.command.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	asleep.waitForLog(t, "job ends") // what it had in work, as canceled
	if client.look(t, server.url, key) > 0 {
		t.Error("the sleeper has reopened a job")
	}
	checkResults(t, client, server.url, key)
	code, body := get(t, server.url+"/v1/credits", key)
	if left := at(t, body, "credits").(float64); code != http.StatusOK || int(left) != 1000-jobs || len(client.accepted) != jobs {
		t.Errorf("%d accepted of %d, %.0f credits left of 1000", len(client.accepted), jobs, left)
	}
}

// A disk that is nearly full refuses new work in the vendor's own words and
// ends what was accepted; once there is space again, everything goes on.
func TestNearlyFullDisk(t *testing.T) {
	t.Parallel()
	data := smallDisk(t)
	key := keys(t, data, "new", "shop", "--credits", "10000")
	client := &ledger{accepted: map[string]string{}}
	picture := jobPicture(t)
	server := startProcess(t, data, nil, "--set", "queue.lease=2s")
	submit := func() {
		client.submit(t, form(t, server.url+"/public/v1/image-tune/upscale", "image", picture, "scale=1K"), key)
	}
	submit()
	filler := fill(t, data, 4<<20) // below a tenth of the disk
	submit()
	if len(client.accepted) != 1 || client.refused != 1 {
		t.Fatalf("%d jobs are accepted and %d refused on a nearly full disk", len(client.accepted), client.refused)
	}
	code, _ := get(t, server.url+"/readyz", "")
	if code != http.StatusOK { // accepted jobs can be asked for
		t.Errorf("readiness: %d", code)
	}
	awaitAll(t, client, server, key)
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	submit()
	awaitAll(t, client, server, key)
	checkResults(t, client, server.url, key)
	checkCredits(t, client, data, 10000)
	if len(client.accepted) != 2 {
		t.Errorf("%d jobs are accepted, want 2", len(client.accepted))
	}
}

// A disk that another program fills up to its last byte ends the server, for
// its store writes nothing more. With room there is again the next one finds
// all that was accepted.
func TestFullDiskOfTheStore(t *testing.T) {
	t.Parallel()
	data := smallDisk(t)
	const credits = 10_000
	key := keys(t, data, "new", "shop", "--credits", strconv.Itoa(credits))
	client := &ledger{accepted: map[string]string{}}
	picture := pngOf(t, textured(128, 128, false))
	server := startProcess(t, data, nil, "--set", "queue.lease=2s", "--set", "queue.attempts=1000")
	for range 10 {
		client.submit(t, form(t, server.url+"/public/v1/image-tune/upscale", "image", picture, "scale=2K"), key)
	}
	filler := fill(t, data, 0)
	server.awaitEnd(t, "the server goes on without a disk")
	if !strings.Contains(server.log.String(), "no space left on device") {
		t.Fatalf("the disk was not full:\n%s", server.log)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	server = startProcess(t, data, nil, "--set", "queue.lease=2s", "--set", "queue.attempts=1000")
	awaitAll(t, client, server, key)
	for id, status := range client.accepted {
		if status != "Succeed" {
			t.Errorf("job %s is %s", id, status)
		}
	}
	checkCredits(t, client, data, credits)
	t.Logf("full disk: %d jobs accepted", len(client.accepted))
	if len(client.accepted) != 10 {
		t.Errorf("%d jobs are accepted, want 10", len(client.accepted))
	}
}

// unfinished reports jobs that are not final.
func unfinished(jobs int) string {
	if jobs == 0 {
		return ""
	}
	return strconv.Itoa(jobs) + " are unfinished"
}

// awaitAll looks until every job is final. Patience ends if none ends.
func awaitAll(t *testing.T, client *ledger, server process, key string) {
	t.Helper()
	for left := client.look(t, server.url, key); left > 0; {
		before := left
		eventually(t, "jobs", server.log, func() string {
			if left = client.look(t, server.url, key); left < before {
				return ""
			}
			return unfinished(left)
		})
	}
}

// smallDisk mounts a disk of 64 MiB, which takes root.
func smallDisk(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=64m"); err != nil {
		t.Skipf("a small disk cannot be mounted: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(folder, syscall.MNT_DETACH) })
	return folder
}

// fill writes a file until so many bytes are left on a folder's disk.
func fill(t *testing.T, folder string, left int64) string {
	t.Helper()
	file, err := os.Create(filepath.Join(folder, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for block := make([]byte, 1<<20); len(block) > 0; {
		var disk syscall.Statfs_t
		if err := syscall.Statfs(folder, &disk); err != nil {
			t.Fatal(err)
		}
		if int64(disk.Bavail)*int64(disk.Bsize) <= left {
			break
		}
		if _, err := file.Write(block); err != nil {
			block = block[:len(block)/2]
		}
	}
	return file.Name()
}

// A server that runs out of file descriptors answers again when clients let go
// of theirs, and has lost nothing.
func TestOutOfFiles(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	key := keys(t, data, "new", "shop", "--credits", "1000")
	server := startProcess(t, data, []string{pretend.FilesVariable + "=100"}, "--set", "queue.lease=2s", "--set", "queue.attempts=1000")
	client := &ledger{accepted: map[string]string{}}
	picture := jobPicture(t)
	for range 5 {
		client.submit(t, form(t, server.url+"/public/v1/image-tune/upscale", "image", picture, "scale=1K"), key)
	}
	held := make([]net.Conn, 0, 200)
	for range cap(held) {
		connection, err := net.Dial("tcp", strings.TrimPrefix(server.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, connection)
	}
	impatient := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	if response, err := impatient.Get(server.url + "/healthz"); err == nil {
		response.Body.Close()
		t.Fatalf("%s while all files are taken", response.Status)
	}
	for _, connection := range held {
		_ = connection.Close()
	}
	awaitAll(t, client, server, key)
	checkResults(t, client, server.url, key)
	server.kill()
	checkCredits(t, client, data, 1000)
	if len(client.accepted) != 5 {
		t.Errorf("%d jobs accepted of 5", len(client.accepted))
	}
}
