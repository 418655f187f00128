//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"upscaled/cmd/upscaled/e2e/pretend"
	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/decode"
)

// Values in the pages, and their replacements in the tests.
const (
	documentedURL     = "http://127.0.0.1:8080"
	documentedPicture = "https://example.com/photo.jpg"
)

// example is a fenced text of a page. mark is the comment right above it.
type example struct{ page, language, text, mark string }

func (e example) name() string {
	first, _, _ := strings.Cut(e.text, "\n")
	return e.page + " " + e.language + " " + first
}

// documents returns the README and the guide's pages by their path.
func documents(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(repository, "server", "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, path := range append(paths, filepath.Join(repository, "README.md")) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all[path] = string(text)
	}
	return all
}

func examples(t *testing.T, languages ...string) []example {
	t.Helper()
	fence := regexp.MustCompile("(?ms)(?:^<!-- ([^\n]*) -->\n\n?)?^ *```(\\w+)\n(.*?)^ *```$")
	var all []example
	for path, page := range documents(t) {
		for _, match := range fence.FindAllStringSubmatch(page, -1) {
			if slices.Contains(languages, match[2]) {
				all = append(all, example{filepath.Base(path), match[2], match[3], match[1]})
			}
		}
	}
	return all
}

// originals are the images that examples may name, 96x64 pixels each.
func originals() []string {
	return []string{"photo.jpg", "second.jpg", "photos/a.jpg", "photos/trip/b.jpg"}
}

// playground is the environment of examples: a server without keys and one with.
type playground struct {
	open, keyed      string // URLs
	key, pictureURL  string
	programs, photos string // folders
}

func newPlayground(t *testing.T) playground {
	t.Helper()
	photo := jpegOf(t, textured(96, 64, false))
	s := playground{programs: t.TempDir(), photos: t.TempDir()}
	var certificate string
	s.pictureURL, certificate = pictureServer(t, photo)
	for _, path := range originals() {
		path = filepath.Join(s.photos, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, photo, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	// The server that an example starts ends once it listens.
	s.program(t, "upscaled", fmt.Sprintf(`export %s=%s
case "$*" in
serve*--check*) exec %q "$@" ;;
serve*) ;;
*) exec %q "$@" ;;
esac
log=$(mktemp)
%q "$@" --listen 127.0.0.1:0 2>"$log" &
until grep -q '"listening"' "$log"; do kill -0 $! || { cat "$log" >&2; exit 1; }; sleep 0.1; done
kill -TERM $! && wait $!
`, pretend.Variable, pretend.Slow, built, built, built))
	// An answer that refuses ends an example.
	if curl, err := exec.LookPath("curl"); err == nil {
		s.program(t, "curl", fmt.Sprintf("exec %q --silent --show-error --fail-with-body --max-time 60 \"$@\"\n", curl))
	}
	data := t.TempDir()
	s.key = keys(t, data, "new", "examples", "--credits", "100000")
	trusted := []string{"SSL_CERT_FILE=" + certificate}
	s.keyed = startProcess(t, data, trusted, "--set", "fetch.ranges=127.0.0.0/8", "--set", "apis.automatic1111.urls=true").url
	s.open = startProcess(t, t.TempDir(), trusted, "--set", "fetch.ranges=127.0.0.0/8").url
	return s
}

func (s playground) program(t *testing.T, name, script string) {
	t.Helper()
	// Processes started meanwhile would keep the file busy (golang/go#22315).
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(filepath.Join(s.programs, name), []byte("#!/bin/sh\n"+script), 0o777); err != nil {
		t.Fatal(err)
	}
}

// setUp makes ready what an example says, in a folder of its own.
func (s playground) setUp(t *testing.T, text string) (staged, folder string) {
	t.Helper()
	return s.staged(text), s.folder(t)
}

// folder returns a new folder with the images that examples may name.
func (s playground) folder(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS(s.photos)); err != nil {
		t.Fatal(err)
	}
	return folder
}

// staged returns an example with the addresses of the tests' servers.
func (s playground) staged(text string) string {
	url := s.open
	if regexp.MustCompile(`\bKEY\b`).MatchString(text) {
		url = s.keyed
	}
	return strings.NewReplacer(documentedURL, url, strings.TrimPrefix(documentedURL, "http://"), strings.TrimPrefix(url, "http://"),
		documentedPicture, s.pictureURL, "go run ./cmd/upscaled ", "upscaled ").Replace(text)
}

// run runs one example and returns its output.
func (s playground) run(t *testing.T, folder string, command ...string) string {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	c.Dir, c.WaitDelay = folder, time.Second
	c.Env = append(os.Environ(), "PATH="+s.programs+string(os.PathListSeparator)+os.Getenv("PATH"), nodePath(), "KEY="+s.key, "HOME="+folder,
		"UPSCALED_DATA="+filepath.Join(folder, "data"), "UPSCALED_HOME="+filepath.Join(folder, "home"), "UPSCALED_OFFLINE=true")
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	if err := c.Run(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, &stdout, &stderr)
	}
	return stdout.String()
}

