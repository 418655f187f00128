package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"upscaled/cmd/upscaled/reference"
	"upscaled/cmd/upscaled/settings"
)

const guideFolder = repository + "/server/docs"

// The guide's page is what the program would write now.
func TestReferencePage(t *testing.T) {
	t.Parallel()
	var want bytes.Buffer
	if err := reference.Markdown(&want, reference.Pages(newRootCommand(bare()), settings.EnvironmentKey), settingsWithoutFlag(), exitCodes()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(guideFolder, cliPage)
	have, err := os.ReadFile(path)
	if err == nil && bytes.Equal(have, want.Bytes()) {
		return
	}
	if *update {
		if err := os.WriteFile(path, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Error("server/docs/cli.md is not the reference of the program; run 'go test ./cmd/upscaled -run TestReferencePage -update'")
}

// The command writes one page for each that a user can run, in both forms.
func TestReferenceCommand(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if got := program(t, &fakeUpscaler{}, nil, nil, "reference", "--man", folder, "--markdown", folder); got.code != exitOK {
		t.Fatalf("%d %s", got.code, got.stderr)
	}
	if got := program(t, &fakeUpscaler{}, nil, nil, "reference"); got.code != exitUsage {
		t.Errorf("without a folder: %d %s", got.code, got.stderr)
	}
	for _, name := range []string{"upscaled.1", "upscaled-upscale.1", "upscaled-models-pull.1", "upscaled-keys-new.1", "upscaled-health.1", cliPage} {
		if info, err := os.Stat(filepath.Join(folder, name)); err != nil || info.Size() < 300 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := os.Stat(filepath.Join(folder, "upscaled-reference.1")); !os.IsNotExist(err) {
		t.Errorf("a hidden command has a page: %v", err)
	}
}

// The formatter finds nothing to warn of but that no page has a date.
func TestManualPagesByMandoc(t *testing.T) {
	t.Parallel()
	mandoc, err := exec.LookPath("mandoc")
	if err != nil {
		t.Skip("needs Debian's package mandoc")
	}
	folder := t.TempDir()
	if got := program(t, &fakeUpscaler{}, nil, nil, "reference", "--man", folder); got.code != exitOK {
		t.Fatalf("%d %s", got.code, got.stderr)
	}
	pages, err := filepath.Glob(filepath.Join(folder, "*.1"))
	if err != nil || len(pages) < 15 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	said, _ := exec.CommandContext(t.Context(), mandoc, append([]string{"-T", "lint", "-W", "warning"}, pages...)...).CombinedOutput()
	for line := range strings.Lines(string(said)) {
		if !strings.Contains(line, "missing date") && !strings.Contains(line, "missing manual section") {
			t.Error(strings.TrimSpace(line))
		}
	}
}
