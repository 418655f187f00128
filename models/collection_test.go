package models

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"upscaled/models/fault"
)

type packed struct {
	name string
	data []byte
}

func zipped(t *testing.T, method uint16, entries ...packed) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, entry := range entries {
		member, err := w.CreateHeader(&zip.FileHeader{Name: entry.name, Method: method})
		if err == nil {
			_, err = member.Write(entry.data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// A zip archive or a folder stands for the model files in it.
func TestModelFiles(t *testing.T) {
	t.Parallel()
	s, _ := fixture(t, Options{Offline: true})
	entries := []packed{
		{"release/4x-one.safetensors", safetensors(t, 21)}, {"release/readme.txt", []byte("hello")}, {"../../evil.pth", []byte("x")},
		{"__MACOSX/._4x-one.safetensors", []byte("x")}, {"two.PARAM", []byte("7767517")}, {"two.BIN", []byte("x")},
	}
	archive := write(t, "models.zip", zipped(t, zip.Deflate, entries...))
	files, done, err := s.modelFiles(t.Context(), archive)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		names = append(names, filepath.Base(file))
	}
	if want := []string{"4x-one.safetensors", "evil.pth", "two.PARAM"}; !slices.Equal(names, want) {
		t.Fatalf("found %v, want %v", names, want)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(files[0]), "two.BIN")); err != nil {
		t.Error(err)
	}
	if e, err := s.Import(t.Context(), files[0], ImportOptions{}); err != nil || e.Name != "4x-one" {
		t.Errorf("%+v, %v", e, err)
	}
	below, _, err := s.modelFiles(t.Context(), filepath.Dir(files[0]))
	if err != nil || !slices.Equal(below, files) {
		t.Errorf("%v, %v", below, err)
	}
	done()
	if _, err := os.Stat(filepath.Dir(files[0])); !os.IsNotExist(err) {
		t.Errorf("unpacked files are left: %v", err)
	}
	torch := write(t, "torch.pth", zipped(t, zip.Store, packed{"x/data.pkl", []byte("x")}))
	plain := write(t, "plain.safetensors", safetensors(t, 22))
	for _, path := range []string{torch, plain, filepath.Join(t.TempDir(), "absent")} {
		if files, _, err := s.modelFiles(t.Context(), path); err != nil || !slices.Equal(files, []string{path}) {
			t.Errorf("%s: %v, %v", path, files, err)
		}
	}
	for _, path := range []string{t.TempDir(), write(t, "none.zip", zipped(t, zip.Store, packed{"a.txt", nil}))} {
		if _, _, err := s.modelFiles(t.Context(), path); fault.KindOf(err) != fault.NotFound {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// An archive may not unpack to far more than it has.
func TestZipBomb(t *testing.T) {
	t.Parallel()
	s, _ := fixture(t, Options{Offline: true})
	bomb := write(t, "bomb.zip", zipped(t, zip.Deflate, packed{"a.pth", make([]byte, 70<<20)}))
	if _, _, err := s.modelFiles(t.Context(), bomb); fault.KindOf(err) != fault.TooLarge {
		t.Errorf("%v", err)
	}
	if left := stored(t, s); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}
