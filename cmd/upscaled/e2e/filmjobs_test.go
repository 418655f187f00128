//go:build e2e && linux

package e2e

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"upscaled/cmd/upscaled/e2e/pretend"
	"upscaled/server/queue/natstest"
)

// sendFilm submits a film and returns the job's address.
func sendFilm(t *testing.T, url, key, path string, fields ...string) string {
	t.Helper()
	r := form(t, url+"/api/v1/jobs", "file", readFile(t, path), fields...)
	code, _, body := send(t, r, key)
	if code != http.StatusAccepted {
		t.Fatalf("%d %s", code, body)
	}
	return "/api/v1/jobs/" + at(t, body, "id").(string)
}

// awaitFilm waits for a film and returns its job and its bytes.
func awaitFilm(t *testing.T, url, key, path string) (job, film []byte) {
	t.Helper()
	job = finished(t, url+path, key, func(body []byte) bool {
		if state := at(t, body, "state"); state == "failed" || state == "canceled" {
			t.Fatalf("%s", body)
		}
		return at(t, body, "state") == "succeeded"
	})
	code, film := get(t, url+path+"/result", key)
	if code != http.StatusOK {
		t.Fatalf("the result: %d %s", code, film)
	}
	return job, film
}

// made counts how often each part of films was finished, by the logs of workers.
func made(t *testing.T, logs ...string) map[string]int {
	t.Helper()
	ends := map[string]int{}
	for _, log := range logs {
		for line := range strings.Lines(log) {
			if strings.Contains(line, `"msg":"job ends"`) && strings.Contains(line, `"outcome":"succeeded"`) {
				ends[at(t, []byte(line), "job").(string)]++
			}
		}
	}
	return ends
}

// A film is spread over two workers and is the same, byte for byte, as on the command
// line, however often server and workers are killed. No finished part is made again.
func TestFilmsOfAFleetSurviveKills(t *testing.T) {
	t.Parallel()
	kills := 20
	if testing.Short() {
		kills = 2
	}
	root := t.TempDir()
	input, whole := filepath.Join(root, "a.mp4"), filepath.Join(root, "whole.mp4")
	makeFilm(t, input, "testsrc2=s=32x32:r=60", 20) // 13 parts
	if said, err := filmProgram(t, "--scale", "2", "--out", whole, input).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	cluster := natstest.Start(t, 1)
	nats := []string{"--nats", cluster.URLs(), "--set", "queue.lease=2s", "--set", "queue.attempts=100"}
	var logs []string
	start := []func() process{
		func() process {
			return launch(t, nil, append([]string{"serve", "--listen", "127.0.0.1:0", "--no-worker"}, nats...)...).ready(t)
		},
		func() process { return launch(t, nil, append([]string{"worker"}, nats...)...) },
		func() process { return launch(t, nil, append([]string{"worker"}, nats...)...) },
	}
	processes := []process{start[0](), start[1](), start[2]()}
	path := sendFilm(t, processes[0].url, "", input, "scale=2", "format=mp4")
	for killed := range kills {
		time.Sleep(time.Duration(rand.IntN(1500)) * time.Millisecond) // the random moment
		doomed := killed % len(processes)
		processes[doomed].kill()
		logs = append(logs, processes[doomed].log.String())
		processes[doomed] = start[doomed]()
	}
	job, film := awaitFilm(t, processes[0].url, "", path)
	if !bytes.Equal(film, readFile(t, whole)) {
		t.Errorf("the film of %d bytes is another one than on the command line", len(film))
	}
	if frames := at(t, job, "result", "frames"); frames != 1200.0 {
		t.Errorf("the result has %v frames", frames)
	}
	for _, p := range processes {
		logs = append(logs, p.log.String())
	}
	for part, times := range made(t, logs...) {
		if times > 1 {
			t.Errorf("part %s was made %d times", part, times)
		}
	}
	if code, body := get(t, processes[0].url+"/api/v1/jobs", ""); code != http.StatusOK || bytes.Count(body, []byte(`"id"`)) != 1 {
		t.Errorf("one job is listed as %s", body)
	}
}

