package main

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	namedFile   = regexp.MustCompile(`(?:[\w.-]+/)*[\w-]+\.(?:go|c|h|md)\b`)
	namedScript = regexp.MustCompile(`\bscripts/[a-z][\w-]*`)
	namedPart   = regexp.MustCompile(`\bREADME(?:\.md)?,? (?:part|section|table|chapter)\b|\b(?:part|section|table|chapter) of the README\b`)
	namedIssue  = regexp.MustCompile(`(?:^|[^/\w&#])(?:[Ii]ssue #?|#)\d+\b`)
	namedAnchor = regexp.MustCompile(`([\w-]+\.md)#([\w-]+)`)
	heading     = regexp.MustCompile(`(?m)^#+ (.*)$`)
)

// foreign are files of other projects that comments name.
func foreign() map[string]bool {
	return map[string]bool{"nats.go": true, "stdlib.h": true, "sysexits.h": true, "jdcolor.c": true}
}

// Comments, scripts and documents point only at what is there.
func TestPointers(t *testing.T) {
	t.Parallel()
	texts := pointing(t)
	names, anchors := map[string]bool{}, map[string]bool{}
	for file, text := range texts {
		for name := file; name != ""; _, name, _ = strings.Cut(name, "/") {
			names[name] = true
		}
		for folder := path.Dir(file); folder != "."; folder = path.Dir(folder) {
			names[folder] = true
		}
		for _, found := range heading.FindAllStringSubmatch(text, -1) {
			anchors[path.Base(file)+"#"+slug(found[1])] = true
		}
	}
	for file, text := range texts {
		for number, line := range strings.Split(text, "\n") {
			if line = comment(file, line); line == "" {
				continue
			}
			for _, stale := range stalePointers(line, names, anchors) {
				t.Errorf("%s:%d points at %s, which does not exist", file, number+1, stale)
			}
		}
	}
}

func stalePointers(line string, names, anchors map[string]bool) (stale []string) {
	for _, name := range namedFile.FindAllString(line, -1) {
		name = strings.TrimPrefix(strings.TrimLeft(name, "./"), "upscaled/")
		if !names[name] && !foreign()[name] && !strings.Contains(line, "://") {
			stale = append(stale, name)
		}
	}
	for _, name := range namedScript.FindAllString(line, -1) {
		if !names[name] {
			stale = append(stale, name)
		}
	}
	for _, found := range namedAnchor.FindAllString(line, -1) {
		if !anchors[found] {
			stale = append(stale, found)
		}
	}
	stale = append(stale, namedPart.FindAllString(line, -1)...)
	return append(stale, namedIssue.FindAllString(line, -1)...)
}

// comment returns what a line says to people: all of a document, and the
// comment of other files.
func comment(file, line string) string {
	switch filepath.Ext(file) {
	case ".md":
		return line
	case ".go", ".c", ".h", ".js":
		if at := strings.Index(line, "//"); at >= 0 && !strings.Contains(line[:at], `"`) && !strings.HasPrefix(line[at:], "//guard:") {
			return line[at+2:]
		}
	case "", ".cuda", ".yaml", ".toml", ".service":
		if _, after, ok := strings.Cut(line, "# "); ok {
			return after
		}
	}
	return ""
}

// pointing returns the texts of the repository by path.
func pointing(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	err := filepath.WalkDir(repository, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "testdata" || entry.Name() == "node_modules"):
			return filepath.SkipDir
		case entry.IsDir() || entry.Name() == ".git":
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil || strings.Contains(string(text), "\x00") { // a program or an image
			return err
		}
		relative, err := filepath.Rel(repository, name)
		texts[filepath.ToSlash(relative)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

func TestStalePointersAreFound(t *testing.T) {
	t.Parallel()
	names, anchors := map[string]bool{"engine.go": true, "engine/engine.go": true, "scripts/test": true, "gpu.md": true}, map[string]bool{"gpu.md#first": true}
	for line, want := range map[string]int{
		"see engine.go, engine/engine.go, scripts/test and gpu.md#first": 0,
		"golang/go#22315 and https://example.org/a.go":                   0,
		"see pass.go": 1, "run scripts/tests": 1, "see gpu.md#second": 1,
		"(README, table of times)": 1, "fixes #12": 1, "see issue 12": 1,
	} {
		if got := stalePointers(line, names, anchors); len(got) != want {
			t.Errorf("%q: %q", line, got)
		}
	}
}
