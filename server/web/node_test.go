package web_test

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"upscaled/server/web/webtest"
)

// node gives the command that runs Node.js's tests of a folder.
func node(t *testing.T, folder string) *exec.Cmd {
	t.Helper()
	program, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed")
	}
	command := exec.CommandContext(t.Context(), program, "--test", "--test-timeout=180000")
	command.Dir = folder
	return command
}

func TestModules(t *testing.T) {
	t.Parallel()
	if said, err := node(t, "unit").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, said)
	}
}

// The page in Chromium, on a pretend server. scripts/browser FOLDER installs
// what this needs, UPSCALED_BROWSER=FOLDER says where; the pictures of every
// state go to UPSCALED_SCREENSHOTS where that is set.
func TestBrowser(t *testing.T) {
	t.Parallel()
	folder := os.Getenv("UPSCALED_BROWSER")
	if folder == "" {
		t.Skip("UPSCALED_BROWSER is not set: see scripts/browser")
	}
	folder, err := filepath.Abs(folder)
	if err != nil {
		t.Fatal(err)
	}
	const step = 60 * time.Millisecond
	command := node(t, "browser")
	command.Env = append(os.Environ(), "UPSCALED_BROWSER_MODULES="+folder, "UPSCALED_PRETEND=1", "UPSCALED_KEY="+webtest.Key,
		"UPSCALED_URL="+serve(t, webtest.Options{Step: step}), "UPSCALED_GUARDED_URL="+serve(t, webtest.Options{Step: step, Guarded: true}))
	if said, err := command.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, said)
	}
}

// serve gives the address of a pretend server.
func serve(t *testing.T, o webtest.Options) string {
	t.Helper()
	h, err := webtest.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections) // first, as streams do not end by themselves
	return server.URL + "/"
}
