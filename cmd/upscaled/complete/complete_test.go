package complete_test

import (
	"slices"
	"testing"

	"upscaled/cmd/upscaled/complete"
	"upscaled/cmd/upscaled/settings"
	"upscaled/models"
)

func TestWords(t *testing.T) {
	t.Parallel()
	if got := complete.Formats(); !slices.Contains(got, "webp\tWebP") {
		t.Errorf("formats %q", got)
	}
	store, err := models.Open(models.Options{Home: t.TempDir(), Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	open := func() (*models.Store, error) { return store, nil }
	var names []string
	for _, word := range complete.Models(open, func(e models.Entry) bool { return e.Kind == models.Upscale })() {
		names = append(names, complete.Value(word))
	}
	if !slices.Contains(names, "realesrgan-x4plus") || slices.Contains(names, "pigo") {
		t.Errorf("models %q", names)
	}
	keys := complete.Settings([]settings.Setting{{Key: "b", Help: "2"}, {Key: "a.c", Help: "1"}, {Key: "b", Help: "2"}})
	if !slices.Equal(keys, []string{"a.c=\t1", "b=\t2"}) {
		t.Errorf("settings %q", keys)
	}
}
