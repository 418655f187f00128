package replicate_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"upscaled/server/dialect"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/job"
)

// clientsVariable names the folder that scripts/clients has filled.
const clientsVariable = "UPSCALED_CLIENTS"

// runClient runs a program on the vendor's own client and decodes what it
// printed.
func runClient(t *testing.T, file string, environment ...string) map[string]any {
	t.Helper()
	modules := "NODE_PATH=" + filepath.Join(os.Getenv(clientsVariable), "node_modules")
	probe := exec.Command("node", "-e", "require('replicate')")
	probe.Env = append(os.Environ(), modules)
	if err := probe.Run(); err != nil {
		t.Skipf("the client cannot be run here (%v): scripts/clients FOLDER installs it, %s names the folder", err, clientsVariable)
	}
	command := exec.CommandContext(t.Context(), "node", filepath.Join("../../../cmd/upscaled/e2e/testdata/clients", file))
	command.Env = append(append(os.Environ(), modules), environment...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", file, err, stderr.Bytes())
	}
	var printed map[string]any
	if err := json.Unmarshal(out, &printed); err != nil {
		t.Fatalf("%s: %v in %s", file, err, out)
	}
	return printed
}

func TestVendorsOwnClient(t *testing.T) {
	t.Parallel()
	picture := filepath.Join(t.TempDir(), "cat.png")
	if err := os.WriteFile(picture, photo(t), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newServer()
	s.queue.Work = dialecttest.Succeed
	s.gate = dialecttest.Auth{Keys: map[string]job.Caller{"key": {ID: "me"}}}
	s.config.DataURIBelow = 8 // the fake results have 7
	s.lend = func(h *dialect.Services) {
		h.BaseURL = func(r *http.Request) string { return "http://" + r.Host }
	}
	web := httptest.NewServer(s.handler())
	t.Cleanup(web.Close)
	environment := []string{"BASE=" + web.URL, "KEY=key", "FILE=" + picture}
	printed := runClient(t, "replicate-predictions.cjs", environment...)
	if output, _ := printed["output"].(string); !strings.HasPrefix(output, "data:image/png;base64,cGljdHVyZQ==") {
		t.Errorf("%v", printed)
	}
	if printed["bytes"] != 7.0 {
		t.Errorf("a file of %v bytes", printed["bytes"])
	}
}
