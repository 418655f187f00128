package decode

import (
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"io"
	"os"
	"slices"
	"testing"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/metadata/ifd"
	"upscaled/models/fault"
)

// fuzzVariable restricts fuzzing to a format, such as "tiff".
const fuzzVariable = "UPSCALED_FUZZ_FORMAT"

// fuzzed reports whether files of a format are fuzzed.
func fuzzed(format imagedata.Format) bool {
	only := os.Getenv(fuzzVariable)
	return only == "" || only == string(format)
}

// FuzzOpen checks that any bytes decode to whole frames or a fault, never a panic
// and never a frame that is not what Info says.
func FuzzOpen(f *testing.F) {
	for _, seed := range fuzzSeeds(f) {
		f.Add(seed)
		f.Add(seed[:len(seed)/2])
	}
	for _, file := range slices.Concat(hostileAnimations(), hostileJPEG(), hostileTIFF(), hostileOthers(), hostileFurther()) {
		if file.mebibytes > 24 {
			continue // made to be large
		}
		if seed := file.make(f); len(seed) < 4096 {
			f.Add(seed)
		}
	}
	f.Fuzz(fuzzOpen)
}

func fuzzOpen(t *testing.T, data []byte) {
	if format, err := Sniff(data); err == nil && !fuzzed(format) {
		t.Skip()
	}
	limits := imagedata.Limits{Pixels: 1 << 18, Side: 1 << 12}
	probed, err := Probe(data, limits)
	d, openErr := Open(data, limits)
	if (err == nil) != (openErr == nil) {
		t.Fatalf("Probe: %v, Open: %v", err, openErr)
	}
	if err != nil {
		checkFault(t, err)
		return
	}
	info := d.Info()
	if probed.Width != info.Width || probed.Height != info.Height || probed.Frames != info.Frames || info.Alpha && !probed.Alpha {
		t.Fatalf("Probe says %+v, Open %+v", probed, info)
	}
	for given := 0; ; given++ {
		frame, err := d.Next()
		if errors.Is(err, io.EOF) { // as callers ask
			if given != info.Frames {
				t.Fatalf("the end after %d of %d frames: %v", given, info.Frames, err)
			}
			return
		}
		if err != nil {
			checkFault(t, err)
			return
		}
		checkFrame(t, info, frame)
	}
}

func checkFault(t *testing.T, err error) {
	t.Helper()
	switch fault.KindOf(err) {
	case fault.Invalid, fault.TooLarge, fault.Unsupported:
	default:
		t.Fatalf("kind %s: %v", fault.KindOf(err), err)
	}
}

func checkFrame(t *testing.T, info imagedata.Info, frame imagedata.Frame) {
	t.Helper()
	c := frame.Color
	if c.Width != info.Width || c.Height != info.Height || c.Channels != info.Channels || c.Depth() != info.Depth {
		t.Fatalf("frame of %dx%dx%d, %d bits; info %+v", c.Width, c.Height, c.Channels, c.Depth(), info)
	}
	if len(c.Pix)+len(c.Pix16) != c.Width*c.Height*c.Channels {
		t.Fatalf("%d samples for %+v", len(c.Pix)+len(c.Pix16), info)
	}
	if info.Alpha != (frame.Alpha != nil) {
		t.Fatalf("alpha plane %v, info %+v", frame.Alpha != nil, info)
	}
	if a := frame.Alpha; a != nil && (a.Width != c.Width || a.Height != c.Height || a.Channels != 1 ||
		a.Depth() != c.Depth() || len(a.Pix)+len(a.Pix16) != c.Width*c.Height) {
		t.Fatalf("alpha of %dx%dx%d, %d bits", a.Width, a.Height, a.Channels, a.Depth())
	}
}

