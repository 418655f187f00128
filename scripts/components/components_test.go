package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestIdentify(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Apache License\n   Version 2.0, January 2004":                                                          "Apache-2.0",
		"Licensed under the Apache License, Version 2.0 (the \"License\")":                                      "Apache-2.0",
		"Redistributions in binary form must reproduce the above copyright\nnotice. Neither the name of":        "BSD-3-Clause",
		"Redistributions in binary form must reproduce the above copyright\nnotice, this list":                  "BSD-2-Clause",
		"Permission is hereby granted, free of charge, to any person\nobtaining a copy":                         "MIT",
		"Permission to use, copy, modify, and/or distribute this software for any purpose with\nor without fee": "ISC",
		"Mozilla Public License Version 2.0":                                                                    "MPL-2.0",
		"You may do nothing with this.":                                                                         "",
		"Additional IP Rights Grant (Patents)\n\n\"This implementation\" means the copyrightable works":         "",
	} {
		if got := identify(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

func TestLicenceFiles(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for _, name := range []string{"LICENSE", "licence.md", "NOTICE.txt", "COPYING", "LICENSE-MIT", "license.go", "licenses", "deep/LICENSE", "testdata/LICENSE"} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("Mozilla Public License Version 2.0"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for deep, want := range map[bool][]string{
		false: {"COPYING", "LICENSE", "LICENSE-MIT", "NOTICE.txt", "licence.md"},
		true:  {"COPYING", "LICENSE", "LICENSE-MIT", "NOTICE.txt", "deep/LICENSE", "licence.md"},
	} {
		found, err := licenceFiles(root, deep)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, file := range found {
			names = append(names, file.name)
		}
		if !slices.Equal(names, want) {
			t.Errorf("deep %v: %v, want %v", deep, names, want)
		}
	}
}

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

// What modules carry of others is named with its licence.
func TestCarried(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{"github.com/gen2brain/webp": "BSD-3-Clause", "github.com/yalue/onnxruntime_go": "MIT"} {
		c, err := withCarried(component{path: path})
		if err != nil || !slices.Equal(c.ids(), []string{want}) {
			t.Errorf("%s: %v, %v", path, c.ids(), err)
		}
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
