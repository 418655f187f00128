package web_test

import (
	"cmp"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"upscaled/server/web/webtest"
)

// node returns the command that runs the Node.js tests in a folder.
func node(t *testing.T, folder string) *exec.Cmd {
	t.Helper()
	program, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed")
	}
	command := exec.CommandContext(t.Context(), program, "--test", "--test-timeout=600000")
	command.Dir = folder
	return command
}

func TestModules(t *testing.T) {
	t.Parallel()
	if said, err := node(t, "unit").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, said)
	}
}

// inFirefox selects the tests that run in Firefox as well: those of what
// browsers differ in. Playwright's driver for it cannot do all of the rest.
const inFirefox = "language|away|upgrade|what runs|two results|size of 0|presets|folder|notification"

// TestBrowser runs the page in Chromium and Firefox, the tests of each file on a fake
// server of their own. scripts/browser FOLDER installs what it needs, and
// UPSCALED_BROWSER=FOLDER enables it. With UPSCALED_BROWSER_TESTS it runs only the
// tests whose name matches, and with UPSCALED_SCREENSHOTS it writes a screenshot of
// every state to that folder.
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
	files, err := filepath.Glob("browser/*.test.mjs")
	if err != nil || len(files) == 0 {
		t.Fatal("there are no tests", err)
	}
	const step = 60 * time.Millisecond
	for _, browser := range []struct{ name, program, tests string }{{"chromium", "chromium", ""}, {"firefox", "firefox-esr", inFirefox}} {
		for _, file := range files {
			t.Run(browser.name+"/"+filepath.Base(file), func(t *testing.T) {
				t.Parallel()
				if _, err := exec.LookPath(browser.program); err != nil {
					t.Skip(browser.program + " is not installed: see scripts/browser")
				}
				command := node(t, "browser")
				if pattern := cmp.Or(os.Getenv("UPSCALED_BROWSER_TESTS"), browser.tests); pattern != "" {
					command.Args = append(command.Args, "--test-name-pattern="+pattern)
				}
				command.Args = append(command.Args, filepath.Base(file))
				command.Env = append(os.Environ(), "UPSCALED_BROWSER_NAME="+browser.name, "UPSCALED_BROWSER_MODULES="+folder, "UPSCALED_FAKE=1", "UPSCALED_KEY="+webtest.Key,
					"UPSCALED_URL="+serve(t, webtest.Options{Step: step}), "UPSCALED_KEYED_URL="+serve(t, webtest.Options{Step: step, Keys: true}))
				said, err := command.CombinedOutput()
				if err != nil {
					t.Error(err)
				}
				t.Logf("%s", said)
			})
		}
	}
}

// serve starts a fake server and returns its URL.
func serve(t *testing.T, o webtest.Options) string {
	t.Helper()
	h, err := webtest.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections) // runs first: event streams do not end by themselves
	return server.URL + "/"
}
