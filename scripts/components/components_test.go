package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestPackageURL(t *testing.T) {
	t.Parallel()
	if got := packageURL(component{path: "github.com/BurntSushi/toml", version: "v1.6.0+x"}); got != "pkg:golang/github.com/burntsushi/toml@v1.6.0%2Bx" {
		t.Error(got)
	}
}

// aProgram builds a program with a dependency; building it takes a second.
func aProgram(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	path := filepath.Join(folder, "program")
	source := filepath.Join(folder, "main.go")
	if err := os.WriteFile(source, []byte("package main\n\nimport (\n\t\"fmt\"\n\t\"github.com/BurntSushi/toml\"\n)\n\nfunc main() { fmt.Println(toml.Key{}) }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if said, err := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", path, source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	return path
}

func TestProgram(t *testing.T) {
	t.Parallel()
	binary, out := aProgram(t), t.TempDir()
	bill, notices := filepath.Join(out, "bill.json"), filepath.Join(out, "notices.txt")
	if err := run(binary, "v1.2.3", bill, notices); err != nil {
		t.Fatal(err)
	}
	var document bom
	text, err := os.ReadFile(bill)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	if document.Format != "CycloneDX" || document.Metadata.Component.Version != "v1.2.3" || len(document.Components) != 2 {
		t.Errorf("%+v", document)
	}
	if !regexp.MustCompile(`^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(document.Serial) {
		t.Errorf("serial number %s", document.Serial)
	}
	for i, want := range []struct{ name, licence string }{{"std", "BSD-3-Clause"}, {"github.com/BurntSushi/toml", "MIT"}} {
		if c := document.Components[i]; c.Name != want.name || len(c.Licences) != 1 || c.Licences[0].Licence.ID != want.licence {
			t.Errorf("component %d is %+v", i, c)
		}
	}
	texts, err := os.ReadFile(notices)
	if err != nil || !strings.Contains(string(texts), "TOML authors") || !strings.Contains(string(texts), "The Go Authors") {
		t.Errorf("%v, notices:\n%s", err, texts)
	}
	again := filepath.Join(out, "again.json")
	if err := run(binary, "v1.2.3", again, notices); err != nil {
		t.Fatal(err)
	}
	if second, err := os.ReadFile(again); err != nil || string(second) != string(text) {
		t.Errorf("a second run gives another bill: %v", err)
	}
}

func TestNoProgram(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(file, []byte("no program"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := run(file, "v1", file+".json", file+".txt"); err == nil {
		t.Error("a text passes for a program")
	}
}
