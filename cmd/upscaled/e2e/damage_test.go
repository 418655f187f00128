//go:build e2e

package e2e

import (
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"upscaled/cmd/upscaled/e2e/pretend"
)

// damageVariable makes TestDamagedFolder damage every file in every way;
// scripts/damage sets it.
const damageVariable = "UPSCALED_DAMAGE"

// damages are the ways to damage a file, of which empty ones can only be removed.
var damages = []struct {
	name string
	do   func(path string, content []byte) error
}{
	{"removed", func(path string, _ []byte) error { return os.Remove(path) }},
	{"emptied", func(path string, _ []byte) error { return os.Truncate(path, 0) }},
	{"cut in half", func(path string, content []byte) error { return os.Truncate(path, int64(len(content)/2)) }},
	{"short of its end", func(path string, content []byte) error { return os.Truncate(path, int64(len(content)-1)) }},
	{"flipped at its start", func(path string, content []byte) error { return flip(path, content, 0) }},
	{"flipped in its middle", func(path string, content []byte) error { return flip(path, content, len(content)/2) }},
	{"flipped at its end", func(path string, content []byte) error { return flip(path, content, len(content)-1) }},
}

func flip(path string, content []byte, at int) error {
	content = bytes.Clone(content)
	content[at] ^= 1
	return os.WriteFile(path, content, 0o600)
}

// damageFixture is a data folder in use, and what its clients know.
type damageFixture struct {
	folder, key string
	// results are the images of the jobs that had ended; others were accepted.
	results map[string][]byte
	others  []string
	upload  string
	credits int64
	first   string // job, of which the submission is repeated
}

// damageFolder fills a data folder. Its server is stopped, or killed with jobs in
// every state.
func damageFolder(t *testing.T, killed bool) damageFixture {
	t.Helper()
	const credits = 100
	f := damageFixture{folder: t.TempDir(), results: map[string][]byte{}}
	f.key = keys(t, f.folder, "new", "shop", "--credits", strconv.Itoa(credits))
	server := startProcess(t, f.folder, nil, "--set", "fetch.http=true", "--set", "fetch.ranges=127.0.0.0/8")
	for i := range 3 {
		id := f.submit(t, server.url, 60+i, "webhook=http://127.0.0.1:1/hook")
		finished(t, server.url+"/api/v1/jobs/"+id, f.key, func(body []byte) bool { return bytes.Contains(body, []byte(`"succeeded"`)) })
		code, image := get(t, server.url+"/api/v1/jobs/"+id+"/result", f.key)
		if code != http.StatusOK {
			t.Fatalf("result: %d", code)
		}
		f.results[id] = image
		f.first = cmp.Or(f.first, id)
	}
	code, _, body := send(t, form(t, server.url+"/v1/files", "content", bytes.Repeat([]byte("contents"), 40_000)), f.key)
	if code != http.StatusCreated {
		t.Fatalf("upload: %d %s", code, body)
	}
	f.upload = at(t, body, "id").(string)
	if !killed {
		f.credits = credits - 3
		if code := server.stop(); code != exitOK {
			t.Fatalf("the server ended with %d", code)
		}
		return f
	}
	time.Sleep(1500 * time.Millisecond) // until the history is as far as all streams
	for i := range 6 {
		f.others = append(f.others, f.submit(t, server.url, 20+i))
	}
	time.Sleep(50 * time.Millisecond) // until that of jobs is
	server.kill()
	f.credits = credits - 9
	return f
}

func (f damageFixture) submit(t *testing.T, url string, width int, fields ...string) (id string) {
	t.Helper()
	request := form(t, url+"/api/v1/jobs", "file", pngOf(t, textured(width, 30, true)), fields...)
	request.Header.Set("Idempotency-Key", strconv.Itoa(width))
	code, _, body := send(t, request, f.key)
	if code != http.StatusAccepted {
		t.Fatalf("submission: %d %s", code, body)
	}
	return at(t, body, "id").(string)
}