// checkPictures checks that every image file an example wrote is an image, and
// larger than what it had.
func checkPictures(t *testing.T, folder string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		name, _ := filepath.Rel(folder, path)
		format, isPicture := imagedata.ParseFormat(strings.TrimPrefix(filepath.Ext(path), "."))
		if err != nil || entry.IsDir() || !isPicture || strings.HasPrefix(name, "data") || slices.Contains(originals(), filepath.ToSlash(name)) {
			return err
		}
		made, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if info, err := decode.Probe(made, imagedata.Limits{}); err != nil || info.Format != format || info.Width <= 96 {
			t.Errorf("%s is no larger picture: %+v, %v", name, info, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

var (
	runnable = regexp.MustCompile(`(?m)(^|[|&;(] *)(curl|upscaled|go run \./cmd/upscaled) `)
	script   = regexp.MustCompile(`(?m)^\./scripts/.*$`)
)

// The blocks of commands that call this program or a server of it do so without an
// error, a page's pasted in order into one shell, unless the page has a reason above
// a block.
func TestDocumentedCommands(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts many processes, which the race detector makes slow")
	}
	for _, tool := range []string{"curl", "bash", "base64"} {
		if _, err := exec.LookPath(tool); err != nil && os.Getenv(requireClientsVariable) == "" {
			t.Skipf("needs %s: scripts/clients installs what is missing", tool)
		}
	}
	s, ran := newPlayground(t), 0
	pages := map[string][]string{}
	for _, e := range examples(t, "sh") {
		if e.page == "cli.md" || !runnable.MatchString(e.text) { // TestExamplesParse has those of cli.md
			continue
		}
		if reason, skipped := strings.CutPrefix(e.mark, "not run: "); skipped {
			if len(reason) < 10 {
				t.Errorf("%s: %q is no reason", e.name(), reason)
			}
			continue
		}
		ran++
		pages[e.page] = append(pages[e.page], script.ReplaceAllString(e.text, "")) // scripts have steps of CI of their own
	}
	for page, texts := range pages {
		t.Run(page, func(t *testing.T) {
			var all []string
			for _, text := range texts {
				all = append(all, s.staged(text))
			}
			folder := s.folder(t)
			s.run(t, folder, "bash", "-xeuo", "pipefail", "-c", strings.Join(all, "\n"))
			checkPictures(t, folder)
		})
	}
	if ran < 20 {
		t.Errorf("only %d examples ran", ran)
	}
}

// interpreterOf returns the program that runs an example of Node.js or Python with the
// packages that it asks for, or skips the test.
func interpreterOf(t *testing.T, e example) string {
	t.Helper()
	candidates, option, probe := []string{"node"}, "-e", strings.Join(regexp.MustCompile(`require\('[\w:-]+'\)`).FindAllString(e.text, -1), ";")
	if e.language == "python" {
		candidates, option = []string{"python3", "/usr/bin/python3"}, "-c"
		probe = strings.Join(regexp.MustCompile(`(?m)^(?:import|from) .*$`).FindAllString(e.text, -1), "\n")
	}
	for _, name := range candidates {
		command := exec.Command(name, option, probe)
		command.Env = append(os.Environ(), nodePath())
		if command.Run() == nil {
			return name
		}
	}
	if os.Getenv(requireClientsVariable) != "" {
		t.Fatalf("%s cannot be run: run scripts/clients", e.name())
	}
	t.Skip("its packages are not here: scripts/clients installs them")
	return ""
}

// Every program in Node.js and Python runs as it stands.
func TestDocumentedPrograms(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts many processes, which the race detector makes slow")
	}
	s := newPlayground(t)
	all := examples(t, "js", "python")
	if len(all) < 8 {
		t.Errorf("only %d programs were found", len(all))
	}
	for _, e := range all {
		if e.mark == receiver {
			continue // TestDocumentedReceivers has it
		}
		t.Run(e.name(), func(t *testing.T) {
			interpreter := interpreterOf(t, e)
			text, folder := s.setUp(t, e.text)
			file := filepath.Join(folder, "example.cjs")
			if e.language == "python" {
				file = filepath.Join(folder, "example.py")
			}
			if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
			s.run(t, folder, interpreter, file)
			checkPictures(t, folder)
		})
	}
}
