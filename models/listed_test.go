package models

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"upscaled/models/fault"
)

// A listed model is downloaded, verified and imported with what the index states.
func TestPullFromAnIndex(t *testing.T) {
	t.Parallel()
	s, site := fixture(t, Options{})
	site.files["sharp.safetensors"] = safetensors(t, 31)
	entry := func(path string) string {
		sum := sha256.Sum256(site.files["sharp.safetensors"])
		return fmt.Sprintf(`{"name": "Sharp", "author": "jane", "license": "CC-BY-NC-4.0", "tags": ["anime"], "architecture": "compact", "scale": 2,
			"resources": [{"type": "safetensors", "size": %d, "sha256": %q, "urls": [%q, %q]}]}`,
			len(site.files["sharp.safetensors"]), hex.EncodeToString(sum[:]), site.URL+"/nowhere", site.URL+path)
	}
	text := fmt.Sprintf(`{"2x-Sharp": %s, "2x-Lost": %s, "2x-Other": %s}`, entry("/sharp.safetensors"), entry("/nowhere"), entry("/general"))
	site.files["models.json"] = []byte(text)
	for _, from := range []string{site.URL + "/models.json", write(t, "models.json", []byte(text))} {
		listed, err := s.ReadIndex(t.Context(), from)
		if err != nil || len(listed) != 3 {
			t.Fatalf("%s: %+v, %v", from, listed, err)
		}
	}
	listed, err := s.ReadIndex(t.Context(), site.URL+"/models.json")
	if err != nil {
		t.Fatal(err)
	}
	e, err := s.PullFrom(t.Context(), listed, "2X sharp", ImportOptions{}, nil)
	if err != nil || e.Name != "2x-sharp" || !e.Imported || !e.NonCommercial || e.Author != "jane" || e.Tags[0] != "anime" || !strings.HasPrefix(e.Source, site.URL) {
		t.Errorf("%+v, %v", e, err)
	}
	if _, err := s.PullFrom(t.Context(), listed, "2x-sharp", ImportOptions{}, nil); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a name twice: %v", err)
	}
	for _, name := range []string{"2x-Lost", "2x-Other"} {
		if _, err := s.PullFrom(t.Context(), listed, name, ImportOptions{}, nil); fault.KindOf(err) != fault.ModelMissing {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.PullFrom(t.Context(), listed, generalModel, ImportOptions{}, nil); err != nil {
		t.Errorf("a model of the catalogue: %v", err)
	}
	if _, err := s.PullFrom(t.Context(), listed, "nobody", ImportOptions{}, nil); fault.KindOf(err) != fault.NotFound {
		t.Errorf("an unknown name: %v", err)
	}
	for _, from := range []string{"", t.TempDir(), site.URL + "/nowhere", write(t, "x.json", []byte("x"))} {
		if _, err := s.ReadIndex(t.Context(), from); err == nil {
			t.Errorf("%q is read", from)
		}
	}
	if data, err := json.Marshal(listed[0]); err != nil || !strings.Contains(string(data), `"urls"`) {
		t.Errorf("%s, %v", data, err)
	}
}