// Whatever happens to one file of the data folder while no server runs: the next one
// refuses to start, in one sentence that names the file and the remedy, or serves
// what it served before; results that are lost are logged as errors and refunded.
func TestDamagedFolder(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts hundreds of servers")
	}
	full := os.Getenv(damageVariable) != ""
	for _, killed := range []bool{false, true} {
		f := damageFolder(t, killed)
		outcomes, trials, covered, files := map[string]int{}, 0, 0, 0
		for _, name := range filesBelow(t, f.folder) {
			content, err := os.ReadFile(filepath.Join(f.folder, name))
			if err != nil {
				t.Fatal(err)
			}
			files++
			sound := true
			for i, d := range damages {
				if len(content) == 0 && i > 0 || !full && (i+files)%len(damages) > 1 {
					continue
				}
				copied := filepath.Join(t.TempDir(), "data")
				if err := os.CopyFS(copied, os.DirFS(f.folder)); err != nil {
					t.Fatal(err)
				}
				if err := d.do(filepath.Join(copied, name), content); err != nil {
					t.Fatal(err)
				}
				outcome, problem := f.judge(t, copied, name)
				trials++
				outcomes[outcome]++
				if problem != "" {
					sound = false
					t.Errorf("%s, %s (server killed: %v): %s", name, d.name, killed, problem)
				}
				_ = os.RemoveAll(copied)
			}
			if sound {
				covered++
			}
		}
		t.Logf("damage: server killed: %v, %d damages of %d files, %d files covered, outcomes %v", killed, trials, files, covered, outcomes)
		if files < 30 || outcomes["refused"] == 0 || outcomes["complete"] == 0 {
			t.Errorf("%d files and %v: nothing was tested", files, outcomes)
		}
	}
}

