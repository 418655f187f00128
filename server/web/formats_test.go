package web_test

import (
	"regexp"
	"strings"
	"testing"

	"upscaled/engine/imagedata"
)

// The page offers every format that the engine reads, also in dropped folders.
func TestPageAcceptsAllFormats(t *testing.T) {
	t.Parallel()
	all := files(t)
	source := regexp.MustCompile(`IMAGE_NAME = /(.+)/i`).FindStringSubmatch(all["/page/intake.js"])
	if source == nil {
		t.Fatal("the names of images are not found")
	}
	accepted := regexp.MustCompile("(?i)" + source[1])
	var types []string
	for _, format := range imagedata.Formats() {
		types = append(types, format.ContentType())
		if name := "photo" + format.Extension(); !accepted.MatchString(name) {
			t.Errorf("%s in a folder is left out", name)
		}
	}
	if want := `accept="` + strings.Join(types, ","); !strings.Contains(all["/"], want) {
		t.Errorf("the page lacks %s", want)
	}
}

// Users read no flags and no commands on the page.
func TestTextsWithoutFlags(t *testing.T) {
	t.Parallel()
	command := regexp.MustCompile(`--[a-z]|upscaled (models|serve|keys|upscale)\b`)
	for code, catalog := range catalogs(t) {
		for key, message := range catalog {
			for _, text := range message.forms {
				if found := command.FindString(text); found != "" {
					t.Errorf("%s: %s has %q", code, key, found)
				}
			}
		}
	}
}
