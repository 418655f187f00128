package models

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"upscaled/models/fault"
)

// FuzzDescriptor reads any bytes as an imported model's descriptor: they are
// rejected in one sentence or name a file in the model's own folder.
func FuzzDescriptor(f *testing.F) {
	s, err := Open(Options{Home: f.TempDir(), Offline: true})
	if err != nil {
		f.Fatal(err)
	}
	const name = "mine"
	folder := s.files.modelFolder(name)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		f.Fatal(err)
	}
	good := descriptor{
		Format: descriptorFormat, Name: name, Kind: Upscale, Architecture: "SRVGGNetCompact", Scale: 4, File: "weights-1.safetensors",
		SHA256: "d14c16dfda864fe6f52b33ce4ebc1c1f2e3c7e65bf25056537d0ec5132c8e03a", Size: 3, Sources: []origin{{File: "x.pth"}}, InstalledAt: "2026-11-21T07:01:35Z",
	}
	for _, file := range []string{good.File, "..", ".", "../mine", "/etc/passwd", "a\x00b", ""} {
		d := good
		d.File = file
		text, err := json.Marshal(d)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(filepath.Join(folder, descriptorFile), text, 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := s.files.read(name)
		if err == nil {
			if path := filepath.Join(folder, d.File); filepath.Dir(path) != folder || d.Name != name {
				t.Fatalf("%+v lies at %s", d, path)
			}
			if d.Kind != Upscale && d.Kind != Face || d.Scale < 0 || d.Scale > maxScale || d.Size < 0 {
				t.Fatalf("%+v", d)
			}
		} else if fault.KindOf(err) != fault.ModelMissing {
			t.Fatalf("%v", err)
		}
		s.List()
		if _, err := s.Load(t.Context(), name, nil); err == nil {
			t.Fatal("a model without weights was loaded")
		} else if kind := fault.KindOf(err); kind != fault.ModelMissing && kind != fault.Unsupported && !errors.Is(err, errNotInstalled) {
			t.Fatalf("%s: %v", kind, err)
		}
	})
}
