package encode_test

import (
	"bytes"
	"encoding/binary"
	"image/png"
	"io"
	"math/rand"
	"runtime"
	"testing"
	"time"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/encode"
)

// A hundred megapixels pass through a few megabytes. The test is not parallel,
// so that the heap holds nothing else.
func TestPNGMemoryFollowsBand(t *testing.T) {
	const width, height, rows = 20_000, 5_000, 100
	band := imagedata.NewRaster(width, rows, 1, 8)
	random := rand.New(rand.NewSource(1))
	for i := range band.Pix {
		band.Pix[i] = uint8(i%width/100 + random.Intn(4))
	}
	h := encode.Header{Width: width, Height: height, Channels: 1, Depth: 8, Frames: 1}
	e, err := encode.New(io.Discard, h, encode.Options{Format: imagedata.PNG})
	if err == nil {
		err = e.BeginFrame(0)
	}
	most := uint64(0)
	for y := 0; err == nil && y < height; y += rows {
		err = e.WriteBand(band, nil)
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		most = max(most, stats.HeapInuse)
	}
	if err == nil {
		err = e.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	if most > 40<<20 {
		t.Errorf("the heap grew to %d MB", most>>20)
	}
}

// Every kind of content meets its filter: the standard library reads the same
// pixels, and drawings compress as drawings should.
func TestPNGContents(t *testing.T) {
	t.Parallel()
	const width, height = 640, 480
	for name, c := range map[string]struct {
		sample func(x, y, c int) int
		most   int // bytes
	}{
		"flat":       {func(_, _, c int) int { return 200 - c }, 8_000},
		"drawing":    {func(x, y, _ int) int { return (x/40 + y/40) % 2 * 255 }, 20_000},
		"dither":     {func(x, y, _ int) int { return (x ^ y) & 1 * 255 }, 20_000},
		"horizontal": {func(x, _, _ int) int { return x }, 20_000},
		"vertical":   {func(_, y, _ int) int { return y }, 20_000},
		"noise":      {func(x, y, c int) int { return int(uint32(x*7919+y*104729+c*31) * 2654435761 >> 24) }, 950_000},
	} {
		color := imagedata.NewRaster(width, height, 3, 8)
		for i := range color.Pix {
			color.Pix[i] = uint8(c.sample(i/3%width, i/3/width, i%3))
		}
		var out bytes.Buffer
		write(t, &out, header(color, nil), encode.Options{Format: imagedata.PNG}, color, nil, 100, 1)
		if out.Len() > c.most {
			t.Errorf("%s: %d bytes", name, out.Len())
		}
		got, err := png.Decode(&out)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i := 0; i < len(color.Pix); i += 3 {
			r, g, b, _ := got.At(i/3%width, i/3/width).RGBA()
			if [3]uint8{uint8(r), uint8(g), uint8(b)} != [3]uint8(color.Pix[i:i+3]) {
				t.Fatalf("%s: pixel %d changed", name, i/3)
			}
		}
	}
}

// APNG keeps rates that are no whole milliseconds.
func TestAPNGDelays(t *testing.T) {
	t.Parallel()
	color := gradient(3, 3, 3, 8)
	delays := []time.Duration{
		0, time.Millisecond, 40 * time.Millisecond, time.Second / 30, time.Second / 60, time.Second * 1001 / 30000,
		65 * time.Second, 70 * time.Second, time.Hour, 100 * time.Hour,
	}
	h := header(color, nil)
	h.Frames = len(delays)
	var out bytes.Buffer
	e, err := encode.New(&out, h, encode.Options{Format: imagedata.PNG})
	for _, delay := range delays {
		if err == nil {
			err = e.BeginFrame(delay)
		}
		if err == nil {
			err = e.WriteBand(color, nil)
		}
	}
	if err == nil {
		err = e.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	controls := bytes.Split(out.Bytes(), []byte("fcTL"))[1:]
	if len(controls) != len(delays) {
		t.Fatalf("%d frames", len(controls))
	}
	for i, control := range controls {
		numerator, denominator := binary.BigEndian.Uint16(control[20:]), binary.BigEndian.Uint16(control[22:])
		got := float64(numerator) / float64(denominator)
		want := min(delays[i].Seconds(), 65535)
		if difference := got - want; difference > 2e-6 || difference < -2e-6 {
			t.Errorf("frame %d: %d/%d s, want %v", i, numerator, denominator, delays[i])
		}
	}
}
