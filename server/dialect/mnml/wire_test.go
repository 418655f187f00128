package mnml

import (
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"
)

// Whatever comes in: options that the engine can take, or a refusal that names
// the parameter at fault, scale before face_enhance.
func FuzzOptions(f *testing.F) {
	for _, seed := range [][2]string{
		{"", ""}, {"2", "true"}, {"1.5", "off"}, {"8", "0"}, {"8.0000000000000001", ""}, {"9", "maybe"}, {"NaN", ""},
		{"-Inf", "x"}, {"1e1", "1"}, {"0x1p2", ""}, {"2_0", ""}, {"４", "ＴＲＵＥ"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, scale, enhance string) {
		options, err := parseOptions(map[string]string{"scale": scale, "face_enhance": enhance})
		var known apiError
		if err != nil {
			if !errors.As(err, &known) || known.status != 400 {
				t.Fatalf("%q %q: %v", scale, enhance, err)
			}
			_, scaleErr := parseOptions(map[string]string{"scale": scale})
			if want := map[bool]string{true: "INVALID_FACE_ENHANCE", false: "INVALID_SCALE"}[scaleErr == nil]; known.problem.Code != want {
				t.Errorf("%q %q: %s, want %s", scale, enhance, known.problem.Code, want)
			}
			return
		}
		if !(options.Scale >= 1.5 && options.Scale <= 8) || options.Format != "png" || options.Longest != 0 {
			t.Errorf("%q %q: %+v", scale, enhance, options)
		}
		if exact, ok := new(big.Rat).SetString(scale); ok && len(scale) < 20 {
			if near, _ := exact.Float64(); near != options.Scale {
				t.Errorf("%q became %g", scale, options.Scale)
			}
		}
		if options.FaceEnhance && enhance == "" {
			t.Error("face_enhance is not off by itself")
		}
	})
}

// Whatever is taken for an ID has three parts of the vendor's alphabets, so
// that it is safe as a name anywhere.
func FuzzID(f *testing.F) {
	for _, seed := range []string{newID(time.UnixMilli(1703123456789)), "upscale_1_abc12345", "upscale_1_abc12345\n", "upscale_-1_abc12345", "", "__"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parts := strings.Split(text, "_")
		within := func(part, alphabet string) bool { return part != "" && strings.Trim(part, alphabet) == "" }
		const digits = "0123456789"
		want := len(parts) == 3 && parts[0] == "upscale" && len(parts[1]) <= 19 && within(parts[1], digits) &&
			len(parts[2]) == 8 && within(parts[2], digits+"abcdefghijklmnopqrstuvwxyz")
		if isID(text) != want {
			t.Errorf("%q: %t, want %t", text, !want, want)
		}
	})
}

func TestIDsDiffer(t *testing.T) {
	t.Parallel()
	now, seen := time.UnixMilli(1703123456789), map[string]bool{}
	for range 1000 {
		id := newID(now)
		if !isID(id) || !strings.HasPrefix(id, "upscale_1703123456789_") || seen[id] {
			t.Fatal(id)
		}
		seen[id] = true
	}
}

// Clients may print the seed or send it back: six digits, the same for the
// same job and rarely for two.
func TestSeeds(t *testing.T) {
	t.Parallel()
	now, seen := time.UnixMilli(1703123456789), map[int]bool{}
	const many = 1000
	for range many {
		id := newID(now)
		seed := seedOf(id)
		if seed < 100_000 || seed > 999_999 || seed != seedOf(id) {
			t.Fatal(id, seed)
		}
		seen[seed] = true
	}
	if len(seen) < many*9/10 {
		t.Errorf("%d seeds for %d jobs", len(seen), many)
	}
}
