//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// scripts/module-path renames a copy of the module, which then builds and keeps
// its rules of imports.
func TestModulePath(t *testing.T) {
	t.Parallel()
	wholeSuite(t)
	folder := t.TempDir()
	shell(t, repository, "git ls-files -z | tar --null -T - -cf - | tar -xf - -C '"+folder+"'")
	run := func(name string, arguments ...string) (string, error) {
		command := exec.CommandContext(t.Context(), name, arguments...)
		command.Dir = folder
		command.Env = append(os.Environ(), "GOFLAGS=-trimpath") // the folder must not make everything be compiled again
		output, err := command.CombinedOutput()
		return string(output), err
	}
	for _, wrong := range []string{"", "upscaled", "--path", "example.com", "example.com/with space"} {
		if output, err := run("bash", "scripts/module-path", wrong); err == nil {
			t.Errorf("the path %q is taken:\n%s", wrong, output)
		}
	}
	for _, step := range [][]string{
		{"bash", "scripts/module-path", "example.com/team/upscaled"},
		{"go", "build", "./..."},
		{"go", "vet", "-tags", "e2e", "./cmd/..."},
		{"go", "test", "-run", "TestImportsPointOneWay|TestRulesCatch", "./cmd/upscaled"},
	} {
		if output, err := run(step[0], step[1:]...); err != nil {
			t.Fatalf("%s: %v\n%s", strings.Join(step, " "), err, output)
		}
	}
	text, err := os.ReadFile(filepath.Join(folder, "go.mod"))
	if err != nil || !strings.HasPrefix(string(text), "module example.com/team/upscaled\n") {
		t.Errorf("go.mod: %v\n%s", err, text)
	}
	if output, err := run("grep", "-rnE", `"upscaled/(cmd|engine|models|server|tiling)`, "--include=*.go", "."); err == nil {
		t.Errorf("imports of the old path are left:\n%s", output)
	}
}
