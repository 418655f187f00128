//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The clients of testdata/clients are written as the vendors' own pages show:
// only the base URL, the key and the file differ. They run against a server
// process on a port of its own.

// clientsVariable names the folder that scripts/clients has filled. With
// requireClientsVariable set, a missing client is a failure.
const (
	clientsVariable        = "UPSCALED_CLIENTS"
	requireClientsVariable = "UPSCALED_REQUIRE_CLIENTS"
)

// interpreter returns the program that runs a client file, or skips the test.
func interpreter(t *testing.T, file string) string {
	t.Helper()
	candidates := map[string][]string{
		".sh": {"sh"}, ".cjs": {"node"}, ".py": {"python3", "/usr/bin/python3"},
	}[filepath.Ext(file)]
	probe := map[string][]string{
		".sh": {"-c", "curl --version"}, ".cjs": {"-e", "require('axios'); require('form-data'); require('replicate'); require('replicate-0'); require('@saintno/comfyui-sdk'); require('string-similarity')"}, ".py": {"-c", "import requests"},
	}[filepath.Ext(file)]
	for _, name := range candidates {
		command := exec.Command(name, probe...)
		command.Env = append(os.Environ(), nodePath())
		if command.Run() == nil {
			return name
		}
	}
	if os.Getenv(requireClientsVariable) != "" {
		t.Fatalf("%s cannot be run: run scripts/clients", file)
	}
	t.Skipf("%s cannot be run here: scripts/clients installs what it needs", file)
	return ""
}

func nodePath() string {
	return "NODE_PATH=" + filepath.Join(os.Getenv(clientsVariable), "node_modules")
}

// runClient runs one client and returns its output.
func runClient(t *testing.T, file string, environment ...string) []byte {
	t.Helper()
	command := exec.Command(interpreter(t, file), filepath.Join("testdata", "clients", file))
	command.Env = append(append(os.Environ(), nodePath()), environment...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", file, err, stderr.Bytes())
	}
	return out
}

// at returns a value within JSON, by keys and indexes.
func at(t *testing.T, body []byte, path ...any) any {
	t.Helper()
	value, err := inside(body, path...)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// inside is at for goroutines that may not end a test.
func inside(body []byte, path ...any) (any, error) {
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return nil, fmt.Errorf("%w in %s", err, body)
	}
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := value.(map[string]any)
			value = object[step]
		case int:
			list, _ := value.([]any)
			if step >= len(list) {
				return nil, fmt.Errorf("no %v in %s", path, body)
			}
			value = list[step]
		}
	}
	if value == nil {
		return nil, fmt.Errorf("no %v in %s", path, body)
	}
	return value, nil
}

// pictureServer serves one image over HTTPS and returns its URL and a file
// with its certificate.
func pictureServer(t *testing.T, picture []byte) (url, certificate string) {
	t.Helper()
	url, certificate = secureServer(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(picture) })
	return url + "/product-photo.jpg", certificate
}

// secureServer answers over https.
func secureServer(t *testing.T, answer http.HandlerFunc) (url, certificate string) {
	t.Helper()
	s := httptest.NewTLSServer(answer)
	t.Cleanup(s.Close)
	certificate = filepath.Join(t.TempDir(), "certificate.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(certificate, block, 0o600); err != nil {
		t.Fatal(err)
	}
	return s.URL, certificate
}

func TestVendorsOwnClients(t *testing.T) {
	t.Parallel()
	picture := jpegOf(t, textured(60, 40, false))
	imageURL, certificate := pictureServer(t, picture)
	file := filepath.Join(t.TempDir(), "image.jpg")
	if err := os.WriteFile(file, picture, 0o600); err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	key := keys(t, data, "new", "clients", "--credits", "100000")
	server := startProcess(t, data, []string{"SSL_CERT_FILE=" + certificate}, "--set", "fetch.ranges=127.0.0.0/8")
	environment := []string{"BASE=" + server.url, "KEY=" + key, "FILE=" + file, "IMAGE_URL=" + imageURL}

	for client, check := range map[string]func(t *testing.T, body []byte) (url string, width int){
		"mnml-basic.sh":    mnmlClient(server.url, key, 120),
		"mnml-advanced.sh": mnmlClient(server.url, key, 240),
		"mnml.cjs":         mnmlClient(server.url, key, 240),
		"mnml.py":          mnmlClient(server.url, key, 240),
		"ailab.sh":         syncClient(120, "data", "url"),
		"ailab.py":         syncClient(120, "data", "url"),
		"maskr.sh":         syncClient(240, "result", "output_url"),
		"maskr-batch.sh":   syncClient(120, "results", 2, "output_url"),
		"artnex.sh":        syncClient(240, "image_url"),
		"artnex.cjs":       syncClient(120, "image_url"),

		"replicate-predictions.cjs": syncClient(180, "listed"),
		"aetherforge.sh": func(t *testing.T, body []byte) (string, int) {
			id := at(t, body, "job_id").(string)
			done := finished(t, server.url+"/public/v1/job/"+id, key, func(body []byte) bool {
				return at(t, body, "status") != "Pending"
			})
			return at(t, done, "image_urls", 0).(string), 2048
		},
	} {
		t.Run(client, func(t *testing.T) {
			t.Parallel()
			body := runClient(t, client, environment...)
			url, want := check(t, body)
			if _, width, _ := fetched(t, url); width != want {
				t.Errorf("%d pixels wide, want %d: %s", width, want, body)
			}
		})
	}
}

func mnmlClient(base, key string, width int) func(*testing.T, []byte) (string, int) {
	return func(t *testing.T, body []byte) (string, int) {
		id := at(t, body, "id").(string)
		if at(t, body, "status") != "success" || !strings.HasPrefix(id, "upscale_") {
			t.Errorf("%s", body)
		}
		done := finished(t, base+"/v1/status/"+id, key, func(body []byte) bool {
			status := at(t, body, "status")
			return status != "starting" && status != "processing"
		})
		return at(t, done, "message", 0).(string), width
	}
}

func syncClient(width int, path ...any) func(*testing.T, []byte) (string, int) {
	return func(t *testing.T, body []byte) (string, int) { return at(t, body, path...).(string), width }
}
