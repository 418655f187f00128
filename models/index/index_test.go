package index_test

import (
	"strings"
	"testing"

	"upscaled/models/fault"
	"upscaled/models/index"
)

const sum = "a5812231fc936b42af08a5edba784195495d303d5b3248c24489ef0c4021fe01"

const list = `{
	"4x-Sharp": {"name": "Sharp", "author": "jane", "license": "CC-BY-NC-4.0", "tags": ["anime", "jpeg"], "architecture": "esrgan", "scale": 4, "resources": [
		{"platform": "onnx", "type": "onnx", "size": 5, "sha256": "` + sum + `", "urls": ["https://example.org/a.onnx"]},
		{"platform": "pytorch", "type": "pth", "size": 7, "sha256": "` + sum + `", "urls": ["ftp://example.org/a", "https://example.org/a.pth"]}]},
	"1x-Plain": {"name": "Plain", "author": ["joe", "ann"], "license": null, "tags": [], "architecture": "span", "scale": 1, "resources": [
		{"type": "pth", "size": 7, "sha256": "no", "urls": ["https://example.org/a.pth"]},
		{"type": "exe", "size": 7, "sha256": "` + sum + `", "urls": ["https://example.org/a.exe"]}]}}`

func TestParse(t *testing.T) {
	t.Parallel()
	all, err := index.Parse([]byte(list))
	if err != nil || len(all) != 2 || all[0].ID != "1x-Plain" || all[1].ID != "4x-Sharp" || len(all[0].Author) != 2 {
		t.Fatalf("%+v, %v", all, err)
	}
	if best, ok := all[1].Best(); !ok || best.Type != "pth" || len(best.URLs) != 1 || best.Size != 7 {
		t.Errorf("%+v, %v", best, ok)
	}
	if best, ok := all[0].Best(); ok {
		t.Errorf("%+v", best)
	}
	for words, want := range map[string]string{"sharp": "4x-Sharp", "ANIME esrgan 4x": "4x-Sharp", "ann": "1x-Plain", "jane span": "", "x": "1x-Plain 4x-Sharp"} {
		var found []string
		for _, m := range index.Matching(all, strings.Fields(words)) {
			found = append(found, m.ID)
		}
		if got := strings.Join(found, " "); got != want {
			t.Errorf("%s: %q, want %q", words, got, want)
		}
	}
	array, err := index.Parse([]byte(`[{"name": "b", "scale": 2}, {"id": "a"}, {}]`))
	if err != nil || len(array) != 2 || array[0].ID != "a" || array[1].ID != "b" {
		t.Errorf("%+v, %v", array, err)
	}
	for _, bad := range []string{"", "<html>", `"text"`, `{"a": 5}`, `[{"scale": "x"}]`, `{"a": {"author": 5}}`} {
		if _, err := index.Parse([]byte(bad)); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(list))
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := index.Parse(data)
		if err != nil && fault.KindOf(err) != fault.Invalid {
			t.Fatal(err)
		}
		for _, m := range index.Matching(all, []string{"x"}) {
			if best, ok := m.Best(); ok && (best.Size <= 0 || len(best.URLs) == 0) {
				t.Fatalf("%+v", best)
			}
		}
	})
}
