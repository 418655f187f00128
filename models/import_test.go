package models

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"upscaled/models/fault"
	"upscaled/models/network"
	"upscaled/models/weights"
)

func TestImportedModelIsUsed(t *testing.T) {
	t.Parallel()
	s, _ := fixture(t, Options{Offline: true})
	path := write(t, "4x My_Model.safetensors", safetensors(t, 9))
	e, err := s.Import(t.Context(), path, ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if e.Tiles != network.ExactTiles || e.Radius < 2 {
		t.Errorf("the tiles are %s, by %d pixels", e.Tiles, e.Radius)
	}
	if e.Name != "4x-my_model" || !e.Imported || e.Kind != Upscale || e.Architecture != network.SRVGGNetCompact {
		t.Errorf("the entry is %+v", e)
	}
	n, err := s.Load(t.Context(), "4XMyModel", nil)
	if err != nil {
		t.Fatal(err)
	}
	expected, err := network.Recognize(tensors(9))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(graph(t, n), graph(t, expected)) {
		t.Error("the stored network is another one")
	}
	listed := s.List()
	if last := listed[len(listed)-1]; last.Name != e.Name {
		t.Errorf("the last in the list is %+v", last)
	}
	if _, err := s.Pull(t.Context(), e.Name, nil); fault.KindOf(err) != fault.Invalid {
		t.Errorf("pulling it says %v", err)
	}
	if _, err := s.Import(t.Context(), path, ImportOptions{}); fault.KindOf(err) != fault.Invalid || !strings.Contains(fault.Sentence(err), "models rm") {
		t.Errorf("importing it twice says %v", err)
	}
	if results, _ := s.Verify(t.Context(), e.Name); results[0].Err != nil {
		t.Error(results[0].Err)
	}
	if err := s.Remove("4x my model"); err != nil || len(stored(t, s)) != 0 {
		t.Errorf("removing it says %v and leaves %v", err, stored(t, s))
	}
}

// TestOfficialFileIsRecognized: a copy of an official file, under any name,
// installs the model on a machine without internet access.
func TestOfficialFileIsRecognized(t *testing.T) {
	t.Parallel()
	s, site := fixture(t, Options{Offline: true})
	e, err := s.Import(t.Context(), write(t, "download (1).bin", site.files["general"]), ImportOptions{})
	if err != nil || e.Name != generalModel || e.Imported || e.Licence != "MIT" {
		t.Fatalf("%+v, %v", e, err)
	}
	if _, err := s.Load(t.Context(), generalModel, nil); err != nil {
		t.Error(err)
	}
	e, err = s.Import(t.Context(), write(t, "general.safetensors", site.files["general"]), ImportOptions{Name: "mine"})
	if err != nil || e.Name != "mine" || !e.Imported {
		t.Errorf("under another name: %+v, %v", e, err)
	}
	_, err = s.Import(t.Context(), write(t, "x.safetensors", safetensors(t, 4)), ImportOptions{Name: "RealESR-general_x4v3"})
	if fault.KindOf(err) != fault.Invalid || !strings.Contains(fault.Sentence(err), "official") {
		t.Errorf("another file under an official name: %v", err)
	}
	e, err = s.Import(t.Context(), write(t, "face", site.files["face"]), ImportOptions{})
	if err != nil || e.Name != "yunet" || e.Kind != Face {
		t.Errorf("a face model: %+v, %v", e, err)
	}
}

func TestImportONNX(t *testing.T) {
	t.Parallel()
	s, _ := fixture(t, Options{Offline: true})
	free, fixed := write(t, "free.onnx", readyONNX(0)), write(t, "fixed", readyONNX(16))
	if e, err := s.Import(t.Context(), fixed, ImportOptions{}); err != nil || e.Scale != 2 || e.Architecture != network.ONNXFile {
		t.Errorf("fixed shapes: %+v, %v", e, err)
	}
	if _, err := s.Import(t.Context(), free, ImportOptions{}); fault.KindOf(err) != fault.Invalid || !strings.Contains(fault.Sentence(err), "--scale") {
		t.Errorf("free shapes without a scale: %v", err)
	}
	if _, err := s.Import(t.Context(), fixed, ImportOptions{Name: "other", Convention: network.Convention{Scale: 3}}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a scale that contradicts: %v", err)
	}
	e, err := s.Import(t.Context(), free, ImportOptions{Convention: network.Convention{Scale: 2}})
	if err != nil || e.Scale != 2 {
		t.Fatalf("free shapes: %+v, %v", e, err)
	}
	n, err := s.Load(t.Context(), "free", nil)
	if err != nil || n.Info().Scale != 2 {
		t.Fatalf("loading it: %v", err)
	}
	graph(t, n)

	called := false
	probe := func(_ context.Context, _ []byte, stated network.Convention) (network.Convention, error) {
		called = stated == network.Convention{White: 255}
		return network.Convention{White: 255, Scale: 2, Multiple: 8, Least: 16}, nil
	}
	if _, err := s.Import(t.Context(), free, ImportOptions{Name: "probed", Convention: network.Convention{White: 255}, Probe: probe}); err != nil || !called {
		t.Fatalf("with a probe: %v", err)
	}
	probed, err := s.Load(t.Context(), "probed", nil)
	if err != nil || probed.Info().Multiple != 8 || probed.Info().Least != 16 || probed.Convention().White != 255 {
		t.Fatalf("the probed convention is lost: %v", err)
	}
	if probed.ID() == n.ID() {
		t.Error("one file in two conventions has one ID")
	}
}

// An ONNX file may keep its weights in a file beside or below it, as PyTorch's newer
// exporter does, but nowhere else.
func TestImportONNXWithData(t *testing.T) {
	t.Parallel()
	s, _ := fixture(t, Options{Offline: true})
	whole := readyONNX(16)
	// An empty constant "w" whose data is a file: the graph is the message of field 7.
	external := func(location, length string) []byte {
		text := func(number byte, s string) []byte { return append([]byte{number<<3 | 2, byte(len(s))}, s...) }
		tensor := append([]byte{1 << 3, 2, 2 << 3, 1}, text(8, "w")...)
		for _, entry := range [][2]string{{"location", location}, {"length", length}} {
			tensor = append(tensor, text(13, string(append(text(1, entry[0]), text(2, entry[1])...)))...)
		}
		constant := text(5, string(append(tensor, 14<<3, 1)))
		at := bytes.IndexByte(whole, 7<<3|2)
		size, n := binary.Uvarint(whole[at+1:])
		data := binary.AppendUvarint(bytes.Clone(whole[:at+1]), size+uint64(len(constant)))
		return append(append(data, constant...), whole[at+1+n:]...)
	}
	folder := t.TempDir()
	for path, data := range map[string][]byte{
		"models/beside.onnx": external("beside.onnx.data", "8"), "models/beside.onnx.data": []byte("12345678"),
		"models/short.onnx": external("beside.onnx.data", "9"), "models/missing.onnx": external("nothing", "8"),
		"models/above.onnx": external("../secret", "8"), "secret": []byte("12345678"),
		"models/absolute.onnx": external(filepath.Join(folder, "secret"), "8"), "models/folder.onnx": external(".", "8"),
	} {
		path = filepath.Join(folder, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, data, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"short", "missing", "above", "absolute", "folder"} {
		if _, err := s.Import(t.Context(), filepath.Join(folder, "models", name+".onnx"), ImportOptions{}); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.Import(t.Context(), filepath.Join(folder, "models", "beside.onnx"), ImportOptions{}); err != nil {
		t.Fatal(err)
	}
	n, err := s.Load(t.Context(), "beside", nil)
	if err != nil || !bytes.Contains(graph(t, n), []byte("12345678")) {
		t.Errorf("the weights are lost: %v", err)
	}
}

// A safetensors file may begin like an ONNX file; a broken ONNX file is refused before
// anything is opened to run it.
func TestImportTellsFormatsApart(t *testing.T) {
	t.Parallel()
	s, _ := fixture(t, Options{Offline: true})
	var data []byte
	for padding := 0; len(data) == 0 || data[0] != 8 || data[1] == 0 || data[1] >= 32; padding++ {
		var file bytes.Buffer
		if err := weights.WriteSafetensors(&file, tensors(5), map[string]string{"p": strings.Repeat("x", padding)}); err != nil {
			t.Fatal(err)
		}
		data = file.Bytes()
	}
	if e, err := s.Import(t.Context(), write(t, "odd.safetensors", data), ImportOptions{}); err != nil || e.Architecture != network.SRVGGNetCompact {
		t.Errorf("%+v, %v", e, err)
	}
	probe := func(context.Context, []byte, network.Convention) (network.Convention, error) {
		t.Error("a broken file is run")
		return network.Convention{}, nil
	}
	if _, err := s.Import(t.Context(), write(t, "broken.onnx", []byte("\x08\x09 nothing")), ImportOptions{Probe: probe}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("%v", err)
	}
}

func TestImportRefusals(t *testing.T) {
	t.Parallel()
	s, _ := fixture(t, Options{Offline: true})
	for name, c := range map[string]struct {
		content []byte
		options ImportOptions
		kind    fault.Kind
	}{
		"empty.pth":         {nil, ImportOptions{}, fault.Invalid},
		"text.pth":          {[]byte("this is no network, it is a text file"), ImportOptions{}, fault.Unsupported},
		"broken.onnx":       {[]byte{8, 9, 255, 255, 255}, ImportOptions{}, fault.Invalid},
		"cut.safetensors":   {safetensors(t, 1)[:500], ImportOptions{Name: "cut"}, fault.Invalid},
		"named.safetensors": {safetensors(t, 5), ImportOptions{Name: "../up"}, fault.Invalid},
		"!!.safetensors":    {safetensors(t, 5), ImportOptions{}, fault.Invalid},
		"s.safetensors":     {safetensors(t, 5), ImportOptions{Name: "scaled", Convention: network.Convention{Scale: 4}}, fault.Invalid},
	} {
		_, err := s.Import(t.Context(), write(t, name, c.content), c.options)
		if fault.KindOf(err) != c.kind || strings.Contains(fault.Sentence(err), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.Import(t.Context(), filepath.Join(t.TempDir(), "none.pth"), ImportOptions{}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("no file: %v", err)
	}
	if _, err := s.Import(t.Context(), t.TempDir(), ImportOptions{}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a folder: %v", err)
	}
	if got := stored(t, s); len(got) != 0 {
		t.Errorf("the store holds %v", got)
	}
}

// TestPullFromNetwork gets the default model and ONNX Runtime for real.
func TestPullFromNetwork(t *testing.T) {
	t.Parallel()
	if os.Getenv("UPSCALED_TEST_NETWORK") != "1" {
		t.Skip("downloads 160 MB; set UPSCALED_TEST_NETWORK=1 to run it")
	}
	s, err := Open(Options{Home: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load(t.Context(), s.Default("cpu"), nil); err != nil {
		t.Error(err)
	}
	if _, err := s.RuntimeLibrary(t.Context(), "cpu"); err != nil {
		t.Error(err)
	}
	results, err := s.Verify(t.Context())
	if err != nil || len(results) != 2 || results[0].Err != nil || results[1].Err != nil {
		t.Errorf("verify gives %+v, %v", results, err)
	}
}
