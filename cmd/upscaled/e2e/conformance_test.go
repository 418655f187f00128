//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"upscaled/cmd/upscaled/e2e/pretend"
)

// conformance is a client of testdata/clients/conformance. It runs one step at a
// time on BASE, KEY and FILE, and prints {"status":0,"state":…}, or the status of
// the response that refused it. "success" writes the result to OUT, "refused" does
// the same with something wrong, "busy" submits more than the queue takes, and
// "cancel" returns the state of a job after it was canceled.
type conformance struct {
	program, environment string
	// arguments are those of the command line that writes the same file.
	arguments string
	// optional clients are not in the registries of every machine.
	optional              bool
	unknown, busy, broken int // statuses of a wrong key, a full queue and a bad image
	// endless clients have no call that cancels a job.
	endless bool
}

func conformances() map[string]conformance {
	const twice = "--scale 2 --format png"
	return map[string]conformance{
		"replicate for JavaScript 1.4":  {"replicate.cjs", "MODULE=replicate", twice, false, 401, 503, 422, false},
		"replicate for JavaScript 0.34": {"replicate.cjs", "MODULE=replicate-0", twice, false, 401, 503, 422, false},
		"replicate for Go":              {"replicate-go", "", twice, false, 401, 503, 422, false},
		"replicate for Python":          {"replicate-python.py", "", twice, true, 401, 503, 422, false},
		"ComfyUI's SDK":                 {"comfyui.cjs", "", "--scale 4 --model realesrgan-x4plus --format png", false, 401, 503, 400, false},
		"stable-diffusion-api":          {"automatic1111.cjs", "", twice, false, 401, 503, 500, false},
		"requests for Cog":              {"cog.py", "", twice, false, 401, 409, 422, false},
		"requests for mnml":             {"vendors.py", "VENDOR=mnml", twice, false, 401, 503, 400, true},
		"requests for AILab":            {"vendors.py", "VENDOR=ailab", twice + " --model realesr-general-x4v3", false, 401, 503, 422, true},
		"requests for maskr":            {"vendors.py", "VENDOR=maskr", twice, false, 401, 503, 422, true},
		"requests for artnex":           {"vendors.py", "VENDOR=artnex", "--scale 2 --format jpeg", false, 401, 503, 400, true},
		"requests for aetherforge":      {"vendors.py", "VENDOR=aetherforge", "--longest 1024 --format jpeg", false, 401, 503, 400, true},
		"requests for Stability v2beta": {"sync.py", "CALL=fast", "--scale 4 --format png", false, 401, 503, 400, false},
		"requests for Stability v1":     {"sync.py", "CALL=esrgan", twice, false, 401, 503, 400, false},
		"requests for images, forms":    {"sync.py", "CALL=images_form", twice, false, 401, 503, 400, false},
		"requests for images, JSON":     {"sync.py", "CALL=images_json", twice, false, 401, 503, 400, false},
	}
}

// command returns the command of a client, or skips the test. Programs in Go are
// built by scripts/clients.
func (c conformance) command(t *testing.T) []string {
	t.Helper()
	if filepath.Ext(c.program) == "" {
		path := filepath.Join(os.Getenv(clientsVariable), "bin", c.program)
		if _, err := os.Stat(path); err != nil && os.Getenv(requireClientsVariable) == "" {
			t.Skipf("%v: scripts/clients builds it", err)
		}
		return []string{path}
	}
	path := filepath.Join("testdata", "clients", "conformance", c.program)
	program := interpreter(t, c.program)
	if c.optional && exec.Command(program, "-c", "import replicate").Run() != nil {
		t.Skip("its package is not here")
	}
	return []string{program, path}
}

// conformed is what a step printed.
type conformed struct {
	Status int
	State  string
}

func (c conformance) step(t *testing.T, command []string, step string, environment ...string) conformed {
	t.Helper()
	run := exec.CommandContext(t.Context(), command[0], append(command[1:], step)...)
	run.Env = append(append(os.Environ(), nodePath(), c.environment), environment...)
	var stderr bytes.Buffer
	run.Stderr = &stderr
	out, err := run.Output()
	var printed conformed
	if err == nil {
		err = json.Unmarshal(out, &printed)
	}
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", step, err, out, &stderr)
	}
	return printed
}

// The official clients, and programs as the vendors show them, succeed with the
// command line's own bytes, and understand every refusal.
func TestConformance(t *testing.T) {
	t.Parallel()
	files := folder(t, map[string][]byte{"photo.jpg": jpegOf(t, textured(60, 40, false)), "bad.jpg": []byte("\xff\xd8\xff no image")})
	data, blockedData := t.TempDir(), t.TempDir()
	key, blockedKeys := keys(t, data, "new", "clients", "--credits", "1000"), map[string]string{}
	for name := range conformances() { // a late refund of one client is not to be counted by the next
		blockedKeys[name] = keys(t, blockedData, "new", name, "--credits", "1000")
	}
	server := startProcess(t, data, nil)
	full := startProcess(t, blockedData, []string{mode(pretend.Blocked)}, "--set", "queue.max-jobs=1")
	photo, bad := "FILE="+filepath.Join(files, "photo.jpg"), "FILE="+filepath.Join(files, "bad.jpg")
	for name, c := range conformances() {
		t.Run(name, func(t *testing.T) { // one after another: the full queue is theirs together
			command, out := c.command(t), filepath.Join(t.TempDir(), "result")
			base := "BASE=" + server.url
			if got := c.step(t, command, "success", base, "KEY="+key, photo, "OUT="+out); got.Status != 0 {
				t.Errorf("success: %+v", got)
			}
			c.compare(t, filepath.Join(files, "photo.jpg"), out)
			if got := c.step(t, command, "refused", base, "KEY=wrong", photo); got.Status != c.unknown {
				t.Errorf("wrong key: %+v", got)
			}
			if got := c.step(t, command, "refused", base, "KEY="+key, bad); got.Status != c.broken {
				t.Errorf("bad image: %+v", got)
			}
			base = "BASE=" + full.url
			if got := c.step(t, command, "busy", base, "KEY="+blockedKeys[name], photo); got.Status != c.busy {
				t.Errorf("busy: %+v", got)
			}
			if c.endless {
				return
			}
			if got := c.step(t, command, "cancel", base, "KEY="+blockedKeys[name], photo); got.State != "canceled" {
				t.Errorf("canceled: %+v", got)
			}
		})
	}
}

// compare compares a file with that of the command line.
func (c conformance) compare(t *testing.T, input, output string) {
	t.Helper()
	want := execute(t, nil, []string{mode(pretend.Slow)}, append(strings.Fields("upscale --quiet --out - "+c.arguments), input)...)
	got, err := os.ReadFile(output)
	if err != nil || want.code != exitOK || !bytes.Equal(got, []byte(want.stdout)) || !strings.HasPrefix(http.DetectContentType(got), "image/") {
		t.Errorf("the result of %d bytes is not the command line's of %d: %v, %s", len(got), len(want.stdout), err, want.stderr)
	}
}
