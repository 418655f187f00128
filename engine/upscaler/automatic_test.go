package upscaler

import (
	"os"
	"path/filepath"
	"testing"

	"upscaled/engine/ort"
	"upscaled/engine/tune"
	"upscaled/models"
)

// A discrete card comes before the CPU, an integrated one only if a measurement says
// so, and a software one never.
func TestChoice(t *testing.T) {
	t.Parallel()
	library := filepath.Join(t.TempDir(), "libonnxruntime.so")
	if err := os.WriteFile(library, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	open := func(library string) Options {
		store, err := models.Open(models.Options{Home: t.TempDir(), Offline: true, RuntimeLibrary: library})
		if err != nil {
			t.Fatal(err)
		}
		return Options{Store: store, Tune: "auto"}
	}
	bare, installed := open(""), open(library)
	off, always := installed, open(library)
	off.Tune = "off"
	measured := open(library)
	card := func(t ort.CardType) []ort.Card { return []ort.Card{{Name: "Card", Type: t}} }
	for _, o := range []Options{measured, always} {
		record := tune.Record{Key: o.choiceKey(card(ort.Integrated)[0]), Result: tune.Result{Best: tune.Trial{Variant: "coreml", Side: 256, Parallel: 1}}}
		if err := tuningCache(o.Store).Save(record); err != nil {
			t.Fatal(err)
		}
	}
	always.Tune = "always"
	const measure = ""
	for _, c := range []struct {
		name  string
		o     Options
		cards []ort.Card
		want  string
	}{
		{"no card", installed, nil, "cpu"},
		{"software", installed, card(ort.Software), "cpu"},
		{"software, measured always", always, card(ort.Software), "cpu"},
		{"integrated", installed, card(ort.Integrated), measure},
		{"integrated without a library", bare, card(ort.Integrated), "cpu"},
		{"integrated, not to be measured", off, card(ort.Integrated), "cpu"},
		{"integrated, measured before", measured, card(ort.Integrated), "coreml"},
		{"integrated, to be measured again", always, card(ort.Integrated), measure},
		{"discrete", installed, card(ort.Discrete), measure},
		{"discrete without a library", bare, card(ort.Discrete), measure},
		{"discrete, not to be measured", off, card(ort.Discrete), "webgpu"},
	} {
		if got := c.o.choice(c.cards); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
