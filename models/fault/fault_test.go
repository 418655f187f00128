package fault_test

import (
	"testing"

	"upscaled/models/fault"
)

// Users of a server read no flags and no commands.
func TestForClients(t *testing.T) {
	t.Parallel()
	for sentence, want := range map[string]string{
		"The image is damaged.": "The image is damaged.",
		"The device has not enough free memory; use a smaller --tile.":                                      "The device has not enough free memory.",
		"x is not installed and --offline forbids downloads; run 'upscaled models pull x' elsewhere.":       "x is not installed.",
		"x cannot be downloaded from any of its sources:\n  https://a: no\nadd it with 'upscaled models'.":  "x cannot be downloaded from any of its sources.",
		"There is no model x; 'upscaled models list' shows the available ones.":                             "There is no model x.",
		"The model x exists already; choose another name with --name, or run 'upscaled models rm x' first.": "The model x exists already.",
		"faces were refined with y: no restorer is installed; 'upscaled models pull gfpgan' downloads it.":  "faces were refined with y: no restorer is installed.",
		"--scale is for ONNX files only.": "The server cannot do this as it is set up.",
		"A minus -- in a text is kept.":   "A minus -- in a text is kept.",
	} {
		if got := fault.ForClients(sentence); got != want {
			t.Errorf("%q: %q", sentence, got)
		}
	}
}
