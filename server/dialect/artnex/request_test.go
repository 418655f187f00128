package artnex

import (
	"encoding/json"
	"fmt"
	"testing"
)

func TestScale(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]float64{
		``: 2, `null`: 2, `1`: 1, `8`: 8, `8.0`: 8, `1.5`: 1.5, `2e0`: 2, `"4"`: 4, `" 2.5 "`: 2.5, `"\u0034"`: 4,
	} {
		if got, ok := parseScale(json.RawMessage(text)); !ok || got != want {
			t.Errorf("%s: %g, %t", text, got, ok)
		}
	}
	for _, text := range []string{
		`0`, `0.999`, `8.001`, `-2`, `1e999`, `true`, `false`, `[2]`, `{}`, `""`, `"x"`, `"2x"`, `"NaN"`, `"Inf"`, `"infinity"`, `"0x2p0"`, `"4,0"`,
	} {
		if got, ok := parseScale(json.RawMessage(text)); ok {
			t.Errorf("%s passed as %g", text, got)
		}
	}
}

// Whatever comes in: one of this API's refusals, or a reference and a scale
// within the bounds.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"image":"https://example.com/a.png","scale":2}`))
	f.Add([]byte(`{"image":"data:image/png;base64,AAAA","scale":"1e0"}`))
	f.Add([]byte(`{"image":null,"scale":[]}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := parse(body)
		if err != nil {
			if status, code, message := apiError(err); status != 400 && status != 422 || code == "" || message == "" {
				t.Fatalf("%q: %d %s %q", body, status, code, message)
			}
			return
		}
		if !json.Valid(body) || got.image == "" || !(got.scale >= 1 && got.scale <= 8) {
			t.Fatalf("%q: %+v", body, got)
		}
		again, err := parse(fmt.Appendf(nil, `{"image":"x","scale":%g}`, got.scale))
		if err != nil || again.scale != got.scale {
			t.Errorf("%g came back as %g, %v", got.scale, again.scale, err)
		}
	})
}
