package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The page on clients lists every client that scripts/clients installs and every
// module that the programs of the conformance tests require, with its version.
func TestClientsAreListed(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("clients.md")
	if err != nil {
		t.Fatal(err)
	}
	sources := []string{"../../scripts/clients"}
	modules, _ := filepath.Glob("../../cmd/upscaled/e2e/testdata/clients/*/*/go.mod")
	client := regexp.MustCompile(`(?m)^\t(?:[a-z0-9-]+@npm:)?(@?[a-z0-9/.-]+)@([0-9][^\s)]*)$|^require (\S+) (\S+)$`)
	listed := 0
	for _, source := range append(sources, modules...) {
		text, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range client.FindAllStringSubmatch(string(text), -1) {
			name, version := found[1]+found[3], strings.TrimPrefix(found[2]+found[4], "v")
			row := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(name) + `( \([^|]*\))? \| ` + regexp.QuoteMeta(version) + ` \|`)
			if listed++; !row.Match(page) {
				t.Errorf("%s: clients.md has no row of %s with version %s", source, name, version)
			}
		}
	}
	if listed < 4 {
		t.Errorf("only %d clients found in %v", listed, sources)
	}
}
