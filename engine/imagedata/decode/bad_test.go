package decode

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/gif"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/codec"
	"upscaled/models/fault"
)

// decodeAll returns the first error.
func decodeAll(data []byte, limits imagedata.Limits) error {
	d, err := Open(data, limits)
	if err != nil {
		return err
	}
	for {
		if _, err := d.Next(); err != nil {
			if err == io.EOF {
				return nil
			}
			return err
		}
	}
}

// needLibrary skips a test of a file that a library decodes which is not installed.
func needLibrary(tb testing.TB, data []byte) {
	tb.Helper()
	format, err := Sniff(data)
	if err != nil || !slices.Contains(codec.Formats(), format) {
		return
	}
	if err := codec.Check(format); err != nil {
		tb.Skip(err)
	}
}

func TestBadInputIsOneSentence(t *testing.T) {
	t.Parallel()
	huge := pngFixture(pngHeader(60000, 60000, 8, 2), pngChunk("IDAT", pngRows([]byte{1, 2, 3})))
	hugeJPEG := jpegFixture{width: 8, height: 8, sampling: []byte{0x11}, value: constant(1)}.encode()
	at := bytes.Index(hugeJPEG, []byte{8, 0, 8, 0, 8, 1})
	copy(hugeJPEG[at+1:], []byte{60000 >> 8, 60000 & 0xff, 60000 >> 8, 60000 & 0xff})
	row := []byte{1, 2, 3}
	tests := []struct {
		name string
		data []byte
		kind fault.Kind
		say  string
	}{
		{"empty", nil, fault.Invalid, "empty"},
		{"text", []byte("hello, world"), fault.Invalid, "not an image"},
		{"PNG too tall", pngFixture(pngHeader(1, 3, 8, 2), pngChunk("IDAT", pngRows(row, row))), fault.Invalid, "different sizes"},
		{"PNG without pixels", pngFixture(pngHeader(1, 1, 8, 2)), fault.Invalid, "truncated"},
		{"PNG claims much, holds little", pngFixture(pngHeader(15000, 15000, 16, 6), pngChunk("IDAT", pngRows(row))), fault.Invalid, "truncated"},
		{"PNG of no size", pngFixture(pngHeader(0, 1, 8, 2), pngChunk("IDAT", pngRows(row))), fault.Invalid, "no image"},
		{"huge PNG", huge, fault.TooLarge, "max-pixels"},
		{"huge JPEG", hugeJPEG, fault.TooLarge, "60000x60000"},
		{"GIF without frames", []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00\x3b"), fault.Invalid, "0 frames"},
		{"HEIC", []byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"), fault.Invalid, "HEIC"},
		{"AVIF", []byte("\x00\x00\x00\x18ftypavif\x00\x00\x00\x00mif1avif"), fault.Invalid, "AVIF"},
		{"AVIF under a generic brand", []byte("\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00avifmiaf"), fault.Invalid, "AVIF"},
		{"JPEG XL", []byte("\xff\x0a\x00\x00"), fault.Invalid, "JPEG XL"},
		{"JPEG 2000", []byte("\xff\x4f\xff\x51\x00\x29"), fault.Invalid, "JPEG 2000"},
		{"SVG", []byte("\n<?xml version='1.0'?>\n<svg xmlns=''/>"), fault.Unsupported, "SVG"},
		{"HTML", []byte("<!DOCTYPE html><p>404"), fault.Unsupported, "HTML"},
		{"PDF", []byte("%PDF-1.7"), fault.Unsupported, "PDF"},
		{"lossless JPEG", append([]byte{0xff, 0xd8}, appSegment(0xc3, []byte{8, 0, 1, 0, 1, 1})...), fault.Unsupported, "Lossless"},
		{"12-bit JPEG", append([]byte{0xff, 0xd8}, appSegment(0xc1, []byte{12, 0, 1, 0, 1, 1})...), fault.Unsupported, "12 bits"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			needLibrary(t, test.data)
			err := decodeAll(test.data, imagedata.DefaultLimits())
			sentence := fault.Sentence(err)
			if fault.KindOf(err) != test.kind || !strings.Contains(sentence, test.say) {
				t.Errorf("error = %v (%s), want %s and %q", err, fault.KindOf(err), test.kind, test.say)
			}
			if !strings.HasSuffix(sentence, ".") || strings.Contains(sentence, "\n") {
				t.Errorf("not one sentence: %q", sentence)
			}
		})
	}
}

func TestTruncatedAnywhere(t *testing.T) {
	t.Parallel()
	gradient := func(c, x, y int) uint8 { return uint8(x*31 + y*17 + c*50) }
	files := map[string][]byte{
		"JPEG":             jpegFixture{width: 40, height: 40, sampling: []byte{0x22, 0x11, 0x11}, value: gradient}.encode(),
		"progressive JPEG": jpegFixture{width: 40, height: 40, progressive: true, sampling: []byte{0x11, 0x11, 0x11}, value: gradient}.encode(),
		"TIFF":             tiffFixture(binary.LittleEndian, 2, 2, 1, []uint16{8}, []byte{1, 2, 3, 4}),
		"BMP":              bmpFixture(2, 2, 24, 0, nil, make([]byte, 16)),
	}
	for name, data := range files {
		if err := decodeAll(data, imagedata.Limits{}); err != nil {
			t.Errorf("whole %s: %v", name, err)
		}
		end := len(data)
		if name != "TIFF" {
			end -= 2 // the last row's padding or the end mark may be missing
		}
		for cut := range end {
			if err := decodeAll(data[:cut], imagedata.Limits{}); fault.KindOf(err) != fault.Invalid {
				t.Errorf("%s cut at %d of %d: %v", name, cut, len(data), err)
			}
		}
	}
	// A PNG and a GIF may lack their end mark, which holds nothing.
	png := pngFixture(pngHeader(1, 2, 8, 2), pngChunk("IDAT", pngRows([]byte{1, 2, 3}, []byte{4, 5, 6})))
	still := gifFixture(t, &gif.GIF{Image: []*image.Paletted{indexed(image.Rect(0, 0, 3, 3), false)}, Delay: []int{0}})
	for name, file := range map[string]struct {
		data []byte
		end  int
	}{"PNG": {png, len(png) - 12}, "GIF": {still, len(still) - 1}} {
		for cut := range len(file.data) {
			err := decodeAll(file.data[:cut], imagedata.Limits{})
			if (err == nil) != (cut >= file.end) {
				t.Errorf("%s cut at %d of %d: %v", name, cut, len(file.data), err)
			}
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	data := pngFixture(pngHeader(30, 20, 8, 0), pngChunk("IDAT", deflate(make([]byte, 31*20))))
	for _, test := range []struct {
		limits imagedata.Limits
		kind   fault.Kind
	}{
		{imagedata.Limits{}, ""},
		{imagedata.Limits{Pixels: 600, Side: 30}, ""},
		{imagedata.Limits{Pixels: 599}, fault.TooLarge},
		{imagedata.Limits{Side: 29}, fault.TooLarge},
	} {
		if err := decodeAll(data, test.limits); fault.KindOf(err) != test.kind {
			t.Errorf("%+v: %v, want %q", test.limits, err, test.kind)
		}
	}
	unlimited := pngFixture(pngHeader(1<<31-1, 1<<31-1, 16, 6), pngChunk("IDAT", []byte{1}))
	if err := decodeAll(unlimited, imagedata.Limits{}); fault.KindOf(err) != fault.TooLarge {
		t.Errorf("absurd size without limits: %v", err)
	}
}

func TestNextEnds(t *testing.T) {
	t.Parallel()
	d, err := Open(pngFixture(pngHeader(1, 1, 8, 0), pngChunk("IDAT", pngRows([]byte{5}))), imagedata.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Next(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := d.Next(); err != io.EOF {
			t.Errorf("after the last frame: %v", err)
		}
	}
}

// TestPhotographs reads the real images that come beside the checkout.
func TestPhotographs(t *testing.T) {
	t.Parallel()
	folder := filepath.Join("..", "..", "..", "..", "shared", "images")
	if _, err := os.Stat(folder); err != nil {
		t.Skip("the photographs beside the checkout are not there")
	}
	for file, want := range map[string]imagedata.Info{
		"0014.jpg":             {Format: imagedata.JPEG, Width: 179, Height: 179, Channels: 3, Depth: 8},
		"wolf_gray.jpg":        {Format: imagedata.JPEG, Width: 236, Height: 236, Channels: 1, Depth: 8},
		"OST_009.png":          {Format: imagedata.PNG, Width: 448, Height: 640, Channels: 3, Depth: 8},
		"children-alpha.png":   {Format: imagedata.PNG, Width: 566, Height: 350, Channels: 3, Depth: 8, Alpha: true},
		"tree_alpha_16bit.png": {Format: imagedata.PNG, Width: 342, Height: 256, Channels: 3, Depth: 16, Alpha: true},
	} {
		data, err := os.ReadFile(filepath.Join(folder, file))
		if err != nil {
			t.Fatal(err)
		}
		info, frames := all(t, data)
		got := info
		got.Meta = imagedata.Metadata{}
		want.Frames = 1
		if got.Format != want.Format || got.Width != want.Width || got.Height != want.Height ||
			got.Channels != want.Channels || got.Depth != want.Depth || got.Alpha != want.Alpha || got.Frames != 1 {
			t.Errorf("%s: info = %+v, want %+v", file, got, want)
		}
		if frames[0].Color.Width != want.Width || frames[0].Color.Depth() != want.Depth {
			t.Errorf("%s: frame of %d samples", file, frames[0].Color.Width)
		}
	}
}
