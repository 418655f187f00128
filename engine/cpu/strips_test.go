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

// TestStrips: images of odd sizes whose rows do not fit the memory become what they
// become as one stream: to the byte by kernels whose results depend on nothing but
// their inputs, and nearly so by Winograd's F(4x4,3x3), which rounds by neighbors.
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
		for _, o := range stripOptions(t) {
			want, whole := upscaled(o, file.Bytes())
			o.Memory = int64(fewColumns * bytesPerColumn(t, o, net))
			got, cut := upscaled(o, file.Bytes())
			if whole.Tiles != 2 || cut.Tiles <= 2 {
				t.Errorf("%v: %d and %d strips of two planes", size, whole.Tiles, cut.Tiles)
			}
			if o.Precision != "" && o.Precision != network.Float16 && !bytes.Equal(got, want) {
				t.Errorf("%v %+v: strips differ from the whole", size, o)
			}
			if differ, all := differences(t, got, want); differ > all/1000 {
				t.Errorf("%v %+v: strips differ from the whole in %d of %d values", size, o, differ, all)
			}
		}
	}
}

// stripOptions returns one kernel of each kind that this CPU has; one instruction set
// each, so that nothing is left to measuring.
func stripOptions(t *testing.T) []cpu.Options {
	all := []cpu.Options{{Kernels: "portable"}, {Precision: network.Float32}}
	for _, k := range everyKernel(t) {
		if k.precision != network.Float32 {
			return append(all, k.options)
		}
	}
	return all
}

// differences returns how many values of two PNG files differ, of how many. It fails
// if any differs by more than one.
func differences(t *testing.T, a, b []byte) (differ, all int) {
	t.Helper()
	var pix [2][]uint8
	for i, file := range [][]byte{a, b} {
		m, err := png.Decode(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		pix[i] = m.(*image.NRGBA).Pix
	}
	for i, v := range pix[0] {
		if d := int(v) - int(pix[1][i]); d != 0 {
			differ++
			if d < -1 || d > 1 {
				t.Errorf("value %d is %d in strips, %d as a whole", i, v, pix[1][i])
			}
		}
	}
	return differ, len(pix[0])
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
