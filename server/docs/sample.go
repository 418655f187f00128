package docs

import "fmt"

// Samples returns small images, of which models make samples, by their kind: a photo, a
// drawing and a frame of a film. They are PNG files of 64x64 pixels, made by
// scripts/readmeimage.
func Samples() (map[string][]byte, error) {
	found := map[string][]byte{}
	for _, kind := range []string{"photo", "drawing", "film"} {
		sample, err := files.ReadFile("samples/" + kind + ".png")
		if err != nil {
			return nil, fmt.Errorf("read sample: %w", err)
		}
		found[kind] = sample
	}
	return found, nil
}
