package cpu_test

import (
	"bytes"
	"image"
	"image/png"
	"testing"

	"upscaled/engine"
	"upscaled/engine/cpu"
	"upscaled/engine/enginetest"
	"upscaled/engine/imagedata"
	"upscaled/models/network"
	"upscaled/models/network/networktest"
)

// TestStrips: images of odd sizes whose rows do not fit the memory become, to the
// byte, what they become as one stream.
func TestStrips(t *testing.T) {
	t.Parallel()
	net := recognized(t, networktest.RandomCompact(51, 3, 16, 2))
	upscaled := func(o cpu.Options, in []byte) ([]byte, engine.Stats) {
		o.Threads = 1
		r := opened(t, o)
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
		// Kept timings: measured again on a busy machine, another kernel may be chosen.
		measured := cpu.Options{Cache: t.TempDir()}
		for _, o := range []cpu.Options{{Kernels: "portable"}, {Precision: network.Float32}, measured} {
			want, whole := upscaled(o, file.Bytes())
			o.Memory = int64(fewColumns * bytesPerColumn(t, o, net))
			got, cut := upscaled(o, file.Bytes())
			if whole.Tiles != 2 || cut.Tiles <= 2 {
				t.Errorf("%v: %d and %d strips of two planes", size, whole.Tiles, cut.Tiles)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%v %+v: strips differ from the whole", size, o)
			}
		}
	}
}

// fewColumns is less than the images of TestStrips are wide.
const fewColumns = 120

// bytesPerColumn returns the least memory that a runtime's rows need per column.
func bytesPerColumn(t *testing.T, o cpu.Options, net *network.Network) int {
	t.Helper()
	o.Memory = 1 << 30
	r := opened(t, o)
	s, err := r.Open(t.Context(), net, network.Options{
		Precision: r.Device().Precision, Sample: network.Uint8, Channels: 3, Borders: network.AllBorders,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	return 1<<30/s.(engine.Streamer).Widest() + 1
}