func fuzzSeeds(f *testing.F) [][]byte {
	block := func(c, x, y int) uint8 { return uint8(x*31 + y*17 + c*50) }
	exif := appSegment(0xe1, []byte("Exif\x00\x00"), exifFixture(6))
	tall := indexed(image.Rect(0, 0, 3, 9), true, 1, 2, 0)
	lossless := losslessChunk(f, filled(4, 2, color.NRGBA{1, 2, 3, 4}))
	row := []byte{1, 2, 3, 4, 5, 6, 7, 8}
	return [][]byte{
		jpegFixture{width: 20, height: 9, sampling: []byte{0x22, 0x11, 0x11}, segments: exif, value: block}.encode(),
		jpegFixture{width: 20, height: 9, sampling: []byte{0x11, 0x11, 0x11, 0x11}, segments: adobe(2), value: block}.encode(),
		jpegFixture{width: 9, height: 20, sampling: []byte{0x11}, progressive: true, value: block}.encode(),
		pngFixture(pngHeader(2, 1, 8, 6), pngChunk("eXIf", exifFixture(5)), pngChunk("IDAT", pngRows(row))),
		pngFixture(pngHeader(1, 1, 16, 6), pngChunk("IDAT", pngRows(row))),
		pngFixture(pngHeader(1, 2, 8, 3), pngChunk("PLTE", row[:6]), pngChunk("tRNS", row[:1]), pngChunk("IDAT", pngRows([]byte{0}, []byte{1}))),
		pngFixture(pngHeader(2, 1, 8, 6), animationControl(2, 1), frameControl(0, 2, 1, 0, 0, 1, 1, 2, 1),
			pngChunk("IDAT", pngRows(row)), frameControl(1, 1, 1, 1, 0, 1, 1, 1, 0), pngChunk("fdAT", []byte{0, 0, 0, 2}, pngRows(row[:4]))),
		gifFixture(f, &gif.GIF{Image: []*image.Paletted{tall, tall}, Delay: []int{1, 2}, Disposal: []byte{2, 3}}),
		webpFixture(lossless),
		webpFixture(webpCanvas(1<<1, 4, 2), riff("ANIM", make([]byte, 6)),
			webpAnimationFrame(0, 0, 4, 2, 10, 1, lossless), webpAnimationFrame(0, 0, 4, 2, 10, 0, lossless)),
		bmpFixture(2, 2, 24, 0, nil, make([]byte, 16)),
		bmpFixture(5, 2, 4, 2, make([]byte, 64), []byte{2, 0x12, 0, 3, 0x12, 0x30, 0, 0, 0, 2, 1, 0, 3, 0x12, 0, 1}),
		bmpFixture(3, -2, 4, 0, make([]byte, 64), make([]byte, 8)),
		tiffFixture(binary.BigEndian, 2, 1, 2, []uint16{8, 8, 8, 8}, row),
		tiffFixture(binary.LittleEndian, 2, 2, 1, []uint16{16}, row),
		tiffFixture(binary.LittleEndian, 2, 2, 1, []uint16{16}, row, shortField(binary.LittleEndian, ifd.FillOrder, 2)),
		tiffFixture(binary.BigEndian, 8, 1, 1, []uint16{1}, rowG4, shortField(binary.BigEndian, ifd.Compression, 4)),
		tiffFixture(binary.BigEndian, 8, 1, 1, []uint16{1}, rowG3, shortField(binary.BigEndian, ifd.Compression, 3), shortField(binary.BigEndian, ifd.T4Options, 1)),
		tiffFixture(binary.BigEndian, 2, 1, 6, []uint16{8, 8, 8}, row),
		tiffFixture(binary.BigEndian, 2, 1, 8, []uint16{8, 8, 8}, row),
		tiffFixture(binary.BigEndian, 1, 1, 5, []uint16{8, 8, 8, 8}, row),
		tiffFixture(binary.BigEndian, 2, 1, 1, []uint16{32}, row, shortField(binary.BigEndian, ifd.SampleFormat, 3)),
		tiffFixture(binary.BigEndian, 8, 8, 1, []uint16{8}, jpegFixture{width: 8, height: 8, sampling: []byte{0x11}, value: block}.encode(),
			shortField(binary.BigEndian, ifd.Compression, 7)),
	}
}
