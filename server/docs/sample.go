package docs

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
)

// Sample returns the detail of a photo that the guide shows before upscaling, as PNG of
// its real size: the guide's image repeats each pixel.
func Sample() ([]byte, error) {
	const side, repeated = 96, 4
	file, err := files.ReadFile("images/before-after.jpg")
	if err != nil {
		return nil, fmt.Errorf("read sample: %w", err)
	}
	shown, err := jpeg.Decode(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("decode sample: %w", err)
	}
	detail := image.NewRGBA(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			detail.Set(x, y, shown.At(x*repeated+repeated/2, y*repeated+repeated/2))
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, detail); err != nil {
		return nil, fmt.Errorf("encode sample: %w", err)
	}
	return out.Bytes(), nil
}
