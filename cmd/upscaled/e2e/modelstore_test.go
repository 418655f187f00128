//go:build e2e

package e2e

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"upscaled/models/network/networktest"
	"upscaled/models/weights"
	"upscaled/server/dialect/native"
)

// An operator adds a model by the API and jobs name it at once; strangers' files are
// refused in sentences for people, and clients change nothing.
func TestModelsThroughTheServer(t *testing.T) {
	t.Parallel()
	data, home := t.TempDir(), t.TempDir()
	boss, shop := keys(t, data, "new", "boss", "--operator"), keys(t, data, "new", "shop", "--unlimited")
	server := startProcess(t, data, isolatedEnvironment(), "--home", home, "--offline")
	var file bytes.Buffer
	if err := weights.WriteSafetensors(&file, networktest.RandomCompact(1, 3, 8, 4), nil); err != nil {
		t.Fatal(err)
	}
	const models = "/api/v1/models"
	add := func(key string, data []byte, fields ...string) (int, []byte) {
		code, _, body := send(t, form(t, server.url+models, "file", data, fields...), key)
		return code, body
	}
	call := func(method, path, key string) (int, []byte) {
		r, err := http.NewRequest(method, server.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		code, _, body := send(t, r, key)
		return code, body
	}
	if code, body := add(shop, file.Bytes(), "name=mine"); code != http.StatusForbidden {
		t.Errorf("a client adds a model: %d %s", code, body)
	}
	code, body := add(boss, file.Bytes(), "name=mine", "license=CC0-1.0")
	if code != http.StatusCreated {
		t.Fatalf("%d %s\n%s", code, body, server.log)
	}
	if added := decodeJSON[native.ModelsView](t, body).Models; len(added) != 1 || added[0].Name != "mine" || !added[0].Imported || added[0].Licence != "CC0-1.0" {
		t.Errorf("%s", body)
	}
	job := form(t, server.url+"/api/v1/jobs", "file", pngOf(t, textured(30, 20, false)), "model=mine")
	job.Header.Set("Prefer", "wait=60")
	if code, _, body := send(t, job, shop); code != http.StatusOK || !strings.Contains(string(body), `"succeeded"`) {
		t.Errorf("a job that names it: %d %s", code, body)
	}
	for what, c := range map[string]struct {
		data   []byte
		fields []string
	}{
		"taken":   {file.Bytes(), []string{"name=mine"}},
		"garbage": {[]byte(strings.Repeat("x", 1000)), nil},
		"flag":    {file.Bytes(), []string{"name=--home"}},
		"damaged": {file.Bytes()[:file.Len()/2], []string{"name=half"}},
		"scale":   {file.Bytes(), []string{"name=scaled", "scale=3"}},
	} {
		code, body := add(boss, c.data, c.fields...)
		if code != http.StatusBadRequest || strings.Contains(string(body), home) || strings.Contains(string(body), "upscaled models") || strings.Contains(string(body), " --") {
			t.Errorf("%s: %d %s", what, code, body)
		}
	}
	if code, body := call(http.MethodPost, models+"/realesr-animevideov3", boss); code != http.StatusAccepted {
		t.Errorf("install: %d %s", code, body)
	}
	eventually(t, "the failed download", server.log, func() string {
		_, body := get(t, server.url+models, shop)
		if strings.Contains(string(body), "does not download models") {
			return ""
		}
		return string(body)
	})
	if code, body := call(http.MethodDelete, models+"/mine", boss); code != http.StatusNoContent {
		t.Errorf("remove: %d %s", code, body)
	}
	if _, body := get(t, server.url+models, shop); strings.Contains(string(body), `"mine"`) {
		t.Errorf("it is still there: %s", body)
	}
}
