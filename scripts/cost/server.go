package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// fleet is the server under test, started again when it dies or costs too much.
type fleet struct {
	folder string
	server *exec.Cmd // nil if none runs
	url    string
	// job is the ID of a job that has ended, file the path of its result.
	job, file string
	client    *http.Client
}

// build builds the server of a working tree with the engine of its tests.
func build(tree string) (*fleet, error) {
	folder, err := os.MkdirTemp("", "upscaled-cost-")
	if err != nil {
		return nil, err
	}
	f := &fleet{folder: folder, client: &http.Client{Timeout: 2 * time.Minute}}
	command := exec.Command("go", "build", "-tags", "e2e", "-o", filepath.Join(folder, "upscaled"), "./cmd/upscaled")
	command.Dir = tree
	if said, err := command.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the server: %w\n%s", err, said)
	}
	return f, nil
}

func (f *fleet) close() {
	f.stop()
	_ = os.RemoveAll(f.folder)
}

func (f *fleet) stop() {
	if f.server != nil {
		_ = f.server.Process.Kill()
		_ = f.server.Wait()
		f.server = nil
	}
}

// start starts a server, of at most 4 GiB, that accepts images of at most 60 million
// pixels, so that decoding an honest one costs little.
func (f *fleet) start() error {
	f.stop()
	data, err := os.MkdirTemp(f.folder, "data-")
	if err != nil {
		return err
	}
	command := exec.Command("sh", "-c", `ulimit -v 4194304; exec "$0" serve --listen 127.0.0.1:0 --data "$1" --set limits.max-pixels=60000000`,
		filepath.Join(f.folder, "upscaled"), data)
	command.Env = append(os.Environ(), "UPSCALED_TEST_PROGRAM=pretend")
	log, err := command.StderrPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return err
	}
	f.server = command
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line struct{ Msg, URL string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" {
			f.url = line.URL
			go io.Copy(io.Discard, log)
			return f.ready()
		}
	}
	return errors.New("the server does not start")
}

func (f *fleet) ready() error {
	for range 600 {
		if answer, err := f.client.Get(f.url + "/readyz"); err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return f.upscale()
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	return errors.New("the server does not get ready")
}

// upscale runs the job whose ID requests name.
func (f *fleet) upscale() error {
	body, kind := form(nil, map[string][][]byte{"file": {noise(400)}})
	answer, err := f.client.Post(f.url+"/api/v1/jobs", kind, bytes.NewReader(body))
	for err == nil {
		var job struct {
			ID     string
			Result *struct{ URL string }
		}
		err = json.NewDecoder(answer.Body).Decode(&job)
		_ = answer.Body.Close()
		if f.job = job.ID; job.Result != nil {
			_, f.file, _ = strings.Cut(strings.TrimPrefix(job.Result.URL, "http://"), "/")
			return nil
		}
		time.Sleep(50 * time.Millisecond)
		if err == nil {
			answer, err = f.client.Get(f.url + "/api/v1/jobs/" + f.job)
		}
	}
	return fmt.Errorf("run a job: %w", err)
}

// at returns the path of a route for the job.
func (f *fleet) at(path string) string {
	if rest, is := strings.CutPrefix(path, "/v1/files/{id}"); is {
		return "/" + f.file + strings.Replace(rest, "?", "&", 1)
	}
	return parameter.ReplaceAllString(path, f.job)
}

// send sends a request and returns its cost. A server that costs too much, or dies,
// is replaced.
func (f *fleet) send(r request) (c cost, err error) {
	if f.server == nil {
		if err := f.start(); err != nil {
			return c, err
		}
	}
	process := filepath.Join("/proc", strconv.Itoa(f.server.Process.Pid))
	_ = os.WriteFile(filepath.Join(process, "clear_refs"), []byte("5"), 0) // resets the peak
	before, held, err := usage(process, "VmRSS:")
	if err != nil {
		return c, err
	}
	r.path = f.at(r.path)
	c.sent, c.status = r.send(f.client, f.url)
	after, peak, err := usage(process, "VmHWM:")
	if err != nil { // it has died: of too little memory
		c.memory = 4 << 30
		f.stop()
		return c, nil
	}
	c.seconds, c.memory = after-before, max(0, peak-held)
	if c.share() > 0.5 {
		f.stop()
	}
	return c, nil
}

// usage returns a process's CPU time in seconds and an amount of memory in bytes.
func usage(process, field string) (seconds float64, memory int64, err error) {
	stat, err := os.ReadFile(filepath.Join(process, "stat"))
	if err != nil {
		return 0, 0, err
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	for _, ticks := range fields[11:13] { // user and system, in hundredths
		n, _ := strconv.ParseFloat(ticks, 64)
		seconds += n / 100
	}
	status, err := os.ReadFile(filepath.Join(process, "status"))
	_, rest, found := strings.Cut(string(status), field)
	if err != nil || !found {
		return 0, 0, errors.New("the process has ended")
	}
	kilobytes, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	return seconds, kilobytes << 10, err
}