// filesBelow returns the files of a folder with their paths below it.
func filesBelow(t *testing.T, folder string) (names []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(folder), ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// judge starts a server on a damaged folder and returns how it went, and what is
// wrong with that.
func (f damageFixture) judge(t *testing.T, data, damaged string) (outcome, problem string) {
	t.Helper()
	p := launch(t, []string{mode(pretend.Plain)}, "serve", "--listen", "127.0.0.1:0", "--data", data, "--set", "engine.no-warm-up=true", "--set", "fetch.http=true", "--set", "fetch.ranges=127.0.0.0/8")
	defer p.kill()
	select {
	case <-p.ended:
		return "refused", f.judgeRefusal(p, damaged)
	case <-listening(p):
	}
	p = p.ready(t)
	lost, problem := f.judgeService(t, p, data)
	if problem != "" {
		return "wrong", problem + "\n" + p.log.String()
	}
	if code := p.stop(); code != exitOK {
		return "wrong", fmt.Sprintf("the server ended with %d:\n%s", code, p.log)
	}
	if !lost {
		return "complete", ""
	}
	if !strings.Contains(p.log.String(), `"ERROR"`) {
		return "wrong", "a result is lost without an error in the log:\n" + p.log.String()
	}
	return "reported", ""
}

// listening returns a channel that is closed when a server listens.
func listening(p process) <-chan struct{} {
	c := make(chan struct{})
	go func() {
		defer close(c)
		for !strings.Contains(p.log.String(), `"msg":"listening"`) {
			select {
			case <-p.ended:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	return c
}

// judgeRefusal checks what a server said that does not start.
func (f damageFixture) judgeRefusal(p process, damaged string) string {
	said := strings.TrimSpace(p.log.String())
	last := said[strings.LastIndexByte(said, '\n')+1:]
	name := strings.TrimSuffix(damaged, filepath.Base(damaged))
	if code := p.command.ProcessState.ExitCode(); code != exitFailed || !strings.HasPrefix(last, "upscaled: The file ") ||
		!strings.Contains(last, name) || !strings.Contains(last, "backup") {
		return fmt.Sprintf("exit %d with: %s", code, said)
	}
	return ""
}

// judgeService asks a server for everything that its clients know.
func (f damageFixture) judgeService(t *testing.T, p process, data string) (lost bool, problem string) {
	t.Helper()
	if code, _ := get(t, p.url+"/api/v1/jobs", ""); code != http.StatusUnauthorized {
		return false, fmt.Sprintf("a call without a key: %d", code)
	}
	refunded := int64(0)
	for id, want := range f.results {
		code, body := get(t, p.url+"/api/v1/jobs/"+id+"/result", f.key)
		switch {
		case code == http.StatusOK && bytes.Equal(body, want):
			continue
		case code != http.StatusNotFound:
			return false, fmt.Sprintf("job %s: %d with %d wrong bytes", id, code, len(body))
		}
		lost = true
		refunded++
		if code, body := get(t, p.url+"/api/v1/jobs/"+id, f.key); code != http.StatusOK || !bytes.Contains(body, []byte("send the image again")) {
			return false, fmt.Sprintf("a job whose result is damaged: %d %s", code, body)
		}
	}
	if id := f.submit(t, p.url, 60, "webhook=http://127.0.0.1:1/hook"); id != f.first {
		return lost, fmt.Sprintf("a repeated submission made job %s, not %s", id, f.first)
	}
	for _, id := range f.others {
		body := f.ended(t, p.url+"/api/v1/jobs/"+id)
		switch {
		case bytes.Contains(body, []byte(`"state":"succeeded"`)):
		case bytes.Contains(body, []byte(`"state":"failed"`)):
			lost = true
			refunded++
		default:
			return lost, fmt.Sprintf("job %s: %s", id, body)
		}
	}
	if code, _ := get(t, p.url+"/v1/files/"+f.upload, f.key); code != http.StatusOK {
		return false, fmt.Sprintf("the upload: %d", code)
	}
	got := int64(0)
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		listed := decodeJSON[[]keyView](t, []byte(keys(t, data, "list", "--json")))
		if got = *listed[0].Credits; got == f.credits+refunded && listed[0].Unfinished == 0 {
			return lost, ""
		}
	}
	return lost, fmt.Sprintf("%d credits are left of %d", got, f.credits+refunded)
}

// ended returns a job's last state within some seconds.
func (f damageFixture) ended(t *testing.T, url string) (body []byte) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if _, body = get(t, url, f.key); !bytes.Contains(body, []byte(`"finished_at":null`)) {
			break
		}
	}
	return body
}

// A folder that cannot be written is refused at once.
func TestReadOnlyFolder(t *testing.T) {
	t.Parallel()
	data := smallDisk(t)
	keys(t, data, "new", "shop")
	if err := syscall.Mount("", data, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Skipf("the disk cannot be made read-only: %v", err)
	}
	for _, command := range [][]string{{"serve", "--listen", "127.0.0.1:0"}, {"keys", "new", "second"}} {
		began := time.Now()
		got := program(t, append(command, "--data", data)...)
		if got.code != exitFailed || !strings.Contains(got.stderr, "The data folder "+data+" cannot be written") || time.Since(began) > 5*time.Second {
			t.Errorf("%v: exit %d after %s: %s", command, got.code, time.Since(began), got.stderr)
		}
	}
}

// Keys on a full disk are refused with the reason.
func TestKeysOnFullDisk(t *testing.T) {
	t.Parallel()
	data := smallDisk(t)
	keys(t, data, "new", "shop")
	for _, left := range []int64{0, 8 << 10} {
		filler := fill(t, data, left)
		got := program(t, "keys", "new", "second", "--data", data)
		if got.code != exitFailed && got.code != exitInternal || !strings.Contains(got.stderr, "space") {
			t.Errorf("%d bytes left: exit %d: %s", left, got.code, got.stderr)
		}
		_ = os.Remove(filler)
	}
}
