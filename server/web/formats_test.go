package web_test

import (
	"strings"
	"testing"

	"upscaled/engine/imagedata"
)

// TestPageAcceptsAllFormats checks the page's own list of content types.
func TestPageAcceptsAllFormats(t *testing.T) {
	t.Parallel()
	var types []string
	for _, format := range imagedata.Formats() {
		types = append(types, format.ContentType())
	}
	if want := `accept="` + strings.Join(types, ","); !strings.Contains(files(t)["/"], want) {
		t.Errorf("the page lacks %s", want)
	}
}
