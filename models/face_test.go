package models

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"upscaled/models/artifact"
	"upscaled/models/fault"
	"upscaled/models/network"
	"upscaled/models/network/networktest"
	"upscaled/models/onnx"
	"upscaled/models/weights"
)

// faceFixture is a store whose catalogue has a small GFPGAN as weights and
// cascades of two files.
func faceFixture(t *testing.T) (*Store, *site) {
	t.Helper()
	store, s := fixture(t, Options{})
	var data bytes.Buffer
	if err := weights.WriteSafetensors(&data, smallGFPGAN(), nil); err != nil {
		t.Fatal(err)
	}
	s.files["gfpgan"], s.files["first"], s.files["second"] = data.Bytes(), []byte("one"), []byte("two")
	store.files.products = append(slices.DeleteFunc(store.files.products, func(p product) bool { return p.kind == Face }),
		product{name: gfpganModel, kind: Face, description: "restores", notice: "a notice", forms: [][]artifact.Artifact{s.file("weights.pth", "gfpgan")}},
		product{name: cascadesModel, kind: Face, description: "finds", forms: [][]artifact.Artifact{append(s.file("facefinder", "first"), s.file("lp93", "second")...)}},
	)
	return store, s
}

func smallGFPGAN() weights.Tensors {
	return networktest.RandomGFPGAN(1, networktest.Face{Side: 16, Latent: 8, Width: func(int) int { return 8 }})
}

// identityONNX returns its input unchanged.
func identityONNX(side int64) []byte {
	dims := []onnx.Dim{{Size: 1}, {Size: 3}, {Size: side}, {Size: side}}
	return onnx.Marshal(onnx.Model{
		Name:    "identity",
		Nodes:   []onnx.Node{{Op: "Identity", Inputs: []string{"face"}, Outputs: []string{"restored"}}},
		Inputs:  []onnx.Value{{Name: "face", Type: onnx.Float32, Dims: dims}},
		Outputs: []onnx.Value{{Name: "restored", Type: onnx.Float32, Dims: dims}},
	})
}

func TestRestorers(t *testing.T) {
	t.Parallel()
	s, _ := faceFixture(t)
	ctx := context.Background()
	if _, _, err := s.LoadRestorer(ctx, ""); fault.KindOf(err) != fault.ModelMissing {
		t.Errorf("none installed: %v", err)
	}
	imported, err := s.Import(ctx, write(t, "face.onnx", identityONNX(64)), ImportOptions{Name: "mine", Restorer: &network.RestorerDescriptor{Range: network.RangeFromZero}})
	if err != nil || imported.Kind != Face {
		t.Fatal(imported, err)
	}
	if n, name, err := s.LoadRestorer(ctx, ""); err != nil || name != "mine" || n.Info().FixedWidth != 64 {
		t.Errorf("the imported one: %s, %v", name, err)
	}
	if _, err := s.Load(ctx, "mine", nil); fault.KindOf(err) != fault.Unsupported {
		t.Errorf("a restorer as the upscaling model: %v", err)
	}
	if _, _, err := s.LoadRestorer(ctx, generalModel); fault.KindOf(err) != fault.Invalid {
		t.Errorf("an upscaling model as restorer: %v", err)
	}
	if _, _, err := s.LoadRestorer(ctx, "nothing"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("an unknown name: %v", err)
	}
	if _, name, err := s.LoadRestorer(ctx, "GFPGAN_v1.4"); err != nil || name != gfpganModel {
		t.Errorf("a named one of the catalogue is fetched: %s, %v", name, err)
	}
	if n, name, err := s.LoadRestorer(ctx, ""); err != nil || name != gfpganModel || n.Info().Architecture != network.GFPGAN {
		t.Errorf("GFPGAN comes first: %s, %v", name, err)
	}
}

func TestFaceCascades(t *testing.T) {
	t.Parallel()
	s, site := faceFixture(t)
	for range 2 {
		files, err := s.FaceCascades(context.Background())
		if err != nil || len(files) != 2 || string(files["facefinder"]) != "one" || string(files["lp93"]) != "two" {
			t.Fatalf("%q, %v", files, err)
		}
	}
	if got := site.requests.Load(); got != 2 {
		t.Errorf("%d requests", got)
	}
	if file, installed, err := s.FaceFinder(); file != nil || installed || err != nil {
		t.Errorf("yunet is not installed: %v %v", installed, err)
	}
}

// The architecture decides which restorer is the best, not its name or age.
func TestBestRestorer(t *testing.T) {
	t.Parallel()
	s, _ := faceFixture(t)
	var data bytes.Buffer
	if err := weights.WriteSafetensors(&data, smallGFPGAN(), nil); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	restorer := &network.RestorerDescriptor{}
	if e, err := s.Import(ctx, write(t, "my-gfpgan.safetensors", data.Bytes()), ImportOptions{Name: "my-gfpgan", Restorer: restorer}); err != nil || e.Kind != Face || e.Name != "my-gfpgan" {
		t.Fatalf("weights that the user says restore faces: %+v, %v", e, err)
	}
	if _, err := s.Import(ctx, write(t, "later.onnx", identityONNX(64)), ImportOptions{Restorer: restorer}); err != nil {
		t.Fatal(err)
	}
	older, _ := s.files.read("my-gfpgan")
	older.InstalledAt = "2020-01-01T00:00:00Z"
	text, err := json.Marshal(older)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.files.modelFolder("my-gfpgan"), descriptorFile), text, 0o600); err != nil {
		t.Fatal(err)
	}
	if best := s.BestRestorer(); best != "my-gfpgan" {
		t.Errorf("the best is %q", best)
	}
	if _, err := s.Import(ctx, write(t, "up.safetensors", safetensors(t, 4)), ImportOptions{Name: "upscales", Restorer: restorer}); fault.KindOf(err) != fault.Invalid || !strings.Contains(fault.Sentence(err), "without --restorer") {
		t.Errorf("an upscaling model as a restorer: %v", err)
	}
	for name, want := range map[string]fault.Kind{"my-gfpgan": "", "later": "", cascadesModel: fault.Unsupported, "nothing": fault.NotFound} {
		var out bytes.Buffer
		err := s.Export(ctx, name, network.Options{Precision: network.Float32, Sample: network.Uint8, Channels: 3, Borders: network.AllBorders}, &out)
		if want == "" && (err != nil || out.Len() < 100) || want != "" && fault.KindOf(err) != want {
			t.Errorf("export of %s: %d bytes, %v", name, out.Len(), err)
		}
	}
}

func TestBlazeFace(t *testing.T) {
	t.Parallel()
	store, s := fixture(t, Options{})
	s.files["back"], s.files["front"] = []byte("one"), []byte("two")
	store.files.products = append(store.files.products, product{name: blazeModel, kind: Face, forms: [][]artifact.Artifact{append(s.file("back.onnx", "back"), s.file("front.onnx", "front")...)}})
	for range 2 {
		back, front, err := store.BlazeFace(t.Context())
		if err != nil || string(back) != "one" || string(front) != "two" {
			t.Fatalf("%q %q, %v", back, front, err)
		}
	}
	if got := s.requests.Load(); got != 2 {
		t.Errorf("%d requests", got)
	}
}
