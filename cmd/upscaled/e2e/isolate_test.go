//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"upscaled/cmd/upscaled/e2e/pretend"
)

// isolatedEnvironment makes startProcess run the engine in its own process.
func isolatedEnvironment(more ...string) []string {
	return append([]string{mode(pretend.Isolated)}, more...)
}

// An image that crashes the native code fails after its tries. Those that are
// in work beside it, and those that come later, are made and paid for once.
func TestPoisonThroughTheServer(t *testing.T) {
	t.Parallel()
	const credits = 1000
	data := t.TempDir()
	key := keys(t, data, "new", "shop", "--credits", strconv.Itoa(credits))
	server := startProcess(t, data, isolatedEnvironment(), "--jobs", "6")
	client, poisoned := &ledger{accepted: map[string]string{}}, &ledger{accepted: map[string]string{}}
	good, poison := pngOf(t, textured(30, 20, false)), pngOf(t, textured(pretend.PoisonWidth, 20, false))
	submit := func(l *ledger, picture []byte) {
		l.submit(t, form(t, server.url+"/public/v1/image-tune/upscale", "image", picture, "scale=1K"), key)
	}
	for range 3 {
		submit(client, good)
	}
	submit(poisoned, poison)
	for range 2 {
		submit(client, good)
	}
	awaitAll(t, poisoned, server, key)
	for id, status := range poisoned.accepted {
		if status != "Failed" {
			t.Errorf("the poison %s is %s", id, status)
		}
	}
	submit(client, good)
	awaitAll(t, client, server, key)
	checkResults(t, client, server.url, key)
	checkCredits(t, client, data, credits) // a job that failed costs nothing
	log := server.log.String()
	if tries := strings.Count(log, "The engine crashed on this image."); tries < 3 || !strings.Contains(log, `"attempt":3`) || strings.Contains(log, `"attempt":4`) {
		t.Errorf("the poison was tried %d times, want 3", tries)
	}
	if strings.Count(log, `"outcome":"failed"`)+strings.Count(log, `"outcome":"tried again"`) != 3 {
		t.Error("another job paid for the poison")
	}
	if len(client.accepted) != 6 || len(poisoned.accepted) != 1 {
		t.Errorf("%d and %d jobs were accepted", len(client.accepted), len(poisoned.accepted))
	}
}

var engineProcessID = regexp.MustCompile(`the engine's process is ready","process":([0-9]+)`)

// kill -9 of the engine's process while it works costs no try of any job. A
// killed server takes it along; a stopped one ends it and itself well.
func TestKilledEngine(t *testing.T) {
	t.Parallel()
	const credits = 1000
	data := t.TempDir()
	key := keys(t, data, "new", "shop", "--credits", strconv.Itoa(credits))
	server := startProcess(t, data, isolatedEnvironment(), "--jobs", "3", "--set", "queue.attempts=1")
	newest := func() int {
		all := engineProcessID.FindAllStringSubmatch(server.log.String(), -1)
		id, _ := strconv.Atoi(all[len(all)-1][1])
		return id
	}
	client := &ledger{accepted: map[string]string{}}
	picture := pngOf(t, textured(30, 20, false))
	for range 9 {
		client.submit(t, form(t, server.url+"/public/v1/image-tune/upscale", "image", picture, "scale=1K"), key)
	}
	server.waitForLog(t, "job begins")
	if err := syscall.Kill(newest(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	awaitAll(t, client, server, key)
	checkResults(t, client, server.url, key)
	checkCredits(t, client, data, credits)
	if !strings.Contains(server.log.String(), "it is retried alone") {
		t.Error("nothing was in work: nothing was tested")
	}
	last := newest()
	// Like systemd when it stops a unit: all of its processes get the signal.
	for _, id := range []int{last, server.command.Process.Pid} {
		if err := syscall.Kill(id, syscall.SIGTERM); err != nil {
			t.Error(err)
		}
	}
	<-server.ended
	if code := server.command.ProcessState.ExitCode(); code != exitOK {
		t.Errorf("exit code %d:\n%s", code, server.log)
	}
	awaitEnd(t, last)
	server = startProcess(t, data, isolatedEnvironment())
	server.waitForLog(t, "the engine's process is ready")
	last = newest()
	server.kill()
	awaitEnd(t, last)
}

// awaitEnd waits until a process is gone or a zombie.
func awaitEnd(t *testing.T, id int) {
	t.Helper()
	eventually(t, "end of the process", nil, func() string {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", id))
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return ""
		}
		return string(stat)
	})
}

// What keeps the engine from being opened ends serve with the exit code and
// the sentence that it has in one process.
func TestEngineThatCannotOpen(t *testing.T) {
	t.Parallel()
	for refusal, want := range map[string]struct {
		code int
		text string
	}{
		"missing": {exitMissing, "upscaled: The pretended model is not installed.\n"},
		"usage":   {exitUsage, "upscaled: --device is nonsense\n"},
		"crash":   {exitInternal, "upscaled: The engine crashed while it started"},
	} {
		for _, isolate := range []string{"true", "false"} {
			if refusal == "crash" && isolate == "false" {
				continue
			}
			command := exec.Command(built, "serve", "--listen", "127.0.0.1:0", "--data", t.TempDir(), "--set", "engine.isolate="+isolate)
			command.Env = append(os.Environ(), isolatedEnvironment(pretend.RefusalVariable+"="+refusal)...)
			said, _ := command.CombinedOutput() // the exit code tells
			if code := command.ProcessState.ExitCode(); code != want.code || !strings.Contains(string(said), want.text) {
				t.Errorf("%s, engine.isolate=%s: exit code %d, want %d\n%s", refusal, isolate, code, want.code, said)
			}
		}
	}
}

// engine.isolate=false keeps the engine in the server's own process.
func TestWithoutIsolation(t *testing.T) {
	t.Parallel()
	server := startProcess(t, t.TempDir(), isolatedEnvironment(), "--set", "engine.isolate=false")
	r := form(t, server.url+"/v1/upscale", "image", pngOf(t, textured(64, 48, false)), "scale=2")
	if code, _, body := send(t, r, ""); code != http.StatusOK {
		t.Errorf("%d %s", code, body)
	}
	if strings.Contains(server.log.String(), "engine's process") {
		t.Error("there is another process")
	}
}

// The engine's process cannot be started by hand.
func TestEngineByHand(t *testing.T) {
	t.Parallel()
	if got := execute(t, nil, isolatedEnvironment(), "engine"); got.code != exitUsage || !strings.Contains(got.stderr, "start it themselves") {
		t.Errorf("%d %s", got.code, got.stderr)
	}
}
