package models

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"upscaled/models/fault"
	"upscaled/models/network"
)

// TestCatalogueIsComplete checks every entry of every system.
func TestCatalogueIsComplete(t *testing.T) {
	t.Parallel()
	all := slices.Concat(officialModels(), realCUGAN(), waifu2x())
	for _, system := range []string{"linux/amd64", "linux/arm64", "darwin/arm64", "windows/amd64", "windows/arm64"} {
		name, processor, _ := strings.Cut(system, "/")
		builds := runtimes(name, processor)
		if len(builds) == 0 {
			t.Errorf("%s has no ONNX Runtime", system)
		}
		all = append(all, builds...)
	}
	for _, p := range all {
		if p.name == "" || p.description == "" || len(p.forms) == 0 || (p.kind == Upscale) != (p.scale > 0) || (p.kind == Runtime) != (p.version != "") {
			t.Errorf("%s is incomplete", p.name)
		}
		for _, form := range p.forms {
			for _, a := range form {
				sum, err := hex.DecodeString(a.SHA256)
				if err != nil || len(sum) != 32 || a.SHA256 != strings.ToLower(a.SHA256) {
					t.Errorf("%s: %s has the SHA-256 %q", p.name, a.Name, a.SHA256)
				}
				if a.Name == "" || a.Size <= 0 || a.Licence == "" || a.Origin == "" || len(a.Sources) == 0 {
					t.Errorf("%s: %s is incomplete", p.name, a.Name)
				}
				if !slices.Contains([]string{"MIT", bsd3, "Apache-2.0", "NCSA"}, a.Licence) && p.notice == "" {
					t.Errorf("%s: %s is under %q and nobody is told what that forbids", p.name, a.Name, a.Licence)
				}
				for _, source := range a.Sources {
					carried := (source.Package != "" || source.Module != "") && source.Member != ""
					if strings.HasPrefix(source.URL, "https://") == carried {
						t.Errorf("%s: %s has the source %+v", p.name, a.Name, source)
					}
				}
			}
		}
	}
	if runtimes("plan9", "mips") != nil {
		t.Error("plan9 has an ONNX Runtime")
	}
}

// The catalogue states how each model computes large images; installed or not.
func TestTilesOfTheCatalogue(t *testing.T) {
	t.Parallel()
	exact := map[string]int{}
	for _, e := range open(t, Options{Home: t.TempDir()}).List() {
		if (e.Kind == Upscale) != (e.Tiles != "") {
			t.Errorf("%s: %q", e.Name, e.Tiles)
		}
		if e.Tiles == network.ExactTiles {
			exact[e.Name] = e.Radius
		}
	}
	if exact[generalModel] != 34 || exact[denoisingModel] != 34 || exact[filmModel] != 18 || exact["waifu2x-upconv-7-2x-denoise3"] != 7 || len(exact) != 8 {
		t.Errorf("exact tiles: %v", exact)
	}
}

func TestOfficialNames(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Home: t.TempDir()})
	for _, name := range []string{
		"realesr-general-x4v3", "realesrgan-x4plus", "realesrgan-x2plus", "realesrgan-x4plus-anime-6b", "realesr-animevideov3",
		"realesrnet-x4plus", "realesr-general-wdn-x4v3", "gfpgan-v1.4", "yunet", "pigo", "blazeface",
		"real-cugan-2x", "real-cugan-4x-denoise3", "waifu2x-cunet-2x", "waifu2x-cunet-1x-denoise0", "waifu2x-upconv-7-2x-denoise3",
		"RealESRGAN_x4plus_anime_6B", "GFPGANv1.4", "REALESR_GENERAL.X4V3",
	} {
		if e, err := s.Entry(name); err != nil || fold(e.Name) != fold(name) || e.Installed || e.Licence == "" {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
	}
	if e, _ := s.Entry("gfpgan-v1.4"); !strings.Contains(e.Notice, "non-commercial") {
		t.Errorf("gfpgan's notice is %q", e.Notice)
	}
	if cpu, cuda := s.Default("cpu"), s.Default("cuda"); cpu != "realesr-general-x4v3" || cuda != "realesrgan-x4plus" {
		t.Errorf("the defaults are %s and %s", cpu, cuda)
	}
}

// TestWritingOfNames: case and separators never matter.
func TestWritingOfNames(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Home: t.TempDir()})
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom(s.files.products).Draw(t, "product")
		var typed strings.Builder
		for _, r := range fold(p.name) {
			typed.WriteString(rapid.SampledFrom([]string{"", "", "-", "_", ".", "--"}).Draw(t, "separator"))
			if rapid.Bool().Draw(t, "upper") {
				r = unicode.ToUpper(r)
			}
			typed.WriteRune(r)
		}
		if found, ok := s.files.product(typed.String()); !ok || found.name != p.name {
			t.Fatalf("%q is %q", typed.String(), found.name)
		}
	})
}

func TestDistance(t *testing.T) {
	t.Parallel()
	word := rapid.StringMatching(`[abc]{0,6}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		if distance(a, b) != distance(b, a) || (distance(a, b) == 0) != (a == b) || distance(a, b) > max(len(a), len(b)) {
			t.Fatalf("%q to %q is %d", a, b, distance(a, b))
		}
	})
	if d := distance("kitten", "sitting"); d != 3 {
		t.Errorf("kitten to sitting is %d", d)
	}
	if d := distance("scael", "scale"); d != 1 {
		t.Errorf("scael to scale is %d", d)
	}
}

func TestUnknownNames(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Home: t.TempDir()})
	for typed, want := range map[string]string{
		"realesrgan-x4plsu": "did you mean realesrgan-x4plus",
		"anime":             "realesrgan-x4plus-anime-6b",
		"general":           "realesr-general-x4v3",
		"zzzzzzzz":          "upscaled models list",
		"":                  "upscaled models list",
		"../../etc/passwd":  "upscaled models list",
	} {
		_, err := s.Load(t.Context(), typed, nil)
		if fault.KindOf(err) != fault.NotFound || !strings.Contains(fault.Sentence(err), want) {
			t.Errorf("%q: %v", typed, err)
		}
	}
}

func TestNamesFromFiles(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := nameFrom(rapid.String().Draw(t, "stem"))
		if len(name) >= 2 && checkName(name) != nil {
			t.Fatalf("%q is no name", name)
		}
	})
	if got := nameFrom("4x UltraSharp (v2)"); got != "4x-ultrasharp--v2" {
		t.Errorf("got %q", got)
	}
	for _, bad := range []string{"", ".", "..", "a", "a/b", `a\b`, "-a", "A b", strings.Repeat("a", 65)} {
		if checkName(bad) == nil {
			t.Errorf("%q passes", bad)
		}
	}
}
