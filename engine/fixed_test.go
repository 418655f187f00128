package engine_test

import (
	"testing"

	"pgregory.net/rapid"

	"upscaled/engine"
	"upscaled/engine/enginetest"
	"upscaled/engine/imagedata"
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
