package encode_test

import (
	"bytes"
	"image/color"
	"image/gif"
	"math/rand"
	"testing"
	"time"

	"pgregory.net/rapid"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/encode"
)

// Frames of up to 256 colors, grays among them, come back exactly, and holes
// stay where they were.
func TestGIFKeepsFewColors(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		width, height := rapid.IntRange(1, 40).Draw(rt, "width"), rapid.IntRange(1, 40).Draw(rt, "height")
		withAlpha := rapid.Bool().Draw(rt, "alpha")
		most := 256
		if withAlpha {
			most = 255
		}
		// Black first, but not the first pixel shown.
		random := rand.New(rand.NewSource(int64(rapid.IntRange(0, 1000).Draw(rt, "seed"))))
		palette := make([][3]uint8, rapid.IntRange(1, most).Draw(rt, "colours"))
		for i := 1; i < len(palette); i++ {
			palette[i] = [3]uint8{uint8(random.Int()), uint8(random.Int()), uint8(random.Int())}
		}
		pixels, alpha := imagedata.NewRaster(width, height, 3, 8), imagedata.NewRaster(width, height, 1, 8)
		for i := range alpha.Pix {
			c := palette[random.Intn(len(palette))]
			copy(pixels.Pix[3*i:], c[:])
			alpha.Pix[i] = uint8(random.Int())
		}
		plane := &alpha
		if !withAlpha {
			plane = nil
		}
		var out bytes.Buffer
		write(t, &out, header(pixels, plane), encode.Options{Format: imagedata.GIF}, pixels, plane, 7, 2)
		got, err := gif.Decode(&out)
		if err != nil {
			rt.Fatal(err)
		}
		for i := range alpha.Pix {
			c := color.NRGBAModel.Convert(got.At(i%width, i/width)).(color.NRGBA)
			hidden := withAlpha && alpha.Pix[i] < 128
			if (c.A == 0) != hidden || !hidden && [3]uint8{c.R, c.G, c.B} != [3]uint8(pixels.Pix[3*i:3*i+3]) {
				rt.Fatalf("pixel %d is %v, want %v of opacity %d", i, c, pixels.Pix[3*i:3*i+3], alpha.Pix[i])
			}
		}
	})
}

// Dither keeps the mean of an area that no palette color has.
func TestGIFDither(t *testing.T) {
	t.Parallel()
	pixels := gradient(256, 256, 3, 8)
	var out bytes.Buffer
	write(t, &out, header(pixels, nil), encode.Options{Format: imagedata.GIF}, pixels, nil)
	_, frame := read(t, out.Bytes())
	for y := 0; y < 256; y += 16 {
		for x := 0; x < 256; x += 16 {
			var want, got int
			for i := range 256 {
				at := 3 * ((y+i/16)*256 + x + i%16)
				want, got = want+int(pixels.Pix[at]), got+int(frame.Color.Pix[at])
			}
			if difference := (want - got) / 256; difference > 3 || difference < -3 {
				t.Fatalf("the area at %d, %d is %d off", x, y, difference)
			}
		}
	}
}

// Whoever reads our animations with another decoder sees the same timing.
func TestGIFAnimationForOthers(t *testing.T) {
	t.Parallel()
	pixels := gradient(9, 7, 3, 8)
	h := header(pixels, nil)
	h.Frames, h.Loop = 2, 5
	var out bytes.Buffer
	e, err := encode.New(&out, h, encode.Options{Format: imagedata.GIF})
	for _, delay := range []time.Duration{16 * time.Millisecond, time.Hour} {
		if err == nil {
			err = e.BeginFrame(delay)
		}
		if err == nil {
			err = e.WriteBand(pixels, nil)
		}
	}
	if err == nil {
		err = e.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	all, err := gif.DecodeAll(&out)
	if err != nil {
		t.Fatal(err)
	}
	// The library counts repetitions; delays are hundredths, 655 s at most.
	if all.LoopCount != 4 || all.Delay[0] != 2 || all.Delay[1] != 65535 {
		t.Errorf("loop %d, delays %v", all.LoopCount, all.Delay)
	}
}
