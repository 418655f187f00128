//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/disintegration/imaging"

	"upscaled/models"
	"upscaled/models/network/networktest"
	"upscaled/models/weights"
)

// swiftShader is Vulkan on the CPU, of Debian's chromium.
const swiftShader = "/usr/lib/chromium/libvk_swiftshader.so"

// card is a store with a tiny model, and a graphics card to run it on.
type card struct {
	home, library string
	environment   []string
}

// newCard makes a card of the driver in testdata, which runs SwiftShader, with the
// faults that variables name. Its store has the model "tiny".
func newCard(t *testing.T, variables ...string) card {
	t.Helper()
	needRuntime(t)
	if _, err := os.Stat(swiftShader); err != nil {
		if os.Getenv("UPSCALED_REQUIRE_SWIFTSHADER") == "1" {
			t.Fatal("SwiftShader is missing; install Debian's chromium")
		}
		t.Skip("needs SwiftShader, a part of Debian's chromium")
	}
	folder := t.TempDir()
	driver, description := filepath.Join(folder, "libcard.so"), filepath.Join(folder, "card.json")
	if said, err := exec.Command("gcc", "-shared", "-fPIC", "-o", driver, "testdata/card/card.c", "-ldl").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	if err := os.WriteFile(description, fmt.Appendf(nil, `{"file_format_version":"1.0.0","ICD":{"library_path":%q,"api_version":"1.1.0"}}`, driver), 0o600); err != nil {
		t.Fatal(err)
	}
	store, err := models.Open(models.Options{Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	c := card{
		home: t.TempDir(), library: store.InstalledLibrary("cpu"),
		environment: append([]string{"VK_ICD_FILENAMES=" + description, "VK_DRIVER_FILES=" + description, "XDG_RUNTIME_DIR=" + folder}, variables...),
	}
	if err := os.Mkdir(filepath.Join(c.home, "models"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"models/pigo", "models/blazeface", "models/" + store.Default("cpu")} {
		if err := os.Symlink(filepath.Join(store.Home(), name), filepath.Join(c.home, name)); err != nil {
			t.Fatal(err)
		}
	}
	var file bytes.Buffer
	if err := weights.WriteSafetensors(&file, networktest.RandomCompact(1, 1, 8, 2), nil); err != nil {
		t.Fatal(err)
	}
	tiny := filepath.Join(folder, "tiny.safetensors")
	if err := os.WriteFile(tiny, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := c.run(t, "models", "import", tiny); got.code != exitOK {
		t.Fatal(got.stderr)
	}
	return c
}

// run runs the program with the card and its store.
func (c card) run(t *testing.T, arguments ...string) outcome {
	t.Helper()
	return execute(t, nil, c.environment, append([]string{"--offline", "--home", c.home, "--onnxruntime", c.library}, arguments...)...)
}

// upscale upscales with the tiny model and returns the result.
func (c card) upscale(t *testing.T, input image.Image, arguments ...string) (outcome, image.Image) {
	t.Helper()
	folder := t.TempDir()
	in, out := filepath.Join(folder, "in.png"), filepath.Join(folder, "out.png")
	if err := os.WriteFile(in, pngOf(t, input), 0o600); err != nil {
		t.Fatal(err)
	}
	got := c.run(t, append([]string{"upscale", "--model", "tiny", "--out", out, in}, arguments...)...)
	data, err := os.ReadFile(out)
	if err != nil {
		return got, nil
	}
	result, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return got, result
}

// sameAsCPU reports an image that is more than one step of 255 from the CPU's.
func (c card) sameAsCPU(t *testing.T, input, got image.Image) {
	t.Helper()
	said, want := c.upscale(t, input, "--device", "cpu", "--precision", "float32")
	if want == nil || got == nil || want.Bounds() != got.Bounds() {
		t.Fatalf("the CPU made %v (%s), the card %v", want != nil, said.stderr, got != nil)
	}
	worst := 0
	for y := range want.Bounds().Dy() {
		for x := range want.Bounds().Dx() {
			r, g, b, _ := want.At(x, y).RGBA()
			r2, g2, b2, _ := got.At(x, y).RGBA()
			for _, d := range []int{int(r>>8) - int(r2>>8), int(g>>8) - int(g2>>8), int(b>>8) - int(b2>>8)} {
				worst = max(worst, d, -d)
			}
		}
	}
	if worst > 1 {
		t.Errorf("the card's image differs by %d of 255", worst)
	}
}

// A card without float16 is found, measured within the promised time, and makes the
// CPU's image: whole, in tiles and around a face.
func TestWebGPU(t *testing.T) {
	t.Parallel()
	c := newCard(t)
	found := c.run(t, "doctor", "--model", "tiny", "--device", "webgpu", "--json")
	var diagnosis struct {
		Providers []string
		Cards     []struct{ Name, Type string }
		Device    struct{ Kind, Name, Precision string }
	}
	if err := json.Unmarshal([]byte(found.stdout), &diagnosis); err != nil || found.code != exitOK {
		t.Fatal(err, found)
	}
	if d := diagnosis.Device; d.Kind != "webgpu" || !strings.Contains(d.Name, "SwiftShader") || d.Precision != "float32" {
		t.Errorf("the device is %+v", d)
	}
	if got := fmt.Sprint(diagnosis.Providers, diagnosis.Cards); !strings.HasPrefix(got, "[cpu webgpu] [{SwiftShader") || !strings.HasSuffix(got, "software}]") {
		t.Errorf("doctor lists %s", got)
	}
	input := textured(40, 30, false)
	said, result := c.upscale(t, input, "--device", "webgpu", "--tune", "off")
	if said.code != exitOK {
		t.Fatal(said.stderr)
	}
	c.sameAsCPU(t, input, result)
	wide := textured(200, 70, true)
	said, result = c.upscale(t, wide, "--device", "webgpu", "--tune", "off", "--tile", "64")
	if said.code != exitOK {
		t.Fatal(said.stderr)
	}
	c.sameAsCPU(t, wide, result)
}

// A face is found and restored with the card: the restorer is a model like others.
func TestWebGPUFace(t *testing.T) {
	t.Parallel()
	c := newCard(t)
	needFaces(t)
	whole, err := imaging.Open(portrait(t))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	file := filepath.Join(folder, "restorer.onnx")
	if err := os.WriteFile(file, identityRestorer(64), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := c.run(t, "models", "import", "--restorer", "--restorer-extra", "weight=0.5", file); got.code != exitOK {
		t.Fatal(got.stderr)
	}
	got, _ := c.upscale(t, imaging.Resize(whole, 160, 0, imaging.Lanczos), "--device", "webgpu", "--tune", "off", "--json", "--face-enhance")
	if got.code != exitOK || !strings.Contains(got.stdout, `"faces":1,"face_restorer":"restorer"`) {
		t.Errorf("%d %s %s", got.code, got.stdout, got.stderr)
	}
}

// Measuring ends in time, its result is stored, and a signal ends it at once.
func TestWebGPUMeasuring(t *testing.T) {
	t.Parallel()
	c := newCard(t)
	began := time.Now()
	if got := c.run(t, "tune", "--device", "webgpu", "--model", "tiny"); got.code != exitOK {
		t.Fatal(got.stderr)
	}
	if spent := time.Since(began); spent > time.Minute { // 20 s, opening, and a busy machine
		t.Errorf("measuring took %v", spent)
	}
	if got := c.run(t, "doctor", "--model", "tiny", "--device", "webgpu"); !strings.Contains(got.stdout, "SwiftShader Device (Subzero), tiny, float32") {
		t.Errorf("doctor shows no measurement:\n%s", got.stdout)
	}
	command := exec.Command(built, "--offline", "--home", c.home, "--onnxruntime", c.library, "upscale", "--device", "webgpu",
		"--out", filepath.Join(t.TempDir(), "out.png"), portrait(t)) // with a model that takes SwiftShader minutes
	command.Env = append(os.Environ(), c.environment...)
	p := begin(t, command)
	p.waitForLog(t, "Measuring how")
	began = time.Now()
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-p.ended
	if code, spent := command.ProcessState.ExitCode(), time.Since(began); code != exitInterrupted || spent > 10*time.Second {
		t.Errorf("it ended with %d after %v:\n%s", code, spent, p.log)
	}
}

// auto takes a discrete card, measures an integrated one against the CPU, and leaves
// a software one alone. A card that is asked for and missing is an error.
func TestAutomaticCard(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]string{"2": "webgpu", "1": "cpu", "4": "cpu"} {
		c := newCard(t, "CARD_TYPE="+kind)
		said, result := c.upscale(t, textured(40, 30, false), "--device", "auto")
		if said.code != exitOK || result == nil {
			t.Fatal(said.stderr)
		}
		if measured := strings.Contains(said.stderr, "Measuring how to use SwiftShader"); measured != (kind != "4") {
			t.Errorf("card of type %s: measured %v:\n%s", kind, measured, said.stderr)
		}
		found := c.run(t, "doctor", "--model", "tiny")
		if !strings.Contains(found.stdout, "\nDevice") || !strings.Contains(found.stdout, "  "+want+", ") {
			t.Errorf("card of type %s: doctor shows\n%s", kind, found.stdout)
		}
	}
	c := newCard(t)
	c.environment = append(c.environment, "VK_ICD_FILENAMES=/nonexistent", "VK_DRIVER_FILES=/nonexistent")
	for _, device := range []string{"webgpu", "directml", "coreml", "openvino:1", "migraphx"} {
		said, result := c.upscale(t, textured(40, 30, false), "--device", device)
		if kind, _, _ := strings.Cut(device, ":"); said.code != exitMissing || result != nil || !strings.Contains(strings.ToLower(said.stderr), kind+" cannot be used") {
			t.Errorf("%s: %d %s", device, said.code, said.stderr)
		}
	}
}

// With little memory the image is planned again in smaller tiles, and is the same.
func TestWebGPUMemory(t *testing.T) {
	t.Parallel()
	c := newCard(t, "CARD_MEMORY=16000000")
	input := textured(300, 200, false)
	said, result := c.upscale(t, input, "--device", "webgpu", "--tune", "off")
	if said.code != exitOK {
		t.Fatal(said.stderr)
	}
	c.sameAsCPU(t, input, result)
	c = newCard(t, "CARD_MEMORY=1000")
	if said, result := c.upscale(t, input, "--device", "webgpu", "--tune", "off"); said.code == exitOK || result != nil || !strings.Contains(said.stderr, "not enough free memory") {
		t.Errorf("without memory: %d %s", said.code, said.stderr)
	}
}

// The job of a killed engine process is made again. A lost card ends the server, and the
// next one makes its jobs.
func TestWebGPUServer(t *testing.T) {
	t.Parallel()
	data, lost := t.TempDir(), filepath.Join(t.TempDir(), "lost")
	c := newCard(t, "CARD_LOST="+lost)
	start := func() process {
		command := exec.Command(built, "serve", "--listen", "127.0.0.1:0", "--data", data, "--offline", "--home", c.home, "--onnxruntime", c.library,
			"--device", "webgpu", "--tune", "off", "--model", "tiny", "--set", "engine.isolate=true")
		command.Env = append(os.Environ(), c.environment...)
		return begin(t, command).ready(t)
	}
	server := start()
	submit := func() string {
		code, _, body := send(t, form(t, server.url+"/api/v1/jobs", "file", pngOf(t, textured(90, 60, false)), "scale=2", "model=tiny"), "")
		if code != http.StatusAccepted {
			t.Fatalf("%d %s", code, body)
		}
		return decodeJSON[struct{ ID string }](t, body).ID
	}
	succeeds := func(id string) {
		t.Helper()
		body := finished(t, server.url+"/api/v1/jobs/"+id, "", func(body []byte) bool {
			return bytes.Contains(body, []byte(`"state":"succeeded"`)) || bytes.Contains(body, []byte(`"state":"failed"`))
		})
		if !bytes.Contains(body, []byte(`"state":"succeeded"`)) {
			t.Errorf("job %s: %s", id, body)
		}
	}
	first := submit()
	server.waitForLog(t, "job begins")
	id, err := strconv.Atoi(engineProcessID.FindStringSubmatch(server.log.String())[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(id, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	succeeds(first)
	if err := os.WriteFile(lost, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	second := submit()
	server.awaitEnd(t, "the card is lost")
	if code := server.command.ProcessState.ExitCode(); code != exitDevice || !strings.Contains(server.log.String(), "The GPU stopped working") {
		t.Errorf("exit code %d:\n%s", code, server.log)
	}
	if err := os.Remove(lost); err != nil {
		t.Fatal(err)
	}
	server = start()
	succeeds(second)
}
