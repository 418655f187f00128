//go:build linux

package onednn_test

import (
	"bytes"
	"image"
	"image/png"
	"testing"

	"upscaled/engine"
	"upscaled/engine/enginetest"
	"upscaled/engine/imagedata"
	"upscaled/engine/onednn"
	"upscaled/models/network"
	"upscaled/models/network/reference"
)

// TestStrips: pictures of odd sizes that the memory for rows is too little for
// become what they become as one stream, to the byte in any precision.
func TestStrips(t *testing.T) {
	t.Parallel()
	net := recognized(t, reference.RandomCompact(51, 3, 16, 2))
	large := func(precision network.Precision, memory int64, in []byte) ([]byte, engine.Stats) {
		r := opened(t, onednn.Options{Threads: 1, Memory: memory, Precision: precision})
		e := engine.New(engine.Options{Runtime: r, Library: enginetest.Library{Network: net}})
		defer e.Close()
		var out bytes.Buffer
		result, err := e.Upscale(t.Context(), engine.Request{Input: in, Output: &out, Format: imagedata.PNG})
		if err != nil {
			t.Fatal(err)
		}
		return out.Bytes(), result.Stats
	}
	for _, size := range [][2]int{{301, 37}, {257, 1}, {203, 61}} {
		in := image.NewNRGBA(image.Rect(0, 0, size[0], size[1]))
		copy(in.Pix, noise(size[0], size[1], 3, 8).Pix)
		for i := 3; i < len(in.Pix); i += 4 {
			in.Pix[i] |= 1
		}
		var file bytes.Buffer
		if err := png.Encode(&file, in); err != nil {
			t.Fatal(err)
		}
		for _, precision := range precisions(opened(t, onednn.Options{})) {
			little := int64(64 << 10)
			if precision == network.BFloat16 {
				little /= 2
			}
			want, whole := large(precision, 0, file.Bytes())
			got, cut := large(precision, little, file.Bytes())
			if whole.Tiles != 2 || cut.Tiles <= 2 {
				t.Errorf("%v: %d and %d strips of two planes", size, whole.Tiles, cut.Tiles)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%v %s: strips differ from the whole", size, precision)
			}
		}
	}
}
