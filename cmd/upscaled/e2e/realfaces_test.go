//go:build e2e

package e2e

import (
	"encoding/json"
	"image"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"upscaled/models"
	"upscaled/models/onnx"
)

// portrait is the photograph of a face that the pigo module carries: 320x400,
// the head from ear to ear and brow to chin about (45, 60) to (270, 350).
func portrait(t *testing.T) string {
	t.Helper()
	folder, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/esimov/pigo").Output()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(strings.TrimSpace(string(folder)), "testdata", "sample.jpg")
}

// needFaces skips a test if the face models are not installed.
func needFaces(t *testing.T) {
	t.Helper()
	needRuntime(t)
	store, err := models.Open(models.Options{Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"pigo", "realesrgan-x4plus"} {
		entry, err := store.Entry(name)
		if err != nil {
			t.Fatal(err)
		}
		if entry.Installed {
			continue
		}
		if os.Getenv("UPSCALED_REQUIRE_RUNTIME") == "1" {
			t.Fatalf("%s is not installed; run scripts/test, which fetches it", name)
		}
		t.Skipf("needs %s; scripts/test fetches it", name)
	}
}

// With nothing but x4plus installed, the face changes, the note says that it
// was refined, and not a pixel outside the mask differs.
func TestRealFaceIsRefined(t *testing.T) {
	t.Parallel()
	needFaces(t)
	folder, input := t.TempDir(), portrait(t)
	plain, faces := filepath.Join(folder, "plain.png"), filepath.Join(folder, "faces.png")
	if got := real(t, nil, "--scale", "2", "--out", plain, input); got.code != exitOK {
		t.Fatal(got.stderr)
	}
	got := real(t, nil, "--scale", "2", "--face-enhance", "--face-strength", "1", "--out", faces, input)
	if got.code != exitOK || !strings.Contains(got.stderr, "refined with realesrgan-x4plus") || !strings.Contains(got.stderr, "models pull gfpgan-v1.4") {
		t.Fatalf("%d %s", got.code, got.stderr)
	}
	changed := changedBox(t, plain, faces)
	// The mask is the ellipse of the head, twice its size in the photograph:
	// hair above and shirt below stay.
	if allowed := image.Rect(20, 100, 620, 740); changed.Empty() || !changed.In(allowed) {
		t.Errorf("changes in %v, allowed in %v", changed, allowed)
	}
	if changed.Dx() < 250 || changed.Dy() < 300 {
		t.Errorf("changes in %v only", changed)
	}
	refused := real(t, nil, "--face-enhance", "--face-missing", "error", "--out", filepath.Join(folder, "no.png"), input)
	if refused.code != exitMissing || !strings.Contains(refused.stderr, "models pull gfpgan-v1.4") {
		t.Errorf("error: %d %s", refused.code, refused.stderr)
	}
	if _, err := os.Stat(filepath.Join(folder, "no.png")); !os.IsNotExist(err) {
		t.Errorf("an output is left: %v", err)
	}
}

// A real server finds the portrait's face without upscaling it, and returns the image as
// it is.
func TestRealFacesAreDetected(t *testing.T) {
	t.Parallel()
	needFaces(t)
	input, err := os.ReadFile(portrait(t))
	if err != nil {
		t.Fatal(err)
	}
	p := startProcess(t, t.TempDir(), []string{mode("")}, "--device", "cpu", "--set", "engine.no-warm-up=true")
	request := form(t, p.url+"/api/v1/jobs", "file", input, "faces=detect")
	request.Header.Set("Prefer", "wait")
	code, _, body := send(t, request, "")
	var made struct {
		Result struct {
			Width int
			Faces struct {
				Found, Enhanced int
				List            []struct {
					Left, Top, Width, Height, Frontal float64
					Points                            [5][2]float64
				}
			}
		}
	}
	if err := json.Unmarshal(body, &made); err != nil || code != 200 {
		t.Fatalf("%d %s, %v", code, body, err)
	}
	r := made.Result
	if r.Width != 320 || r.Faces.Found != 1 || r.Faces.Enhanced != 0 || len(r.Faces.List) != 1 {
		t.Fatalf("%s", body)
	}
	// The eyes were measured by hand at (114, 183) and (204, 181).
	eyes := r.Faces.List[0].Points
	if math.Hypot(eyes[0][0]-114.3, eyes[0][1]-182.8) > 8 || math.Hypot(eyes[1][0]-204.4, eyes[1][1]-181.2) > 8 || r.Faces.List[0].Frontal < 0.5 {
		t.Errorf("%+v", r.Faces.List[0])
	}
}

// changedBox bounds the pixels in which two images of one size differ.
func changedBox(t *testing.T, first, second string) image.Rectangle {
	t.Helper()
	open := func(path string) image.Image {
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		picture, _, err := image.Decode(file)
		if err != nil {
			t.Fatal(err)
		}
		return picture
	}
	a, b := open(first), open(second)
	var box image.Rectangle
	for y := range a.Bounds().Dy() {
		for x := range a.Bounds().Dx() {
			if a.At(x, y) != b.At(x, y) {
				box = box.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	return box
}

// A restorer that was imported by its description is taken before x4plus. It
// returns faces unchanged, so that only interpolation shows.
func TestRealImportedRestorer(t *testing.T) {
	t.Parallel()
	needFaces(t)
	store, err := models.Open(models.Options{Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, "models"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"models/pigo", "models/" + store.Default("cpu")} {
		if err := os.Symlink(filepath.Join(store.Home(), name), filepath.Join(home, name)); err != nil {
			t.Fatal(err)
		}
	}
	folder := t.TempDir()
	file := filepath.Join(folder, "restorer.onnx")
	if err := os.WriteFile(file, identityRestorer(512), 0o600); err != nil {
		t.Fatal(err)
	}
	// One process has one library, under one path: tests run beside each other.
	library := store.InstalledLibrary("cpu")
	if got := program(t, "models", "import", "--home", home, "--onnxruntime", library, "--restorer", "--restorer-extra", "weight=0.5", file); got.code != exitOK {
		t.Fatal(got.stderr)
	}
	plain, faces := filepath.Join(folder, "plain.png"), filepath.Join(folder, "faces.png")
	real(t, nil, "--home", home, "--onnxruntime", library, "--scale", "2", "--out", plain, portrait(t))
	got := real(t, nil, "--home", home, "--onnxruntime", library, "--scale", "2", "--json", "--face-enhance", "--out", faces, portrait(t))
	if got.code != exitOK || !strings.Contains(got.stdout, `"faces":1,"face_restorer":"restorer"`) || strings.Contains(got.stdout, "refined") {
		t.Fatalf("%d %s %s", got.code, got.stdout, got.stderr)
	}
	if changed := changedBox(t, plain, faces); changed.Empty() || !changed.In(image.Rect(20, 100, 620, 740)) {
		t.Errorf("changes in %v", changed)
	}
}

// identityRestorer is an ONNX file laid out as CodeFormer's: a square in -1..1
// and a further input.
func identityRestorer(side int64) []byte {
	dims := []onnx.Dim{{Size: 1}, {Size: 3}, {Size: side}, {Size: side}}
	return onnx.Marshal(onnx.Model{
		Name: "identity",
		Nodes: []onnx.Node{
			{Op: "Mul", Inputs: []string{"face", "weight"}, Outputs: []string{"half"}},
			{Op: "Add", Inputs: []string{"half", "half"}, Outputs: []string{"restored"}},
		},
		Inputs: []onnx.Value{
			{Name: "face", Type: onnx.Float32, Dims: dims}, {Name: "weight", Type: onnx.Float32, Dims: []onnx.Dim{{Size: 1}}},
		},
		Outputs: []onnx.Value{{Name: "restored", Type: onnx.Float32, Dims: dims}},
	})
}
