package engine_test

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"upscaled/engine"
	"upscaled/engine/enginetest"
	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/models/network"
)

// A model of one shape takes every image, smaller ones included. Its pixels depend
// on themselves alone here, so every pixel of the result is known.
func TestFixedShapes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		width, height := rapid.IntRange(1, 150).Draw(r, "width"), rapid.IntRange(1, 150).Draw(r, "height")
		fixed := rapid.IntRange(16, 160)
		net := enginetest.Net(2, 0, func(i *network.Info) {
			i.FixedWidth, i.FixedHeight = fixed.Draw(r, "fixed width"), fixed.Draw(r, "fixed height")
		})
		in := noise(int64(width*height), width, height, 3, 8)
		runtime := &enginetest.Runtime{Static: rapid.Bool().Draw(r, "static")}
		out, _, err := upscale(t, runtime, net, engine.Request{Input: file(t, in), Format: imagedata.PNG})
		if err != nil {
			r.Fatal(err)
		}
		if !equal(first(t, out).Color, enlarged(net.Info(), in)) {
			r.Fatal("the tiled image differs from the whole one")
		}
	})
}

// A model that needs whole images runs once, whatever the size, unless the user asks for
// tiles; an image that does not fit into memory is refused.
func TestWholeImages(t *testing.T) {
	t.Parallel()
	net := enginetest.Net(2, 0, func(i *network.Info) { i.Whole, i.Multiple = true, 4 })
	in := noise(2, 301, 298, 3, 8)
	for _, c := range []struct {
		static  bool
		memory  int64
		tile    int
		once    bool
		refused bool
	}{
		{once: true}, {static: true, once: true}, {tile: 100}, {memory: 304 * 300 * 1000, once: true}, {memory: 304*300*1000 - 1, refused: true},
	} {
		runtime := &enginetest.Runtime{Static: c.static}
		e := engine.New(engine.Options{Runtime: runtime, Library: enginetest.Library{Network: net}, TileMemory: c.memory})
		var out bytes.Buffer
		_, err := e.Upscale(t.Context(), engine.Request{Input: file(t, in), Output: &out, Format: imagedata.PNG, Tile: c.tile})
		e.Close()
		if c.refused {
			if fault.KindOf(err) != fault.TooLarge || runtime.Ran.Load() > 0 {
				t.Errorf("%+v: %v", c, err)
			}
			continue
		}
		if err != nil || (runtime.Ran.Load() == 1) != c.once || !equal(first(t, out.Bytes()).Color, enlarged(net.Info(), in)) {
			t.Errorf("%+v: %v, in %d tiles", c, err, runtime.Ran.Load())
		}
	}
}

// An image that is no multiple of the model's is reflected at its right and lower
// border, without repeating the border.
func TestReflection(t *testing.T) {
	t.Parallel()
	net := enginetest.Net(1, 3, func(i *network.Info) { i.Multiple = 4 })
	for _, size := range [][2]int{{1, 1}, {2, 5}, {61, 45}} {
		in := noise(9, size[0], size[1], 3, 8)
		for _, streams := range []bool{false, true} {
			out, _, err := upscale(t, &enginetest.Runtime{Streams: streams}, net, engine.Request{Input: file(t, in), Format: imagedata.PNG})
			if err != nil {
				t.Fatal(err)
			}
			if !equal(first(t, out).Color, enlarged(net.Info(), in)) {
				t.Errorf("%v, streams %v: not the reflected image", size, streams)
			}
		}
	}
}

// mirror walks back and forth over n pixels.
func mirror(i, n int) int {
	at, step := 0, 1
	for range i {
		if at+step < 0 || at+step >= n {
			step = -step
		}
		if at+step >= 0 && at+step < n {
			at += step
		}
	}
	return at
}
