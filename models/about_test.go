package models

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"upscaled/models/fault"
	"upscaled/models/onnx"
	"upscaled/models/weights"
)

// What a file states about itself is kept; what the user states has priority.
func TestAboutOfImports(t *testing.T) {
	t.Parallel()
	var described bytes.Buffer
	err := weights.WriteSafetensors(&described, tensors(5), map[string]string{
		"modelspec.license": "CC-BY-NC-SA-4.0\x1b[31m", "modelspec.author": " Jane\nDoe ", "source": "https://example.org/m", "modelspec.tags": "anime, jpeg",
	})
	if err != nil {
		t.Fatal(err)
	}
	s, _ := fixture(t, Options{Offline: true})
	path := write(t, "described.safetensors", described.Bytes())
	e, err := s.Import(t.Context(), path, ImportOptions{})
	want := About{"CC-BY-NC-SA-4.0[31m", "Jane Doe", "https://example.org/m", []string{"anime", "jpeg"}}
	if err != nil || !reflect.DeepEqual(e.About, want) || !e.NonCommercial || e.Origin != "Jane Doe, https://example.org/m" {
		t.Errorf("%+v, %v", e, err)
	}
	if stored, err := s.Entry("described"); err != nil || !reflect.DeepEqual(stored, e) {
		t.Errorf("%+v, %v", stored, err)
	}
	e, err = s.Import(t.Context(), path, ImportOptions{Name: "again", About: About{Licence: "MIT", Tags: []string{"mine"}}})
	if err != nil || e.NonCommercial || e.Licence != "MIT" || e.Author != "Jane Doe" || len(e.Tags) != 1 {
		t.Errorf("%+v, %v", e, err)
	}
	for _, bad := range []About{{Author: "two\nlines"}, {Licence: strings.Repeat("x", 300)}, {Source: "javascript:alert(1)"}, {Tags: make([]string, 40)}} {
		if _, err := s.Import(t.Context(), path, ImportOptions{Name: "bad", About: bad}); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func TestAboutOfONNX(t *testing.T) {
	t.Parallel()
	// metadata_props of a ModelProto may stand anywhere in it.
	property := func(key, value string) []byte {
		entry := append([]byte{1<<3 | 2, byte(len(key))}, key...)
		entry = append(append(entry, 2<<3|2, byte(len(value))), value...)
		return append([]byte{14<<3 | 2, byte(len(entry))}, entry...)
	}
	file := append(readyONNX(8), append(property("model_license", "MIT"), property("model_author", "Joe")...)...)
	if f, err := onnx.Parse(file); err != nil || f.Metadata["model_author"] != "Joe" {
		t.Fatalf("%+v, %v", f, err)
	}
	s, _ := fixture(t, Options{Offline: true})
	e, err := s.Import(t.Context(), write(t, "net.onnx", file), ImportOptions{})
	if err != nil || e.Licence != "MIT" || e.Author != "Joe" || e.Origin != "Joe" {
		t.Errorf("%+v, %v", e, err)
	}
}

func TestNonCommercial(t *testing.T) {
	t.Parallel()
	for licence, want := range map[string]bool{
		"CC-BY-NC-4.0": true, "cc-by-nc-sa-4.0": true, "PolyForm-Noncommercial-1.0.0": true, "non commercial use only": true,
		gfpganLicence: true, "S-Lab License 1.0": true, "": false, "MIT": false, "NCSA": false, "CC-BY-SA-4.0": false,
	} {
		if got := (About{Licence: licence}).NonCommercial(); got != want {
			t.Errorf("%q: %v", licence, got)
		}
	}
}
