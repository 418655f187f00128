package models

import (
	"bytes"
	"context"
	"slices"
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
