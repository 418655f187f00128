package decode

import (
	"bytes"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"runtime"
	"testing"

	"golang.org/x/image/tiff"

	"upscaled/engine/imagedata"
)

// memorySide is the side of the measured images, in pixels.
const memorySide = 4096

// plainJPEG is an image of one color.
func plainJPEG(progressive bool, sampling ...byte) func(testing.TB) []byte {
	return fixed(func() []byte {
		f := jpegFixture{width: memorySide, height: memorySide, progressive: progressive, sampling: sampling,
			value: func(int, int, int) uint8 { return 128 }}
		if len(sampling) == 4 {
			f.segments = appSegment(0xee, []byte("Adobe\x00\x64\x00\x00\x00\x00\x00")) // CMYK as it is
		}
		return f.encode()
	})
}

// plainPNG is an image of zeroes, with more chunks before its pixels.
func plainPNG(depth, colorType, samples int, chunks ...[]byte) func(testing.TB) []byte {
	return fixed(func() []byte {
		raw := make([]byte, memorySide*(1+memorySide*samples*depth/8))
		all := append([][]byte{pngHeader(memorySide, memorySide, depth, colorType)}, chunks...)
		return pngFixture(append(all, pngChunk("IDAT", deflate(raw)))...)
	})
}

// interlacedPNG has the zeroes of all seven passes (PNG, section 8.1).
func interlacedPNG() []byte {
	header := pngHeader(memorySide, memorySide, 8, colorRGBA)
	payload := header[8 : len(header)-4]
	payload[12] = 1
	var raw int
	for _, pass := range [][2]int{{8, 8}, {8, 8}, {4, 8}, {4, 4}, {2, 4}, {2, 2}, {1, 2}} {
		raw += memorySide / pass[1] * (1 + 4*memorySide/pass[0])
	}
	return pngFixture(pngChunk("IHDR", payload), pngChunk("IDAT", deflate(make([]byte, raw))))
}

func plainTIFF(img image.Image, compression tiff.CompressionType) func(testing.TB) []byte {
	return func(t testing.TB) []byte {
		var out bytes.Buffer
		if err := tiff.Encode(&out, img, &tiff.Options{Compression: compression}); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
}

func plainWebP(c color.NRGBA) func(testing.TB) []byte {
	return func(t testing.TB) []byte { return webpFixture(losslessChunk(t, filled(memorySide, memorySide, c))) }
}

func plainGIF(t testing.TB) []byte {
	area := image.Rect(0, 0, memorySide, memorySide)
	clear := color.Palette{color.RGBA{}, color.White}
	first, second := image.NewPaletted(area, clear), image.NewPaletted(area, clear)
	return gifFixture(t, &gif.GIF{
		Image: []*image.Paletted{first, second}, Delay: []int{1, 1}, Disposal: []byte{gif.DisposalPrevious, gif.DisposalPrevious},
	})
}

// What is foreseen of memory by the header is enough for every kind of image,
// and at most four times of what it takes.
func TestMemoryIsForeseen(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes long under the race detector")
	}
	area := image.Rect(0, 0, memorySide, memorySide)
	for _, c := range []struct {
		name string
		make func(testing.TB) []byte
	}{
		{"JPEG gray", plainJPEG(false, 0x11)},
		{"JPEG 4:2:0", plainJPEG(false, 0x22, 0x11, 0x11)},
		{"JPEG 4:4:4", plainJPEG(false, 0x11, 0x11, 0x11)},
		{"JPEG CMYK", plainJPEG(false, 0x11, 0x11, 0x11, 0x11)},
		{"progressive JPEG gray", plainJPEG(true, 0x11)},
		{"progressive JPEG 4:2:0", plainJPEG(true, 0x22, 0x11, 0x11)},
		{"progressive JPEG 4:4:4", plainJPEG(true, 0x11, 0x11, 0x11)},
		{"progressive JPEG CMYK", plainJPEG(true, 0x11, 0x11, 0x11, 0x11)},
		{"PNG gray", plainPNG(8, colorGray, 1)},
		{"PNG gray, clear", plainPNG(8, colorGray, 1, pngChunk("tRNS", []byte{0, 0}))},
		{"PNG colour", plainPNG(8, colorRGB, 3)},
		{"PNG colour and alpha", plainPNG(8, colorRGBA, 4)},
		{"PNG indexed", plainPNG(8, colorIndexed, 1, pngChunk("PLTE", []byte{1, 2, 3}))},
		{"PNG indexed, clear", plainPNG(8, colorIndexed, 1, pngChunk("PLTE", []byte{1, 2, 3}), pngChunk("tRNS", []byte{9}))},
		{"PNG 16 bits gray", plainPNG(16, colorGray, 1)},
		{"PNG 16 bits and alpha", plainPNG(16, colorRGBA, 4)},
		{"PNG interlaced", fixed(interlacedPNG)},
		{"TIFF gray", plainTIFF(image.NewGray(area), tiff.Uncompressed)},
		{"TIFF gray, packed", plainTIFF(image.NewGray(area), tiff.Deflate)},
		{"TIFF colour and alpha, packed", plainTIFF(image.NewNRGBA(area), tiff.Deflate)},
		{"TIFF 16 bits and alpha, packed", plainTIFF(image.NewNRGBA64(area), tiff.Deflate)},
		{"BMP", fixed(func() []byte {
			return bmpFixture(memorySide, memorySide, 24, 0, nil, make([]byte, 3*memorySide*memorySide))
		})},
		{"WebP lossless", plainWebP(color.NRGBA{1, 2, 3, 255})},
		{"WebP lossless, clear", plainWebP(color.NRGBA{1, 2, 3, 4})},
		{"GIF of two frames", plainGIF},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := c.make(t)
			s, err := inspect(data, 0, imagedata.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			took := decodeApart(t, data, uint64(s.memory()+int64(len(data)))>>20)
			used := int64(took.MiB)<<20 - int64(len(data))
			t.Logf("%-32s %4d MiB of %4d foreseen", c.name, used>>20, s.memory()>>20)
			if took.Kind != "" || used > s.memory() || 4*used < s.memory()-overhead {
				t.Errorf("%q, %d MiB, foreseen %d", took.Kind, used>>20, s.memory()>>20)
			}
		})
	}
}

// After the last frame the planes of a JPEG are garbage, though its decoder is kept.
func TestDecoderReleasesItsFile(t *testing.T) {
	t.Parallel()
	var file bytes.Buffer
	if err := jpeg.Encode(&file, image.NewYCbCr(image.Rect(0, 0, 64, 64), image.YCbCrSubsampleRatio420), nil); err != nil {
		t.Fatal(err)
	}
	d, err := Open(file.Bytes(), imagedata.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	frames := d.source.frames
	released := make(chan struct{})
	d.source.frames = func() func() (imagedata.Frame, error) {
		held := new([64]byte)
		runtime.AddCleanup(held, func(struct{}) { close(released) }, struct{}{})
		next := frames()
		return func() (imagedata.Frame, error) { held[0]++; return next() }
	}
	if _, err := d.Next(); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		runtime.GC()
		select {
		case <-released:
			runtime.KeepAlive(d)
			return
		default:
			runtime.Gosched()
		}
	}
	t.Error("the decoder still holds what it decoded")
	runtime.KeepAlive(d)
}
