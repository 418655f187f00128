//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"upscaled/cmd/upscaled/e2e/pretend"
)

// The page in Chromium on the whole server: dropped images, progress,
// comparing at true pixels, downloads that equal the API's, keys, axe.
// server/web has the same on a pretend server with more states.
func TestPageInBrowser(t *testing.T) {
	folder := os.Getenv("UPSCALED_BROWSER")
	if folder == "" {
		t.Skip("UPSCALED_BROWSER is not set: see scripts/browser")
	}
	folder, err := filepath.Abs(folder)
	if err != nil {
		t.Fatal(err)
	}
	open := serve(t, pretend.Unhurried)
	data := t.TempDir()
	key := keys(t, data, "new", "page", "--credits", "1000")
	guarded := serve(t, pretend.Unhurried, "--data", data)
	command := exec.CommandContext(t.Context(), "node", "--test", "--test-timeout=180000")
	command.Dir = filepath.Join(repository, "server", "web", "browser")
	command.Env = append(os.Environ(), "UPSCALED_BROWSER_MODULES="+folder, "UPSCALED_KEY="+key,
		"UPSCALED_URL="+open.url+"/", "UPSCALED_KEYED_URL="+guarded.url+"/")
	if said, err := command.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, said)
	}
}
