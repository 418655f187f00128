package scripts

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// A reader that stops early, as grep -q and head do, ends its writer with
// SIGPIPE if there is more to write by then: under pipefail the pipeline fails
// on a busy machine.
func TestPipesAreReadToTheEnd(t *testing.T) {
	t.Parallel()
	early := regexp.MustCompile(`(?m)^.*[^|]\|\s*(?:e?grep\s+-\w*[qm]|head\b|sed\s+(?:-n\s+)?\S*q).*$`)
	if got := early.FindAllString("curl x | grep -q y\na | head -n 1\na | sed -n 1q\na || grep -q y\na | grep x\n", -1); len(got) != 3 {
		t.Errorf("of three such lines the pattern finds %q", got)
	}
	files, err := filepath.Glob("*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, "../.ci/run") {
		source, err := os.ReadFile(file)
		if err != nil || !slices.Contains([]string{"", ".sh"}, filepath.Ext(file)) {
			continue // a folder, or no shell script
		}
		for _, line := range early.FindAllString(string(source), -1) {
			t.Errorf("%s: %s", file, line)
		}
	}
}
