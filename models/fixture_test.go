package models

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"upscaled/models/artifact"
	"upscaled/models/network/networktest"
	"upscaled/models/onnx"
	"upscaled/models/weights"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// site serves small stand-ins for the official files and counts requests.
type site struct {
	*httptest.Server
	requests atomic.Int32
	// answer, where set, replaces the next steps of the server.
	answer http.HandlerFunc
	files  map[string][]byte
}

func open(t *testing.T, options Options) *Store {
	t.Helper()
	store, err := Open(options)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// fixture is a store whose catalogue's models are tiny and come from a site.
func fixture(t *testing.T, options Options) (*Store, *site) {
	t.Helper()
	s := &site{files: map[string][]byte{
		"general": safetensors(t, 1), "wdn": safetensors(t, 2), "anime": safetensors(t, 3),
		"face": []byte("a face model"), "library": []byte("a library"), "provider": []byte("its provider"),
	}}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		if s.answer != nil {
			s.answer(w, r)
			return
		}
		if content, ok := s.files[r.URL.Path[1:]]; ok {
			w.Write(content)
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(s.Close)
	if options.Home == "" {
		options.Home = t.TempDir()
	}
	options.Fetcher.Client = s.Client()
	store := open(t, options)
	store.files.products = s.products()
	return store, s
}

func (s *site) file(name, path string) []artifact.Artifact {
	content, ok := s.files[path]
	if !ok {
		content = []byte("what the site does not have")
	}
	sum := sha256.Sum256(content)
	return []artifact.Artifact{{
		Name: name, SHA256: hex.EncodeToString(sum[:]), Size: int64(len(content)), Licence: "MIT", Origin: "test",
		Sources: []artifact.Source{{URL: s.URL + "/" + path}},
	}}
}

func (s *site) products() []product {
	library := append(s.file("libonnxruntime.so", "library"), s.file("provider.so", "provider")...)
	return []product{
		upscaler(generalModel, "general", 2, s.file("general.safetensors", "general")),
		upscaler(denoisingModel, "twin", 2, s.file("wdn.safetensors", "wdn")),
		// The first form cannot be had.
		upscaler("realesr-animevideov3", "anime", 2, s.file("anime.pth", "nowhere"), s.file("anime.safetensors", "anime")),
		faceFinder("yunet", "finds faces", s.file("yunet.onnx", "face")[0]),
		{name: runtimeName, kind: Runtime, description: "runs", version: "onnxruntime-test", forms: [][]artifact.Artifact{library}},
	}
}

// tensors are a tiny SRVGGNetCompact of scale 2.
func tensors(seed uint64) weights.Tensors { return networktest.RandomCompact(seed, 3, 8, 2) }

func safetensors(t *testing.T, seed uint64) []byte { return encoded(t, tensors(seed)) }

func encoded(t *testing.T, tensors weights.Tensors) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := weights.WriteSafetensors(&file, tensors, nil); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// readyONNX doubles an image by nearest neighbors. Its scale shows in the
// shapes only if they are fixed.
func readyONNX(side int64) []byte {
	dims := func(size int64) []onnx.Dim {
		if size == 0 {
			return []onnx.Dim{{Size: 1}, {Size: 3}, {Name: "h"}, {Name: "w"}}
		}
		return []onnx.Dim{{Size: 1}, {Size: 3}, {Size: size}, {Size: size}}
	}
	return onnx.Marshal(onnx.Model{
		Name:    "double",
		Nodes:   []onnx.Node{{Op: "Resize", Inputs: []string{"in", "", "scales"}, Outputs: []string{"out"}}},
		Tensors: []onnx.Tensor{{Name: "scales", Type: onnx.Float32, Dims: []int64{4}, Floats: []float32{1, 1, 2, 2}}},
		Inputs:  []onnx.Value{{Name: "in", Type: onnx.Float32, Dims: dims(side)}},
		Outputs: []onnx.Value{{Name: "out", Type: onnx.Float32, Dims: dims(2 * side)}},
	})
}

// write makes a file of the user's.
func write(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// damage flips one bit in the middle of a file.
func damage(t *testing.T, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)/2] ^= 1
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// stored lists the store's files, relative to its folder.
func stored(t *testing.T, s *Store) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(s.Home(), func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			relative, _ := filepath.Rel(s.Home(), path)
			found = append(found, filepath.ToSlash(relative))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
