//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A program outside the module imports the engine and upscales a file: the ones
// in the README and the guide, each shorter than 20 lines.
func TestDocumentedGoPrograms(t *testing.T) {
	t.Parallel()
	needRuntime(t)
	root, err := filepath.Abs(repository)
	if err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	programs := examples(t, "go")
	if len(programs) != 2 || programs[0].text != programs[1].text {
		t.Fatalf("%d Go programs; the README and library.md have the same one", len(programs))
	}
	source := programs[0].text
	if lines := strings.Count(source, "\n"); lines >= 20 {
		t.Errorf("the program has %d lines", lines)
	}
	folder := t.TempDir()
	module := fmt.Sprintf("module example\n\ngo 1.26\n\nrequire upscaled v0.0.0\n\nreplace upscaled => %s\n", root)
	for name, data := range map[string][]byte{
		"main.go": []byte(source), "go.mod": []byte(module), "go.sum": sums, "photo.jpg": jpegOf(t, textured(48, 32, false)),
	} {
		if err := os.WriteFile(filepath.Join(folder, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-mod=mod", "-o", "example", ".")
	build.Dir = folder
	build.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	run := exec.CommandContext(t.Context(), filepath.Join(folder, "example"))
	run.Dir = folder
	if said, err := run.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	checkPictures(t, folder)
	if _, err := os.Stat(filepath.Join(folder, "large.jpg")); err != nil {
		t.Error(err)
	}
}
