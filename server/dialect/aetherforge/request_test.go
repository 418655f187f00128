package aetherforge

import (
	"regexp"
	"strings"
	"testing"

	"upscaled/server/dialect"
)

// Whatever comes in: one violation that names the scale, or one of the three
// sizes.
func FuzzScale(f *testing.F) {
	for _, seed := range []string{"1K", "2k", "4K", "", "8K", "K", "1K4K", "1K"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var wrong dialect.Violations
		longest := parseScale(text, &wrong)
		size, known := map[string]int{"1k": 1024, "2k": 2048, "4k": 4096}[strings.ToLower(text)]
		if longest != size || known == (len(wrong.Detail) > 0) || len(wrong.Detail) > 1 {
			t.Errorf("%q: %d, %v", text, longest, wrong)
		}
		for _, v := range wrong.Detail {
			if len(v.Location) != 2 || v.Location[1] != "scale" {
				t.Errorf("%q: %+v", text, v)
			}
		}
	})
}

// Whatever is taken for a UUID becomes one form that is taken again.
func FuzzID(f *testing.F) {
	for _, seed := range []string{newID(), "urn:uuid:{" + newID() + "}", strings.ToUpper(newID()), "", "x", "--", "{}"} {
		f.Add(seed)
	}
	form := regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	f.Fuzz(func(t *testing.T, text string) {
		id, ok := parseID(text)
		if !ok {
			return
		}
		if again, ok := parseID(id); !ok || again != id || !form.MatchString(id) {
			t.Errorf("%q: %q, then %q", text, id, again)
		}
	})
}

func TestIDsDiffer(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		id := newID()
		if parsed, ok := parseID(id); !ok || parsed != id || seen[id] {
			t.Fatal(id)
		}
		seen[id] = true
	}
}
