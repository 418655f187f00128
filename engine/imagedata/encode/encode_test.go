package encode_test

import (
	"bytes"
	"fmt"
	"image/jpeg"
	"io"
	"math"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/decode"
	"upscaled/engine/imagedata/encode"
	"upscaled/models/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// gradient is a smooth raster with a little noise, as photos are.
func gradient(width, height, channels, depth int) imagedata.Raster {
	r := imagedata.NewRaster(width, height, channels, depth)
	random := rand.New(rand.NewSource(5))
	for y := range height {
		for x := range width {
			for c := range channels {
				v := 127 + 90*math.Sin(float64(x)/23+float64(c))*math.Cos(float64(y)/17) + random.Float64()*4
				i := (y*width+x)*channels + c
				if depth == 16 {
					r.Pix16[i] = uint16(v * 257)
				} else {
					r.Pix[i] = uint8(v)
				}
			}
		}
	}
	return r
}

// header describes one frame of rasters.
func header(color imagedata.Raster, alpha *imagedata.Raster) encode.Header {
	return encode.Header{
		Width: color.Width, Height: color.Height, Channels: color.Channels, Depth: color.Depth(), Alpha: alpha != nil, Frames: 1,
	}
}

// write encodes one frame in bands of the given heights (whole when none).
func write(t testing.TB, w io.Writer, h encode.Header, o encode.Options, color imagedata.Raster, alpha *imagedata.Raster, bands ...int) {
	t.Helper()
	e, err := encode.New(w, h, o)
	if err == nil {
		err = e.BeginFrame(0)
	}
	for y := 0; err == nil && y < color.Height; {
		n := color.Height - y
		if len(bands) > 0 {
			n, bands = min(n, bands[0]), bands[1:]
		}
		if alpha != nil {
			a := alpha.Rows(y, y+n)
			err = e.WriteBand(color.Rows(y, y+n), &a)
		} else {
			err = e.WriteBand(color.Rows(y, y+n), nil)
		}
		y += n
	}
	if err == nil {
		err = e.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, data []byte) (imagedata.Info, imagedata.Frame) {
	t.Helper()
	d, err := decode.Open(data, imagedata.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	frame, err := d.Next()
	if err != nil {
		t.Fatal(err)
	}
	return d.Info(), frame
}

// psnr in decibels between rasters of one shape.
func psnr(a, b imagedata.Raster) float64 {
	if a.Width != b.Width || a.Height != b.Height || a.Channels != b.Channels || a.Depth() != b.Depth() {
		return 0
	}
	var sum float64
	for i := range a.Pix {
		d := float64(a.Pix[i]) - float64(b.Pix[i])
		sum += d * d
	}
	return 10 * math.Log10(255*255*float64(len(a.Pix))/sum)
}

func same(a, b imagedata.Raster) bool {
	return a.Width == b.Width && a.Height == b.Height && slices.Equal(a.Pix, b.Pix) && slices.Equal(a.Pix16, b.Pix16)
}

// Lossless formats preserve every sample, however the image is cut into bands.
func TestLosslessRoundTrips(t *testing.T) {
	t.Parallel()
	for _, format := range []imagedata.Format{imagedata.PNG, imagedata.TIFF, imagedata.BMP, imagedata.WebP} {
		can := encode.Capabilities(format)
		for _, channels := range []int{1, 3} {
			for _, depth := range []int{8, 16} {
				for _, withAlpha := range []bool{false, true} {
					if depth == 16 && !can.Depth16 || channels == 1 && (!can.Gray || withAlpha && format != imagedata.PNG) {
						continue
					}
					t.Run(fmt.Sprintf("%s/%dx%d/alpha=%v", format, channels, depth, withAlpha), func(t *testing.T) {
						t.Parallel()
						roundTrip(t, format, channels, depth, withAlpha)
					})
				}
			}
		}
	}
}

func roundTrip(t *testing.T, format imagedata.Format, channels, depth int, withAlpha bool) {
	rapid.Check(t, func(rt *rapid.T) {
		width, height := rapid.IntRange(1, 70).Draw(rt, "width"), rapid.IntRange(1, 70).Draw(rt, "height")
		color := gradient(width, height, channels, depth)
		var alpha *imagedata.Raster
		if withAlpha {
			a := gradient(width, height, 1, depth)
			alpha = &a
		}
		var out bytes.Buffer
		bands := rapid.SliceOfN(rapid.IntRange(1, 30), 0, 4).Draw(rt, "bands")
		write(t, &out, header(color, alpha), encode.Options{Format: format, Lossless: true}, color, alpha, bands...)
		info, frame := read(t, out.Bytes())
		if info.Format != format || !same(frame.Color, color) {
			rt.Fatalf("%dx%d in bands %v came back changed", width, height, bands)
		}
		if withAlpha && (frame.Alpha == nil || !same(*frame.Alpha, *alpha)) {
			rt.Fatalf("%dx%d: alpha came back changed", width, height)
		}
	})
}

func TestLossyRoundTrips(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		format            imagedata.Format
		quality, channels int
		least             float64
	}{
		{imagedata.JPEG, 0, 3, 40}, {imagedata.JPEG, 100, 3, 45}, {imagedata.JPEG, 75, 3, 34}, {imagedata.JPEG, 30, 3, 30},
		{imagedata.JPEG, 1, 3, 15}, {imagedata.JPEG, 92, 1, 40}, {imagedata.WebP, 0, 3, 35}, {imagedata.GIF, 0, 3, 26},
	} {
		for _, size := range [][2]int{{1, 1}, {8, 8}, {17, 9}, {200, 133}} {
			color := gradient(size[0], size[1], c.channels, 8)
			var out bytes.Buffer
			write(t, &out, header(color, nil), encode.Options{Format: c.format, Quality: c.quality}, color, nil, 5, 16, 3)
			if _, frame := read(t, out.Bytes()); size[0] > 100 && psnr(frame.Color, color) < c.least {
				t.Errorf("%s at quality %d, %d channels: %.1f dB", c.format, c.quality, c.channels, psnr(frame.Color, color))
			} else if frame.Color.Width != size[0] || frame.Color.Height != size[1] || frame.Color.Channels != c.channels {
				t.Errorf("%s gives %dx%d with %d channels", c.format, frame.Color.Width, frame.Color.Height, frame.Color.Channels)
			}
		}
	}
}

// The encoder is as good and as small as the standard library's at the same
// chroma resolution and tables.
func TestJPEGAgainstStandardLibrary(t *testing.T) {
	t.Parallel()
	color := gradient(320, 240, 3, 8)
	var ours, theirs bytes.Buffer
	write(t, &ours, header(color, nil), encode.Options{Format: imagedata.JPEG, Quality: 80}, color, nil)
	if err := jpeg.Encode(&theirs, toNRGBA(color), &jpeg.Options{Quality: 80}); err != nil {
		t.Fatal(err)
	}
	_, a := read(t, ours.Bytes())
	_, b := read(t, theirs.Bytes())
	if psnr(a.Color, color) < psnr(b.Color, color)-0.3 || ours.Len() > theirs.Len()*105/100 {
		t.Errorf("ours %.2f dB in %d bytes, theirs %.2f dB in %d", psnr(a.Color, color), ours.Len(), psnr(b.Color, color), theirs.Len())
	}
}

func TestConversions(t *testing.T) {
	t.Parallel()
	color, alpha := imagedata.NewRaster(4, 4, 3, 16), imagedata.NewRaster(4, 4, 1, 16)
	for i := range color.Pix16 {
		color.Pix16[i] = 200 * 257
	}
	for i := range alpha.Pix16 {
		alpha.Pix16[i] = 65535 * uint16(i%2)
	}
	var out bytes.Buffer
	write(t, &out, header(color, &alpha), encode.Options{Format: imagedata.JPEG, Quality: 100}, color, &alpha)
	_, frame := read(t, out.Bytes())
	for x, want := range []int{255, 200, 255, 200} {
		if got := int(frame.Color.Pix[3*x]); got < want-3 || got > want+3 {
			t.Errorf("pixel %d on white is %d, want %d", x, got, want)
		}
	}
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	meta := imagedata.Metadata{ICC: profile(), EXIF: exifBlock(), XMP: []byte(`<x:xmpmeta xmlns:x="adobe:ns:meta/"/>`)}
	for _, format := range []imagedata.Format{imagedata.JPEG, imagedata.PNG, imagedata.WebP, imagedata.TIFF} {
		color := gradient(20, 10, 3, 8)
		h := header(color, nil)
		h.Meta = meta
		var out bytes.Buffer
		write(t, &out, h, encode.Options{Format: format}, color, nil)
		info, _ := read(t, out.Bytes())
		if !bytes.Equal(info.Meta.ICC, meta.ICC) || !bytes.Contains(info.Meta.EXIF, []byte("AcmeCam")) || !bytes.Equal(info.Meta.XMP, meta.XMP) {
			t.Errorf("%s: profile %d bytes, exif %q, xmp %q", format, len(info.Meta.ICC), info.Meta.EXIF, info.Meta.XMP)
		}
		if info.Width != 20 || info.Height != 10 {
			t.Errorf("%s: the orientation was not reset: %dx%d", format, info.Width, info.Height)
		}
	}
}

func TestAnimations(t *testing.T) {
	t.Parallel()
	for _, format := range []imagedata.Format{imagedata.GIF, imagedata.PNG, imagedata.WebP} {
		for _, loop := range []int{0, 1, 3} {
			color := gradient(24, 18, 3, 8)
			h := header(color, nil)
			h.Frames, h.Loop = 3, loop
			var out bytes.Buffer
			e, err := encode.New(&out, h, encode.Options{Format: format})
			for i := 0; err == nil && i < 3; i++ {
				if err = e.BeginFrame(time.Duration(i+1) * 50 * time.Millisecond); err == nil {
					err = e.WriteBand(color, nil)
				}
			}
			if err == nil {
				err = e.Close()
			}
			if err != nil {
				t.Fatal(err)
			}
			d, err := decode.Open(out.Bytes(), imagedata.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if d.Info().Frames != 3 || d.Info().Loop != loop {
				t.Errorf("%s: %d frames, %d plays, want 3 and %d", format, d.Info().Frames, d.Info().Loop, loop)
			}
			for i := range 3 {
				if f, err := d.Next(); err != nil || f.Delay != time.Duration(i+1)*50*time.Millisecond {
					t.Errorf("%s: frame %d shown for %v, %v", format, i, f.Delay, err)
				}
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	h := encode.Header{Width: 10, Height: 10, Channels: 3, Depth: 8, Frames: 1}
	for name, c := range map[string]struct {
		edit   func(*encode.Header)
		option encode.Options
		kind   fault.Kind
	}{
		"jpeg side":      {func(h *encode.Header) { h.Width = 65536 }, encode.Options{Format: imagedata.JPEG}, fault.TooLarge},
		"webp side":      {func(h *encode.Header) { h.Height = 16384 }, encode.Options{Format: imagedata.WebP}, fault.TooLarge},
		"bmp size":       {func(h *encode.Header) { h.Width, h.Height = 50000, 50000 }, encode.Options{Format: imagedata.BMP}, fault.TooLarge},
		"tiff size":      {func(h *encode.Header) { h.Width, h.Height = 50000, 50000 }, encode.Options{Format: imagedata.TIFF}, fault.TooLarge},
		"webp area":      {func(h *encode.Header) { h.Width, h.Height = 16000, 12000 }, encode.Options{Format: imagedata.WebP}, fault.TooLarge},
		"gif side":       {func(h *encode.Header) { h.Width = 65536 }, encode.Options{Format: imagedata.GIF}, fault.TooLarge},
		"no width":       {func(h *encode.Header) { h.Width = 0 }, encode.Options{Format: imagedata.PNG}, fault.Internal},
		"jpeg animation": {func(h *encode.Header) { h.Frames = 2 }, encode.Options{Format: imagedata.JPEG}, fault.Unsupported},
		"format":         {func(*encode.Header) {}, encode.Options{Format: "heic"}, fault.Unsupported},
		"quality":        {func(*encode.Header) {}, encode.Options{Format: imagedata.JPEG, Quality: 101}, fault.Invalid},
	} {
		edited := h
		c.edit(&edited)
		var out bytes.Buffer
		if _, err := encode.New(&out, edited, c.option); fault.KindOf(err) != c.kind || out.Len() > 0 {
			t.Errorf("%s: %v after %d bytes", name, err, out.Len())
		}
	}
	e, err := encode.New(io.Discard, h, encode.Options{Format: imagedata.PNG})
	if err != nil || e.Close() == nil {
		t.Error("a picture without rows was completed")
	}
}

// A file is patched in place, a pipe gets the same bytes.
func TestTIFFIntoFileAndPipe(t *testing.T) {
	t.Parallel()
	color := gradient(300, 200, 3, 8)
	path := filepath.Join(t.TempDir(), "a.tif")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, f, header(color, nil), encode.Options{Format: imagedata.TIFF}, color, nil, 33, 90)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	var pipe bytes.Buffer
	write(t, &pipe, header(color, nil), encode.Options{Format: imagedata.TIFF}, color, nil)
	data, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(data, pipe.Bytes()) {
		t.Errorf("%d and %d bytes, %v", len(data), pipe.Len(), err)
	}
}