// A film has one price, which is returned if it is canceled with all its parts, and
// leaves nothing behind when it is deleted.
func TestFilmIsOneJob(t *testing.T) {
	t.Parallel()
	root, data := t.TempDir(), t.TempDir()
	scratch := filepath.Join(root, "tmp")
	if err := os.Mkdir(scratch, 0o700); err != nil {
		t.Fatal(err)
	}
	input := filepath.Join(root, "a.mp4")
	makeFilm(t, input, "testsrc2=s=100x100:r=60", 10) // 600 frames of 10,000 pixels
	key := keys(t, data, "new", "shop", "--credits", "100")
	server := startProcess(t, data, []string{mode(pretend.Slow), "TMPDIR=" + scratch}, "--set", "apis.native.film-price=2")
	credits := func() any {
		_, body := get(t, server.url+"/api/v1/account", key)
		return at(t, body, "credits")
	}
	path := sendFilm(t, server.url, key, input)
	if left := credits(); left != 88.0 { // 2 credits for each of 6 megapixels
		t.Errorf("%v credits are left of 100", left)
	}
	eventually(t, "progress", nil, func() string {
		_, body := get(t, server.url+path, key)
		if progress := at(t, body, "progress").(float64); progress == 0 {
			return string(body)
		}
		return ""
	})
	_, body := get(t, server.url+"/api/v1/system", "")
	if running, queued := at(t, body, "queue", "running"), at(t, body, "queue", "queued"); running != 1.0 || queued != 0.0 {
		t.Errorf("%v jobs run and %v wait", running, queued)
	}
	r, err := http.NewRequest(http.MethodPost, server.url+path+"/cancel", nil)
	if err != nil {
		t.Fatal(err)
	}
	if code, _, body := send(t, r, key); code != http.StatusOK || at(t, body, "state") != "canceled" {
		t.Fatalf("canceled: %d %s", code, body)
	}
	eventually(t, "the refund", nil, func() string { return strings.TrimPrefix(fmt.Sprint(credits()), "100") })
	path = sendFilm(t, server.url, key, input, "to=0.5", "format=webm", "crf=40")
	job, film := awaitFilm(t, server.url, key, path)
	if !bytes.HasPrefix(film, []byte("\x1a\x45\xdf\xa3")) || at(t, job, "result", "frames") != 30.0 || at(t, job, "result", "format") != "webm" {
		t.Errorf("the film is %q, its job %s", film[:min(len(film), 40)], job)
	}
	r, err = http.NewRequest(http.MethodDelete, server.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if code, _, body := send(t, r, key); code != http.StatusNoContent {
		t.Errorf("deleted: %d %s", code, body)
	}
	if code, _ := get(t, server.url+path+"/result", key); code != http.StatusNotFound {
		t.Errorf("the result of a deleted film: %d", code)
	}
	_ = server.command.Process.Signal(syscall.SIGTERM)
	<-server.ended
	if left, err := os.ReadDir(scratch); err != nil || len(left) > 0 {
		t.Errorf("%v are left, %v", left, err)
	}
}

// Films that are not what they say, or that a server cannot take, are refused before any
// work, each with one sentence.
func TestFilmsAreRefused(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	input := filepath.Join(root, "a.mp4")
	makeFilm(t, input, "testsrc2=s=32x32:r=30", 4)
	server := serve(t, pretend.Plain, "--set", "apis.native.film-bytes=100KB", "--set", "apis.native.film-frames=100")
	film := readFile(t, input)
	for name, c := range map[string]struct {
		file   []byte
		fields []string
		want   string
	}{
		"too many frames":   {film, nil, "120 frames; at most 100"},
		"too large":         {append(film[:len(film):len(film)], make([]byte, 100<<10)...), nil, "larger than 100000 bytes"},
		"damaged":           {film[:200], nil, "damaged"},
		"format":            {film, []string{"format=jpeg"}, "written as .jpeg"},
		"codec":             {film, []string{"format=webm", "video_codec=h264"}, "do not hold h264"},
		"quality":           {film, []string{"crf=60"}, "0 to 51"},
		"times":             {film, []string{"from=2", "to=1"}, "to must be after from"},
		"options of a film": {pngOf(t, textured(8, 8, false)), []string{"crf=20"}, "for films"},
		"playlist":          {[]byte("#EXTM3U\n#EXTINF:1,\n/etc/passwd\n"), nil, "not an image"},
	} {
		code, _, body := send(t, form(t, server.url+"/api/v1/jobs", "file", c.file, c.fields...), "")
		if detail := fmt.Sprint(at(t, body, "detail")); code < 400 || code >= 500 || !strings.Contains(detail, c.want) || strings.Count(detail, ". ") > 0 {
			t.Errorf("%s: %d %s", name, code, body)
		}
	}
	bare := serve(t, pretend.Plain, "--ffmpeg", "/nonsense/ffmpeg")
	if code, _, body := send(t, form(t, bare.url+"/api/v1/jobs", "file", film), ""); code != http.StatusUnsupportedMediaType || !strings.Contains(string(body), "takes no films: it has no ffmpeg") {
		t.Errorf("without ffmpeg: %d %s", code, body)
	}
	if code, _, body := send(t, form(t, server.url+"/v1/upscale", "image", film), ""); code < 400 || !strings.Contains(string(body), "video/mp4") {
		t.Errorf("another API: %d %s", code, body)
	}
}
